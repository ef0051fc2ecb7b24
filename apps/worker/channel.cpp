#include "channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace siyu::worker {

Channel::~Channel() {
  close();
  if (writer_.joinable()) writer_.join();
}

bool Channel::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

void Channel::send(const engine::WorkerMessage& message) { send_frames(encode_frame(engine::encode(message))); }

void Channel::send_frames(std::string bytes) {
  if (!writer_.joinable()) {
    (void)write_all(bytes);  // a failure shows as the end of reading
    return;
  }
  const std::lock_guard lock(mu_);
  if (closed_) return;
  outbox_ += bytes;
  changed_.notify_all();
}

bool Channel::wait_for_room() {
  std::unique_lock lock(mu_);
  changed_.wait(lock, [&] { return closed_ || outbox_.size() < kHighWater; });
  return !closed_;
}

void Channel::start() { writer_ = std::thread([this] { write_loop(); }); }

void Channel::write_loop() {
  for (;;) {
    std::string bytes;
    {
      std::unique_lock lock(mu_);
      changed_.wait(lock, [&] { return closed_ || !outbox_.empty(); });
      if (closed_) return;
      bytes.swap(outbox_);
      changed_.notify_all();
    }
    if (!write_all(bytes)) {
      close();
      return;
    }
  }
}

Result<engine::HostMessage> Channel::read_one() {
  for (;;) {
    ASSIGN_OR_RETURN(auto frame, decoder_.next());
    if (frame) return engine::decode_host_message(*frame);
    char buffer[64 << 10];
    const ssize_t got = ::recv(socket_, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(ErrorCode::kUnavailable, "The other end of the socket is closed");
    decoder_.feed(std::string_view(buffer, static_cast<std::size_t>(got)));
  }
}

void Channel::read(const std::function<void(engine::HostMessage)>& handle) {
  for (;;) {
    auto message = read_one();
    if (!message) break;
    handle(std::move(*message));
  }
  close();
}

void Channel::close() {
  const std::lock_guard lock(mu_);
  if (closed_) return;
  closed_ = true;
  ::shutdown(socket_, SHUT_RDWR);
  changed_.notify_all();
}

}  // namespace siyu::worker
