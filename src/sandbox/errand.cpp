#include "sandbox/errand.h"

#include <array>

namespace siyu::sandbox {
namespace {

constexpr std::size_t kReadAtOnce = 1UL << 20;
constexpr std::size_t kJobAtOnce = 64UL << 10;  // jobs are small: what is large comes as the file

}  // namespace

Status run_errand(ChildProcess& child, const Frame& job, int file, Millis time, const std::function<Result<bool>(Frame)>& take) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  const std::array fds{file};
  RETURN_IF_ERROR(send_with_fds(child.socket(), encode_frame(job), fds, time));
  FrameDecoder frames;
  for (;;) {
    const auto left = std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return fail(ErrorCode::kDeadlineExceeded, "A process is too slow");
    ASSIGN_OR_RETURN(const auto received, receive_with_fds(child.socket(), kReadAtOnce, left));
    if (received.bytes.empty()) return fail(ErrorCode::kUnavailable, "The process ended");
    frames.feed(received.bytes);
    for (;;) {
      ASSIGN_OR_RETURN(auto frame, frames.next());
      if (!frame) break;
      ASSIGN_OR_RETURN(const bool complete, take(std::move(*frame)));
      if (complete) return {};
    }
  }
}

Result<Errand> receive_errand(Millis timeout) {
  FrameDecoder frames;
  UniqueFd file;
  for (;;) {
    ASSIGN_OR_RETURN(auto received, receive_with_fds(kChildSocket, kJobAtOnce, timeout));
    if (received.bytes.empty()) return fail(ErrorCode::kUnavailable, "siyu is gone");
    if (!received.fds.empty()) file = std::move(received.fds[0]);
    frames.feed(received.bytes);
    ASSIGN_OR_RETURN(auto frame, frames.next());
    if (frame) return Errand{.job = std::move(*frame), .file = std::move(file)};
  }
}

}  // namespace siyu::sandbox
