#include <algorithm>
#include <cmath>

#include "report/chart_kinds.h"
#include "report/svg.h"

namespace siyu::report {
namespace {

constexpr double kRow = 34, kBar = 20;

std::string end_label(const std::string& assumption, double value) { return assumption.empty() ? format_number(value) : assumption + " · " + format_number(value); }

std::vector<TornadoRow> widest_first(const TornadoChart& chart) {
  std::vector<std::pair<double, std::size_t>> order;  // equal ones stay as they were given
  for (std::size_t i = 0; i < chart.rows.size(); ++i) {
    const auto& row = chart.rows[i];
    if (is_drawable(row.low) && is_drawable(row.high)) order.emplace_back(-std::abs(row.high - row.low), i);
  }
  std::ranges::sort(order);
  std::vector<TornadoRow> rows;
  for (const auto& [width, index] : order) rows.push_back(chart.rows[index]);
  return rows;
}

}  // namespace

Drawing draw(const TornadoChart& chart, Language language, const std::string& label) {
  const auto rows = widest_first(chart);
  if (rows.empty() || !is_drawable(chart.base)) return draw_nothing(chart.title, label, language);
  const bool chinese = language == Language::kZh;
  Svg svg;
  double y = draw_title(svg, chart.title);
  y = draw_legend(svg,
                  {{chinese ? "假设取低值" : "assumption at its low end", std::string(series_colour(1))},
                   {chinese ? "假设取高值" : "assumption at its high end", std::string(series_colour(0))}},
                  8, y, kChartWidth - 16, false);

  std::vector<double> values{chart.base};
  double names = 0, ends = 0;
  for (const auto& row : rows) {
    values.insert(values.end(), {row.low, row.high});
    names = std::max(names, text_width(row.label, kLabelSize));
    ends = std::max({ends, text_width(end_label(row.low_label, row.low), kTickSize), text_width(end_label(row.high_label, row.high), kTickSize)});
  }
  names = std::min(names, 190.0);
  ends = std::min(ends, 130.0);
  auto [map, ticks] = make_scale(values, {.unit = chart.unit}, 6, false, language);
  const double left = names + 24 + ends, right = kChartWidth - ends - 14;
  map.from = left, map.to = right;
  const double top = y + 22, bottom = top + kRow * static_cast<double>(rows.size());

  for (std::size_t i = 0; i < ticks.values.size(); ++i) {
    const double x = map.at(ticks.values[i]);
    svg.line(x, top, x, bottom, kGrid);
    svg.text(x, bottom + 16, ticks.labels[i], {.anchor = Anchor::kMiddle, .size = kTickSize, .colour = kMuted});
  }
  const double base = map.at(chart.base);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& row = rows[i];
    const double middle = top + kRow * (static_cast<double>(i) + 0.5);
    const auto lines = wrap_text(row.label, names + 2, kLabelSize, 2);
    double line_y = middle + 4.5 - 7 * static_cast<double>(lines.size() > 1 ? lines.size() - 1 : 0);
    for (const auto& line : lines) {
      svg.text(8, line_y, line);
      line_y += 14;
    }
    // Both ends may lie on one side of the base: the longer bar first, so that the shorter is seen over it.
    struct End {
      double value;
      std::string label;
      std::string_view colour;
    };
    End two[] = {{row.low, end_label(row.low_label, row.low), series_colour(1)}, {row.high, end_label(row.high_label, row.high), series_colour(0)}};
    if (std::abs(two[0].value - chart.base) < std::abs(two[1].value - chart.base)) std::swap(two[0], two[1]);
    for (const auto& end : two) {
      const double x = map.at(end.value);
      svg.rect(std::min(x, base), middle - kBar / 2, std::abs(x - base), kBar, end.colour, 2, row.label + " · " + end.label);
    }
    const auto& lower = two[0].value <= two[1].value ? two[0] : two[1];
    const auto& upper = two[0].value <= two[1].value ? two[1] : two[0];
    svg.text(std::min(map.at(lower.value), base) - 6, middle + 4, fit_text(lower.label, ends + 1, kTickSize), {.anchor = Anchor::kEnd, .size = kTickSize});
    svg.text(std::max(map.at(upper.value), base) + 6, middle + 4, fit_text(upper.label, ends + 1, kTickSize), {.size = kTickSize});
  }
  svg.line(base, top - 4, base, bottom, kInk, 1.4);
  const auto base_text = fit_text((chinese ? "基准 " : "base ") + format_number(chart.base) + (chart.unit.empty() ? "" : " " + chart.unit), kChartWidth / 2, kTickSize);
  const double half = text_width(base_text, kTickSize) / 2 + 4;
  svg.text(std::clamp(base, half, kChartWidth - half), top - 9, base_text, {.anchor = Anchor::kMiddle, .size = kTickSize, .bold = true});
  double lowest = bottom + 24;
  if (!chart.unit.empty()) svg.text(right, lowest += 10, fit_text(chart.unit, kChartWidth / 2, kTickSize), {.anchor = Anchor::kEnd, .size = kTickSize, .colour = kMuted});
  return std::move(svg).finish(kChartWidth, lowest + 6, label);
}

}  // namespace siyu::report
