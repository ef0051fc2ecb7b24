#include "report/wire.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "report/document.h"

namespace siyu::report {

BOOST_DESCRIBE_STRUCT(PrintJob, (), (work, memory_bytes, seconds))

namespace {

enum class FrameType : std::uint8_t { kJob = 1, kFileBegins = 2, kBytes = 3, kDone = 4, kRefused = 5 };

constexpr std::size_t kPiece = 4UL << 20;

/// Why nothing was printed. Only the two faults a document can have cross as themselves.
struct RefusalRow {
  bool too_large = false;
  std::string message;
};
BOOST_DESCRIBE_STRUCT(RefusalRow, (), (too_large, message))

Frame frame(FrameType type, std::string payload) { return {.type = static_cast<std::uint8_t>(type), .stream = 0, .payload = std::move(payload)}; }

std::unexpected<Error> broken(std::string what) { return fail(ErrorCode::kCorrupted, "The printer process answered nonsense", std::move(what)); }

}  // namespace

Frame encode(const PrintJob& job) { return frame(FrameType::kJob, to_json_text(job)); }

Result<PrintJob> decode_print_job(const Frame& given) {
  if (given.type != static_cast<std::uint8_t>(FrameType::kJob)) return broken("the first frame is no job");
  return from_json_text<PrintJob>(given.payload);
}

Status encode(const Result<std::vector<std::string>>& files, const std::function<Status(const Frame&)>& send) {
  if (!files) return send(frame(FrameType::kRefused, to_json_text(RefusalRow{files.error().code == ErrorCode::kTooLarge, repair_utf8(files.error().message)})));
  for (const auto& bytes : *files) {
    RETURN_IF_ERROR(send(frame(FrameType::kFileBegins, {})));
    for (std::size_t at = 0; at < bytes.size(); at += kPiece) RETURN_IF_ERROR(send(frame(FrameType::kBytes, bytes.substr(at, kPiece))));
  }
  return send(frame(FrameType::kDone, {}));
}

Result<bool> PrintedDecoder::take(Frame given) {
  switch (static_cast<FrameType>(given.type)) {
    case FrameType::kFileBegins:
      if (files_.size() > kMaxCharts) return broken("too many files");
      files_.emplace_back();
      return false;
    case FrameType::kBytes:
      bytes_ += given.payload.size();
      if (files_.empty() || bytes_ > kMaxPrintedBytes) return broken("too many bytes");
      files_.back() += given.payload;
      return false;
    case FrameType::kDone: return true;
    case FrameType::kRefused: {
      ASSIGN_OR_RETURN(const auto refusal, from_json_text<RefusalRow>(given.payload));
      return fail(refusal.too_large ? ErrorCode::kTooLarge : ErrorCode::kUnsupported, std::string(utf8_prefix(refusal.message, 1000)));
    }
    default: return broken("an unknown frame");
  }
}

}  // namespace siyu::report
