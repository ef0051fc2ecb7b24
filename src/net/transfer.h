// One request to another server on its way: written by the thread that does its I/O, read by whoever pulls. Internal to net.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "net/stream_client.h"

namespace siyu::net {

struct Transfer {
  explicit Transfer(ClientRequest request_in) : request(std::move(request_in)) {}
  virtual ~Transfer() = default;
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  static constexpr std::size_t kBufferLimit = 256UL << 10;  // what nobody pulls; then its socket is not read

  const ClientRequest request;
  std::mutex mu;  // everything below
  std::condition_variable head_changed;
  ClientStream::Head head;
  bool head_ready = false, ended = false, paused = false, cancelled = false;
  std::optional<Error> error;
  std::string buffer;
  BodyStream::Ready waiting;

  /// Gives a waiting puller what there is. Call without holding mu.
  void serve();
  /// Adds to the buffer. False when it is full: the caller stops reading until it is told to go on.
  bool deliver(std::string bytes);
  void finish(std::optional<Error> fault);
  void on_head(ClientStream::Head found);
  bool is_cancelled();

 private:
  bool take(Result<std::optional<std::string>>& piece);
};

/// What the puller holds. `tell` reaches the thread that does the I/O: cancel, or go on reading.
std::unique_ptr<ClientStream> pull_from(std::shared_ptr<Transfer> transfer, std::move_only_function<void(bool cancel)> tell);

}  // namespace siyu::net
