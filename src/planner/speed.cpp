#include "planner/speed.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"

namespace siyu::planner {
namespace {

constexpr double kMostTokens = 1e8;
constexpr double kTera = 1e12;
constexpr std::string_view kOwnEngine = "Siyu";
constexpr std::uint32_t kOwnSequences = 64;  // of a worker, unless it is told otherwise
constexpr double kUnsteady = 0.1;  // a spread above which a machine is called unsteady

/// What the machine reaches for this model, in one form for cards and for measured machines.
struct Rates {
  double weight_bytes_per_s = 0, kv_bytes_per_s = 0, kv_ops_per_s = 0, flop_per_s = 0, batch_flop_per_s = 0, attention_flop_per_s = 0;  // the cache by bytes, or by arithmetic
  double step_s = 0, layer_s = 0, prompt_step_s = 0, word_s = 0, sequence_s = 0, exchange_s = 0, link_bytes_per_s = 0;
};

Status check(const SpeedQuestion& q) {
  const auto tokens = [](double value, double low, const char* field) -> Status {
    if (std::isfinite(value) && value >= low && value <= kMostTokens) return {};
    return invalid_field(field, fmt::format("must be a number of tokens from {:g} to {:g}", low, kMostTokens));
  };
  RETURN_IF_ERROR(tokens(q.prompt, 1, "prompt"));
  RETURN_IF_ERROR(tokens(q.output, 1, "output"));
  RETURN_IF_ERROR(tokens(q.cached, 0, "cached"));
  if (q.cached >= q.prompt) return invalid_field("cached", "must be less than the prompt: its last token is always computed");
  if (!q.card && !q.measured) return invalid_field("accelerator", "is absent, and so are measured rates; name a card of the catalogue or run `siyu plan calibrate`");
  if (!q.card) return {};
  const auto share = [](double value) { return std::isfinite(value) && value > 0 && value <= 1; };
  const auto& e = q.efficiency;
  const auto where = e.source.empty() ? std::string() : fmt::format("; see \"{}\"", e.source.en);
  if (!share(e.bandwidth) || !share(e.cache) || !share(e.compute) || !share(e.experts) || !share(e.link)) return invalid_field("efficiency", "must be shares above 0 and up to 1" + where);
  if (!(e.step_s >= 0 && e.layer_s >= 0 && e.sequence_s >= 0 && e.exchange_s >= 0 && e.step_s < 60)) return invalid_field("efficiency", "must have times from 0 s on" + where);
  return {};
}

Result<Rates> rates_of_card(const SpeedQuestion& q, const sizing::WeightFormat& format) {
  const auto& card = *q.card;
  const auto missing = [&](const char* what) {
    return fail(ErrorCode::kUnsupported, fmt::format("The catalogue has no {} of {}; ask its vendor and add it to accelerators.yaml of your catalogue folder, or calibrate on the card", what, card.name));
  };
  if (!card.memory_gb_per_s) return missing("memory bandwidth");
  const auto peak = peak_compute(card, format);
  if (!peak) return missing("dense compute figure");
  const auto& e = q.efficiency;
  Rates rates{.weight_bytes_per_s = *card.memory_gb_per_s * 1e9 * e.bandwidth, .flop_per_s = *peak * e.compute * (q.model.shape.experts > 0 ? e.experts : 1), .step_s = e.step_s, .layer_s = e.layer_s, .exchange_s = e.exchange_s};
  rates.batch_flop_per_s = rates.flop_per_s;
  rates.kv_bytes_per_s = *card.memory_gb_per_s * 1e9 * e.cache;
  rates.sequence_s = e.sequence_s;
  // Attention is computed in 16 bit, whatever the weights.
  rates.attention_flop_per_s = peak_compute(card, {.name = "bf16", .family = "plain", .bits = 16, .compute_bits = 16}).value_or(*peak) * e.compute;
  if (q.model.split.tensor > 1) {
    rates.link_bytes_per_s = q.link_gb_per_s ? *q.link_gb_per_s * 1e9 : link_bytes_per_s(card);
    if (rates.link_bytes_per_s <= 0) return missing("link between cards");
    rates.link_bytes_per_s *= e.link;
  }
  return rates;
}

Rates rates_measured(const MeasuredRates& m) {
  return {.weight_bytes_per_s = m.weight_bytes_per_s, .kv_ops_per_s = m.kv_ops_per_s, .flop_per_s = m.flop_per_s, .batch_flop_per_s = m.batch_flop_per_s.value_or(m.flop_per_s), .attention_flop_per_s = m.attention_flop_per_s, .step_s = m.step_s, .layer_s = m.layer_s, .prompt_step_s = m.prompt_step_s.value_or(0), .word_s = m.word_s.value_or(0)};
}

/// Of the tokens of a sequence, the share that a mean layer attends to: windows see less.
double attended_share(const sizing::ModelShape& shape, double length) {
  double kept = 0, all = 0;
  for (const auto& layer : shape.memory) {
    if (layer.key_values == 0) continue;
    kept += layer.window > 0 ? std::min<double>(length, layer.window) : length;
    all += length;
  }
  return all > 0 ? kept / all : 0;
}

/// Seconds of a prompt alone, `cached` of it known: its tokens in steps, each attending to what stands before it.
double prefill_seconds(const ServiceModel& replica, double attention_s, double prompt, double cached) {
  double seconds = 0;
  for (double done = cached; done < prompt;) {
    const auto piece = std::min<double>(replica.step_tokens, prompt - done);
    seconds += step_seconds(replica, 0, piece, 0) + piece * (done + piece / 2) * attention_s;
    done += piece;
  }
  return seconds;
}

struct Draft {
  Worksheet sheet;
  double add(const char* id, Words label, double value, const char* unit, std::string formula, std::vector<Input> inputs = {}) {
    return sheet.add({.id = id, .label = std::move(label), .value = value, .unit = unit, .formula = std::move(formula), .inputs = std::move(inputs)});
  }
};

}  // namespace

Words source_of(const EfficiencyEntry& entry) {
  return {cite(entry), entry.source_zh ? fmt::format("{}（{}）", *entry.source_zh, entry.date) : cite(entry)};
}

Efficiency efficiency_of(const EfficiencyEntry& entry) {
  const auto from = source_of(entry);
  Phrase source(entry.name + ": " + from.en);
  source.zh = entry.name_zh.value_or(entry.name) + "：" + from.zh;
  return {.bandwidth = entry.bandwidth, .cache = entry.cache, .compute = entry.compute, .experts = entry.experts, .link = entry.link, .step_s = entry.step_ms / 1e3,
          .layer_s = entry.layer_us / 1e6, .sequence_s = entry.sequence_us / 1e6, .exchange_s = entry.exchange_us / 1e6, .source = std::move(source)};
}

bool runs_on(const std::string& engine, const Accelerator& card) {
  return std::ranges::any_of(card.engines, [&](const auto& one) { return same_name(engine, one); });
}

Status set_card(SpeedQuestion& question, const Accelerator& card, const std::optional<std::string>& engine, const Catalogue& catalogue) {
  ASSIGN_OR_RETURN(const auto* entry, catalogue.efficiency(engine, card.name));
  if (engine && !runs_on(*engine, card)) {
    std::string others;
    for (const auto& one : card.engines) others += (others.empty() ? "" : ", ") + one;
    return fail(ErrorCode::kUnsupported, fmt::format("{} does not run on {}, whose engines are: {}", *entry->engine, card.name, others.empty() ? "none that is known" : others));
  }
  question.card = card;
  question.efficiency = efficiency_of(*entry);
  const bool own = entry->engine == kOwnEngine;
  question.model.engine = own ? EngineKind::kSiyuCard : EngineKind::kCards;
  if (own && !question.sequences) question.sequences = kOwnSequences;
  return {};
}

double cached_token_ops(const sizing::ModelShape& shape) {
  constexpr double kOpsPerValue = 16;
  return sizing::attention_flop(shape) + kOpsPerValue * static_cast<double>(sizing::cached_values_per_token(shape));
}

std::optional<Words> unsteady_note(const MeasuredRates& rates) {
  if (rates.spread.value_or(0) <= kUnsteady) return {};
  const double percent = *rates.spread * 100;
  return Words{fmt::format("This machine was unsteady when it was measured: a usual try took {:.0f} % longer than the quickest. Measure once more with `siyu plan calibrate --again` when nothing else runs", percent),
               fmt::format("测量时本机不稳定：通常比最快的一次慢 {:.0f} %。请在机器空闲时用 `siyu plan calibrate --again` 再测一次", percent)};
}

std::optional<double> peak_compute(const Accelerator& card, const sizing::WeightFormat& format) {
  if (!card.tflops) return std::nullopt;
  const auto& c = *card.tflops;
  const auto first = [](std::initializer_list<std::optional<double>> known) -> std::optional<double> {
    for (const auto& one : known)
      if (one) return *one * kTera;
    return std::nullopt;
  };
  if (format.compute_bits <= 4 && c.fp4) return *c.fp4 * kTera;
  const bool integers = format.name.starts_with("int") || format.name == "w8a8";
  if (format.compute_bits <= 8) return integers ? first({c.int8_tops, c.fp8, c.bf16, c.fp16, c.fp32}) : first({c.fp8, c.bf16, c.fp16, c.int8_tops, c.fp32});
  if (format.compute_bits >= 32) return first({c.tf32, c.fp32});
  return first({c.bf16, c.fp16, c.tf32, c.fp32});
}

double link_bytes_per_s(const Accelerator& card) {
  if (card.interconnect && card.interconnect->gb_per_s > 0) return card.interconnect->gb_per_s / 2 * 1e9;
  // PCI Express, one direction, 16 lanes: 1 GB/s a lane in generation 3 and twice as much in each one after it.
  static constexpr std::array<std::pair<std::string_view, double>, 4> kLanes{{{"6", 121e9}, {"5", 63e9}, {"4", 31.5e9}, {"3", 15.75e9}}};
  if (card.pcie)
    for (const auto& [generation, bytes] : kLanes)
      if (card.pcie->starts_with(generation)) return card.pcie->find("x8") != std::string::npos ? bytes / 2 : bytes;
  return 0;
}

double classic_flops(double parameters, double tokens, double latency_s) { return parameters * tokens * 2 / latency_s; }

SpeedPoint steady_state(const ServiceModel& replica, double prompt, double output, double batch) {
  // In the long run each decoded token comes with prompt/output tokens of prefill, as far as a step may hold them.
  const auto wanted = batch * prompt / output;
  const auto prefilled = std::min<double>(replica.step_tokens, wanted);
  // With more prompts than steps can take, sequences wait for their prefill and fewer of them decode.
  const auto decoding = wanted > prefilled ? prefilled * output / prompt : batch;
  // A prompt goes through whole, or in full steps: some steps read a part of one, the others none.
  const auto pieces = decoding / output * std::ceil(prompt / replica.step_tokens);
  const auto reading = std::clamp(pieces, prefilled / replica.step_tokens, 1.0);
  const auto cached = decoding * (prompt + output / 2);
  const auto seconds = reading * step_seconds(replica, decoding, prefilled / reading, cached) + (1 - reading) * step_seconds(replica, decoding, 0, cached);
  SpeedPoint point{.concurrency = batch, .tpot_ms = seconds * 1e3, .output_tokens_per_s = decoding / seconds, .prompt_tokens_per_s = prefilled / seconds};
  point.memory_bound = weights_seconds(replica, decoding + prefilled) + replica.kv_token_s * decoding * (prompt + output / 2) > compute_seconds(replica, decoding, prefilled);
  // Its own prompt goes through in as many steps as the room beside the others' prompts takes.
  const auto own = std::ceil(prompt / replica.step_tokens);
  point.ttft_s = own * step_seconds(replica, decoding, std::min<double>(prompt, replica.step_tokens), decoding * (prompt + output / 2));
  return point;
}

Result<Speed> plan_speed(const SpeedQuestion& q) {
  RETURN_IF_ERROR(check(q));
  MemoryQuestion model = q.model;
  if (q.card && model.engine != EngineKind::kSiyuCard && q.card->kind != "cpu") model.engine = EngineKind::kCards;
  ASSIGN_OR_RETURN(auto memory, plan_memory(model));
  std::optional<sizing::WeightFormat> format;
  if (model.weights) {
    ASSIGN_OR_RETURN(format, sizing::weight_format(*model.weights));
  }
  const auto* chosen = format ? &*format : nullptr;
  static const sizing::WeightFormat kSixteen{.name = "bf16", .family = "plain", .bits = 16, .compute_bits = 16};
  Rates rates;
  if (q.measured) {
    rates = rates_measured(*q.measured);
  } else {
    ASSIGN_OR_RETURN(rates, rates_of_card(q, format ? *format : kSixteen));
  }

  const auto& shape = model.shape;
  const double tensor = model.split.tensor, layers = shape.layers;
  Speed speed;
  auto& plan = speed.plan;
  auto& replica = speed.replica;
  Draft d;
  plan.model = shape.name;
  plan.hardware = q.measured ? "this machine" + (q.measured->accelerator ? ", " + *q.measured->accelerator : "") + ", measured" : fmt::format("{} × {}", model.split.cards(), q.card->name);
  plan.lanes = model.split.pipeline;

  const double experts = sizing::expert_weight_bytes(shape, chosen), active = sizing::active_weight_bytes(shape, chosen);
  const double share = shape.experts > 0 ? static_cast<double>(shape.experts_used) / shape.experts : 0;
  d.add("speed.active_bytes", {"Weights that a token reads", "单词元读取权重"}, active, "B", "weights of all layers and the output, of the experts those it uses",
        {{.name = "weights", .value = memory.weights * model.split.cards(), .unit = "B", .figure = "memory.weights"}, {.name = "experts used", .value = 1.0 * shape.experts_used}, {.name = "experts", .value = 1.0 * shape.experts}});
  d.add("speed.bandwidth", {"Bandwidth reached", "实际带宽"}, rates.weight_bytes_per_s, "B/s", q.measured ? "measured" : "peak × efficiency",
        q.measured ? std::vector<Input>{{.name = "measured", .value = rates.weight_bytes_per_s, .unit = "B/s", .source = q.measured->source}}
                   : std::vector<Input>{{.name = "peak", .value = *q.card->memory_gb_per_s * 1e9, .unit = "B/s", .source = q.card->source}, {.name = "efficiency", .value = q.efficiency.bandwidth, .source = q.efficiency.source}});
  d.add("speed.compute", {"Compute reached", "实际算力"}, rates.flop_per_s, "FLOP/s", q.measured ? "measured" : "dense peak × efficiency × efficiency of experts",
        q.measured ? std::vector<Input>{{.name = "measured", .value = rates.flop_per_s, .unit = "FLOP/s", .source = q.measured->source}}
                   : std::vector<Input>{{.name = "peak", .value = *peak_compute(*q.card, format ? *format : kSixteen), .unit = "FLOP/s", .source = q.card->source}, {.name = "efficiency", .value = q.efficiency.compute, .source = q.efficiency.source},
                                             {.name = "efficiency of experts", .value = shape.experts > 0 ? q.efficiency.experts : 1, .source = q.efficiency.source}});
  replica.dense_s = (active - experts * share) / tensor / rates.weight_bytes_per_s;
  replica.experts_s = experts / tensor / rates.weight_bytes_per_s;
  replica.expert_share = share;
  ASSIGN_OR_RETURN(const auto kv_bits, sizing::kv_bits(model.kv_type));
  const double length = q.prompt + q.output / 2;
  // A window makes long sequences cheaper: the mean over the length that is asked about.
  const double kv_per_token = sizing::kv_bytes(shape, length, kv_bits) / length;
  const double kv_tensor = shape.latent_rank > 0 ? 1 : std::min(tensor, 1.0 * shape.kv_heads);
  replica.kv_token_s = rates.kv_ops_per_s > 0 ? cached_token_ops(shape) * attended_share(shape, length) / rates.kv_ops_per_s : kv_per_token / kv_tensor / rates.kv_bytes_per_s;
  const double output = 2.0 * static_cast<double>(shape.output_parameters());
  const double computed = 2.0 * static_cast<double>(shape.computed_parameters()) - output;
  const double attention_s = sizing::attention_flop(shape) / tensor / rates.attention_flop_per_s;
  const double exchanges = tensor > 1 ? 2 * layers : 0;
  const double exchanged = exchanges * shape.width * 2 * 2 * (tensor - 1) / tensor;  // ring all-reduce of 16-bit numbers, bytes of one token
  const double link_s = tensor > 1 ? exchanged / rates.link_bytes_per_s : 0;
  const double alone_token_s = computed / tensor / rates.flop_per_s + link_s;
  replica.token_s = computed / tensor / rates.batch_flop_per_s + link_s + attention_s * q.prompt / 2;
  replica.output_s = output / tensor / rates.batch_flop_per_s;
  replica.sequence_s = rates.sequence_s + shape.vocabulary * rates.word_s;
  replica.overhead_s = rates.step_s + layers * rates.layer_s + exchanges * rates.exchange_s;
  replica.prompt_step_s = rates.prompt_step_s;
  replica.step_tokens = model.step_tokens > 0 ? model.step_tokens : model.engine == EngineKind::kCards ? 8192 : 512;
  d.add("speed.token_seconds", {"Computing one token", "单词元计算时间"}, alone_token_s, "s", "2 × parameters of the layers / tensor / compute + exchanged bytes / link",
        {{.name = "parameters of the layers", .value = computed / 2}, d.sheet.input("speed.compute", "compute"), {.name = "tensor", .value = tensor}, {.name = "exchanged bytes", .value = exchanged, .unit = "B"},
         {.name = "link", .value = rates.link_bytes_per_s, .unit = "B/s"}});
  d.add("speed.step_overhead", {"Fixed part of a step", "每步固定开销"}, replica.overhead_s, "s", "step + layers × layer + exchanges × latency",
        {{.name = "step", .value = rates.step_s, .unit = "s"}, {.name = "layers", .value = layers}, {.name = "layer", .value = rates.layer_s, .unit = "s"}, {.name = "exchanges", .value = exchanges},
         {.name = "latency", .value = rates.exchange_s, .unit = "s"}});

  // How many requests the cards hold beside the weights.
  double sequences = q.sequences.value_or(kMostSequences);
  if (q.card && q.card->memory_gib && q.card->kind != "cpu") {
    const double room = *q.card->memory_gib * 1024.0 * 1024 * 1024 * (1 - model.headroom) - memory.weights - memory.activations - memory.runtime;
    if (room <= 0)
      return invalid_field("split", fmt::format("leaves no room: {:.1f} GiB of {} hold {:.1f} GB of weights, buffers and runtime, with {:.0f} % headroom; use more cards or fewer bits", *q.card->memory_gib, q.card->name,
                                                (memory.weights + memory.activations + memory.runtime) / 1e9, model.headroom * 100));
    const double card_kv = kv_per_token / kv_tensor * std::ceil(layers / model.split.pipeline) / layers;
    replica.kv_tokens = d.add("speed.kv_room", {"Tokens that the cache holds", "可容纳 KV 词元数"}, card_kv > 0 ? room / card_kv : 1e12, "tokens", "(memory × (1 − headroom) − weights − buffers − runtime) / KV bytes of a token on a card",
                              {{.name = "memory", .value = *q.card->memory_gib * 1024.0 * 1024 * 1024, .unit = "B", .source = q.card->source}, {.name = "headroom", .value = model.headroom}, {.name = "weights", .value = memory.weights, .unit = "B", .figure = "memory.weights"},
                               {.name = "buffers", .value = memory.activations, .unit = "B", .figure = "memory.activations"}, {.name = "runtime", .value = memory.runtime, .unit = "B", .figure = "memory.runtime"}, {.name = "KV bytes", .value = card_kv, .unit = "B"}});
    sequences = std::min(sequences, std::floor(replica.kv_tokens / length));
    if (sequences < 1) return invalid_field("context", fmt::format("of {:.0f} tokens does not fit: the cache has room for {:.0f}; use more cards, a smaller KV type or fewer bits", length, replica.kv_tokens));
  }
  replica.sequences = static_cast<std::uint32_t>(std::clamp(sequences / plan.lanes, 1.0, 1.0 * kMostSequences));
  replica.kv_tokens /= plan.lanes;
  plan.most_sequences = d.add("speed.sequences", {"Requests at once", "最大并发请求数"}, 1.0 * replica.sequences * plan.lanes, "", "min(engine's limit, tokens in the cache / (prompt + output / 2))",
                              {{.name = "limit", .value = 1.0 * q.sequences.value_or(kMostSequences)}, {.name = "prompt", .value = q.prompt, .unit = "tokens"}, {.name = "output", .value = q.output, .unit = "tokens"}});

  ServiceModel alone = replica;
  alone.token_s = alone_token_s;
  alone.output_s = output / tensor / rates.flop_per_s;
  const double prefill_s = prefill_seconds(alone, attention_s, q.prompt, q.cached) + alone.sequence_s + alone.output_s;
  plan.ttft_s = d.add("speed.ttft", {"First token, alone", "首词元时间（单请求）"}, prefill_s, "s", "sum over steps of max(weights / bandwidth, tokens × token time) + fixed part, + attention to what stands before + first word",
                      {{.name = "prompt", .value = q.prompt, .unit = "tokens"}, {.name = "cached", .value = q.cached, .unit = "tokens"}, d.sheet.input("speed.token_seconds", "token time"), d.sheet.input("speed.step_overhead", "fixed part"),
                       {.name = "attention", .value = attention_s, .unit = "s per pair"}});
  plan.prefill_tokens_per_s = d.add("speed.prefill", {"Prefill", "预填充速度"}, (q.prompt - q.cached) / prefill_s, "tokens/s", "prompt tokens not cached / time to the first token",
                                    {{.name = "prompt", .value = q.prompt, .unit = "tokens"}, {.name = "cached", .value = q.cached, .unit = "tokens"}, d.sheet.input("speed.ttft", "first token")});
  const double token_s = step_seconds(alone, 1, 0, length);
  plan.tpot_ms = d.add("speed.tpot", {"Time per output token, alone", "单请求每输出词元时间"}, token_s * 1e3, "ms", "fixed part + cached tokens × KV bytes / bandwidth + max(weights read / bandwidth, token time + next word)",
                       {d.sheet.input("speed.active_bytes", "weights read"), d.sheet.input("speed.bandwidth", "bandwidth"), {.name = "cached tokens", .value = length}, {.name = "KV bytes", .value = kv_per_token, .unit = "B"}, d.sheet.input("speed.step_overhead", "fixed part")});
  plan.decode_tokens_per_s = d.add("speed.decode", {"Decode, one sequence", "单路解码速度"}, 1 / token_s, "tokens/s", "1000 / time per output token", {d.sheet.input("speed.tpot", "time per output token")});

  const auto point = [&](double concurrency) {
    auto one = steady_state(replica, q.prompt - q.cached, q.output, std::min(concurrency / plan.lanes, 1.0 * replica.sequences));
    one.concurrency = concurrency;
    one.output_tokens_per_s *= plan.lanes;
    one.prompt_tokens_per_s *= plan.lanes;
    // Measured machines compute pieces of prompts among answers slower than whole prompts: one answer after another gives no less than this.
    const double one_by_one = q.output / (plan.ttft_s + q.output * token_s);
    if (q.measured && one.output_tokens_per_s < one_by_one) {
      one.output_tokens_per_s = one_by_one;
      one.prompt_tokens_per_s = one_by_one * (q.prompt - q.cached) / q.output;
      if (concurrency <= 1) one.ttft_s = plan.ttft_s, one.tpot_ms = plan.tpot_ms;
      else one.tpot_ms = std::min(one.tpot_ms, concurrency / one_by_one * 1e3);  // Little: so many are under way at that rate
    }
    return one;
  };
  const double most = 1.0 * replica.sequences * plan.lanes;
  for (double n = plan.lanes; n < most; n *= 2) plan.curve.push_back(point(n));
  plan.curve.push_back(point(most));
  plan.at_concurrency = point(std::clamp(model.users, 1.0 * plan.lanes, most));
  plan.saturated = plan.curve.back();
  d.add("speed.saturated", {"Output of all requests, saturated", "饱和总输出速度"}, plan.saturated.output_tokens_per_s, "tokens/s", "decoding sequences / step, each step also prefilling prompt / output tokens for each of them",
        {d.sheet.input("speed.sequences", "sequences"), {.name = "prompt", .value = q.prompt - q.cached, .unit = "tokens"}, {.name = "output", .value = q.output, .unit = "tokens"}});
  plan.classic_flops = d.add("speed.classic", {"Rule of thumb", "经验公式算力"}, classic_flops(memory.active_parameters, q.prompt + q.output, plan.classic_latency_s), "FLOP/s", "parameters × tokens × 2 / latency",
                             {{.name = "parameters", .value = memory.active_parameters}, {.name = "tokens", .value = q.prompt + q.output}, {.name = "latency", .value = plan.classic_latency_s, .unit = "s"}});
  for (auto& figure : memory.figures) d.sheet.add(std::move(figure));
  plan.figures = d.sheet.figures();
  if (q.measured)
    if (auto note = unsteady_note(*q.measured)) plan.notes.push_back(*std::move(note));
  if (q.card && q.card->unverified && !q.measured) {
    Words keys;
    for (const auto& key : *q.card->unverified) {
      const auto words = words_of_key(key);
      keys.en += (keys.en.empty() ? "" : ", ") + words.en;
      keys.zh += (keys.zh.empty() ? "" : "、") + words.zh;
    }
    plan.notes.push_back({fmt::format("Of {}, these figures of the catalogue have no source at hand: {}; check them before you buy", q.card->name, keys.en),
                          fmt::format("{} 的以下参数在目录中没有可靠出处：{}；采购前请核实", q.card->name, keys.zh)});
  }
  return speed;
}

}  // namespace siyu::planner
