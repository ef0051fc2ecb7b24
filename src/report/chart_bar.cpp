#include <algorithm>
#include <cmath>

#include "report/chart_kinds.h"
#include "report/svg.h"

namespace siyu::report {
namespace {

constexpr double kPlotHeight = 250;
constexpr double kLabelRoom = 14;  // a value's label needs this much height

/// One bar, from a value to a value.
struct Bar {
  std::size_t category = 0, series = 0;
  double from = 0, to = 0, value = 0;
  double begin = 0, breadth = 0;  ///< across: its place in the category's band, from 0 to 1
  bool outermost = true;          ///< its label may stand beyond its end
};

std::vector<Bar> arrange(const BarChart& chart, double zero) {
  std::vector<Bar> bars;
  const double gap = 0.12, band = 1 - 2 * gap;
  const auto count = static_cast<double>(std::max<std::size_t>(chart.series.size(), 1));
  for (std::size_t category = 0; category < chart.categories.size(); ++category) {
    double up = 0, down = 0;
    for (std::size_t series = 0; series < chart.series.size(); ++series) {
      const auto& values = chart.series[series].values;
      if (category >= values.size() || !is_drawable(values[category])) continue;
      const double value = values[category];
      if (chart.stacked) {
        double& edge = value < 0 ? down : up;
        bars.push_back({category, series, edge, edge + value, value, gap, band, false});
        edge += value;
      } else {
        bars.push_back({category, series, zero, value, value, gap + band * static_cast<double>(series) / count, band / count, true});
      }
    }
  }
  return bars;
}

std::vector<double> ends_of(const std::vector<Bar>& bars, const BarChart& chart) {
  std::vector<double> values;
  for (const auto& bar : bars) values.insert(values.end(), {bar.to, chart.stacked ? bar.from : bar.to});
  for (const auto& threshold : chart.thresholds) values.push_back(threshold.value);
  return values;
}

std::string tip(const BarChart& chart, const Bar& bar) {
  return chart.categories[bar.category] + " · " + chart.series[bar.series].name + " · " + format_number(bar.value);
}

/// Dark bars take white figures, light ones dark.
std::string_view ink_on(std::size_t series) { return series % 8 == 1 || series % 8 == 4 ? kInkOnColour : "#ffffff"; }

class Upright {
 public:
  Upright(const BarChart& chart, Language language) : chart_(chart), language_(language) {}

  Drawing draw(Svg svg, double top, const std::string& label) {
    const auto bars = arrange(chart_, 0);
    auto [map, ticks] = make_scale(ends_of(bars, chart_), chart_.value, 6, true, language_);
    double left = 0;
    for (const auto& tick : ticks.labels) left = std::max(left, text_width(tick, kTickSize));
    area_ = {.x = left + 20, .y = top + (axis_title(chart_.value).empty() ? 12 : 28), .width = kChartWidth - left - 32, .height = kPlotHeight};
    map_ = map;
    map_.from = area_.y + area_.height, map_.to = area_.y;
    band_ = area_.width / static_cast<double>(chart_.categories.size());
    for (std::size_t i = 0; i < ticks.values.size(); ++i) {
      const double y = map_.at(ticks.values[i]);
      svg.line(area_.x, y, area_.x + area_.width, y, kGrid);
      svg.text(area_.x - 8, y + 4, ticks.labels[i], {.anchor = Anchor::kEnd, .size = kTickSize, .colour = kMuted});
    }
    if (const auto title = axis_title(chart_.value); !title.empty())
      svg.text(8, area_.y - 14, fit_text(title, kChartWidth - 16, kTickSize), {.size = kTickSize, .colour = kMuted});
    for (const auto& bar : bars) draw_bar(svg, bar, false);
    const double base = map_.at(std::clamp(0.0, map_.low, map_.high));
    svg.line(area_.x, base, area_.x + area_.width, base, kAxisLine);
    draw_thresholds(svg);
    for (const auto& bar : bars) draw_bar(svg, bar, true);
    if (chart_.stacked && chart_.labels && chart_.series.size() > 1) draw_sums(svg, bars);
    return std::move(svg).finish(kChartWidth, draw_categories(svg) + 8, label);
  }

 private:
  /// The bar itself, or the figure at it.
  void draw_bar(Svg& svg, const Bar& bar, bool figure) {
    const double bottom = map_.log ? area_.y + area_.height : map_.at(std::clamp(bar.from, map_.low, map_.high));
    if (map_.log && bar.to <= 0) return;
    const double end = map_.at(std::clamp(bar.to, map_.low, map_.high));
    const double x = area_.x + band_ * (static_cast<double>(bar.category) + bar.begin), width = std::min(band_ * bar.breadth, 64.0);
    const double left = x + (band_ * bar.breadth - width) / 2 + 0.5, height = std::abs(bottom - end), high = std::min(bottom, end);
    if (!figure) return svg.rect(left, high, width - 1, height, series_colour(bar.series), chart_.stacked ? 0 : 2, tip(chart_, bar));
    if (!chart_.labels) return;
    const auto text = format_number(bar.value, 1);
    if (text_width(text, kTickSize) > std::max(width, band_ * bar.breadth) + (bar.outermost ? 4 : -4)) return;
    const double middle = left + (width - 1) / 2;
    if (bar.outermost) svg.text(middle, bar.to < bar.from ? high + height + 12 : high - 4, text, {.anchor = Anchor::kMiddle, .size = kTickSize, .halo = true});
    else if (height > kLabelRoom + 2) svg.text(middle, high + height / 2 + 4, text, {.anchor = Anchor::kMiddle, .size = kTickSize, .colour = ink_on(bar.series)});
  }

  /// Above a stack of one direction, what it comes to.
  void draw_sums(Svg& svg, const std::vector<Bar>& bars) {
    std::vector<double> top(chart_.categories.size()), bottom(chart_.categories.size());
    for (const auto& bar : bars) {
      top[bar.category] = std::max(top[bar.category], bar.to);
      bottom[bar.category] = std::min(bottom[bar.category], bar.to);
    }
    for (std::size_t i = 0; i < top.size(); ++i) {
      const auto text = format_number(top[i], 1);
      if (top[i] <= 0 || bottom[i] < 0 || top[i] > map_.high || text_width(text, kTickSize) > band_ - 4) continue;
      svg.text(area_.x + band_ * (static_cast<double>(i) + 0.5), map_.at(top[i]) - 5, text, {.anchor = Anchor::kMiddle, .size = kTickSize, .bold = true, .halo = true});
    }
  }

  void draw_thresholds(Svg& svg) {
    for (const auto& threshold : chart_.thresholds) {
      if (!is_drawable(threshold.value) || threshold.value < map_.low || threshold.value > map_.high) continue;
      const double y = map_.at(threshold.value);
      svg.line(area_.x, y, area_.x + area_.width, y, kAlarm, 1.4, "5 4");
      svg.text(area_.x + area_.width - 2, y - 5, fit_text(threshold.label, area_.width / 2, kTickSize),
               {.anchor = Anchor::kEnd, .size = kTickSize, .colour = kAlarm, .halo = true});
    }
  }

  /// Beneath the bars: in lines where there is room for words, else turned. Returns the lowest y.
  double draw_categories(Svg& svg) {
    const double y = area_.y + area_.height;
    double lowest = y + 18;
    const bool turned = band_ < 40 && std::ranges::any_of(chart_.categories, [&](const std::string& name) { return text_width(name, kTickSize) > band_ - 4; });
    const auto stride = turned ? static_cast<std::size_t>(std::ceil(13 / band_)) : 1;
    for (std::size_t i = 0; i < chart_.categories.size(); i += std::max<std::size_t>(stride, 1)) {
      const double middle = area_.x + band_ * (static_cast<double>(i) + 0.5);
      if (turned) {
        // Turned names reach down to the left: the first ones have the least room there.
        const auto name = fit_text(chart_.categories[i], std::min(110.0, (middle - 4) / 0.72), kTickSize);
        svg.text(middle + 4, y + 14, name, {.anchor = Anchor::kEnd, .size = kTickSize, .colour = kMuted, .turn = -45});
        lowest = std::max(lowest, y + 16 + text_width(name, kTickSize) * 0.72);
        continue;
      }
      double line_y = y + 4;
      for (const auto& line : wrap_text(chart_.categories[i], band_ - 6, kTickSize, 3))
        svg.text(middle, line_y += 14, line, {.anchor = Anchor::kMiddle, .size = kTickSize, .colour = kMuted});
      lowest = std::max(lowest, line_y);
    }
    return lowest;
  }

  const BarChart& chart_;
  const Language language_;
  Box area_;
  ScaleMap map_;
  double band_ = 1;
};

class Sideways {
 public:
  Sideways(const BarChart& chart, Language language) : chart_(chart), language_(language) {}

  Drawing draw(Svg svg, double top, const std::string& label) {
    const auto bars = arrange(chart_, 0);
    auto [map, ticks] = make_scale(ends_of(bars, chart_), chart_.value, 6, true, language_);
    map_ = map;
    double names = 0, figures = 20;
    for (const auto& name : chart_.categories) names = std::max(names, text_width(name, kLabelSize));
    names = std::min(names, 210.0);
    if (chart_.labels)
      for (const auto& bar : bars) figures = std::max(figures, text_width(format_number(bar.value, 1), kTickSize) + 10);
    const bool negative = map_.low < 0;
    band_ = 16.0 * static_cast<double>(chart_.stacked ? 1 : std::max<std::size_t>(chart_.series.size(), 1)) + 14;
    const double left = names + 20 + (negative && !chart_.stacked ? figures : 0);
    const double above = 16 * static_cast<double>(std::ranges::count_if(chart_.thresholds, [&](const Threshold& threshold) { return is_seen(threshold); }));
    area_ = {.x = left, .y = top + 8 + above, .width = kChartWidth - left - figures - 8, .height = band_ * static_cast<double>(chart_.categories.size())};
    map_.from = area_.x, map_.to = area_.x + area_.width;
    for (std::size_t i = 0; i < ticks.values.size(); ++i) {
      const double x = map_.at(ticks.values[i]);
      svg.line(x, area_.y, x, area_.y + area_.height, kGrid);
      svg.text(x, area_.y + area_.height + 16, ticks.labels[i], {.anchor = Anchor::kMiddle, .size = kTickSize, .colour = kMuted});
    }
    for (const auto& bar : bars) draw_bar(svg, bar, false);
    draw_thresholds(svg);
    for (const auto& bar : bars) draw_bar(svg, bar, true);
    for (std::size_t i = 0; i < chart_.categories.size(); ++i) draw_name(svg, i, names);
    const double base = map_.at(std::clamp(0.0, map_.low, map_.high));
    svg.line(base, area_.y, base, area_.y + area_.height, kAxisLine);
    double bottom = area_.y + area_.height + 24;
    if (const auto title = axis_title(chart_.value); !title.empty())
      svg.text(area_.x + area_.width, bottom += 12, fit_text(title, area_.x + area_.width - 8, kTickSize), {.anchor = Anchor::kEnd, .size = kTickSize, .colour = kMuted});
    return std::move(svg).finish(kChartWidth, bottom + 8, label);
  }

 private:
  void draw_bar(Svg& svg, const Bar& bar, bool figure) {
    if (map_.log && bar.to <= 0) return;
    const double begin = map_.log ? area_.x : map_.at(std::clamp(bar.from, map_.low, map_.high));
    const double end = map_.at(std::clamp(bar.to, map_.low, map_.high));
    const double y = area_.y + band_ * (static_cast<double>(bar.category) + bar.begin), height = band_ * bar.breadth - 1;
    const double left = std::min(begin, end), width = std::abs(end - begin);
    if (!figure) return svg.rect(left, y, width, height, series_colour(bar.series), chart_.stacked ? 0 : 2, tip(chart_, bar));
    if (!chart_.labels) return;
    const auto text = format_number(bar.value, 1);
    if (bar.outermost) {
      const bool leftwards = bar.to < bar.from;
      svg.text(leftwards ? left - 5 : left + width + 5, y + height / 2 + 4, text, {.anchor = leftwards ? Anchor::kEnd : Anchor::kStart, .size = kTickSize, .halo = true});
    } else if (text_width(text, kTickSize) + 6 < width) {
      svg.text(left + width / 2, y + height / 2 + 4, text, {.anchor = Anchor::kMiddle, .size = kTickSize, .colour = ink_on(bar.series)});
    }
  }

  void draw_name(Svg& svg, std::size_t category, double width) {
    const auto lines = wrap_text(chart_.categories[category], width + 2, kLabelSize, band_ >= 29 ? 2 : 1);
    double y = area_.y + band_ * (static_cast<double>(category) + 0.5) + 4.5 - 7 * static_cast<double>(lines.size() > 1 ? lines.size() - 1 : 0);
    for (const auto& line : lines) {
      svg.text(width + 10, y, line, {.anchor = Anchor::kEnd});
      y += 14;
    }
  }

  bool is_seen(const Threshold& threshold) const { return is_drawable(threshold.value) && threshold.value >= map_.low && threshold.value <= map_.high; }

  /// Their labels stand above the bars, each in a line of its own.
  void draw_thresholds(Svg& svg) {
    double y = area_.y - 5;
    for (const auto& threshold : chart_.thresholds) {
      if (!is_seen(threshold)) continue;
      const double x = map_.at(threshold.value);
      svg.line(x, y + 3, x, area_.y + area_.height, kAlarm, 1.4, "5 4");
      const auto label = fit_text(threshold.label, kChartWidth / 2, kTickSize);
      const double half = text_width(label, kTickSize) / 2;
      svg.text(std::clamp(x, half + 4, kChartWidth - half - 4), y, label, {.anchor = Anchor::kMiddle, .size = kTickSize, .colour = kAlarm});
      y -= 16;
    }
  }

  const BarChart& chart_;
  const Language language_;
  Box area_;
  ScaleMap map_;
  double band_ = 1;
};

}  // namespace

Drawing draw(const BarChart& chart, Language language, const std::string& label) {
  const bool empty = std::ranges::none_of(chart.series, [](const BarSeries& series) { return std::ranges::any_of(series.values, is_drawable); });
  if (chart.categories.empty() || empty) return draw_nothing(chart.title, label, language);
  Svg svg;
  double y = draw_title(svg, chart.title);
  if (chart.series.size() > 1) {
    std::vector<std::pair<std::string, std::string>> names;
    for (std::size_t i = 0; i < chart.series.size(); ++i) names.emplace_back(chart.series[i].name, series_colour(i));
    y = draw_legend(svg, names, 8, y, kChartWidth - 16, false);
  }
  return chart.horizontal ? Sideways(chart, language).draw(std::move(svg), y, label) : Upright(chart, language).draw(std::move(svg), y, label);
}

}  // namespace siyu::report
