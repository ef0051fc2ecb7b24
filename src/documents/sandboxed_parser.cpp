#include "documents/sandboxed_parser.h"

#include <fcntl.h>

#include "documents/wire.h"
#include "sandbox/errand.h"
#include "sandbox/lockdown.h"

namespace siyu::documents {
namespace {

constexpr int kTries = 2;  // a process that was killed from outside is no fault of the file; once more then
constexpr Millis kStartAndStop{5'000};  // beyond the parser's own time: to start it, and for its last words

ParsedDocument failed(std::string reason) { return {.status = ParseStatus::kFailed, .reason = std::move(reason), .format = "unknown"}; }

}  // namespace

ParsedDocument SandboxedParser::parse(const std::filesystem::path& file, std::string_view name, std::string_view password) const {
  const ParseJob job{.name = std::string(name), .password = std::string(password), .milliseconds = limits_.time.count(),
                     .memory_bytes = static_cast<std::int64_t>(limits_.memory_bytes)};
  std::string ending;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const sandbox::UniqueFd bytes(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!bytes) return failed("The file cannot be opened; check that it is there and readable");
    auto child = sandbox::ChildProcess::spawn({.program = program_, .arguments = {}, .silent = true});
    if (!child) return failed(child.error().message);
    DocumentDecoder document;
    const auto answered = sandbox::run_errand(**child, encode(job), bytes.get(), limits_.time + kStartAndStop,
                                              [&](Frame frame) { return document.take(std::move(frame)); });
    if (answered) return std::move(document).finish();
    if (answered.error().code == ErrorCode::kDeadlineExceeded)
      return failed("Reading the file took longer than " + std::to_string(limits_.time.count() / 1000) + " s and was stopped; split it, or raise `parser.seconds`");
    const auto ended = (*child)->stop(Millis(200));
    if (ended.code == sandbox::kExitUnlocked)
      return failed("No file can be read here: siyu-parser must lock itself down first, and this machine's kernel or container refuses it; allow seccomp");
    ending = ended.text();
  }
  return failed("The file made its parser end (" + ending + "); it is damaged or hostile");
}

}  // namespace siyu::documents
