// What the charts are drawn with: an SVG writer that escapes, text measured without a font, scales with readable ticks.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "report/chart.h"

namespace siyu::report {

// One accent, greys, and series colours that differ in lightness as well as in hue (after Okabe and Ito, calmed).
constexpr std::string_view kInk = "#1f2933", kMuted = "#5f6b76", kGrid = "#e3e7eb", kAxisLine = "#9aa5b1", kAccent = "#1f5fa8", kAlarm = "#b83a2c", kBand = "#eef2f6";
constexpr std::string_view kInkOnColour = "#18222c";  ///< stays dark on a dark page
std::string_view series_colour(std::size_t index);

constexpr double kLabelSize = 12, kTickSize = 11;

/// About as wide as a proportional sans-serif sets it, in the units of `size`.
double text_width(std::string_view text, double size);
/// At most `width` wide, cut with … where it is not.
std::string fit_text(std::string_view text, double width, double size);
/// Lines at most `width` wide, broken at spaces and between Chinese characters; the last of `max_lines` is cut.
std::vector<std::string> wrap_text(std::string_view text, double width, double size, std::size_t max_lines);

enum class Anchor { kStart, kMiddle, kEnd };
struct TextStyle {
  Anchor anchor = Anchor::kStart;
  double size = kLabelSize;
  std::string_view colour = kInk;
  bool bold = false;
  bool halo = false;  ///< a seam of the ground's colour around it, to be read over lines
  double turn = 0;    ///< degrees, around its anchor
};

/// Appends elements; every number is written finite with two decimals, every text cleaned and escaped.
/// Elements carry the classes chart-ink, chart-muted, chart-grid, chart-ground, so that a page can colour them for a dark ground.
class Svg {
 public:
  void text(double x, double y, std::string_view text, const TextStyle& style = {});
  void line(double x1, double y1, double x2, double y2, std::string_view colour, double width = 1, std::string_view dashes = {});
  void rect(double x, double y, double width, double height, std::string_view colour, double radius = 0, std::string_view tip = {});
  void circle(double x, double y, double radius, std::string_view fill, std::string_view stroke = {}, double width = 0);
  /// `data` is path data made with `number`.
  void path(std::string_view data, std::string_view fill, std::string_view stroke = {}, double width = 0, std::string_view dashes = {}, std::string_view tip = {});
  /// The mark of a series, for lines told apart without colour.
  void mark(std::size_t series, double x, double y, std::string_view colour);
  static std::string number(double value);
  /// The whole document.
  Drawing finish(double width, double height, std::string_view label) &&;

 private:
  std::string out_;
};

/// Values to positions.
struct ScaleMap {
  double low = 0, high = 1;  ///< values at the ends; low < high, and 0 < low when logarithmic
  bool log = false;
  double from = 0, to = 1;        ///< positions there
  double at(double value) const;  ///< finite for every drawable value; outside the ends beyond the positions
};

struct Ticks {
  std::vector<double> values;
  std::vector<std::string> labels;
};
/// A scale that holds all of `values`, its ends on ticks where the axis does not say otherwise, and about `count` ticks.
/// `from_zero` takes 0 into a linear scale.
std::pair<ScaleMap, Ticks> make_scale(const std::vector<double>& values, const Axis& axis, std::size_t count, bool from_zero, Language language);

/// 12,500 · 0.25 · 1.2e15: at most `digits` behind the point, without trailing zeros.
std::string format_number(double value, int digits = 2);
/// "Title (unit)"
std::string axis_title(const Axis& axis);

/// Draws the title at the top, and returns the y beneath it.
double draw_title(Svg& svg, std::string_view title);
/// A legend in rows from `y` on; returns the y beneath it. `lines`: with the marks of lines.
double draw_legend(Svg& svg, const std::vector<std::pair<std::string, std::string>>& names_and_colours, double x, double y, double width, bool lines);
/// A chart without data: its title, and the words for it.
Drawing draw_nothing(std::string_view title, std::string_view label, Language language);

struct Box {
  double x = 0, y = 0, width = 0, height = 0;
  bool meets(const Box& other) const { return x < other.x + other.width && other.x < x + width && y < other.y + other.height && other.y < y + height; }
};

}  // namespace siyu::report
