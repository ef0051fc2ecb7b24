#include <algorithm>
#include <cmath>

#include "report/chart_kinds.h"
#include "report/svg.h"

namespace siyu::report {
namespace {

constexpr double kPlotHeight = 260;
constexpr std::size_t kMarksShown = 40;  // more points than this, and their marks would hide the line

struct Plot {
  Box area;
  ScaleMap x, y;
  bool holds(const Point& point) const {
    const double slack = 1;
    if (!is_drawable(point.x) || !is_drawable(point.y) || (x.log && point.x <= 0) || (y.log && point.y <= 0)) return false;
    const double px = x.at(point.x), py = y.at(point.y);
    return px >= area.x - slack && px <= area.x + area.width + slack && py >= area.y - slack && py <= area.y + area.height + slack;
  }
};

void draw_axes(Svg& svg, const Plot& plot, const Ticks& x_ticks, const Ticks& y_ticks, const LineChart& chart) {
  const auto& area = plot.area;
  for (std::size_t i = 0; i < y_ticks.values.size(); ++i) {
    const double y = plot.y.at(y_ticks.values[i]);
    svg.line(area.x, y, area.x + area.width, y, kGrid);
    svg.text(area.x - 8, y + 4, y_ticks.labels[i], {.anchor = Anchor::kEnd, .size = kTickSize, .colour = kMuted});
  }
  double label_end = -1e9;
  for (std::size_t i = 0; i < x_ticks.values.size(); ++i) {
    const double x = plot.x.at(x_ticks.values[i]);
    svg.line(x, area.y + area.height, x, area.y + area.height + 4, kAxisLine);
    const double half = text_width(x_ticks.labels[i], kTickSize) / 2;
    if (x - half < label_end + 6) continue;
    svg.text(x, area.y + area.height + 18, x_ticks.labels[i], {.anchor = Anchor::kMiddle, .size = kTickSize, .colour = kMuted});
    label_end = x + half;
  }
  svg.line(area.x, area.y + area.height, area.x + area.width, area.y + area.height, kAxisLine);
  if (const auto title = axis_title(chart.y); !title.empty())
    svg.text(8, area.y - 12, fit_text(title, kChartWidth - 16, kTickSize), {.size = kTickSize, .colour = kMuted});
  if (const auto title = axis_title(chart.x); !title.empty())
    svg.text(area.x + area.width, area.y + area.height + 37, fit_text(title, area.x + area.width - 8, kTickSize),
             {.anchor = Anchor::kEnd, .size = kTickSize, .colour = kMuted});
}

void draw_series(Svg& svg, const Plot& plot, const LineSeries& series, std::size_t index) {
  const auto colour = series_colour(index);
  constexpr std::string_view kDashes[] = {"", "7 4", "2 4", "9 4 2 4"};
  std::string data;
  bool pen_down = false;
  for (const auto& point : series.points) {
    if (!plot.holds(point)) {
      pen_down = false;
      continue;
    }
    data += (pen_down ? "L" : "M") + Svg::number(plot.x.at(point.x)) + " " + Svg::number(plot.y.at(point.y));
    pen_down = true;
  }
  if (!data.empty()) svg.path(data, "none", colour, 2.2, kDashes[index / 4 % 4]);
  if (series.points.size() > kMarksShown) return;
  for (const auto& point : series.points)
    if (plot.holds(point)) svg.mark(index, plot.x.at(point.x), plot.y.at(point.y), colour);
}

/// Small boxes along the lines, which labels keep clear of.
void take_lines(const Plot& plot, const std::vector<LineSeries>& series, std::vector<Box>& taken) {
  constexpr std::size_t kMaxBoxes = 4000;
  constexpr double kStep = 8;
  for (const auto& one : series) {
    for (std::size_t i = 1; i < one.points.size() && taken.size() < kMaxBoxes; ++i) {
      if (!plot.holds(one.points[i - 1]) || !plot.holds(one.points[i])) continue;
      const double x1 = plot.x.at(one.points[i - 1].x), y1 = plot.y.at(one.points[i - 1].y), x2 = plot.x.at(one.points[i].x), y2 = plot.y.at(one.points[i].y);
      const int steps = static_cast<int>(std::hypot(x2 - x1, y2 - y1) / kStep) + 1;
      for (int step = 0; step <= steps; ++step) {
        const double part = static_cast<double>(step) / steps;
        taken.push_back({x1 + (x2 - x1) * part - 2, y1 + (y2 - y1) * part - 2, 4, 4});
      }
    }
  }
}

/// The first of the places that meets nothing, or none.
const Box* free_place(const std::vector<Box>& places, const Box& area, const std::vector<Box>& taken) {
  for (const auto& box : places) {
    const bool inside = box.x >= area.x - 1 && box.x + box.width <= kChartWidth && box.y >= area.y - 6 && box.y + box.height <= area.y + area.height;
    if (inside && std::ranges::none_of(taken, [&](const Box& other) { return box.meets(other); })) return &box;
  }
  return nullptr;
}

void draw_thresholds(Svg& svg, const Plot& plot, const std::vector<Threshold>& thresholds, std::vector<Box>& taken) {
  const auto& area = plot.area;
  for (const auto& threshold : thresholds)
    if (threshold.vertical && is_drawable(threshold.value)) taken.push_back({plot.x.at(threshold.value) - 1, area.y, 2, area.height});
  for (const auto& threshold : thresholds) {
    const auto& map = threshold.vertical ? plot.x : plot.y;
    if (!is_drawable(threshold.value) || threshold.value < map.low || threshold.value > map.high) continue;
    const double at = map.at(threshold.value);
    const auto label = fit_text(threshold.label, area.width / 2, kTickSize);
    const double width = text_width(label, kTickSize) + 6;
    std::vector<Box> places;
    if (threshold.vertical) {
      svg.line(at, area.y, at, area.y + area.height, kAlarm, 1.4, "5 4");
      for (double y = area.y; y + 15 < area.y + area.height; y += 16) places.insert(places.end(), {{at + 2, y, width, 15}, {at - width - 2, y, width, 15}});
    } else {
      svg.line(area.x, at, area.x + area.width, at, kAlarm, 1.4, "5 4");
      for (double x = area.x + area.width - width; x >= area.x; x -= 30) places.insert(places.end(), {{x, at - 17, width, 15}, {x, at + 2, width, 15}});
    }
    if (places.empty()) continue;
    const auto* found = free_place(places, area, taken);
    const Box box = found != nullptr ? *found : places[0];  // what a line means must be told, over others if need be
    taken.push_back(box);
    svg.text(box.x + 3, box.y + 12, label, {.size = kTickSize, .colour = kAlarm, .halo = true});
  }
}

void draw_marked(Svg& svg, const Plot& plot, const std::vector<MarkedPoint>& marked, std::vector<Box>& taken) {
  const auto& area = plot.area;
  std::vector<Box> labels;
  for (const auto& point : marked) {
    if (!plot.holds({point.x, point.y})) continue;
    const double x = plot.x.at(point.x), y = plot.y.at(point.y);
    const auto label = fit_text(point.label, area.width * 0.6, kTickSize);
    const double width = text_width(label, kTickSize) + 6;
    const std::vector<Box> places{{x - width / 2, y - 26, width, 16}, {x + 9, y - 8, width, 16},          {x - width - 9, y - 8, width, 16},
                                  {x - width / 2, y + 10, width, 16}, {x + 9, y - 26, width, 16},         {x - width - 9, y - 26, width, 16},
                                  {x + 9, y + 10, width, 16},         {x - width - 9, y + 10, width, 16}, {x - width / 2, y - 44, width, 16},
                                  {x + 9, y + 24, width, 16},         {x - width - 9, y + 24, width, 16}};
    const auto* place = free_place(places, area, taken);
    svg.circle(x, y, 5.2, "#ffffff", kAlarm, 2.2);
    taken.push_back({x - 6, y - 6, 12, 12});
    if (place == nullptr) place = free_place(places, area, labels);  // over a line, but never over another label
    if (place == nullptr) continue;
    taken.push_back(*place);
    labels.push_back(*place);
    svg.text(place->x + 3, place->y + 12, label, {.size = kTickSize, .bold = true, .halo = true});
  }
}

}  // namespace

Drawing draw(const LineChart& chart, Language language, const std::string& label) {
  std::vector<double> xs, ys;
  const auto take = [&](double x, double y) {
    if (!is_drawable(x) || !is_drawable(y) || (chart.x.scale == Scale::kLog && x <= 0) || (chart.y.scale == Scale::kLog && y <= 0)) return;
    xs.push_back(x);
    ys.push_back(y);
  };
  for (const auto& series : chart.series)
    for (const auto& point : series.points) take(point.x, point.y);
  for (const auto& point : chart.marked) take(point.x, point.y);
  if (xs.empty()) return draw_nothing(chart.title, label, language);
  for (const auto& threshold : chart.thresholds) (threshold.vertical ? xs : ys).push_back(threshold.value);

  Svg svg;
  double y = draw_title(svg, chart.title);
  std::vector<std::pair<std::string, std::string>> names;
  for (std::size_t i = 0; i < chart.series.size(); ++i) names.emplace_back(chart.series[i].name, series_colour(i));
  if (chart.series.size() > 1) y = draw_legend(svg, names, 8, y, kChartWidth - 16, true);
  y += axis_title(chart.y).empty() ? 10 : 26;

  auto [y_map, y_ticks] = make_scale(ys, chart.y, 6, false, language);
  double left = 0;
  for (const auto& tick : y_ticks.labels) left = std::max(left, text_width(tick, kTickSize));
  Plot plot{.area = {.x = left + 20, .y = y, .width = kChartWidth - left - 48, .height = kPlotHeight}, .x = {}, .y = y_map};
  auto [x_map, x_ticks] = make_scale(xs, chart.x, 8, false, language);
  plot.x = x_map;
  plot.x.from = plot.area.x, plot.x.to = plot.area.x + plot.area.width;
  plot.y.from = plot.area.y + plot.area.height, plot.y.to = plot.area.y;

  draw_axes(svg, plot, x_ticks, y_ticks, chart);
  std::vector<Box> taken;
  take_lines(plot, chart.series, taken);
  for (std::size_t i = 0; i < chart.series.size(); ++i) draw_series(svg, plot, chart.series[i], i);
  draw_thresholds(svg, plot, chart.thresholds, taken);
  draw_marked(svg, plot, chart.marked, taken);
  const double bottom = plot.area.y + plot.area.height + (axis_title(chart.x).empty() ? 28 : 46);
  return std::move(svg).finish(kChartWidth, bottom, label);
}

}  // namespace siyu::report
