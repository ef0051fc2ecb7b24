// What the papers are given of a plan.
#include "planner/paper_parts.h"
#include "planner/plan.h"

namespace siyu::planner {
namespace {

std::vector<MemoryPart> memory_parts(const MemoryPlan& memory) {
  return {{{"weights", "权重"}, memory.weights}, {{"KV cache", "KV 缓存"}, memory.kv}, {{"buffers", "计算缓冲"}, memory.activations}, {{"runtime", "运行时"}, memory.runtime}};
}

HardwareRow hardware_row(const HardwareOption& one) {
  const auto known = [](double value) { return value > 0 ? std::optional(value) : std::nullopt; };
  return {.accelerator = one.accelerator, .chosen = one.chosen, .replicas = static_cast<double>(one.replicas), .cards = static_cast<double>(one.cards), .servers = static_cast<double>(one.servers),
          .ttft_p95_s = known(one.ttft_p95_s), .tpot_p95_ms = known(one.tpot_p95_ms), .power_w = known(one.power_w), .purchase = one.purchase, .why_not = one.why_not};
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
      if (const auto* memory = one.input("memory")) out.memory_of_card_bytes = memory->value.value_or(0);
  out.load = paper_load(plan.fleet);
  out.replicas = paper_replicas(plan.fleet);
  out.bill = plan.bill;
  out.currency = plan.cost.currency;
  out.cost = paper_cost(plan.cost);
  for (const auto& one : plan.hardware) out.hardware.push_back(hardware_row(one));
  out.missing = plan.assumptions;
  for (const auto& one : plan.cost.missing) out.missing.push_back(one.what);
  return out;
}

}  // namespace siyu::planner
