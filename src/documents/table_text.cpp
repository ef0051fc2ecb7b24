#include "documents/table_text.h"

#include <algorithm>
#include <array>

#include "documents/markdown_writer.h"
#include "documents/plain_text.h"

namespace siyu::documents {
namespace {

constexpr std::size_t kMaxRows = 200'000;
constexpr std::size_t kMaxColumns = 1000;
constexpr std::size_t kSampleLines = 20;

/// The separator that parts the first lines into the same number of fields, preferring the larger number.
char separator_of(std::string_view text) {
  char best = ',';
  std::size_t best_fields = 1;
  for (const char candidate : {',', '\t', ';', '|'}) {
    std::vector<std::size_t> fields{1};
    bool quoted = false;
    for (std::size_t i = 0; i < text.size() && fields.size() <= kSampleLines; ++i) {
      if (text[i] == '"') quoted = !quoted;
      else if (!quoted && text[i] == candidate) ++fields.back();
      else if (!quoted && text[i] == '\n') fields.push_back(1);
    }
    if (fields.size() > 1) fields.pop_back();  // the last line may be cut
    const auto usual = fields[0];
    const auto agreeing = static_cast<std::size_t>(std::ranges::count(fields, usual));
    if (usual > best_fields && agreeing * 10 >= fields.size() * 6) {
      best = candidate;
      best_fields = usual;
    }
  }
  return best;
}

TableRows read_rows(std::string_view text, char separator, bool& cut) {
  TableRows rows(1, {""});
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    auto& field = rows.back().back();
    if (quoted) {
      if (c != '"') field += c;
      else if (i + 1 < text.size() && text[i + 1] == '"') field += text[i++];
      else quoted = false;
    } else if (c == '"' && field.empty()) {
      quoted = true;
    } else if (c == separator && rows.back().size() < kMaxColumns) {
      rows.back().emplace_back();
    } else if (c == '\n') {
      if (rows.size() == kMaxRows) {
        cut = true;
        return rows;
      }
      rows.push_back({""});
    } else {
      field += c;
    }
  }
  std::erase_if(rows, [](const auto& row) { return std::ranges::all_of(row, &std::string::empty); });
  return rows;
}

}  // namespace

ParsedDocument parse_csv(const ParseInput& input) {
  const auto text = decode_text(input.bytes);
  if (!text) return refused("csv", "The file is not text in a known encoding");
  bool cut = false;
  const auto rows = read_rows(*text, separator_of(*text), cut);
  MarkdownWriter writer;
  writer.table(rows);
  cut = cut || writer.full();
  auto parsed = std::move(writer).finish("csv", "");
  if (cut) parsed.reason = "the table is too long; its first " + std::to_string(rows.size()) + " rows were read";
  return parsed;
}

}  // namespace siyu::documents
