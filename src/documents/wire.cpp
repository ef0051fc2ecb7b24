#include "documents/wire.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace siyu::documents {

BOOST_DESCRIBE_STRUCT(ParseJob, (), (name, password, milliseconds, memory_bytes))

namespace {

enum class FrameType : std::uint8_t { kJob = 1, kText = 2, kEmbeddedName = 3, kEmbeddedBytes = 4, kEnd = 5 };

constexpr std::size_t kPiece = 4UL << 20;   // of a long text in one frame
constexpr std::size_t kMaxReason = 2000;
constexpr std::size_t kMaxTitle = 1000;

struct PageRow {
  int page = 0;
  std::uint64_t begin = 0, end = 0;
};
BOOST_DESCRIBE_STRUCT(PageRow, (), (page, begin, end))

struct EndRow {
  ParseStatus status = ParseStatus::kFailed;
  std::string reason, format, title;
  std::vector<PageRow> pages;
};
BOOST_DESCRIBE_STRUCT(EndRow, (), (status, reason, format, title, pages))

Frame frame(FrameType type, std::string payload) { return {.type = static_cast<std::uint8_t>(type), .stream = 0, .payload = std::move(payload)}; }

Status send_pieces(FrameType type, std::string_view bytes, const std::function<Status(const Frame&)>& send) {
  for (std::size_t at = 0; at < bytes.size(); at += kPiece) RETURN_IF_ERROR(send(frame(type, std::string(bytes.substr(at, kPiece)))));
  return {};
}

std::unexpected<Error> broken(std::string what) { return fail(ErrorCode::kCorrupted, "The parser process answered nonsense: " + what); }

/// A name that stays inside the outer file, whatever an archive says.
bool is_safe_name(std::string_view name) {
  if (name.empty() || name.size() > 1024 || !is_valid_utf8(name) || name.starts_with('/') || name.find('\0') != std::string_view::npos) return false;
  for (std::size_t at = 0; at <= name.size();) {
    const auto end = std::min(name.find('/', at), name.size());
    if (name.substr(at, end - at) == "..") return false;
    at = end + 1;
  }
  return true;
}

}  // namespace

Frame encode(const ParseJob& job) { return frame(FrameType::kJob, to_json_text(job)); }

Result<ParseJob> decode_job(const Frame& given) {
  if (given.type != static_cast<std::uint8_t>(FrameType::kJob)) return broken("the first frame is no job");
  return from_json_text<ParseJob>(given.payload);
}

Status encode(const ParsedDocument& document, const std::function<Status(const Frame&)>& send) {
  RETURN_IF_ERROR(send_pieces(FrameType::kText, document.markdown, send));
  for (const auto& file : document.embedded) {
    RETURN_IF_ERROR(send(frame(FrameType::kEmbeddedName, file.name)));
    RETURN_IF_ERROR(send_pieces(FrameType::kEmbeddedBytes, file.bytes, send));
  }
  EndRow end{.status = document.status, .reason = repair_utf8(document.reason), .format = document.format, .title = repair_utf8(document.title), .pages = {}};
  for (const auto& page : document.pages) end.pages.push_back({page.page, page.span.begin, page.span.end});
  return send(frame(FrameType::kEnd, to_json_text(end)));
}

Result<bool> DocumentDecoder::take(Frame given) {
  switch (static_cast<FrameType>(given.type)) {
    case FrameType::kText:
      document_.markdown += given.payload;
      if (document_.markdown.size() > kMaxMarkdownBytes) return broken("the text is too long");
      return false;
    case FrameType::kEmbeddedName:
      if (document_.embedded.size() == kMaxEmbeddedFiles || !is_safe_name(given.payload)) return broken("a file inside it has no proper name");
      document_.embedded.push_back({.name = std::move(given.payload), .bytes = {}});
      return false;
    case FrameType::kEmbeddedBytes:
      embedded_bytes_ += given.payload.size();
      if (document_.embedded.empty() || embedded_bytes_ > kMaxEmbeddedBytes) return broken("the files inside it are too large");
      document_.embedded.back().bytes += given.payload;
      return false;
    case FrameType::kEnd: break;
    default: return broken("an unknown frame");
  }
  ASSIGN_OR_RETURN(auto end, from_json_text<EndRow>(given.payload));
  if (!is_valid_utf8(document_.markdown)) return broken("the text is not UTF-8");
  std::uint64_t before = 0;
  for (const auto& page : end.pages) {
    if (page.begin < before || page.end < page.begin || page.end > document_.markdown.size()) return broken("its pages overlap");
    document_.pages.push_back({.page = page.page, .span = {page.begin, page.end}});
    before = page.end;
  }
  document_.status = end.status;
  document_.reason = std::string(utf8_prefix(end.reason, kMaxReason));
  document_.format = std::string(utf8_prefix(end.format, 32));
  document_.title = std::string(utf8_prefix(end.title, kMaxTitle));
  return true;
}

ParsedDocument DocumentDecoder::finish() && {
  document_.blocks = find_blocks(document_.markdown);
  return std::move(document_);
}

}  // namespace siyu::documents
