// One connection's life, as a coroutine on the loop thread. Internal to net.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <set>

#include "net/server.h"

namespace siyu::net {

namespace asio = boost::asio;

/// An answer in the making, and the socket its client sits at. `cancel` is called when the client hangs up.
struct WaitingAnswer {
  int socket;
  std::move_only_function<void()> cancel;
};

/// What connections need from their server. Sets are touched on the loop thread only.
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
  asio::io_context loop{1};
  std::set<WaitingAnswer*> waiting;
  std::set<int> idle_sockets;
};

asio::awaitable<void> serve_plain(ConnectionHost& host, asio::ip::tcp::socket socket);
asio::awaitable<void> serve_tls(ConnectionHost& host, asio::ip::tcp::socket socket, asio::ssl::context& context);

}  // namespace siyu::net
