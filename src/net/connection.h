// One connection's life, as a coroutine on the loop thread. Internal to net.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <unordered_set>

#include "net/event_loop.h"
#include "net/server.h"

namespace siyu::net {

namespace asio = boost::asio;

/// Coroutines of the loop. Naming the executor spares each step the indirection of asio's any_io_executor.
using LoopExecutor = asio::io_context::executor_type;
template <class T>
using Task = asio::awaitable<T, LoopExecutor>;
inline constexpr asio::use_awaitable_t<LoopExecutor> kAwait{};
using Socket = asio::basic_stream_socket<asio::ip::tcp, LoopExecutor>;
using Moment = std::chrono::steady_clock::time_point;

/// What the server does to connections from outside, on the loop thread. One timer looks at all of them a few times a second:
/// that is cheaper than a timer for each step of each request, and no deadline here is finer.
class Watched {
 public:
  virtual ~Watched() = default;
  virtual void on_sweep(Moment now) = 0;
  /// Draining: a connection without a request ends at once.
  virtual void end_if_idle() = 0;
  /// The answer in the making, if there is one, is given up.
  virtual void cancel_answer() = 0;
  virtual void close() = 0;
};

/// What connections need from their server. The set is touched on the loop thread only.
struct ConnectionHost {
  ConnectionHost(ServerOptions options_in, Handler& handler_in, Random& random_in, Logger& log_in)
      : options(std::move(options_in)), handler(handler_in), random(random_in), log(log_in) {}
  virtual ~ConnectionHost() = default;
  virtual bool submit(std::move_only_function<void()> task) = 0;
  virtual void on_request_end() = 0;

  const ServerOptions options;
  Handler& handler;
  Random& random;
  Logger& log;
  ServerStats stats;
  std::atomic<bool> draining = false;
  std::unordered_set<Watched*> connections;
};

Task<void> serve_plain(ConnectionHost& host, Socket socket);
Task<void> serve_tls(ConnectionHost& host, Socket socket, asio::ssl::context& context);

}  // namespace siyu::net
