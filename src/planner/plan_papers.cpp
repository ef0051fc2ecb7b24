// What the papers are given of a plan.
#include <fmt/format.h>

#include "planner/plan.h"
#include "planner/published.h"

namespace siyu::planner {
namespace {

std::vector<MemoryPart> memory_parts(const MemoryPlan& memory) {
  return {{{"weights", "权重"}, memory.weights}, {{"KV cache", "KV 缓存"}, memory.kv}, {{"buffers", "计算缓冲"}, memory.activations}, {{"runtime", "运行时"}, memory.runtime}};
}

std::vector<LoadPoint> load_points(const FleetPlan& fleet) {
  std::vector<LoadPoint> out;
  for (const auto& point : fleet.by_load)
    out.push_back({.requests_per_second = point.requests_per_s, .ttft_p50_s = point.ttft_p50_s, .ttft_p95_s = point.ttft_p95_s, .ttft_p99_s = point.ttft_p99_s, .tpot_p95_ms = point.tpot_p95_ms,
                   .replicas = static_cast<double>(point.replicas)});
  return out;
}

std::optional<double> paid_at(const CostMode& mode, std::size_t month) { return month < mode.cumulative.size() ? mode.cumulative[month] : std::nullopt; }

PaperCost cost_of(const CostPlan& cost) {
  PaperCost out{.currency = cost.currency};
  const auto sum = [&](auto part) -> std::optional<double> {
    double total = 0;
    for (const auto& year : cost.years) {
      const auto& value = part(year.on_premise);
      if (!value) return std::nullopt;
      total += *value;
    }
    return total;
  };
  out.parts = {{{"Purchase", "采购"}, sum([](const OwnedYear& y) { return y.purchase; }), ""},
               {{"Power and cooling", "电力与制冷"}, sum([](const OwnedYear& y) { return y.power; }), ""},
               {{"Rack", "机柜"}, sum([](const OwnedYear& y) { return y.rack; }), ""},
               {{"Staff", "人力"}, sum([](const OwnedYear& y) { return y.staff; }), ""},
               {{"Support", "维保"}, sum([](const OwnedYear& y) { return y.support; }), ""}};
  constexpr std::size_t kMonths = 12;
  for (std::size_t year = 0; year * kMonths <= cost.months; ++year)
    out.years.push_back({.year = static_cast<double>(year), .on_premise = paid_at(cost.on_premise, year * kMonths), .cloud = paid_at(cost.cloud, year * kMonths), .hybrid = paid_at(cost.hybrid, year * kMonths)});
  if (cost.break_even_month) out.break_even_month = *cost.break_even_month;
  out.break_even_note = cost.break_even;
  out.total = cost.on_premise.total.base;
  out.advantage = cost.advantage;
  out.per_million_tokens = cost.on_premise.per_million_tokens;
  for (const auto& one : cost.sensitivities)
    out.sensitivities.push_back({.label = one.label, .low = one.advantage_low, .high = one.advantage_high, .low_label = {fmt::format("{:.4g}", one.low), fmt::format("{:.4g}", one.low)},
                                 .high_label = {fmt::format("{:.4g}", one.high), fmt::format("{:.4g}", one.high)}});
  return out;
}

}  // namespace

PaperInput paper_input(const Plan& plan, const PaperSettings& settings) {
  PaperInput out{.scenario = plan.scenario, .advice = plan.advice, .project = {}, .date = settings.date, .begins = settings.begins, .author = settings.author, .revision = settings.revision,
                 .classification = settings.classification};
  out.sections = {{{"Memory", "显存"}, plan.memory.figures}, {{"Speed", "速度"}, plan.speed.figures}, {{"Fleet", "集群规模"}, plan.fleet.figures}, {{"Cost", "成本"}, plan.cost.figures}};
  out.headlines = {{"memory.total", {"Memory of one card", "单卡显存占用"}}, {"speed.decode", {"One answer alone", "单路解码速度"}}, {"speed.saturated", {"All answers together, one replica", "单副本饱和输出"}}};
  out.memory = memory_parts(plan.memory);
  for (const auto& one : plan.speed.figures)
    if (one.id == "speed.kv_room")
      for (const auto& input : one.inputs)
        if (input.name == "memory") out.memory_of_card_bytes = input.value;
  out.load = load_points(plan.fleet);
  for (const auto& year : plan.fleet.years) out.replicas.push_back({.load = year.requests_per_s, .replicas = static_cast<double>(year.replicas), .year = static_cast<double>(year.year)});
  out.bill = plan.bill;
  out.currency = plan.cost.currency;
  out.cost = cost_of(plan.cost);
  for (const auto& one : plan.hardware) {
    const auto what = one.why_not ? Words{fmt::format("{}: not possible. {}", one.accelerator, one.why_not->en), fmt::format("{}：不可行。{}", one.accelerator, one.why_not->zh)}
                                  : Words{fmt::format("{}: {} cards in {} replicas, p95 of the first token {:.2f} s{}", one.accelerator, one.cards, one.replicas, one.ttft_p95_s, one.chosen ? "; chosen" : ""),
                                          fmt::format("{}：{} 卡，{} 副本，首词元 p95 {:.2f} s{}", one.accelerator, one.cards, one.replicas, one.ttft_p95_s, one.chosen ? "（选用）" : "")};
    out.published.push_back(what);
  }
  out.missing = plan.assumptions;
  for (const auto& one : plan.cost.missing) out.missing.push_back(one.what);
  for (const auto& one : plan.advice.missing) out.missing.push_back(one);
  return out;
}

}  // namespace siyu::planner
