#include "net/server.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "base/bounded_pool.h"
#include "net/connection.h"

namespace siyu::net {
namespace {

using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, LoopExecutor>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, LoopExecutor>;

constexpr auto kSweep = std::chrono::milliseconds(100);      // how coarsely connections' deadlines are kept
constexpr auto kCancelLimit = std::chrono::seconds(2);       // cancelled answers end within this
constexpr auto kLastLimit = std::chrono::seconds(10);        // after it, what still runs hangs

Result<asio::ssl::context> make_tls_context(const ServerOptions& options) {
  try {
    asio::ssl::context context(asio::ssl::context::tls_server);
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_3_VERSION);
    SSL_CTX_set_mode(context.native_handle(), SSL_MODE_RELEASE_BUFFERS);  // idle connections keep no 16 KiB buffers
    context.use_certificate_chain_file(options.certificate_file);
    context.use_private_key_file(options.private_key_file, asio::ssl::context::pem);
    return context;
  } catch (const boost::system::system_error& error) {
    return fail(ErrorCode::kInvalidArgument,
                "The TLS certificate " + options.certificate_file + " with the key " + options.private_key_file + " cannot be used",
                error.what());
  }
}

}  // namespace

struct Server::Impl : ConnectionHost {
  Impl(ServerOptions options_in, Handler& handler_in, Random& random_in, Logger& log_in)
      : ConnectionHost(std::move(options_in), handler_in, random_in, log_in),
        own_loop(options.loop == nullptr ? std::make_unique<EventLoop>() : nullptr),
        event_loop(own_loop ? *own_loop : *options.loop),
        loop(event_loop.context()),
        pool(options.handler_threads, options.queue),
        acceptor(loop),
        sweep_timer(loop) {}

  Status listen() {
    boost::system::error_code error;
    asio::ip::tcp::resolver resolver(loop);
    const auto found = resolver.resolve(options.host, std::to_string(options.port), asio::ip::tcp::resolver::passive, error);
    if (error || found.empty()) return invalid("The address " + options.host + " to listen on cannot be resolved; give HOST:PORT");
    const auto endpoint = found.begin()->endpoint();
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(1024, error);
    if (error)
      return fail(ErrorCode::kUnavailable, "Cannot listen on " + options.host + ":" + std::to_string(options.port) + ": " + error.message() +
                                               "; is another server running there?");
    port = acceptor.local_endpoint().port();
    return {};
  }

  /// Something that runs on the loop until the server's end.
  void spawn(Task<void> task) {
    {
      const std::lock_guard lock(quiet_mu);
      ++tasks;
    }
    asio::co_spawn(loop, std::move(task), [this](const std::exception_ptr&) {
      const std::lock_guard lock(quiet_mu);
      --tasks;
      quiet.notify_all();
    });
  }

  Task<void> accept_loop() {
    for (;;) {
      boost::system::error_code error;
      auto token = asio::redirect_error(kAwait, error);
      Socket socket(loop);
      co_await acceptor.async_accept(socket, token);
      if (!acceptor.is_open()) co_return;
      if (error) {  // out of descriptors, most likely: let some connections end first
        Timer pause(loop, std::chrono::milliseconds(50));
        auto pause_token = asio::redirect_error(kAwait, error);
        co_await pause.async_wait(pause_token);
        continue;
      }
      if (static_cast<std::size_t>(stats.connections) >= options.max_connections) continue;  // closes it
      socket.set_option(asio::ip::tcp::no_delay(true), error);
      spawn(tls ? serve_tls(*this, std::move(socket), *tls) : serve_plain(*this, std::move(socket)));
    }
  }

  Task<void> sweep_loop() {
    for (;;) {
      boost::system::error_code error;
      sweep_timer.expires_after(kSweep);
      auto token = asio::redirect_error(kAwait, error);
      co_await sweep_timer.async_wait(token);
      if (error || closed) co_return;
      const auto now = std::chrono::steady_clock::now();
      for_each_connection([now](Watched& connection) { connection.on_sweep(now); });
    }
  }

  /// On the loop thread. What is done to one connection may end another.
  template <class Do>
  void for_each_connection(Do what) {
    const std::vector<Watched*> all(connections.begin(), connections.end());
    for (auto* connection : all)
      if (connections.contains(connection)) what(*connection);
  }

  bool submit(std::move_only_function<void()> task) override { return pool.try_submit(std::move(task)); }

  void run() {
    spawn(accept_loop());
    spawn(sweep_loop());
  }

  /// False when something hangs, and may still touch this after it has returned.
  bool drain(std::chrono::milliseconds deadline) {
    if (stopped) return true;
    stopped = true;
    draining = true;
    const auto now = [] { return std::chrono::steady_clock::now(); };
    asio::post(loop, [this] {
      boost::system::error_code ignored;
      acceptor.close(ignored);
      for_each_connection([](Watched& connection) { connection.end_if_idle(); });
    });
    wait_for_quiet(now() + deadline);
    asio::post(loop, [this] { for_each_connection([](Watched& connection) { connection.cancel_answer(); }); });
    wait_for_quiet(now() + kCancelLimit);
    asio::post(loop, [this] {
      closed = true;
      sweep_timer.cancel();
      for_each_connection([](Watched& connection) { connection.close(); });
    });
    pool.stop();
    std::unique_lock lock(quiet_mu);
    return quiet.wait_until(lock, now() + kLastLimit, [this] { return tasks == 0; });
  }

  void wait_for_quiet(std::chrono::steady_clock::time_point until) {
    std::unique_lock lock(quiet_mu);
    quiet.wait_until(lock, until, [this] { return stats.requests_running == 0 && stats.streams == 0; });
  }

  void on_request_end() override {
    if (!draining) return;  // nobody waits for it
    const std::lock_guard lock(quiet_mu);
    quiet.notify_all();
  }

  const std::unique_ptr<EventLoop> own_loop;
  EventLoop& event_loop;
  asio::io_context& loop;
  BoundedPool pool;
  std::optional<asio::ssl::context> tls;
  Acceptor acceptor;
  Timer sweep_timer;
  std::uint16_t port = 0;
  bool stopped = false, hangs = false;
  bool closed = false;  // loop thread only
  std::mutex quiet_mu;
  std::condition_variable quiet;
  int tasks = 0;  // guarded by quiet_mu
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() {
  if (impl_->drain(std::chrono::milliseconds(0)) && !impl_->hangs) return;
  // Something hangs that still refers to the server. Its thread ends, and its memory stays with the process, which is ending too.
  impl_->log.error("connections_left_behind");
  impl_->event_loop.stop();
  (void)impl_.release();
}

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Handler& handler, Random& random, Logger& log) {
  auto impl = std::make_unique<Impl>(options, handler, random, log);
  if (!options.certificate_file.empty()) {
    ASSIGN_OR_RETURN(auto context, make_tls_context(options));
    impl->tls.emplace(std::move(context));
  }
  RETURN_IF_ERROR(impl->listen());
  impl->run();
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port() const { return impl_->port; }
const ServerStats& Server::stats() const { return impl_->stats; }
void Server::drain(std::chrono::milliseconds deadline) {
  if (!impl_->drain(deadline)) impl_->hangs = true;
}

}  // namespace siyu::net
