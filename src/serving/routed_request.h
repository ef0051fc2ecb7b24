// One generation on its way through a router: attempts at replicas, of which the first that answers is the answer.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/engine.h"
#include "serving/router.h"

namespace siyu::serving {

/// Thread-safe.
class RoutedRequest : public std::enable_shared_from_this<RoutedRequest> {
 public:
  using Ready = engine::GenerationStream::Ready;

  RoutedRequest(std::shared_ptr<Router> router, std::uint64_t number, engine::GenerateRequest request, const RequestFacts& facts)
      : router_(std::move(router)), number_(number), facts_(facts), arrived_(router_->clock().steady_now()), urgency_(request.priority),
        restartable_(request.restartable), time_limit_(request.time_limit_ms), request_(std::move(request)) {}

  /// Sends it to a replica, or leaves it waiting for one. Called by its router only: once on arrival, then by tend().
  void send();
  /// Time has passed, or a replica has come: sends what waits, gives up what has waited too long.
  void tend(std::optional<Millis> hedge_after);
  void give_up(Error error);

  void pull(Ready ready);
  void cancel() noexcept;
  /// The fault that ended it before anything was pulled.
  std::optional<Error> fault() const;

 private:
  struct Attempt;
  using Taken = std::optional<Result<std::optional<engine::Event>>>;  // what the pending pull is answered with

  void start(const Router::Choice& choice);
  void drive(std::shared_ptr<Attempt> attempt);
  /// True when the next event is to be pulled at once.
  bool take(const std::shared_ptr<Attempt>& attempt, Result<std::optional<engine::Event>> event);
  bool take_event(const std::shared_ptr<Attempt>& attempt, std::optional<engine::Event> event);
  void take_error(const std::shared_ptr<Attempt>& attempt, Error error);
  void end_attempt(Attempt& attempt, Outcome outcome);
  bool waits_longer(const Error& error, const Attempt& attempt);
  void begin_answer(const std::shared_ptr<Attempt>& attempt);
  Taken next_locked();
  void answer_pull();

  const std::shared_ptr<Router> router_;
  const std::uint64_t number_;
  const RequestFacts facts_;
  const SteadyTime arrived_;
  const std::int32_t urgency_;
  const bool restartable_;
  const std::optional<std::int64_t> time_limit_;

  mutable std::mutex mu_;
  // guarded by mu_
  engine::GenerateRequest request_;  // kept until the answer has begun
  std::vector<std::shared_ptr<Attempt>> attempts_;  // under way, without an event yet
  std::vector<Router::Tried> tried_;
  std::shared_ptr<Attempt> winner_;
  std::deque<engine::Event> ready_events_;
  Ready pending_;
  std::optional<Error> error_;
  std::optional<Error> last_error_;  // of the attempt before
  bool sending_ = false, retrying_ = false, hedged_ = false, ended_ = false, done_ = false;
};

/// What the caller holds.
class RoutedStream final : public engine::GenerationStream {
 public:
  explicit RoutedStream(std::shared_ptr<RoutedRequest> request) : request_(std::move(request)) {}
  ~RoutedStream() override { request_->cancel(); }
  void pull(Ready ready) override { request_->pull(std::move(ready)); }
  void cancel() noexcept override { request_->cancel(); }

 private:
  const std::shared_ptr<RoutedRequest> request_;
};

}  // namespace siyu::serving
