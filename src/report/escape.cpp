#include "report/escape.h"

#include <unicode/utf8.h>

#include <cstdint>

#include "base/text.h"

namespace siyu::report {
namespace {

/// Turns the direction of what follows, or shows nothing: a way to make a text read otherwise than it is.
bool is_hidden_mark(UChar32 c) {
  return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x200E || c == 0x200F || c == 0x061C || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) ||
         c == 0x2028 || c == 0x2029 || c == 0x200B || (c >= 0x2060 && c <= 0x2064) || (c >= 0x206A && c <= 0x206F) || (c >= 0xE0000 && c <= 0xE007F);
}
bool is_noncharacter(UChar32 c) { return (c & 0xFFFE) == 0xFFFE || (c >= 0xFDD0 && c <= 0xFDEF); }

std::string clean(std::string_view given, bool lines) {
  const auto text = repair_utf8(given);
  std::string out;
  out.reserve(text.size());
  for (std::int64_t at = 0, size = static_cast<std::int64_t>(text.size()); at < size;) {
    const auto before = at;
    UChar32 c = 0;
    U8_NEXT(text.data(), at, size, c);
    if (c == '\r') continue;
    if (c == '\t' || (c == '\n' && !lines)) out += ' ';
    else if (c != '\n' && (c < 0x20 || (c >= 0x7F && c < 0xA0) || is_hidden_mark(c) || is_noncharacter(c))) continue;
    else out.append(text, static_cast<std::size_t>(before), static_cast<std::size_t>(at - before));
  }
  return out;
}

}  // namespace

std::string clean_lines(std::string_view text) { return clean(text, true); }
std::string clean_line(std::string_view text) { return clean(text, false); }

std::string escape_xml(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 16);
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string escape_markdown(std::string_view text) {
  constexpr std::string_view kMarks = "\\`*_{}[]<>|~$&^";
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  std::size_t line_start = 0;
  bool in_number = true;  // only digits since the line's start: "1." would be a list
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == ' ' && at == line_start) {  // four would be a block of code
      ++line_start;
      if (at == 0) out += ' ';  // of one run after another
      continue;
    }
    const bool first = at == line_start;
    const bool digit = c >= '0' && c <= '9';
    const bool next_is_space = at + 1 == text.size() || text[at + 1] == ' ' || text[at + 1] == '\n';
    if (kMarks.find(c) != std::string_view::npos) out += '\\';
    else if (first && (c == '#' || c == '+' || c == '-' || c == '=' || c == ':')) out += '\\';
    else if ((c == '.' || c == ')') && in_number && !first && next_is_space) out += '\\';
    else if (c == '!' && at + 1 < text.size() && text[at + 1] == '[') out += '\\';
    out += c;
    in_number = (first || in_number) && digit;
    // Bare addresses would become links in GitHub's dialect.
    if (c == ':' && text.substr(at + 1).starts_with("//")) out += '\\';
    if (c == '\n') {
      line_start = at + 1;
      in_number = true;
    }
  }
  return out;
}

}  // namespace siyu::report
