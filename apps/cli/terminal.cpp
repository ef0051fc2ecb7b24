#include "cli/terminal.h"

#include <fmt/format.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace siyu::cli {
namespace {

constexpr std::size_t kBarWidth = 30;

bool plain(int fd) { return ::isatty(fd) == 0 || std::getenv("NO_COLOR") != nullptr; }
std::string dim(const std::string& text) { return plain(STDOUT_FILENO) ? text : "\x1b[2m" + text + "\x1b[0m"; }
std::string bold(const std::string& text) { return plain(STDOUT_FILENO) ? text : "\x1b[1m" + text + "\x1b[0m"; }

/// File names and document text come from anywhere; escape sequences in them must not reach the terminal.
std::string printable(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f) c = ' ';
  return out;
}

std::string text_at(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string bar(std::uint64_t done, std::uint64_t total) {
  const auto filled = static_cast<std::size_t>(static_cast<double>(std::min(done, total)) / static_cast<double>(total) * kBarWidth);
  return "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "]";
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(seconds);
  return whole < 3600 ? fmt::format("{}:{:02} left", whole / 60, whole % 60) : fmt::format("{}:{:02}:{:02} left", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  const auto size = static_cast<std::int64_t>(text.size());
  for (std::int64_t i = 0; i < size;) {
    UChar32 c = 0;
    U8_NEXT(bytes, i, size, c);
    if (c < 0) continue;
    const auto kind = u_getIntPropertyValue(c, UCHAR_EAST_ASIAN_WIDTH);
    width += kind == U_EA_WIDE || kind == U_EA_FULLWIDTH ? 2 : 1;
  }
  return width;
}

void print_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < header.size(); ++column) {
    widths.push_back(display_width(header[column]));
    for (const auto& row : rows) widths[column] = std::max(widths[column], display_width(row[column]));
  }
  const auto print_row = [&](const std::vector<std::string>& row, bool heading) {
    std::string line;
    for (std::size_t column = 0; column < row.size(); ++column) {
      const auto cell = printable(row[column]);
      line += cell;
      if (column + 1 < row.size()) line += std::string(widths[column] - display_width(row[column]) + 2, ' ');
    }
    std::printf("%s\n", (heading ? dim(line) : line).c_str());
  };
  print_row(header, true);
  for (const auto& row : rows) print_row(row, false);
}

void print_json(const json::value& value) { std::printf("%s\n", json::serialize(value).c_str()); }

void print_answer(const json::value& answer) {
  const auto& object = answer.as_object();
  if (text_at(object, "mode") == "none") {
    std::printf("  %s\n", dim("Nothing relevant was found.").c_str());
    return;
  }
  auto text = printable(text_at(object, "answer"));
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 3) text.insert(at + 1, "  ");
  std::printf("  %s\n", bold(text).c_str());
  for (const auto& value : object.at("citations").as_array()) {
    const auto& citation = value.as_object();
    const auto page = citation.at("page").to_number<int>();
    std::printf("  %s\n", dim(fmt::format("[{}] {}{}", citation.at("number").to_number<int>(), printable(text_at(citation, "document")),
                                          page > 0 ? fmt::format(", page {}", page) : std::string())).c_str());
  }
  std::printf("  %s\n", dim("(" + text_at(object, "mode") + ")").c_str());
}

std::string text_of(const json::value& object, std::string_view key) {
  const auto* value = object.as_object().if_contains(key);
  if (value == nullptr || value->is_null()) return "";
  return value->is_string() ? std::string(value->get_string()) : json::serialize(*value);
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

ProgressBar::ProgressBar(std::string title) : title_(std::move(title)), on_terminal_(::isatty(STDERR_FILENO) != 0) {}

void ProgressBar::update(std::uint64_t done, std::uint64_t total, std::string_view unit) {
  if (total > 0) print(fmt::format("{} {} {}/{} {}", title_, bar(done, total), done, total, unit));
}

void ProgressBar::update_bytes(std::uint64_t done, std::uint64_t total, double bytes_per_second, std::string_view note) {
  auto line = fmt::format("{} {} {}", title_, bar(done, std::max<std::uint64_t>(total, 1)), human_bytes(done));
  if (total > 0) line += fmt::format("/{}", human_bytes(total));
  if (bytes_per_second >= 1) line += fmt::format("  {}/s", human_bytes(static_cast<std::uint64_t>(bytes_per_second)));
  if (bytes_per_second >= 1 && total > done) line += "  " + duration_text(static_cast<double>(total - done) / bytes_per_second);
  if (!note.empty()) line += "  " + printable(note);
  print(std::move(line));
}

void ProgressBar::print(std::string line) {
  if (!on_terminal_ || line == shown_) return;
  std::fputs(("\r" + line + "\x1b[K").c_str(), stderr);
  shown_ = std::move(line);
}

void ProgressBar::finish() {
  if (!shown_.empty()) std::fputs("\r\x1b[K", stderr);
  shown_.clear();
}

}  // namespace siyu::cli
