#include "report/svg.h"

#include <fmt/format.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "report/escape.h"
#include "report/words.h"

namespace siyu::report {
namespace {

constexpr std::string_view kFonts = "Noto Sans CJK SC, Noto Sans SC, Source Han Sans SC, PingFang SC, Microsoft YaHei, sans-serif";
constexpr std::array<std::string_view, 8> kSeries{"#1f5fa8", "#e39a2d", "#17917a", "#a94f86", "#74b4e0", "#7a4a1e", "#7b8794", "#c9543b"};

double advance(UChar32 c) {
  if (c < 0x80) {
    constexpr std::string_view kNarrow = "ijl.,:;'|!()[]tfrI/ ";
    if (c == 'm' || c == 'w' || c == 'M' || c == 'W' || c == '%' || c == '@') return 0.85;
    if (kNarrow.find(static_cast<char>(c)) != std::string_view::npos) return 0.32;
    return c >= 'A' && c <= 'Z' ? 0.63 : 0.55;
  }
  const int type = u_charType(c);
  if (type == U_NON_SPACING_MARK || type == U_ENCLOSING_MARK || type == U_FORMAT_CHAR) return 0;
  const int width = u_getIntPropertyValue(c, UCHAR_EAST_ASIAN_WIDTH);
  return width == U_EA_WIDE || width == U_EA_FULLWIDTH ? 1.0 : c == 0xB7 ? 0.3 : 0.62;
}

bool is_wide(UChar32 c) {
  const int width = u_getIntPropertyValue(c, UCHAR_EAST_ASIAN_WIDTH);
  return width == U_EA_WIDE || width == U_EA_FULLWIDTH;
}

struct Character {
  std::string_view bytes;
  UChar32 code;
};
std::vector<Character> characters(std::string_view text) {
  std::vector<Character> out;
  for (std::int64_t at = 0, size = static_cast<std::int64_t>(text.size()); at < size;) {
    const auto before = at;
    UChar32 c = 0;
    U8_NEXT(text.data(), at, size, c);
    out.push_back({text.substr(static_cast<std::size_t>(before), static_cast<std::size_t>(at - before)), c < 0 ? 0xFFFD : c});
  }
  return out;
}

std::string_view class_of(std::string_view colour) {
  if (colour == kInk) return " class=\"chart-ink\"";
  if (colour == kMuted) return " class=\"chart-muted\"";
  if (colour == kBand) return " class=\"chart-band\"";
  if (colour == kGrid || colour == kAxisLine) return " class=\"chart-grid\"";
  return {};
}

}  // namespace

std::string_view series_colour(std::size_t index) { return kSeries[index % kSeries.size()]; }

double text_width(std::string_view text, double size) {
  double width = 0;
  for (const auto& character : characters(text)) width += advance(character.code);
  return width * size;
}

std::string fit_text(std::string_view text, double width, double size) {
  if (text_width(text, size) <= width) return std::string(text);
  std::string out;
  double used = size;  // of …
  for (const auto& character : characters(text)) {
    used += advance(character.code) * size;
    if (used > width) break;
    out += character.bytes;
  }
  while (out.ends_with(' ')) out.pop_back();
  return out + "…";
}

std::vector<std::string> wrap_text(std::string_view text, double width, double size, std::size_t max_lines) {
  std::vector<std::string> lines;
  const auto all = characters(text);
  std::size_t at = 0;
  while (at < all.size()) {
    std::size_t end = at, break_at = at;
    double used = 0;
    for (; end < all.size(); ++end) {
      used += advance(all[end].code) * size;
      if (used > width && end > at) break;
      if (end > at && (all[end].code == ' ' || is_wide(all[end].code) || is_wide(all[end - 1].code))) break_at = end;
    }
    if (end < all.size() && break_at > at) end = break_at;
    std::string line;
    const bool last = lines.size() + 1 == max_lines;
    for (std::size_t i = at; i < (last ? all.size() : end); ++i) line += all[i].bytes;
    if (last) {
      lines.push_back(fit_text(line, width, size));
      break;
    }
    while (line.ends_with(' ')) line.pop_back();
    lines.push_back(std::move(line));
    at = end;
    while (at < all.size() && all[at].code == ' ') ++at;
  }
  return lines;
}

std::string Svg::number(double value) {
  if (!std::isfinite(value)) return "0";
  auto text = fmt::format("{:.2f}", std::clamp(value, -1e6, 1e6));
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text == "-0" ? "0" : text;
}

void Svg::text(double x, double y, std::string_view given, const TextStyle& style) {
  const auto clean = escape_xml(clean_line(given));
  if (clean.empty()) return;
  std::string place = fmt::format(R"(x="{}" y="{}" font-size="{}")", number(x), number(y), number(style.size));
  if (style.anchor != Anchor::kStart) place += style.anchor == Anchor::kMiddle ? R"( text-anchor="middle")" : R"( text-anchor="end")";
  if (style.bold) place += R"( font-weight="bold")";
  if (style.turn != 0) place += fmt::format(R"x( transform="rotate({} {} {})")x", number(style.turn), number(x), number(y));
  if (style.halo)
    out_ +=
        fmt::format(R"(<text class="chart-halo" {} fill="none" stroke="#ffffff" stroke-width="3.5" stroke-linejoin="round" aria-hidden="true">{}</text>)", place, clean);
  out_ += fmt::format(R"(<text{} {} fill="{}">{}</text>)", class_of(style.colour), place, style.colour, clean);
}

void Svg::line(double x1, double y1, double x2, double y2, std::string_view colour, double width, std::string_view dashes) {
  out_ += fmt::format(R"(<line{} x1="{}" y1="{}" x2="{}" y2="{}" stroke="{}" stroke-width="{}")", class_of(colour), number(x1), number(y1), number(x2), number(y2),
                      colour, number(width));
  if (!dashes.empty()) out_ += fmt::format(R"( stroke-dasharray="{}")", dashes);
  out_ += "/>";
}

void Svg::rect(double x, double y, double width, double height, std::string_view colour, double radius, std::string_view tip) {
  if (!(width > 0) || !(height > 0)) return;
  out_ += fmt::format(R"(<rect{} x="{}" y="{}" width="{}" height="{}" fill="{}")", class_of(colour), number(x), number(y), number(width), number(height), colour);
  if (radius > 0) out_ += fmt::format(R"( rx="{}")", number(std::min(radius, std::min(width, height) / 2)));
  out_ += tip.empty() ? "/>" : fmt::format("><title>{}</title></rect>", escape_xml(clean_line(tip)));
}

void Svg::circle(double x, double y, double radius, std::string_view fill, std::string_view stroke, double width) {
  out_ += fmt::format(R"(<circle cx="{}" cy="{}" r="{}" fill="{}")", number(x), number(y), number(radius), fill);
  if (!stroke.empty()) out_ += fmt::format(R"( stroke="{}" stroke-width="{}")", stroke, number(width));
  out_ += "/>";
}

void Svg::path(std::string_view data, std::string_view fill, std::string_view stroke, double width, std::string_view dashes, std::string_view tip) {
  out_ += fmt::format(R"(<path{} d="{}" fill="{}")", class_of(stroke.empty() ? fill : stroke), data, fill);
  if (!stroke.empty()) out_ += fmt::format(R"( stroke="{}" stroke-width="{}" stroke-linejoin="round" stroke-linecap="round")", stroke, number(width));
  if (!dashes.empty()) out_ += fmt::format(R"( stroke-dasharray="{}")", dashes);
  out_ += tip.empty() ? "/>" : fmt::format("><title>{}</title></path>", escape_xml(clean_line(tip)));
}

void Svg::mark(std::size_t series, double x, double y, std::string_view colour) {
  const auto at = [](double px, double py) { return number(px) + " " + number(py); };
  switch (series % 4) {
    case 0: circle(x, y, 3.2, colour); break;
    case 1: rect(x - 3, y - 3, 6, 6, colour); break;
    case 2: path("M" + at(x, y - 4) + "L" + at(x + 3.8, y + 3) + "L" + at(x - 3.8, y + 3) + "Z", colour); break;
    default: path("M" + at(x, y - 4.2) + "L" + at(x + 4.2, y) + "L" + at(x, y + 4.2) + "L" + at(x - 4.2, y) + "Z", colour);
  }
}

Drawing Svg::finish(double width, double height, std::string_view label) && {
  const auto clean = escape_xml(clean_line(label));
  auto head = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" aria-label="{2}" font-family="{3}"><title>{2}</title>)"
      R"(<rect class="chart-ground" width="{0}" height="{1}" fill="#ffffff"/>)",
      number(width), number(height), clean, kFonts);
  return {.svg = std::move(head) + out_ + "</svg>\n", .width = width, .height = height};
}

double draw_title(Svg& svg, std::string_view title) {
  double y = 6;
  for (const auto& line : wrap_text(clean_line(title), kChartWidth - 16, 14.5, 2)) svg.text(8, y += 16, line, {.size = 14.5, .bold = true});
  return title.empty() ? 8 : y + 10;
}

double draw_legend(Svg& svg, const std::vector<std::pair<std::string, std::string>>& names_and_colours, double x, double y, double width, bool lines) {
  double at = x;
  double row = y + 12;
  for (std::size_t i = 0; i < names_and_colours.size(); ++i) {
    const auto& [name, colour] = names_and_colours[i];
    const auto label = fit_text(name, std::min(240.0, width - 30), kTickSize);
    const double needed = 26 + text_width(label, kTickSize) + 14;
    if (at > x && at + needed > x + width) {
      at = x;
      row += 18;
    }
    if (lines) {
      svg.line(at, row - 4, at + 20, row - 4, colour, 2);
      svg.mark(i, at + 10, row - 4, colour);
    } else {
      svg.rect(at + 6, row - 9, 11, 11, colour, 2);
    }
    svg.text(at + 25, row, label, {.size = kTickSize, .colour = kMuted});
    at += needed;
  }
  return row + 10;
}

Drawing draw_nothing(std::string_view title, std::string_view label, Language language) {
  Svg svg;
  const double y = draw_title(svg, title);
  svg.text(kChartWidth / 2, y + 40, words(language).no_data, {.anchor = Anchor::kMiddle, .colour = kMuted});
  return std::move(svg).finish(kChartWidth, y + 76, label);
}

}  // namespace siyu::report
