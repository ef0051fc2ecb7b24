#include "net/server.h"

#include <poll.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "base/bounded_pool.h"
#include "net/connection.h"

namespace siyu::net {
namespace {

constexpr auto kWatchInterval = std::chrono::milliseconds(250);  // a client's leaving is noticed within this

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
        pool(options.handler_threads, options.queue),
        acceptor(loop),
        watch_timer(loop) {}

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

  asio::awaitable<void> accept_loop() {
    for (;;) {
      boost::system::error_code error;
      auto token = asio::redirect_error(asio::use_awaitable, error);
      auto socket = co_await acceptor.async_accept(token);
      if (!acceptor.is_open()) co_return;
      if (error) {  // out of descriptors, most likely: let some connections end first
        asio::steady_timer pause(loop, std::chrono::milliseconds(50));
        auto pause_token = asio::redirect_error(asio::use_awaitable, error);
        co_await pause.async_wait(pause_token);
        continue;
      }
      if (static_cast<std::size_t>(stats.connections) >= options.max_connections) continue;  // closes it
      socket.set_option(asio::ip::tcp::no_delay(true), error);
      start_connection(std::move(socket));
    }
  }

  void start_connection(asio::ip::tcp::socket socket) {
    auto& context = tls;
    if (context) {
      auto connection = serve_tls(*this, std::move(socket), *context);
      asio::co_spawn(loop, std::move(connection), asio::detached);
    } else {
      auto connection = serve_plain(*this, std::move(socket));
      asio::co_spawn(loop, std::move(connection), asio::detached);
    }
  }

  /// Answers whose client has hung up are cancelled; nothing else reads their sockets meanwhile.
  asio::awaitable<void> watch_loop() {
    for (;;) {
      boost::system::error_code error;
      watch_timer.expires_after(kWatchInterval);
      auto token = asio::redirect_error(asio::use_awaitable, error);
      co_await watch_timer.async_wait(token);
      if (error) co_return;
      for (auto* answer : waiting) {
        pollfd descriptor{.fd = answer->socket, .events = POLLRDHUP, .revents = 0};
        if (::poll(&descriptor, 1, 0) > 0 && (descriptor.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) answer->cancel();
      }
    }
  }

  bool submit(std::move_only_function<void()> task) override { return pool.try_submit(std::move(task)); }

  void run() {
    auto accepting = accept_loop();
    asio::co_spawn(loop, std::move(accepting), asio::detached);
    auto watching = watch_loop();
    asio::co_spawn(loop, std::move(watching), asio::detached);
    thread = std::thread([this] { loop.run(); });
  }

  void drain(std::chrono::milliseconds deadline) {
    if (stopped) return;
    stopped = true;
    draining = true;
    asio::post(loop, [this] {
      boost::system::error_code ignored;
      acceptor.close(ignored);
      for (const auto socket : idle_sockets) ::shutdown(socket, SHUT_RDWR);
    });
    const auto until = std::chrono::steady_clock::now() + deadline;
    wait_for_quiet(until);
    asio::post(loop, [this] {
      for (auto* answer : waiting) answer->cancel();
    });
    wait_for_quiet(std::chrono::steady_clock::now() + std::chrono::seconds(2));
    pool.stop();
    loop.stop();
    if (thread.joinable()) thread.join();
  }

  void wait_for_quiet(std::chrono::steady_clock::time_point until) {
    std::unique_lock lock(quiet_mu);
    quiet.wait_until(lock, until, [this] { return stats.requests_running == 0 && stats.streams == 0; });
  }

  void on_request_end() override {
    const std::lock_guard lock(quiet_mu);
    quiet.notify_all();
  }

  BoundedPool pool;
  std::optional<asio::ssl::context> tls;
  asio::ip::tcp::acceptor acceptor;
  asio::steady_timer watch_timer;
  std::thread thread;
  std::uint16_t port = 0;
  bool stopped = false;
  std::mutex quiet_mu;
  std::condition_variable quiet;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { impl_->drain(std::chrono::milliseconds(0)); }

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
void Server::drain(std::chrono::milliseconds deadline) { impl_->drain(deadline); }

}  // namespace siyu::net
