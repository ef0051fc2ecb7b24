// Where the answers of one request to a worker process arrive: a bounded buffer for a stream, a slot for a call.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "engine/protocol.h"

namespace siyu::engine {

/// Thread-safe. Called by the supervisor's thread, never under its lock.
class ReplySink {
 public:
  virtual ~ReplySink() = default;
  enum class Reaction { kMore, kDone, kTooMuch };  ///< kTooMuch: the reader is slow, please pause
  virtual Reaction on_message(WorkerMessage message) = 0;
  virtual void on_failure(Error error) = 0;
  /// Nothing has reached the reader yet, so the request may be sent once more.
  virtual bool untouched() const = 0;
  /// Asked again right before the worker is told to pause: the reader may have caught up meanwhile.
  virtual bool wants_pause() const { return false; }
};

/// Events wait here until they are pulled. Deltas that follow each other become one, so that a slow reader gets fewer and
/// larger pieces; at the high-water mark the worker is told to pause.
class StreamSink final : public ReplySink {
 public:
  explicit StreamSink(std::size_t high_water) : high_water_(high_water) {}

  Reaction on_message(WorkerMessage message) override;
  void on_failure(Error error) override;
  bool untouched() const override;
  bool wants_pause() const override;

  /// True when a paused worker should go on.
  bool pull(GenerationStream::Ready ready);

 private:
  using Answer = Result<std::optional<Event>>;
  std::optional<Answer> next_answer();  // needs mu_
  void add_delta(Delta delta);          // needs mu_

  const std::size_t high_water_;
  mutable std::mutex mu_;
  std::deque<Event> events_;
  std::size_t bytes_ = 0;
  bool touched_ = false;
  bool paused_ = false;
  bool ended_ = false;
  std::optional<Error> error_;
  GenerationStream::Ready waiting_;
};

/// One answer, awaited by a blocked caller.
class CallSink final : public ReplySink {
 public:
  Reaction on_message(WorkerMessage message) override;
  void on_failure(Error error) override;
  bool untouched() const override { return true; }  // nothing is seen before all of it is there

  /// The last message of the call; vectors are put together. kDeadlineExceeded after `limit`.
  Result<WorkerMessage> wait(std::chrono::milliseconds limit);

 private:
  std::mutex mu_;
  std::condition_variable changed_;
  Vectors vectors_;
  std::optional<Result<WorkerMessage>> answer_;
};

}  // namespace siyu::engine
