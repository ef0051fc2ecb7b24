#include "documents/cell_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

namespace siyu::documents {
namespace {

constexpr double kLastDay = 2'958'466;  // 9999-12-31

std::string plain_number(double value) {
  // Fifteen digits are what a spreadsheet shows; more would print 0.30000000000000004.
  return std::abs(value) < 1e15 && value == std::floor(value) ? fmt::format("{:.0f}", value) : fmt::format("{:.15g}", value);
}

std::string clock_time(std::int64_t seconds) { return fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60); }

std::string date_of(std::int64_t days, bool from_1904) {
  using namespace std::chrono;
  // The 1900 calendar has a 29 February 1900 that never was; days before it are one off.
  const auto origin = from_1904 ? sys_days{1904y / 1 / 1} : sys_days{1899y / 12 / (days < 60 ? 31 : 30)};
  const year_month_day day{origin + std::chrono::days{days}};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
}

}  // namespace

CellFormat read_format_code(std::string_view code) {
  CellFormat format;
  bool date = false, time = false, percent = false, in_decimals = false, minutes_or_month = false;
  for (std::size_t i = 0; i < code.size() && code[i] != ';'; ++i) {
    const char c = code[i];
    if (c == '"') i = std::min(code.find('"', i + 1), code.size());
    else if (c == '\\' || c == '_' || c == '*') ++i;
    else if (c == '[') {
      const auto end = std::min(code.find(']', i), code.size());
      const auto inside = code.substr(i + 1, end - i - 1);
      if (!inside.empty() && inside.find_first_not_of("hHmMsS") == std::string_view::npos) return {.kind = CellFormat::Kind::kElapsed};
      i = end;
    } else if (code.substr(i).starts_with("General")) {
      i += 6;
    } else if (c == 'y' || c == 'Y' || c == 'd' || c == 'D') date = true;
    else if (c == 'h' || c == 'H' || c == 's' || c == 'S') time = true;
    else if (c == 'm' || c == 'M') minutes_or_month = true;
    else if (c == '%') percent = true;
    else if (c == '.') in_decimals = true;
    else if (c == '0' && in_decimals) ++format.decimals;
  }
  if (minutes_or_month && !time) date = true;
  if (date || time) format.kind = date && time ? CellFormat::Kind::kDateTime : date ? CellFormat::Kind::kDate : CellFormat::Kind::kTime;
  else if (percent) format.kind = CellFormat::Kind::kPercent;
  return format;
}

CellFormat built_in_format(int id) {
  using Kind = CellFormat::Kind;
  if (id == 9 || id == 10) return {.kind = Kind::kPercent, .decimals = id == 10 ? 2 : 0};
  if ((id >= 14 && id <= 17) || (id >= 27 && id <= 31) || id == 36 || (id >= 50 && id <= 54) || id == 57 || id == 58) return {.kind = Kind::kDate};
  if ((id >= 18 && id <= 21) || (id >= 32 && id <= 35) || id == 45 || id == 47 || id == 55 || id == 56) return {.kind = Kind::kTime};
  if (id == 22) return {.kind = Kind::kDateTime};
  if (id == 46) return {.kind = Kind::kElapsed};
  return {};
}

std::string show_number(std::string_view text, CellFormat format, bool from_1904) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::string(text);
  using Kind = CellFormat::Kind;
  if (format.kind == Kind::kPlain) return plain_number(value);
  if (format.kind == Kind::kPercent) return fmt::format("{:.{}f}%", value * 100, std::min(format.decimals, 15));
  if (value < 0 || value >= kLastDay) return plain_number(value);
  const auto seconds = static_cast<std::int64_t>(std::llround(value * 86'400));
  if (format.kind == Kind::kElapsed) return clock_time(seconds);
  const auto day = date_of(seconds / 86'400, from_1904);
  const auto time = clock_time(seconds % 86'400);
  if (format.kind == Kind::kTime) return seconds < 86'400 ? time : day + " " + time;
  if (format.kind == Kind::kDate && seconds % 86'400 == 0) return day;
  return format.kind == Kind::kDate ? day : day + " " + time;
}

}  // namespace siyu::documents
