#include "documents/sandboxed_parser.h"

#include <fcntl.h>

#include <array>

#include "documents/wire.h"
#include "sandbox/process.h"

namespace siyu::documents {
namespace {

constexpr int kTries = 2;  // a process that was killed from outside is no fault of the file; once more then
constexpr std::size_t kReadAtOnce = 1UL << 20;
constexpr Millis kStartAndStop{5'000};  // beyond the parser's own time: to start it, and for its last words

ParsedDocument failed(std::string reason) { return {.status = ParseStatus::kFailed, .reason = std::move(reason), .format = "unknown"}; }

Result<ParsedDocument> receive(sandbox::ChildProcess& child, std::chrono::steady_clock::time_point deadline) {
  FrameDecoder frames;
  DocumentDecoder document;
  for (;;) {
    const auto left = std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return fail(ErrorCode::kDeadlineExceeded, "too slow");
    ASSIGN_OR_RETURN(auto received, sandbox::receive_with_fds(child.socket(), kReadAtOnce, left));
    if (received.bytes.empty()) return fail(ErrorCode::kUnavailable, "the process ended");
    frames.feed(received.bytes);
    for (;;) {
      ASSIGN_OR_RETURN(auto frame, frames.next());
      if (!frame) break;
      ASSIGN_OR_RETURN(const bool complete, document.take(std::move(*frame)));
      if (complete) return std::move(document).finish();
    }
  }
}

}  // namespace

ParsedDocument SandboxedParser::parse(const std::filesystem::path& file, std::string_view name, std::string_view password) const {
  const ParseJob job{.name = std::string(name), .password = std::string(password), .milliseconds = limits_.time.count(),
                     .memory_bytes = static_cast<std::int64_t>(limits_.memory_bytes)};
  std::string ending;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const sandbox::UniqueFd bytes(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!bytes) return failed("The file cannot be opened; check that it is there and readable");
    // What a library prints may quote the document; it must not reach a log.
    const sandbox::UniqueFd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    auto child = sandbox::ChildProcess::spawn({.program = program_, .arguments = {}, .standard_error = nowhere.get()});
    if (!child) return failed(child.error().message);
    const std::array fds{bytes.get()};
    const auto deadline = std::chrono::steady_clock::now() + limits_.time + kStartAndStop;
    auto sent = sandbox::send_with_fds((*child)->socket(), encode_frame(encode(job)), fds, kStartAndStop);
    auto document = sent ? receive(**child, deadline) : Result<ParsedDocument>(std::unexpected(sent.error()));
    if (document) return std::move(*document);
    if (document.error().code == ErrorCode::kDeadlineExceeded)
      return failed("Reading the file took longer than " + std::to_string(limits_.time.count() / 1000) + " s and was stopped; split it, or raise `parser.seconds`");
    ending = (*child)->stop(Millis(200)).text();
  }
  return failed("The file made its parser end (" + ending + "); it is damaged or hostile");
}

}  // namespace siyu::documents
