#include <algorithm>
#include <cmath>
#include <numbers>

#include "report/chart_kinds.h"
#include "report/svg.h"

namespace siyu::report {
namespace {

constexpr double kOuter = 105, kInner = 66, kLegendRow = 24;

std::string ring_piece(double cx, double cy, double from, double to) {
  const auto at = [&](double radius, double angle) { return Svg::number(cx + radius * std::sin(angle)) + " " + Svg::number(cy - radius * std::cos(angle)); };
  const auto arc = [](double radius, bool large, bool clockwise) {
    return "A" + Svg::number(radius) + " " + Svg::number(radius) + " 0 " + (large ? "1 " : "0 ") + (clockwise ? "1 " : "0 ");
  };
  const bool large = to - from > std::numbers::pi;
  return "M" + at(kOuter, from) + arc(kOuter, large, true) + at(kOuter, to) + "L" + at(kInner, to) + arc(kInner, large, false) + at(kInner, from) + "Z";
}

bool has_slice(const DonutSlice& slice) { return is_drawable(slice.value) && slice.value > 0; }

}  // namespace

Drawing draw(const DonutChart& chart, Language language, const std::string& label) {
  double sum = 0;
  for (const auto& slice : chart.slices)
    if (has_slice(slice)) sum += slice.value;
  if (sum <= 0) return draw_nothing(chart.title, label, language);
  Svg svg;
  const double top = draw_title(svg, chart.title) + 8;
  const double legend_height = kLegendRow * static_cast<double>(chart.slices.size());
  const double height = std::max(2 * kOuter, legend_height);
  const double cx = 40 + kOuter, cy = top + height / 2;

  const auto slices = std::ranges::count_if(chart.slices, has_slice);
  double angle = 0, legend_y = cy - legend_height / 2 + kLegendRow / 2 + 4;
  const double legend_x = cx + kOuter + 60;
  for (std::size_t i = 0; i < chart.slices.size(); ++i) {
    const auto& slice = chart.slices[i];
    const double share = has_slice(slice) ? slice.value / sum : 0;
    const auto percent = format_number(share * 100, 1) + " %";
    const double turn = std::min(share * 2 * std::numbers::pi, 2 * std::numbers::pi - 1e-3);
    if (share > 0) svg.path(ring_piece(cx, cy, angle, angle + turn), series_colour(i), slices > 1 ? "#ffffff" : "", 1.6, {}, slice.label + " · " + percent);
    angle += share * 2 * std::numbers::pi;

    const auto value = format_number(slice.value) + (chart.unit.empty() ? "" : " " + chart.unit);
    const double name_end = kChartWidth - 76 - std::min(text_width(value, kLabelSize), 130.0) - 12;
    svg.rect(legend_x, legend_y - 10, 12, 12, series_colour(i), 2);
    svg.text(legend_x + 20, legend_y, fit_text(slice.label, name_end - legend_x - 20, kLabelSize));
    svg.text(kChartWidth - 76, legend_y, fit_text(value, 130, kLabelSize), {.anchor = Anchor::kEnd, .colour = kMuted});
    svg.text(kChartWidth - 8, legend_y, percent, {.anchor = Anchor::kEnd, .bold = true});
    if (i + 1 < chart.slices.size()) svg.line(legend_x, legend_y + 8, kChartWidth - 8, legend_y + 8, kGrid);
    legend_y += kLegendRow;
  }
  const auto centre = chart.centre_value.empty() ? format_number(sum) : chart.centre_value;
  const auto under = chart.centre_label.empty() ? chart.unit : chart.centre_label;
  const double size = std::clamp(22.0 * (2 * kInner - 24) / std::max(text_width(centre, 22), 1.0), 11.0, 22.0);
  svg.text(cx, cy + (under.empty() ? 8 : 2), fit_text(centre, 2 * kInner - 20, size), {.anchor = Anchor::kMiddle, .size = size, .bold = true});
  svg.text(cx, cy + 22, fit_text(under, 2 * kInner - 30, kLabelSize), {.anchor = Anchor::kMiddle, .colour = kMuted});
  return std::move(svg).finish(kChartWidth, top + height + 14, label);
}

}  // namespace siyu::report
