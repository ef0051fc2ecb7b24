#include "planner/paper_parts.h"

#include <fmt/format.h>

#include "planner/advise/facts.h"

namespace siyu::planner {
namespace {

constexpr std::size_t kMonths = 12;

/// Over all years; unknown when it is unknown in one of them.
CostPart part_of(const CostPlan& plan, const Words& label, std::optional<double> OwnedYear::* field) {
  std::optional<double> sum = 0.0;
  for (const auto& year : plan.years) {
    const auto value = year.on_premise.*field;
    sum = sum && value ? std::optional(*sum + *value) : std::nullopt;
  }
  return {.label = label, .value = plan.years.empty() ? std::nullopt : sum, .figure = {}};
}

std::optional<double> paid(const CostMode& mode, std::size_t month) { return month < mode.cumulative.size() ? mode.cumulative[month] : std::nullopt; }

}  // namespace

PaperCost paper_cost(const CostPlan& plan) {
  PaperCost out{.currency = plan.currency};
  out.parts = {part_of(plan, {"Purchase", "采购"}, &OwnedYear::purchase), part_of(plan, {"Power and cooling", "电力与制冷"}, &OwnedYear::power),
               part_of(plan, {"Rack space", "机柜租用"}, &OwnedYear::rack), part_of(plan, {"Staff", "运维人力"}, &OwnedYear::staff),
               part_of(plan, {"Support", "维保"}, &OwnedYear::support)};
  // Without it the parts would not come to the total.
  if (auto sold = part_of(plan, {"Sold at the end", "期末变卖"}, &OwnedYear::sold); sold.value != 0.0) {
    if (sold.value) sold.value = -*sold.value;
    out.parts.push_back(std::move(sold));
  }
  for (std::size_t month = 0; month <= plan.months; month += kMonths)
    out.years.push_back({.year = static_cast<double>(month) / kMonths,
                         .on_premise = paid(plan.on_premise, month),
                         .cloud = paid(plan.cloud, month),
                         .hybrid = paid(plan.hybrid, month)});
  if (plan.break_even_month) out.break_even_month = *plan.break_even_month;
  out.break_even_note = plan.break_even;
  out.total = plan.on_premise.total.base;
  out.advantage = plan.advantage;
  out.per_million_tokens = plan.on_premise.per_million_tokens;
  for (const auto& one : plan.sensitivities)
    out.sensitivities.push_back(
        {.label = one.label, .low = one.advantage_low, .high = one.advantage_high, .low_label = short_number(one.low), .high_label = short_number(one.high)});
  return out;
}

std::vector<LoadPoint> paper_load(const FleetPlan& plan) {
  std::vector<LoadPoint> out;
  for (const auto& one : plan.by_load)
    out.push_back({.requests_per_second = one.requests_per_s,
                   .ttft_p50_s = one.ttft_p50_s,
                   .ttft_p95_s = one.ttft_p95_s,
                   .ttft_p99_s = one.ttft_p99_s,
                   .tpot_p95_ms = one.tpot_p95_ms,
                   .replicas = one.replicas});
  return out;
}

std::vector<ReplicaPoint> paper_replicas(const FleetPlan& plan) {
  std::vector<ReplicaPoint> out;
  for (const auto& one : plan.years) out.push_back({.load = one.requests_per_s, .replicas = static_cast<double>(one.replicas), .year = one.year});
  return out;
}

}  // namespace siyu::planner
