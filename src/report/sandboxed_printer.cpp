#include "report/sandboxed_printer.h"

#include <algorithm>

#include "base/json.h"
#include "report/wire.h"
#include "sandbox/errand.h"
#include "sandbox/lockdown.h"

namespace siyu::report {
namespace {

constexpr Millis kStartAndStop{5'000};  // beyond the printing time: to start the process, and for its last words
constexpr std::string_view kOtherFormats = "; Markdown and HTML can be had without it";

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
  if (ending.code == sandbox::kExitUnlocked)
    return fail(ErrorCode::kUnsupported,
                "siyu-printer must lock itself down first, and this machine's kernel or container refuses it; allow seccomp" + std::string(kOtherFormats));
  return internal("siyu-printer ended before the report was printed (" + ending.text() + "); the report may need more memory than it may use, so split it" +
                      std::string(kOtherFormats),
                  error.message + " " + error.detail);
}

Result<std::vector<std::string>> print(const std::filesystem::path& program, const PrinterLimits& limits, const Document& document, PrintWork work) {
  ASSIGN_OR_RETURN(const auto text, sandbox::memory_file(encode_document(document), "siyu-report"));
  const PrintJob job{.work = work, .memory_bytes = static_cast<std::int64_t>(limits.memory_bytes), .seconds = std::max<std::int64_t>(limits.time.count() / 1000, 1)};
  auto child = sandbox::ChildProcess::spawn({.program = program, .arguments = {}, .silent = true});
  if (!child)
    return fail(ErrorCode::kUnsupported, "siyu-printer cannot be started; it must lie beside siyu" + std::string(kOtherFormats),
                child.error().message + " " + child.error().detail);
  PrintedDecoder printed;
  auto answered = sandbox::run_errand(**child, encode(job), text.get(), limits.time + std::min(kStartAndStop, limits.time),
                                      [&](Frame frame) { return printed.take(std::move(frame)); });
  if (!answered) return explained(std::move(answered.error()), **child, limits);
  return std::move(printed).finish();
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
