#include "net/byte_channel.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace siyu::net {
namespace {

using Deadline = std::chrono::steady_clock::time_point;

struct Socket {
  int fd = -1;
  explicit Socket(int handle) : fd(handle) {}
  Socket(Socket&& other) noexcept : fd(std::exchange(other.fd, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (fd >= 0) ::close(fd);
  }
};

Status wait_for(int fd, short what, Deadline deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now()).count();
    pollfd one{.fd = fd, .events = what, .revents = 0};
    const int ready = left <= 0 ? 0 : ::poll(&one, 1, static_cast<int>(left));
    if (ready > 0) return {};
    if (ready == 0) return fail(ErrorCode::kDeadlineExceeded, "the server did not answer in time");
    if (errno != EINTR) return fail(ErrorCode::kUnavailable, std::strerror(errno));
  }
}

Result<Socket> connect_to(const sockaddr* address, socklen_t size, int family, Deadline deadline) {
  Socket socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.fd < 0) return fail(ErrorCode::kUnavailable, std::strerror(errno));
  if (::connect(socket.fd, address, size) != 0) {
    if (errno != EINPROGRESS) return fail(ErrorCode::kUnavailable, std::strerror(errno));
    RETURN_IF_ERROR(wait_for(socket.fd, POLLOUT, deadline));
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(socket.fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) return fail(ErrorCode::kUnavailable, std::strerror(error));
  }
  const int on = 1;
  if (family != AF_UNIX) ::setsockopt(socket.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

Result<Socket> open_socket(const ChannelTarget& target, Deadline deadline) {
  if (!target.unix_path.empty()) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (target.unix_path.size() >= sizeof address.sun_path) return invalid("The socket's path " + target.unix_path + " is too long");
    std::memcpy(address.sun_path, target.unix_path.data(), target.unix_path.size());
    return connect_to(reinterpret_cast<const sockaddr*>(&address), sizeof address, AF_UNIX, deadline);
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(target.host.c_str(), target.port.c_str(), &hints, &found); error != 0)
    return fail(ErrorCode::kUnavailable, ::gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  Error last{ErrorCode::kUnavailable, "it has no address"};
  for (const auto* one = found; one != nullptr; one = one->ai_next) {
    auto socket = connect_to(one->ai_addr, one->ai_addrlen, one->ai_family, deadline);
    if (socket) return socket;
    last = socket.error();
  }
  return std::unexpected(last);
}

class PlainChannel final : public ByteChannel {
 public:
  PlainChannel(Socket socket, Millis timeout) : socket_(std::move(socket)), timeout_(timeout) {}

  Status write(std::string_view bytes) override {
    const auto deadline = std::chrono::steady_clock::now() + timeout_;
    while (!bytes.empty()) {
      const auto sent = ::send(socket_.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
      else if (errno == EAGAIN) RETURN_IF_ERROR(wait_for(socket_.fd, POLLOUT, deadline));
      else if (errno != EINTR) return fail(ErrorCode::kUnavailable, std::strerror(errno));
    }
    return {};
  }

  Result<std::size_t> read(std::span<char> into) override {
    const auto deadline = std::chrono::steady_clock::now() + timeout_;
    for (;;) {
      const auto got = ::recv(socket_.fd, into.data(), into.size(), 0);
      if (got > 0) return static_cast<std::size_t>(got);
      if (got == 0) return fail(ErrorCode::kUnavailable, "the server closed the connection");
      if (errno == EAGAIN) RETURN_IF_ERROR(wait_for(socket_.fd, POLLIN, deadline));
      else if (errno != EINTR) return fail(ErrorCode::kUnavailable, std::strerror(errno));
    }
  }

 private:
  const Socket socket_;
  const Millis timeout_;
};

struct FreeSsl {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

std::string tls_fault() {
  char text[256] = "the TLS connection failed";
  if (const auto code = ERR_get_error(); code != 0) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return text;
}

class TlsChannel final : public ByteChannel {
 public:
  static Result<std::unique_ptr<ByteChannel>> open(Socket socket, const ChannelTarget& target, Millis timeout) {
    ERR_clear_error();
    auto channel = std::make_unique<TlsChannel>(std::move(socket), timeout);
    channel->context_.reset(SSL_CTX_new(TLS_client_method()));
    auto* context = channel->context_.get();
    if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) return fail(ErrorCode::kUnavailable, tls_fault());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    const int trusted = target.ca_file.empty() ? SSL_CTX_set_default_verify_paths(context) : SSL_CTX_load_verify_locations(context, target.ca_file.c_str(), nullptr);
    if (trusted != 1) return invalid("The certificates in " + target.ca_file + " cannot be used: " + tls_fault());
    channel->ssl_.reset(SSL_new(context));
    auto* ssl = channel->ssl_.get();
    // An address is checked as one, a name as one; SNI takes names only.
    auto* parameters = SSL_get0_param(ssl);
    if (X509_VERIFY_PARAM_set1_ip_asc(parameters, target.host.c_str()) != 1) {
      ERR_clear_error();
      SSL_set1_host(ssl, target.host.c_str());
      SSL_set_tlsext_host_name(ssl, target.host.c_str());
    }
    SSL_set_fd(ssl, channel->socket_.fd);
    RETURN_IF_ERROR(channel->until_done([&] { return SSL_connect(ssl); }));
    return std::unique_ptr<ByteChannel>(std::move(channel));
  }
  TlsChannel(Socket socket, Millis timeout) : socket_(std::move(socket)), timeout_(timeout) {}

  Status write(std::string_view bytes) override {
    while (!bytes.empty()) {
      std::size_t sent = 0;
      RETURN_IF_ERROR(until_done([&] { return SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent); }));
      bytes.remove_prefix(sent);
    }
    return {};
  }

  Result<std::size_t> read(std::span<char> into) override {
    std::size_t got = 0;
    RETURN_IF_ERROR(until_done([&] { return SSL_read_ex(ssl_.get(), into.data(), into.size(), &got); }));
    return got;
  }

 private:
  template <class Step>
  Status until_done(const Step& step) {
    const auto deadline = std::chrono::steady_clock::now() + timeout_;
    for (;;) {
      const int result = step();
      if (result == 1) return {};
      switch (SSL_get_error(ssl_.get(), result)) {
        case SSL_ERROR_WANT_READ: RETURN_IF_ERROR(wait_for(socket_.fd, POLLIN, deadline)); break;
        case SSL_ERROR_WANT_WRITE: RETURN_IF_ERROR(wait_for(socket_.fd, POLLOUT, deadline)); break;
        case SSL_ERROR_ZERO_RETURN: return fail(ErrorCode::kUnavailable, "the server closed the connection");
        default: return fail(ErrorCode::kUnavailable, tls_fault());
      }
    }
  }

  const Socket socket_;
  const Millis timeout_;
  std::unique_ptr<SSL_CTX, FreeSsl> context_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
};

}  // namespace

Result<std::unique_ptr<ByteChannel>> ByteChannel::connect(const ChannelTarget& target, Millis timeout) {
  auto socket = open_socket(target, std::chrono::steady_clock::now() + timeout);
  if (!socket) return std::unexpected(socket.error());
  if (target.tls) return TlsChannel::open(*std::move(socket), target, timeout);
  return std::make_unique<PlainChannel>(*std::move(socket), timeout);
}

}  // namespace siyu::net
