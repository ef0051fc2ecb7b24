// Charts as data, drawn as SVG: calm, deterministic (equal charts are equal bytes). Colours differ in lightness too, for print and for
// eyes that see fewer of them; lines differ in their marks as well.
#pragma once

#include <boost/describe.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace siyu::report {

enum class Language { kZh, kEn };
BOOST_DESCRIBE_ENUM(Language, kZh, kEn)

enum class Scale { kLinear, kLog };
BOOST_DESCRIBE_ENUM(Scale, kLinear, kLog)

struct Axis {
  std::string title = {};
  std::string unit = {};            ///< "ms", "万元"; set in brackets behind the title
  Scale scale = Scale::kLinear;     ///< on a logarithmic axis, values of 0 or below are left out
  std::optional<double> low, high;  ///< else as the values ask
};
BOOST_DESCRIBE_STRUCT(Axis, (), (title, unit, scale, low, high))

struct Point {
  double x = 0, y = 0;
};
BOOST_DESCRIBE_STRUCT(Point, (), (x, y))

struct LineSeries {
  std::string name;
  std::vector<Point> points;  ///< in the order they are joined; a value that cannot be drawn is a gap
};
BOOST_DESCRIBE_STRUCT(LineSeries, (), (name, points))

/// A line across the plot: at a value of y, or of x when `vertical`.
struct Threshold {
  std::string label;
  double value = 0;
  bool vertical = false;
};
BOOST_DESCRIBE_STRUCT(Threshold, (), (label, value, vertical))

struct MarkedPoint {
  std::string label;
  double x = 0, y = 0;
};
BOOST_DESCRIBE_STRUCT(MarkedPoint, (), (label, x, y))

struct LineChart {
  std::string title = {};
  Axis x, y;
  std::vector<LineSeries> series;
  std::vector<Threshold> thresholds = {};
  std::vector<MarkedPoint> marked = {};
};
BOOST_DESCRIBE_STRUCT(LineChart, (), (title, x, y, series, thresholds, marked))

struct BarSeries {
  std::string name;
  std::vector<double> values;  ///< one for each category; missing ones are not drawn
};
BOOST_DESCRIBE_STRUCT(BarSeries, (), (name, values))

struct BarChart {
  std::string title = {};
  std::vector<std::string> categories;
  std::vector<BarSeries> series;
  Axis value;                              ///< always from 0 when linear and not told otherwise
  bool stacked = false;                    ///< else beside each other; negative values are stacked downwards
  bool horizontal = false;                 ///< for long category names
  bool labels = true;                      ///< the values at the bars, where there is room
  std::vector<Threshold> thresholds = {};  ///< `vertical` is ignored: they stand across the bars
};
BOOST_DESCRIBE_STRUCT(BarChart, (), (title, categories, series, value, stacked, horizontal, labels, thresholds))

struct TornadoRow {
  std::string label;
  double low = 0, high = 0;                     ///< the result at the low and the high end of this one assumption
  std::string low_label = {}, high_label = {};  ///< the assumption there: "3 年", "-20 %"
};
BOOST_DESCRIBE_STRUCT(TornadoRow, (), (label, low, high, low_label, high_label))

/// What one assumption after another does to a result; the widest comes first.
struct TornadoChart {
  std::string title = {};
  std::string unit = {};
  double base = 0;
  std::vector<TornadoRow> rows;
};
BOOST_DESCRIBE_STRUCT(TornadoChart, (), (title, unit, base, rows))

struct GanttTask {
  std::string id;  ///< for `after`; may be empty
  std::string name;
  double start = 0, end = 0;  ///< days from the beginning; the end is not included. A milestone stands at `start`
  bool milestone = false;
  bool critical = false;                ///< on the critical path
  std::string group = {};               ///< a phase; tasks of one group come one after another
  std::vector<std::string> after = {};  ///< the ids of what must end before
};
BOOST_DESCRIBE_STRUCT(GanttTask, (), (id, name, start, end, milestone, critical, group, after))

struct GanttChart {
  std::string title = {};
  std::string begins = {};  ///< YYYY-MM-DD of day 0; empty: the axis counts days or weeks
  std::vector<GanttTask> tasks;
};
BOOST_DESCRIBE_STRUCT(GanttChart, (), (title, begins, tasks))

struct DonutSlice {
  std::string label;
  double value = 0;  ///< of 0 or below: in the legend, without a slice
};
BOOST_DESCRIBE_STRUCT(DonutSlice, (), (label, value))

struct DonutChart {
  std::string title = {};
  std::string unit = {};
  std::vector<DonutSlice> slices;
  std::string centre_value = {}, centre_label = {};  ///< empty: the sum
};
BOOST_DESCRIBE_STRUCT(DonutChart, (), (title, unit, slices, centre_value, centre_label))

using Chart = std::variant<LineChart, BarChart, TornadoChart, GanttChart, DonutChart>;

constexpr std::size_t kMaxChartValues = 20'000;  ///< points or bars of one chart
constexpr std::size_t kMaxChartRows = 200;       ///< categories, tornado rows, tasks or slices of one chart
constexpr std::size_t kMaxChartSeries = 24;

/// NaN, the infinities and numbers over 10^100 are drawn nowhere: gaps in lines, bars that are not there.
bool is_drawable(double value);
constexpr double kNoValue = 1e300;  ///< what stands for them where JSON has no other word

/// The limits above, names included. What passes can be drawn.
Status check_chart(const Chart& chart);

/// A whole SVG document of kChartWidth user units; `width` and `height` are its size. Values that cannot be drawn are left out, and
/// a chart without any says so in words. Its texts are escaped; it refers to nothing outside and has no scripts, styles or ids.
struct Drawing {
  std::string svg;
  double width = 0, height = 0;
};
constexpr double kChartWidth = 720;
Drawing draw_chart(const Chart& chart, Language language);

/// What a screen reader says: kind, title, and what it shows in short.
std::string describe_chart(const Chart& chart, Language language);

}  // namespace siyu::report
