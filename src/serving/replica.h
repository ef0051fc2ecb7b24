// One engine of a version, and what is known of it: whether it can answer, how much it has to do, whether it has been failing.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "engine/engine.h"
#include "serving/circuit_breaker.h"

namespace siyu::serving {

enum class Outcome { kSuccess, kFailure, kAbandoned };

/// Thread-safe. Whoever keeps replicas calls stop() before letting one go: an engine must not end on a thread of its own.
class Replica {
 public:
  Replica(std::string id, std::string version, bool local, std::shared_ptr<engine::Engine> engine, const Clock& clock, BreakerOptions breaker = {})
      : id_(std::move(id)), version_(std::move(version)), local_(local), clock_(clock), engine_(std::move(engine)), breaker_(breaker), last_used_(clock.steady_now()) {}

  const std::string& id() const { return id_; }
  const std::string& version() const { return version_; }
  bool local() const { return local_; }

  /// Null once stopped.
  std::shared_ptr<engine::Engine> engine() const;
  void stop();
  engine::EngineHealth health() const;
  /// An engine elsewhere counts as ready until it is known that it is not.
  static bool ready(const engine::EngineHealth& health, bool local);

  bool allowed() const;
  BreakerState breaker() const;
  void eject();

  /// Estimated tokens of requests that are under way.
  std::int64_t work() const { return work_; }
  std::int32_t running() const { return running_; }
  std::uint64_t failures() const { return failures_; }
  /// Smoothed time to the first token; 0 until enough were measured.
  double first_token_ms() const;
  SteadyTime last_used() const;

  void on_sent(std::int64_t work);
  /// Part of the work of a request that goes on.
  void on_less_work(std::int64_t work) { work_ -= work; }
  void on_first_token(double ms);
  void on_ended(std::int64_t work_left, Outcome outcome);

 private:
  const std::string id_, version_;
  const bool local_;
  const Clock& clock_;
  std::atomic<std::int64_t> work_ = 0;
  std::atomic<std::int32_t> running_ = 0;
  std::atomic<std::uint64_t> failures_ = 0;

  mutable std::mutex mu_;
  // guarded by mu_
  std::shared_ptr<engine::Engine> engine_;
  CircuitBreaker breaker_;
  SteadyTime last_used_;
  double smoothed_ms_ = 0;
  int measured_ = 0;
};

}  // namespace siyu::serving
