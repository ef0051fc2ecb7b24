#include "serving/routed_request.h"

#include <algorithm>

#include "serving/pull_each.h"

namespace siyu::serving {
namespace {

double ms_since(SteadyTime then, SteadyTime now) { return std::chrono::duration<double, std::milli>(now - then).count(); }

}  // namespace

/// The request at one replica. Guarded by the request's mutex, but for what is fixed and the stream.
struct RoutedRequest::Attempt {
  std::shared_ptr<Replica> replica;
  std::shared_ptr<VersionStats> stats;
  std::int32_t restarts = 0;
  SteadyTime began;
  std::shared_ptr<engine::GenerationStream> stream;
  std::int64_t work_left = 0;
  double first_ms = 0;
  engine::Usage usage;
  bool ended = false;
};

void RoutedRequest::send() {
  std::vector<Router::Tried> tried;
  {
    const std::lock_guard lock(mu_);
    if (done_ || winner_ || sending_ || !attempts_.empty()) return;
    sending_ = true;
    tried = tried_;
  }
  const auto verdict = router_->choose(facts_, tried);
  if (verdict.choice) return start(*verdict.choice);
  std::optional<Error> error;
  {
    const std::lock_guard lock(mu_);
    sending_ = false;
    if (verdict.may_come) return;
    error = last_error_;
  }
  give_up(error.value_or(router_->gave_up_waiting()));
}

void RoutedRequest::start(const Router::Choice& choice) {
  auto attempt = std::make_shared<Attempt>();
  attempt->replica = choice.replica;
  attempt->stats = choice.stats;
  attempt->restarts = choice.restarts;
  attempt->began = router_->clock().steady_now();
  attempt->work_left = facts_.work();
  engine::GenerateRequest request;
  {
    const std::lock_guard lock(mu_);
    request = request_;
    if (!tried_.empty() && !hedged_) attempt->stats->on_retry();
    tried_.push_back({choice.replica.get(), choice.restarts});
  }
  attempt->replica->on_sent(attempt->work_left);
  const auto engine = attempt->replica->engine();
  auto stream = engine ? engine->generate(std::move(request)) : fail(ErrorCode::kUnavailable, "The replica " + attempt->replica->id() + " was stopped");
  const auto failed = stream ? std::nullopt : std::optional(std::move(stream).error());
  {
    const std::lock_guard lock(mu_);
    sending_ = false;
    if (!failed) attempt->stream = *std::move(stream);
    if (done_) end_attempt(*attempt, Outcome::kAbandoned);
    else if (!failed) attempts_.push_back(attempt);
    if (done_) return;  // the stream ends with the attempt, and is cancelled so
  }
  failed ? take_error(attempt, *failed) : drive(attempt);
}

void RoutedRequest::drive(std::shared_ptr<Attempt> attempt) {
  auto& stream = attempt->stream;
  PullEach::begin(stream, [self = shared_from_this(), attempt](Result<std::optional<engine::Event>> event) { return self->take(attempt, std::move(event)); });
}

bool RoutedRequest::take(const std::shared_ptr<Attempt>& attempt, Result<std::optional<engine::Event>> event) {
  if (event) return take_event(attempt, *std::move(event));
  take_error(attempt, std::move(event).error());
  return false;
}

bool RoutedRequest::take_event(const std::shared_ptr<Attempt>& attempt, std::optional<engine::Event> event) {
  std::vector<std::shared_ptr<Attempt>> losers;
  bool more = false;
  {
    const std::lock_guard lock(mu_);
    if (done_ || attempt->ended || (winner_ && winner_ != attempt)) return false;
    if (!winner_) {
      winner_ = attempt;
      std::erase(attempts_, attempt);
      losers = std::exchange(attempts_, {});
      for (const auto& loser : losers) end_attempt(*loser, Outcome::kAbandoned);
      begin_answer(attempt);
    }
    if (event) {
      if (const auto* finish = std::get_if<engine::Finish>(&*event)) attempt->usage = finish->usage;
      ready_events_.push_back(*std::move(event));
      more = restartable_;  // nothing is handed on before the end, so nobody else pulls
    } else {
      end_attempt(*attempt, Outcome::kSuccess);
      ended_ = done_ = true;
    }
  }
  for (const auto& loser : losers) loser->stream->cancel();
  if (!event) router_->forget(urgency_, number_);
  answer_pull();
  return more && event;
}

/// With the mutex held.
void RoutedRequest::begin_answer(const std::shared_ptr<Attempt>& attempt) {
  const auto now = router_->clock().steady_now();
  attempt->first_ms = ms_since(attempt->began, now);
  attempt->stats->on_first_token(std::chrono::duration_cast<Millis>(now - attempt->began));
  attempt->replica->on_first_token(attempt->first_ms);
  attempt->replica->on_less_work(facts_.prompt_work);
  attempt->work_left -= facts_.prompt_work;
  router_->on_begun();
  if (restartable_) return;
  router_->forget(urgency_, number_);
  request_ = {};
}

void RoutedRequest::take_error(const std::shared_ptr<Attempt>& attempt, Error error) {
  bool retry = false;
  {
    const std::lock_guard lock(mu_);
    if (done_ || attempt->ended) return;
    // A process that ended is replaced by its supervisor, which also counts how often; the breaker judges those that live.
    const auto health = attempt->replica->health();
    const bool died = attempt->replica->local() && (health.restarts != attempt->restarts || health.state != engine::EngineState::kReady);
    const bool faulty = speaks_against_replica(error) && !(error.code == ErrorCode::kDeadlineExceeded && time_limit_);
    end_attempt(*attempt, faulty && !died ? Outcome::kFailure : Outcome::kAbandoned);
    if (faulty) attempt->stats->on_failure();
    const bool begun = winner_ == attempt;
    std::erase(attempts_, attempt);
    if (!begun && (winner_ || !attempts_.empty())) return;  // the other attempt goes on
    winner_ = nullptr;
    retry = another_may_answer(error) && tried_.size() < static_cast<std::size_t>(router_->options().attempts) && (!begun || restartable_);
    if (retry) {
      if (begun) router_->on_begins_anew();
      ready_events_.clear();
      last_error_ = std::move(error);
      retrying_ = true;
    } else {
      if (!begun) router_->on_begun();
      error_ = std::move(error);
      done_ = true;
    }
  }
  if (retry) return router_->poke();
  router_->forget(urgency_, number_);
  answer_pull();
}

/// With the mutex held.
void RoutedRequest::end_attempt(Attempt& attempt, Outcome outcome) {
  if (std::exchange(attempt.ended, true)) return;
  attempt.replica->on_ended(attempt.work_left, outcome);
  if (outcome == Outcome::kSuccess) attempt.stats->on_finish(attempt.usage, attempt.first_ms, ms_since(attempt.began, router_->clock().steady_now()));
}

void RoutedRequest::tend(std::optional<Millis> hedge_after) {
  const auto now = router_->clock().steady_now();
  std::shared_ptr<Attempt> slow;
  {
    const std::lock_guard lock(mu_);
    if (done_ || winner_ || sending_) return;
    if (!attempts_.empty()) {
      if (!hedge_after || hedged_ || now - attempts_.front()->began < *hedge_after) return;
      slow = attempts_.front();
    }
  }
  if (slow) {
    const auto choice = router_->choose_beside(facts_, *slow->replica);
    if (!choice || !router_->take_hedge()) return;
    {
      const std::lock_guard lock(mu_);
      if (done_ || winner_ || attempts_.empty()) return;
      hedged_ = true;
    }
    choice->stats->on_hedge();
    return start(*choice);
  }
  const auto limit = time_limit_ ? std::min(router_->options().wait, Millis(*time_limit_)) : router_->options().wait;
  if (now - arrived_ > limit) return give_up(router_->gave_up_waiting());
  {
    const std::lock_guard lock(mu_);
    if (retrying_ && !router_->take_retry()) return;
    retrying_ = false;
  }
  send();
}

void RoutedRequest::give_up(Error error) {
  std::vector<std::shared_ptr<Attempt>> stopped;
  {
    const std::lock_guard lock(mu_);
    if (done_) return;
    if (!winner_) router_->on_begun();
    done_ = true;
    error_ = std::move(error);
    ready_events_.clear();
    stopped = std::exchange(attempts_, {});
    if (winner_) stopped.push_back(std::exchange(winner_, nullptr));
    for (const auto& attempt : stopped) end_attempt(*attempt, Outcome::kAbandoned);
  }
  for (const auto& attempt : stopped) attempt->stream->cancel();
  router_->forget(urgency_, number_);
  answer_pull();
}

void RoutedRequest::pull(Ready ready) {
  std::shared_ptr<Attempt> attempt;
  {
    const std::lock_guard lock(mu_);
    pending_ = std::move(ready);
    // While nothing of it is here and it is handed on as it comes, whoever reads it also pulls it.
    if (!done_ && winner_ && ready_events_.empty() && !restartable_) attempt = winner_;
  }
  attempt ? drive(attempt) : answer_pull();
}

void RoutedRequest::cancel() noexcept { give_up({ErrorCode::kCancelled, "The generation was cancelled"}); }

std::optional<Error> RoutedRequest::fault() const {
  const std::lock_guard lock(mu_);
  return ready_events_.empty() ? error_ : std::nullopt;
}

/// With the mutex held.
RoutedRequest::Taken RoutedRequest::next_locked() {
  if (!ready_events_.empty() && (!restartable_ || ended_)) {
    auto event = std::move(ready_events_.front());
    ready_events_.pop_front();
    return Result<std::optional<engine::Event>>(std::move(event));
  }
  if (error_) return Result<std::optional<engine::Event>>(std::unexpected(*error_));
  if (ended_) return Result<std::optional<engine::Event>>(std::nullopt);
  return std::nullopt;
}

void RoutedRequest::answer_pull() {
  Ready ready;
  Taken taken;
  {
    const std::lock_guard lock(mu_);
    if (!pending_) return;
    taken = next_locked();
    if (!taken) return;
    ready = std::move(pending_);
    pending_ = nullptr;
  }
  ready(*std::move(taken));
}

}  // namespace siyu::serving
