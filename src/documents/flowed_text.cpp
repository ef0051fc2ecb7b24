#include "documents/flowed_text.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/text.h"

namespace siyu::documents {
namespace {

constexpr double kFullLine = 0.7;  // of the page's usual long line: shorter ones were ended by their author

// Typesetters' ligatures, which nobody types in a search.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kLigatures{
    {{"\uFB00", "ff"}, {"\uFB01", "fi"}, {"\uFB02", "fl"}, {"\uFB03", "ffi"}, {"\uFB04", "ffl"}, {"\uFB05", "st"}, {"\uFB06", "st"}}};

std::string without_ligatures(std::string_view line) {
  std::string out(line);
  for (const auto& [ligature, letters] : kLigatures)
    for (auto at = out.find(ligature); at != std::string::npos; at = out.find(ligature, at + letters.size())) out.replace(at, ligature.size(), letters);
  std::erase(out, '\0');
  return out;
}

UChar32 first_character(std::string_view text) {
  UChar32 c = 0;
  std::int32_t at = 0;
  if (!text.empty()) U8_NEXT_OR_FFFD(text.data(), at, static_cast<std::int32_t>(text.size()), c);
  return c;
}

UChar32 last_character(std::string_view text) {
  UChar32 c = 0;
  auto at = static_cast<std::int32_t>(text.size());
  if (!text.empty()) U8_PREV_OR_FFFD(text.data(), 0, at, c);
  return c;
}

bool is_ideographic(UChar32 c) { return (c >= 0x3000 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFF00 && c <= 0xFFEF) || c >= 0x20000; }

bool starts_item(std::string_view line) {
  const auto first = first_character(line);
  if (first == 0x2022 || first == 0x25AA || first == 0x25CF || first == 0x25A0 || first == 0x2013 || first == 0xB7 || line.starts_with("- ") || line.starts_with("* ")) return true;
  const auto digits = line.find_first_not_of("0123456789");
  return digits != std::string_view::npos && digits > 0 && digits <= 3 && (line[digits] == '.' || line[digits] == ')') && digits + 1 < line.size() && line[digits + 1] == ' ';
}

std::size_t width(std::string_view line) {
  std::size_t columns = 0;
  for (std::int32_t at = 0; at < static_cast<std::int32_t>(line.size());) {
    UChar32 c = 0;
    U8_NEXT_OR_FFFD(line.data(), at, static_cast<std::int32_t>(line.size()), c);
    columns += is_ideographic(c) ? 2 : 1;
  }
  return columns;
}

void join(std::string& paragraph, std::string_view line) {
  const auto before = last_character(paragraph), after = first_character(line);
  if (is_ideographic(before) && is_ideographic(after)) {
    paragraph += line;
  } else if (paragraph.size() > 1 && paragraph.ends_with('-') && u_islower(after) && u_isalpha(last_character(std::string_view(paragraph).substr(0, paragraph.size() - 1)))) {
    paragraph.pop_back();
    paragraph += line;
  } else {
    paragraph.append(" ").append(line);
  }
}

}  // namespace

void write_flowed(MarkdownWriter& writer, std::string_view page) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at <= page.size();) {
    const auto end = std::min(page.find('\n', at), page.size());
    lines.push_back(without_ligatures(trim(page.substr(at, end - at))));
    at = end + 1;
  }
  // The ninth decile: one overlong line must not make all others short.
  std::vector<std::size_t> widths;
  for (const auto& line : lines)
    if (!line.empty()) widths.push_back(width(line));
  if (widths.empty()) return;
  std::ranges::sort(widths);
  const auto full = static_cast<double>(widths[widths.size() * 9 / 10]) * kFullLine;
  std::string paragraph;
  std::size_t last_width = 0;
  const auto flush = [&] {
    writer.paragraph(paragraph);
    paragraph.clear();
  };
  for (const auto& line : lines) {
    if (line.empty()) {
      flush();
      continue;
    }
    if (paragraph.empty()) paragraph = line;
    else if (starts_item(line) || static_cast<double>(last_width) < full) paragraph.append("\n").append(line);
    else join(paragraph, line);
    last_width = width(line);
  }
  flush();
}

}  // namespace siyu::documents
