#include "knowledge/lines.h"

#include <zlib.h>

#include <memory>

#include "base/json.h"
#include "base/text.h"

namespace siyu::knowledge {
namespace {

constexpr std::size_t kMaxLine = 16UL << 20;

struct LineFields {
  std::optional<json::value> _id, id;
  std::optional<std::string> title, text;
};
BOOST_DESCRIBE_STRUCT(LineFields, (), (_id, id, title, text))

std::string id_text(const std::optional<json::value>& value) {
  if (!value) return {};
  return value->is_string() ? std::string(value->get_string()) : value->is_number() ? json::serialize(*value) : std::string();
}

}  // namespace

bool is_line_collection(std::string_view name) { return name.ends_with(".jsonl") || name.ends_with(".jsonl.gz"); }

Status for_each_line(const std::filesystem::path& file, const std::function<Status(std::size_t, std::string_view)>& visit) {
  const std::unique_ptr<gzFile_s, decltype(&gzclose)> in(gzopen(file.c_str(), "rb"), &gzclose);  // reads plain files as they are
  if (!in) return not_found("The file " + file.filename().string() + " cannot be read");
  gzbuffer(in.get(), 256U << 10);
  std::string piece(256UL << 10, '\0'), pending;
  std::size_t number = 0;
  for (;;) {
    const int got = gzread(in.get(), piece.data(), static_cast<unsigned>(piece.size()));
    int code = Z_OK;
    if (const char* why = gzerror(in.get(), &code); got < 0 || code == Z_BUF_ERROR)
      return invalid(std::string("The compressed file is damaged or cut off: ") + why);
    std::string_view rest(piece.data(), static_cast<std::size_t>(got));
    for (auto newline = rest.find('\n'); newline != std::string_view::npos; newline = rest.find('\n')) {
      pending += rest.substr(0, newline);
      rest.remove_prefix(newline + 1);
      RETURN_IF_ERROR(visit(++number, pending));
      pending.clear();
    }
    pending += rest;
    if (pending.size() > kMaxLine) return fail(ErrorCode::kTooLarge, "Line " + std::to_string(number + 1) + " is longer than 16 MiB");
    if (got == 0) break;
  }
  return pending.empty() ? Status() : visit(++number, pending);
}

Result<LineDocument> parse_line_document(std::string_view line) {
  ASSIGN_OR_RETURN(auto fields, from_json_text<LineFields>(line));
  LineDocument document{.id = id_text(fields._id), .title = fields.title.value_or(""), .text = fields.text.value_or("")};
  if (document.id.empty()) document.id = id_text(fields.id);
  if (document.id.empty() || document.id.size() > 512) return invalid("needs `_id` or `id`, a text or number of at most 512 bytes");
  if (!fields.text) return invalid("needs `text`");
  if (!is_valid_utf8(document.text) || !is_valid_utf8(document.id) || !is_valid_utf8(document.title)) return invalid("is not valid UTF-8");
  return document;
}

}  // namespace siyu::knowledge
