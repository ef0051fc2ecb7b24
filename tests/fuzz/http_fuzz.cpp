// links: siyu_net
// Raw bytes at a real server's socket: whatever they are, it must go on answering.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "net/server.h"

namespace {

using namespace siyu;

class Echo final : public net::Handler {
 public:
  net::BodyPlan plan(const net::RequestHead&) override { return {.limit = 4096}; }
  net::Response handle(net::Request& request) override { return net::json_response(200, std::to_string(request.body.size())); }
};

struct Target {
  Target() {
    server = net::Server::start({.host = "127.0.0.1", .port = 0, .handler_threads = 1, .spool_dir = std::filesystem::temp_directory_path()}, handler, random, *log).value();
  }
  Echo handler;
  OsRandom random;
  std::unique_ptr<Logger> log = Logger::silent();
  std::unique_ptr<net::Server> server;
};

constexpr int kTries = 100;  // a busy machine may be slow to accept

int connect_once(std::uint16_t port) {
  static std::uint32_t connections = 0;
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  // One source address has 28,000 ports, which rest a minute after use; every few thousand connections take the next address.
  sockaddr_in source{};
  source.sin_family = AF_INET;
  source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + connections++ / 4096 % 60000);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr*>(&source), sizeof source) == 0 && ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  if (fd >= 0) ::close(fd);
  return -1;
}

int connect_to(std::uint16_t port) {
  for (int i = 0; i < kTries; ++i) {
    if (const int fd = connect_once(port); fd >= 0) return fd;
    ::poll(nullptr, 0, 50);
  }
  std::perror("the server cannot be reached");
  std::abort();
}

void exchange(int fd, std::string_view bytes, std::string* answer) {
  (void)!::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  ::shutdown(fd, SHUT_WR);
  char buffer[4096];
  pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
  while (::poll(&waiting, 1, 5000) > 0) {
    const auto got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) break;
    if (answer != nullptr) answer->append(buffer, static_cast<std::size_t>(got));
  }
  ::close(fd);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Target target;
  exchange(connect_to(target.server->port()), {reinterpret_cast<const char*>(data), size}, nullptr);
  static unsigned rounds = 0;
  if (++rounds % 64 != 0) return 0;
  std::string answer;
  exchange(connect_to(target.server->port()), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", &answer);
  if (!answer.starts_with("HTTP/1.1 200")) std::abort();
  return 0;
}
