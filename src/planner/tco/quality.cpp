#include <fmt/format.h>

#include <algorithm>

#include "planner/tco.h"

namespace siyu::planner {
namespace {

constexpr std::size_t kMostPoints = 100;

Status check(const std::vector<QualityPoint>& points, double worth) {
  if (points.empty() || points.size() > kMostPoints) return invalid(fmt::format("A curve of quality has from 1 to {} points; {} were given", kMostPoints, points.size()));
  if (!(worth >= 0 && worth <= 1e6)) return invalid(fmt::format("What a unit of cost must bring is 0 or more points of quality; {} was given", worth));
  for (const auto& one : points) {
    if (!(one.parameters > 0 && one.parameters <= 1e15))
      return invalid(fmt::format("Point {} of the quality curve: parameters must be over 0; {} was given", one.name, one.parameters));
    if (!(one.quality >= 0 && one.quality <= 100))
      return invalid(fmt::format("Point {} of the quality curve: quality is in percent; {} was given", one.name, one.quality));
    if (!(one.relative_cost > 0 && one.relative_cost <= 1e9))
      return invalid(fmt::format("Point {} of the quality curve: relative_cost must be over 0; {} was given", one.name, one.relative_cost));
  }
  return {};
}

}  // namespace

Result<QualityCurve> diminishing_returns(const std::vector<QualityPoint>& points, double worth) {
  RETURN_IF_ERROR(check(points, worth));
  auto sorted = points;
  std::ranges::sort(sorted, {}, [](const QualityPoint& one) { return std::pair(one.relative_cost, one.name); });
  QualityCurve curve{.worth = worth};
  Worksheet sheet;
  const auto number = [](const char* name, double value, const std::string& source) { return Input{.name = name, .value = value, .source = source}; };
  for (const auto& point : sorted) {
    QualityStep step{.name = point.name, .parameters = point.parameters, .quality = point.quality, .relative_cost = point.relative_cost};
    const auto source = fmt::format("{} ({})", point.source, point.date);
    if (!curve.steps.empty()) {
      const auto& before = curve.steps.back();
      if (point.relative_cost == before.relative_cost)
        return invalid(fmt::format("Points {} and {} of the quality curve cost the same; keep the better one", before.name, point.name));
      if (point.parameters < before.parameters)
        return invalid(fmt::format("Point {} of the quality curve is smaller than {} and costs more; check its parameters and cost", point.name, before.name));
      step.gain = point.quality - before.quality;
      step.gain_per_cost = *step.gain / (point.relative_cost - before.relative_cost);
      sheet.add(
          {.id = "quality." + point.name,
           .label = {fmt::format("What {} adds to {}, per unit of cost", point.name, before.name), fmt::format("{} 较 {} 每单位成本的质量增益", point.name, before.name)},
           .value = step.gain_per_cost,
           .unit = "%",
           .formula = "(quality − quality_before) / (relative_cost − relative_cost_before)",
           .inputs = {number("quality", point.quality, source), number("quality_before", before.quality, source), number("relative_cost", point.relative_cost, source),
                      number("relative_cost_before", before.relative_cost, source)}});
    }
    curve.steps.push_back(std::move(step));
  }
  const auto value = [&](const QualityStep& step) { return step.quality - worth * step.relative_cost; };
  auto& knee = *std::ranges::max_element(curve.steps, {}, value);
  knee.knee = true;
  sheet.add({.id = "quality.knee",
             .label = {"Quality of the model that is large enough", "规模已够用的模型的质量"},
             .value = knee.quality,
             .unit = "%",
             .formula = "max of quality − worth × relative_cost",
             .inputs = {{.name = "worth", .value = worth, .unit = "% per unit of cost", .source = "given; default 1"}}});
  curve.advice = {
      fmt::format("{} is large enough ({:.4g} %): a larger one brings less than {:.3g} points for each further unit of cost.", knee.name, knee.quality, worth),
      fmt::format("{} 已够用（{:.4g}%）：更大的模型每增加一单位成本带来的质量提升不足 {:.3g} 个百分点。", knee.name, knee.quality, worth)};
  if (&knee == &curve.steps.back())
    curve.advice = {fmt::format("{} is worth its cost, and the curve goes no further.", knee.name), fmt::format("{} 物有所值，曲线到此为止。", knee.name)};
  curve.figures = sheet.figures();
  return curve;
}

}  // namespace siyu::planner
