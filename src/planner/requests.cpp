#include "planner/requests.h"

#include <fmt/format.h>

#include <algorithm>

namespace siyu::planner {
namespace {

constexpr double kDefaultContext = 8192;
constexpr double kGiB = 1024.0 * 1024 * 1024;

template <class To, class From>
void take(To& to, const std::optional<From>& from) {
  if (from) to = static_cast<To>(*from);
}

Status check_cards(const std::optional<std::uint32_t>& tensor, const std::optional<std::uint32_t>& pipeline) {
  if ((tensor && *tensor == 0) || (pipeline && *pipeline == 0)) return invalid_field(tensor && *tensor == 0 ? "tensor" : "pipeline", "must be 1 or more");
  return {};
}

Result<std::uint32_t> step_tokens_of(const std::optional<double>& asked) {
  if (!asked) return 0U;
  if (!(*asked >= 1 && *asked <= 1e6)) return invalid_field("step_tokens", "must be a number of tokens from 1 to 1000000");
  return static_cast<std::uint32_t>(*asked);
}

Result<MemoryQuestion> question_of(const MemoryRequest& r, const Catalogue& catalogue, const ShapeFinder& find) {
  RETURN_IF_ERROR(check_cards(r.tensor, r.pipeline));
  MemoryQuestion q;
  ASSIGN_OR_RETURN(q.shape, find(r.model));
  ASSIGN_OR_RETURN(q.step_tokens, step_tokens_of(r.step_tokens));
  q.weights = r.weights;
  take(q.kv_type, r.kv_type);
  q.context = r.context.value_or(q.shape.context > 0 ? std::min<double>(kDefaultContext, q.shape.context) : kDefaultContext);
  take(q.users, r.users);
  take(q.fill, r.fill);
  take(q.shared_prefix, r.shared_prefix);
  take(q.headroom, r.headroom);
  q.kv_tokens = r.kv_tokens;
  take(q.split.tensor, r.tensor);
  take(q.split.pipeline, r.pipeline);
  q.engine = r.engine.value_or(r.accelerator ? EngineKind::kCards : EngineKind::kSiyu);
  if (r.accelerator) {
    ASSIGN_OR_RETURN(const auto* card, catalogue.accelerator(*r.accelerator));
    if (card->kind == "cpu" && !r.engine) q.engine = EngineKind::kSiyu;
  }
  return q;
}

/// The fewest cards of a kind, by tensor parallelism over a divisor of the heads.
CardFit fit_on(const Accelerator& card, MemoryQuestion q) {
  CardFit fit{.accelerator = card.name, .vendor = card.vendor, .edition = card.edition, .memory_gib = *card.memory_gib};
  q.engine = EngineKind::kCards;
  for (const std::uint32_t tensor : {1U, 2U, 4U, 8U, 16U, 32U, 64U}) {
    if (q.shape.heads % tensor != 0) continue;
    q.split = {.tensor = tensor};
    const auto plan = plan_memory(q);
    if (!plan || plan->with_headroom > *card.memory_gib * kGiB) continue;
    fit.cards = tensor;
    fit.used = plan->total / (*card.memory_gib * kGiB);
    break;
  }
  return fit;
}

}  // namespace

Result<MemoryAnswer> answer(const MemoryRequest& r, const Catalogue& catalogue, const ShapeFinder& find) {
  ASSIGN_OR_RETURN(const auto q, question_of(r, catalogue, find));
  ASSIGN_OR_RETURN(auto plan, plan_memory(q));
  MemoryAnswer result;
  static_cast<MemoryPlan&>(result) = std::move(plan);
  if (r.accelerator) {
    ASSIGN_OR_RETURN(const auto* card, catalogue.accelerator(*r.accelerator));
    if (card->memory_gib) {
      result.card_bytes = *card->memory_gib * kGiB;
      result.fits = result.with_headroom <= *result.card_bytes;
    }
    return result;
  }
  for (const auto& card : catalogue.accelerators)
    if (card.memory_gib && card.kind != "cpu") result.cards.push_back(fit_on(card, q));
  std::ranges::stable_sort(result.cards, {}, [](const CardFit& one) { return std::pair(one.cards.value_or(UINT32_MAX), one.cards.value_or(1) * one.memory_gib); });
  return result;
}

Result<Speed> answer(const SpeedRequest& r, const Catalogue& catalogue, const ShapeFinder& find, const std::vector<MeasuredRates>& measured) {
  RETURN_IF_ERROR(check_cards(r.tensor, r.pipeline));
  SpeedQuestion q;
  ASSIGN_OR_RETURN(q.model.shape, find(r.model));
  ASSIGN_OR_RETURN(q.model.step_tokens, step_tokens_of(r.step_tokens));
  q.model.weights = r.weights;
  take(q.model.kv_type, r.kv_type);
  take(q.model.headroom, r.headroom);
  take(q.model.users, r.concurrency);
  take(q.model.split.tensor, r.tensor);
  take(q.model.split.pipeline, r.pipeline);
  take(q.prompt, r.prompt);
  take(q.output, r.output);
  take(q.cached, r.cached);
  q.link_gb_per_s = r.link_gb_per_s;
  q.sequences = r.sequences;
  q.model.context = q.prompt + q.output;
  if (r.accelerator) {
    ASSIGN_OR_RETURN(const auto* card, catalogue.accelerator(*r.accelerator));
    if (card->kind == "cpu") return fail(ErrorCode::kUnsupported, card->name + " is a processor: what it computes depends on its kernels; measure it with `siyu plan calibrate` on such a machine");
    RETURN_IF_ERROR(set_card(q, *card, r.engine, catalogue));
    take(q.efficiency.bandwidth, r.bandwidth_efficiency);
    take(q.efficiency.cache, r.cache_efficiency);
    take(q.efficiency.compute, r.compute_efficiency);
    take(q.efficiency.link, r.link_efficiency);
    if (r.step_ms) q.efficiency.step_s = *r.step_ms / 1000;
    if (r.bandwidth_efficiency || r.cache_efficiency || r.compute_efficiency || r.link_efficiency || r.step_ms) q.efficiency.source = "given";
  } else {
    if (r.engine) return invalid_field("engine", "is that of a card: name the card as `accelerator`, or leave the engine out for this machine as it was measured");
    if (measured.empty()) return invalid_field("accelerator", "is absent, and this machine was not calibrated; name a card of the catalogue, or run `siyu plan calibrate --model FILE` first");
    const auto wanted = r.weights.value_or(sizing::main_type(q.model.shape));
    const auto same = std::ranges::find_if(measured, [&](const MeasuredRates& one) { return wanted == one.weights || wanted.starts_with(one.weights + "_"); });
    if (same == measured.end()) return invalid_field("weights", fmt::format("are {}, and this machine was calibrated for {} only; calibrate with a model of that type too", wanted.empty() ? "16 bit" : wanted, measured.front().weights));
    q.measured = *same;
    q.model.engine = q.measured->accelerator ? EngineKind::kSiyuCard : EngineKind::kSiyu;
    if (!r.sequences) q.sequences = 64;
  }
  ASSIGN_OR_RETURN(auto speed, plan_speed(q));
  if (r.classic_latency_s) {
    if (!(*r.classic_latency_s > 0 && *r.classic_latency_s < 1e6)) return invalid_field("classic_latency_s", "must be seconds above 0");
    speed.plan.classic_latency_s = *r.classic_latency_s;
    speed.plan.classic_flops /= *r.classic_latency_s;
  }
  return speed;
}

}  // namespace siyu::planner
