#include "report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "report/chart_kinds.h"
#include "report/svg.h"

namespace siyu::report {
namespace {

Status limited(std::size_t count, std::size_t limit, std::string_view what) {
  if (count <= limit) return {};
  return fail(ErrorCode::kTooLarge, fmt::format("A chart has {} {}; at most {} can be read, so sum up or leave out", count, what, limit));
}

Status check(const LineChart& chart) {
  std::size_t points = chart.marked.size();
  for (const auto& series : chart.series) points += series.points.size();
  RETURN_IF_ERROR(limited(points, kMaxChartValues, "points"));
  RETURN_IF_ERROR(limited(chart.thresholds.size(), kMaxChartSeries, "thresholds"));
  RETURN_IF_ERROR(limited(chart.marked.size(), kMaxChartRows, "marked points"));
  return limited(chart.series.size(), kMaxChartSeries, "series");
}
Status check(const BarChart& chart) {
  for (const auto& series : chart.series) RETURN_IF_ERROR(limited(series.values.size(), kMaxChartRows, "values in a series"));
  RETURN_IF_ERROR(limited(chart.thresholds.size(), kMaxChartSeries, "thresholds"));
  RETURN_IF_ERROR(limited(chart.categories.size(), kMaxChartRows, "categories"));
  return limited(chart.series.size(), kMaxChartSeries, "series");
}
Status check(const TornadoChart& chart) { return limited(chart.rows.size(), kMaxChartRows, "rows"); }
Status check(const GanttChart& chart) {
  std::size_t links = 0;
  for (const auto& task : chart.tasks) links += task.after.size();
  RETURN_IF_ERROR(limited(links, kMaxChartValues, "dependencies"));
  return limited(chart.tasks.size(), kMaxChartRows, "tasks");
}
Status check(const DonutChart& chart) { return limited(chart.slices.size(), kMaxChartRows, "slices"); }

template <class Names>
std::string joined(const Names& rows, auto name, Language language) {
  std::string out;
  constexpr std::size_t kNamed = 6;
  for (std::size_t i = 0; i < rows.size() && i < kNamed; ++i) out += (i == 0 ? "" : language == Language::kZh ? "、" : ", ") + std::invoke(name, rows[i]);
  return rows.size() > kNamed ? out + " …" : out;
}

std::string sentence(std::string_view kind, std::string_view title, const std::string& names, Language language) {
  const bool chinese = language == Language::kZh;
  std::string out(kind);
  if (!title.empty()) out += (chinese ? "：" : ": ") + std::string(title);
  if (!names.empty()) out += (chinese ? "（" : " (") + names + (chinese ? "）" : ")");
  return out;
}

std::string describe(const LineChart& chart, Language language) {
  return sentence(language == Language::kZh ? "折线图" : "Line chart", chart.title, joined(chart.series, &LineSeries::name, language), language);
}
std::string describe(const BarChart& chart, Language language) {
  return sentence(language == Language::kZh ? "柱状图" : "Bar chart", chart.title, joined(chart.series, &BarSeries::name, language), language);
}
std::string describe(const TornadoChart& chart, Language language) {
  return sentence(language == Language::kZh ? "敏感性分析图" : "Sensitivity chart", chart.title, joined(chart.rows, &TornadoRow::label, language), language);
}
std::string describe(const GanttChart& chart, Language language) {
  return sentence(language == Language::kZh ? "甘特图" : "Gantt chart", chart.title, joined(chart.tasks, &GanttTask::name, language), language);
}
std::string describe(const DonutChart& chart, Language language) {
  const auto named = [](const DonutSlice& slice) { return slice.label + " " + format_number(slice.value); };
  return sentence(language == Language::kZh ? "环形图" : "Donut chart", chart.title, joined(chart.slices, named, language), language);
}

}  // namespace

Status check_chart(const Chart& chart) {
  return std::visit([](const auto& kind) { return check(kind); }, chart);
}

std::string describe_chart(const Chart& chart, Language language) {
  return std::visit([&](const auto& kind) { return describe(kind, language); }, chart);
}

Drawing draw_chart(const Chart& chart, Language language) {
  const auto label = describe_chart(chart, language);
  return std::visit([&](const auto& kind) { return draw(kind, language, label); }, chart);
}

}  // namespace siyu::report
