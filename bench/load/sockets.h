// Sockets of the two ends of a bench: non-blocking, one epoll, one thread.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace siyu::bench {

inline std::int64_t now_nanos() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

[[noreturn]] inline void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

inline void raise_file_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

inline void set_no_delay(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

class Poller {
 public:
  Poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0) give_up("epoll");
    ::prctl(PR_SET_TIMERSLACK, 1UL);  // appointments are kept to the microsecond, not to the kernel's 50
  }
  ~Poller() { ::close(epoll_); }
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  void watch(int fd, std::uint32_t events, void* owner, bool known = false) const {
    epoll_event event{.events = events, .data = {.ptr = owner}};
    if (::epoll_ctl(epoll_, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0) give_up("epoll_ctl");
  }
  /// Waits until a descriptor is ready or the moment has come; 0: does not wait, negative: waits for a descriptor only.
  template <class Handle>
  void wait(std::int64_t nanos, Handle handle) const {
    epoll_event events[256];
    const timespec limit{.tv_sec = nanos / 1'000'000'000, .tv_nsec = nanos % 1'000'000'000};
    const int ready = ::epoll_pwait2(epoll_, events, 256, nanos < 0 ? nullptr : &limit, nullptr);
    for (int i = 0; i < ready; ++i) handle(events[i].data.ptr, events[i].events);
  }

 private:
  const int epoll_;
};

/// Sends all or reports false: our messages are far smaller than a socket's buffer, so a part left over means trouble.
inline bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace siyu::bench
