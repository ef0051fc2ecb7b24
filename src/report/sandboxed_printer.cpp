#include "report/sandboxed_printer.h"

#include <fcntl.h>

#include <algorithm>
#include <array>

#include "base/json.h"
#include "report/wire.h"
#include "sandbox/process.h"

namespace siyu::report {
namespace {

constexpr std::size_t kReadAtOnce = 1UL << 20;
constexpr Millis kStartAndStop{5'000};  // beyond the printing time: to start the process, and for its last words
constexpr std::string_view kOtherFormats = "; Markdown and HTML can be had without it";

Result<std::vector<std::string>> receive(sandbox::ChildProcess& child, std::chrono::steady_clock::time_point deadline) {
  FrameDecoder frames;
  PrintedDecoder printed;
  for (;;) {
    const auto left = std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return fail(ErrorCode::kDeadlineExceeded, "too slow");
    ASSIGN_OR_RETURN(auto received, sandbox::receive_with_fds(child.socket(), kReadAtOnce, left));
    if (received.bytes.empty()) return fail(ErrorCode::kUnavailable, "the process ended");
    frames.feed(received.bytes);
    for (;;) {
      ASSIGN_OR_RETURN(auto frame, frames.next());
      if (!frame) break;
      ASSIGN_OR_RETURN(const bool complete, printed.take(std::move(*frame)));
      if (complete) return std::move(printed).finish();
    }
  }
}

std::unexpected<Error> explained(Error error, sandbox::ChildProcess& child, const PrinterLimits& limits) {
  // A refusal of the printer's own says all; what remains is its end, its silence and its nonsense.
  if (error.code == ErrorCode::kTooLarge || error.code == ErrorCode::kUnsupported) return std::unexpected(std::move(error));
  if (error.code == ErrorCode::kDeadlineExceeded)
    return fail(ErrorCode::kDeadlineExceeded, "Printing the report took longer than " + std::to_string(limits.time.count() / 1000) +
                                                  " s and was stopped; split the report" + std::string(kOtherFormats));
  const auto ending = child.stop(Millis(200));
  // The dynamic loader ends with 127 where a library is missing.
  if (ending.code == 127)
    return fail(
        ErrorCode::kUnsupported,
        "siyu-printer cannot start: a library it needs is missing; install the packages that `scripts/install_packages.sh run` names" + std::string(kOtherFormats),
        error.detail);
  return internal("siyu-printer ended before the report was printed (" + ending.text() + "); the report may need more memory than it may use, so split it" +
                      std::string(kOtherFormats),
                  error.message + " " + error.detail);
}

Result<std::vector<std::string>> print(const std::filesystem::path& program, const PrinterLimits& limits, const Document& document, PrintWork work) {
  ASSIGN_OR_RETURN(const auto text, sandbox::memory_file(encode_document(document), "siyu-report"));
  const PrintJob job{.work = work, .memory_bytes = static_cast<std::int64_t>(limits.memory_bytes), .seconds = std::max<std::int64_t>(limits.time.count() / 1000, 1)};
  // What a library prints may quote the document; it must not reach a log.
  const sandbox::UniqueFd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  auto child = sandbox::ChildProcess::spawn({.program = program, .arguments = {}, .standard_error = nowhere.get()});
  if (!child)
    return fail(ErrorCode::kUnsupported, "siyu-printer cannot be started; it must lie beside siyu" + std::string(kOtherFormats),
                child.error().message + " " + child.error().detail);
  const std::array fds{text.get()};
  const auto deadline = std::chrono::steady_clock::now() + limits.time + std::min(kStartAndStop, limits.time);
  auto sent = sandbox::send_with_fds((*child)->socket(), encode_frame(encode(job)), fds, kStartAndStop);
  auto files = sent ? receive(**child, deadline) : Result<std::vector<std::string>>(std::unexpected(sent.error()));
  if (!files) return explained(std::move(files.error()), **child, limits);
  return files;
}

}  // namespace

Result<std::string> SandboxedPrinter::pdf(const Document& document) const {
  ASSIGN_OR_RETURN(auto files, print(program_, limits_, document, PrintWork::kPdf));
  if (files.size() != 1 || !files[0].starts_with("%PDF-")) return internal("siyu-printer gave no PDF");
  return std::move(files[0]);
}

Result<PrintedParts> SandboxedPrinter::parts(const Document& document) const {
  const auto charts = std::ranges::count_if(document.blocks, [](const Block& block) { return std::holds_alternative<ChartBlock>(block); });
  ASSIGN_OR_RETURN(auto files, print(program_, limits_, document, PrintWork::kParts));
  if (files.size() != static_cast<std::size_t>(charts) + 1) return internal("siyu-printer did not give a picture for every chart");
  PrintedParts parts;
  ASSIGN_OR_RETURN(parts.heading_pages, from_json_text<std::vector<std::size_t>>(files.front()));
  parts.chart_pictures.assign(std::make_move_iterator(files.begin() + 1), std::make_move_iterator(files.end()));
  for (const auto& picture : parts.chart_pictures)
    if (!picture.starts_with("\x89PNG")) return internal("siyu-printer gave no PNG");
  return parts;
}

}  // namespace siyu::report
