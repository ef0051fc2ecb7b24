// Takes the events of an answer one after the other, as they come.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "chat/stream.h"

namespace siyu::chat {

/// Pulls a stream for a taker that wants many events. A stream whose events are there already is read in a loop, not by
/// recursion, and nobody waits: a thread leaves as soon as an event is late, and the one that brings the event goes on.
class Pump : public std::enable_shared_from_this<Pump> {
 public:
  /// nullopt: the end. After it, or an error, it is not called again.
  using Take = std::move_only_function<bool(Result<std::optional<Event>>)>;

  explicit Pump(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {}
  /// Hands events to `take`, on whichever thread they come, until it returns false. Only one each() may be under way; a new
  /// one may begin on any thread as soon as the taker of the last has decided to return false.
  void each(Take take);
  /// What is under way fails soon with kCancelled. Any thread.
  void cancel() noexcept { stream_->cancel(); }

 private:
  enum Turn { kPulling, kArrived, kLeft };
  void run();
  bool hand_over();

  const std::unique_ptr<Stream> stream_;
  // Whoever comes second, the puller or the event, carries on; the exchange orders what they share.
  std::atomic<Turn> turn_ = kPulling;
  Result<std::optional<Event>> arrived_;
  Take take_;
};

}  // namespace siyu::chat
