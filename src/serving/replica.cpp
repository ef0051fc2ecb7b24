#include "serving/replica.h"

namespace siyu::serving {
namespace {

constexpr int kEnoughMeasured = 10;  // first tokens, before a replica is compared with its siblings
constexpr double kSmoothing = 0.2;

}  // namespace

std::shared_ptr<engine::Engine> Replica::engine() const {
  const std::lock_guard lock(mu_);
  return engine_;
}

void Replica::stop() {
  std::shared_ptr<engine::Engine> gone;  // ends after the lock is given back
  const std::lock_guard lock(mu_);
  gone = std::move(engine_);
}

engine::EngineHealth Replica::health() const {
  if (const auto running = engine()) return running->health();
  return {.state = engine::EngineState::kStopped, .message = "The replica " + id_ + " is stopped", .sandbox = {}};
}

bool Replica::ready(const engine::EngineHealth& health, bool local) {
  if (local) return health.state == engine::EngineState::kReady;
  return health.state != engine::EngineState::kFailed && health.state != engine::EngineState::kStopped;
}

bool Replica::allowed() const {
  const std::lock_guard lock(mu_);
  return breaker_.allows(clock_.steady_now());
}

BreakerState Replica::breaker() const {
  const std::lock_guard lock(mu_);
  return breaker_.state(clock_.steady_now());
}

void Replica::eject() {
  const std::lock_guard lock(mu_);
  breaker_.open(clock_.steady_now());
  smoothed_ms_ = measured_ = 0;  // what comes after its rest is judged anew
}

double Replica::first_token_ms() const {
  const std::lock_guard lock(mu_);
  return measured_ < kEnoughMeasured ? 0 : smoothed_ms_;
}

SteadyTime Replica::last_used() const {
  const std::lock_guard lock(mu_);
  return last_used_;
}

void Replica::on_sent(std::int64_t work) {
  work_ += work;
  ++running_;
  const std::lock_guard lock(mu_);
  last_used_ = clock_.steady_now();
  breaker_.on_sent(last_used_);
}

void Replica::on_first_token(double ms) {
  const std::lock_guard lock(mu_);
  smoothed_ms_ = measured_ == 0 ? ms : smoothed_ms_ + kSmoothing * (ms - smoothed_ms_);
  ++measured_;
}

void Replica::on_ended(std::int64_t work_left, Outcome outcome) {
  work_ -= work_left;
  --running_;
  const std::lock_guard lock(mu_);
  last_used_ = clock_.steady_now();
  switch (outcome) {
    case Outcome::kSuccess: return breaker_.on_success();
    case Outcome::kFailure: ++failures_; return breaker_.on_failure(last_used_);
    case Outcome::kAbandoned: return breaker_.on_abandoned();
  }
}

}  // namespace siyu::serving
