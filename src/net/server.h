// The HTTP/1.1 server. Loop threads do I/O only; handlers run on a bounded pool; streams hold no thread while they wait.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "net/event_loop.h"
#include "net/http.h"

namespace siyu::net {

/// Decided from the header alone, before any byte of the body is read.
struct BodyPlan {
  std::uint64_t limit = 0;  ///< bytes; a longer body is refused with 413
  bool spool = false;       ///< bodies over ServerOptions::spool_bytes go to a file
  bool on_loop = false;     ///< ask handle_now() first
};

/// Thread-safe. `plan` runs on the loop thread and must be quick; `handle` runs on a thread of the pool and may block.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual BodyPlan plan(const RequestHead& head) = 0;
  virtual Response handle(Request& request) = 0;
  /// Runs on the loop thread: the answer, if it can be given without waiting for anything, and within some 100 microseconds.
  /// Nothing: `handle` is to be asked, and finds in Request::begun what has been done.
  virtual std::optional<Response> handle_now(Request& request) { return handle(request); }
};

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any free one
  std::string certificate_file;  ///< PEM; empty: plain HTTP
  std::string private_key_file;
  std::size_t handler_threads = 8;
  std::size_t queue = 256;
  std::size_t max_connections = 8192;
  std::chrono::milliseconds idle_timeout{120'000};     ///< kept-alive connection without a request
  std::chrono::milliseconds header_timeout{15'000};    ///< from a request's first byte to the end of its header
  std::chrono::milliseconds body_timeout{60'000};      ///< without any progress of the body
  std::chrono::milliseconds write_timeout{30'000};     ///< a client that does not read
  std::filesystem::path spool_dir;                     ///< must exist
  std::uint64_t spool_bytes = 1ULL << 20;
  EventLoop* loop = nullptr;  ///< whose thread does the I/O, and who outlives the server; none: its own
};

struct ServerStats {
  std::atomic<std::int64_t> connections = 0, requests_running = 0, streams = 0;
  std::atomic<std::uint64_t> requests_total = 0, refused_busy = 0, stalled_clients = 0;
};

class Server {
 public:
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Handler& handler, Random& random, Logger& log);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const;
  const ServerStats& stats() const;
  /// Stops accepting, lets running requests finish until the deadline, then cancels the streams. Blocks.
  void drain(std::chrono::milliseconds deadline);

 private:
  struct Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace siyu::net
