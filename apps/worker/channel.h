// The worker's end of the socket: a reading loop for whoever calls it, and a writing thread behind a bounded buffer.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "engine/protocol.h"

namespace siyu::worker {

/// Thread-safe. When the other end is gone, sending does nothing and reading ends.
class Channel {
 public:
  explicit Channel(int socket) : socket_(socket) {}
  ~Channel();

  /// Before start(): writes at once, on the caller's thread.
  void send(const engine::WorkerMessage& message);
  /// Many messages with one lock and one write.
  void send_frames(std::string bytes);
  /// Blocks while more than kHighWater bytes wait to be written. False when the channel is closed.
  bool wait_for_room();
  /// From now on a thread of its own writes.
  void start();

  /// Calls `handle` for every message until the other end closes or breaks the protocol.
  void read(const std::function<void(engine::HostMessage)>& handle);
  /// The next message, for the time before reading in a loop.
  Result<engine::HostMessage> read_one();
  void close();

 private:
  static constexpr std::size_t kHighWater = 8UL << 20;

  void write_loop();
  bool write_all(std::string_view bytes);

  const int socket_;
  FrameDecoder decoder_;
  std::mutex mu_;
  std::condition_variable changed_;
  std::string outbox_;     // guarded by mu_
  bool closed_ = false;    // guarded by mu_
  std::thread writer_;
};

}  // namespace siyu::worker
