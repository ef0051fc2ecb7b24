#include "planner/memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/text.h"

namespace siyu::planner {
namespace {

using sizing::ModelShape;
using sizing::Role;

constexpr double kMostContext = 1e8, kMostUsers = 1e7, kMostTokens = 1e12;
constexpr std::uint32_t kMostCards = 4096;
constexpr std::uint32_t kCardStep = 8192;  // prompt tokens of a step: vLLM's default for large cards
// Of each card, before any model: the driver's context, libraries, captured graphs, buffers of communication. Engines differ; from
// public reports of vLLM and SGLang it is 1 to 2.5 GB. Guidance, to be replaced by what your engine prints at its start.
constexpr double kCardRuntime = 1.6e9;
constexpr double kCardWorkspace = 0.4e9;   // more where cards talk to each other
// llama-server's own: code, buffers of HTTP, slots. Measured as its resident memory beyond what llama.cpp reports.
constexpr double kServerBytes = 40e6;
constexpr std::uint32_t kMostGuesses = 64;  // that a step of our worker may check besides

Status in_range(double value, double low, double high, const char* field, const char* what) {
  if (std::isfinite(value) && value >= low && value <= high) return {};
  return invalid_field(field, fmt::format("must be {} from {:g} to {:g}", what, low, high));
}

Status check(const MemoryQuestion& q) {
  if (q.shape.layers == 0 || q.shape.tensors.empty()) return invalid_field("model", "has no layers; give a GGUF file, a config.json or a model of the catalogue");
  RETURN_IF_ERROR(in_range(q.context, 1, kMostContext, "context", "a number of tokens"));
  RETURN_IF_ERROR(in_range(q.users, 1, kMostUsers, "users", "a number of requests at once"));
  RETURN_IF_ERROR(in_range(q.fill, 0.001, 1, "fill", "a share"));
  RETURN_IF_ERROR(in_range(q.shared_prefix, 0, q.context, "shared_prefix", "a number of tokens within the context,"));
  RETURN_IF_ERROR(in_range(q.headroom, 0, 0.9, "headroom", "a share"));
  if (q.kv_tokens) RETURN_IF_ERROR(in_range(*q.kv_tokens, 1, kMostTokens, "kv_tokens", "a number of tokens"));
  if (q.split.tensor == 0 || q.split.pipeline == 0 || q.split.tensor > kMostCards || q.split.pipeline > kMostCards || q.split.cards() > kMostCards)
    return invalid_field("split", fmt::format("must cut the model over 1 to {} cards", kMostCards));
  if (q.split.cards() > 1 && q.engine == EngineKind::kSiyuCard) return invalid_field("split", "is for engines that cut a model over cards; Siyu's own worker takes a whole model on one card");
  if (q.split.cards() > 1 && q.engine != EngineKind::kCards) return invalid_field("split", "is for cards; a worker on the processors takes a whole model");
  if (q.shape.heads % q.split.tensor != 0)
    return invalid_field("split", fmt::format("cuts {} attention heads over {} cards; tensor parallelism needs a divisor of {}", q.shape.heads, q.split.tensor, q.shape.heads));
  if (q.split.pipeline > q.shape.layers) return invalid_field("split", fmt::format("has {} stages for {} layers", q.split.pipeline, q.shape.layers));
  if (q.shape.context > 0 && q.context > q.shape.context)
    return invalid_field("context", fmt::format("is {:.0f} tokens, but {} was trained for {} at most", q.context, q.shape.name.empty() ? "the model" : q.shape.name, q.shape.context));
  return {};
}

/// Of a tensor, the share on the fullest card.
double share_of_card(const ModelShape& shape, const sizing::Tensor& tensor, const Split& split) {
  // Small tensors lie on every card of the group; layers go to stages, the ends to the first and the last.
  const bool everywhere = tensor.role == Role::kNorm || tensor.role == Role::kBias || tensor.role == Role::kRouter || tensor.role == Role::kRecurrent;
  const bool in_layer = tensor.role != Role::kTokenEmbedding && tensor.role != Role::kOutput && tensor.role != Role::kVision;
  const double tensor_share = everywhere ? 1 : 1.0 / split.tensor;
  const double stage_share = in_layer ? std::ceil(static_cast<double>(shape.layers) / split.pipeline) / shape.layers : 1;
  return tensor_share * stage_share;
}

double kv_bytes_on_card(const ModelShape& shape, const Split& split, double tokens, double sequences, double bits) {
  const auto layers_here = std::ceil(static_cast<double>(shape.layers) / split.pipeline);
  const auto all = [&] {
    double sum = 0;
    for (const auto& layer : shape.memory) {
      const auto kept = layer.window > 0 ? std::min(tokens, sequences * layer.window) : tokens;
      sum += kept * (layer.key_values + layer.value_values) * bits / 8 + sequences * static_cast<double>(layer.state_values) * sizeof(float);
    }
    return sum;
  }();
  // Heads are parted; a latent cache, and heads that are fewer than the cards, lie on several cards at once.
  const double heads_share = shape.latent_rank > 0 ? 1 : std::ceil(static_cast<double>(shape.kv_heads) / split.tensor) / shape.kv_heads;
  return all * heads_share * layers_here / shape.layers;
}

Figure figure(std::string id, Words label, double value, std::string unit, std::string formula, std::vector<Input> inputs = {}) {
  return {.id = std::move(id), .label = std::move(label), .value = value, .unit = std::move(unit), .formula = std::move(formula), .inputs = std::move(inputs)};
}

void add_weights(const MemoryQuestion& q, const sizing::WeightFormat* format, MemoryPlan& plan, Worksheet& sheet) {
  double bytes = sizing::weight_bytes(q.shape, format), card = 0;
  ModelShape part = q.shape;
  for (auto& tensor : q.shape.tensors) {
    part.tensors = {tensor};
    card += sizing::weight_bytes(part, format) * share_of_card(q.shape, tensor, q.split);
  }
  sheet.add(figure("memory.parameters", {"Parameters", "参数量"}, plan.parameters, "", "sum of all tensors", {{.name = "structure", .value = static_cast<double>(q.shape.layers), .unit = "layers", .source = q.shape.origin}}));
  const double bits = bytes * 8 / std::max(1.0, plan.parameters);
  sheet.add(figure("memory.bits_per_weight", {"Bits per weight", "每权重位数"}, bits, "bit", "bytes × 8 / parameters, over all tensors with the type of each",
                        {{.name = plan.weights_format, .value = format == nullptr ? bits : format->bits, .unit = "bit", .source = format == nullptr ? "tensor types of the file" : format->note}}));
  sheet.add(figure("memory.weights_all", {"Weights of the whole model", "模型权重总量"}, bytes, "B", "parameters × bits per weight / 8",
                        {sheet.input("memory.parameters", "parameters"), sheet.input("memory.bits_per_weight", "bits per weight")}));
  plan.weights = sheet.add(figure("memory.weights", {"Weights on one card", "单卡权重"}, card, "B", "each tensor / tensor parallelism, the layers of the longest stage",
                                       {sheet.input("memory.weights_all", "weights"), {.name = "tensor", .value = 1.0 * q.split.tensor}, {.name = "pipeline", .value = 1.0 * q.split.pipeline}}));
}

void add_kv_tokens(const MemoryQuestion& q, double bits, MemoryPlan& plan, Worksheet& sheet) {
  plan.kv_bytes_per_token = sheet.add(figure("memory.kv_per_token", {"KV cache per token", "每词元 KV 缓存"}, static_cast<double>(q.shape.kv_values_per_token()) * bits / 8, "B",
      q.shape.latent_rank > 0 ? "layers × (latent rank + rotary width) × bits / 8" : "layers × KV heads × (key width + value width) × bits / 8; layers with a window count up to their window",
      {{.name = "layers", .value = 1.0 * q.shape.layers}, {.name = q.shape.latent_rank > 0 ? "latent rank" : "KV heads", .value = 1.0 * (q.shape.latent_rank > 0 ? q.shape.latent_rank : q.shape.kv_heads)},
       {.name = "key width", .value = 1.0 * q.shape.key_width}, {.name = "value width", .value = 1.0 * q.shape.value_width}, {.name = "bits", .value = bits, .unit = "bit"}}));
  const std::vector<Input> inputs{{.name = "users", .value = q.users}, {.name = "context", .value = q.context, .unit = "tokens"}, {.name = "fill", .value = q.fill},
                                  {.name = "shared prefix", .value = q.shared_prefix, .unit = "tokens"}};
  plan.kv_tokens = sheet.add(q.kv_tokens ? figure("memory.kv_tokens", {"Tokens in the KV cache", "KV 缓存词元数"}, *q.kv_tokens, "tokens", "given")
                                              : figure("memory.kv_tokens", {"Tokens in the KV cache", "KV 缓存词元数"}, std::max(q.context, q.shared_prefix + q.users * std::max(1.0, q.context * q.fill - q.shared_prefix)),
                                                       "tokens", "shared prefix + users × (context × fill − shared prefix), at least one context", inputs));
}

sizing::WorkerSizes sizes_of(const MemoryQuestion& q, double bits, double kv_tokens) {
  sizing::WorkerSizes sizes{.kv_tokens = kv_tokens, .kv_bits = bits, .sequences = static_cast<std::uint32_t>(std::min(q.users, 1e6))};
  if (q.step_tokens > 0) sizes.step_tokens = q.step_tokens;
  sizes.text_tokens = static_cast<std::uint32_t>(std::min(q.context, 1e6));
  return sizes;
}

/// On the processors: the parts as sizing/worker_memory.h counts them.
void add_worker(const MemoryQuestion& q, const sizing::WeightFormat* format, double bits, MemoryPlan& plan, Worksheet& sheet) {
  auto sizes = sizes_of(q, bits, plan.kv_tokens);
  // A step may check up to 64 guesses besides; that half of its rows of logits are such is what busy workers were measured to hold.
  sizes.checked = std::min(sizes.sequences, kMostGuesses);
  const auto memory = sizing::worker_memory(q.shape, format, sizes, q.processor);
  plan.weights = sheet.add(figure("memory.weights", {"Weights", "权重"}, memory.weights + memory.second_output, "B", "weights + the output matrix once more, where the processor wants it in an order of its own",
      {sheet.input("memory.weights_all", "weights"), {.name = "output matrix", .value = memory.second_output, .unit = "B"}}));
  plan.kv = sheet.add(figure("memory.kv", {"KV cache", "KV 缓存"}, memory.kv, "B", "tokens, a multiple of 256, × bytes per token; a worker keeps whole beginnings, windows or not",
      {sheet.input("memory.kv_tokens", "tokens"), sheet.input("memory.kv_per_token", "per token")}));
  plan.activations = sheet.add(figure("memory.activations", {"Buffers of a step", "计算缓冲"}, memory.step + memory.logits, "B",
      "max(step tokens × (numbers alive × 4 + KV tokens × 3 (2 for latent attention)), rows × vocabulary × 4) + rows × vocabulary × 4; rows: sequences and as many guesses, 64 at most",
      {{.name = "step tokens", .value = 1.0 * std::max(sizes.step_tokens, sizes.sequences)}, {.name = "numbers alive", .value = sizing::activations_per_token(q.shape)},
       {.name = "sequences", .value = 1.0 * sizes.sequences}, {.name = "vocabulary", .value = 1.0 * q.shape.vocabulary}, sheet.input("memory.kv_tokens", "KV tokens")}));
  const double server = q.engine == EngineKind::kLlamaServer ? kServerBytes : 0;
  plan.runtime = sheet.add(figure("memory.runtime", {"Program and tokenizer", "程序与分词器"}, memory.program + memory.tokenizer + server, "B", "program + bytes per word × vocabulary",
      {{.name = "program", .value = memory.program + server, .unit = "B", .source = "measured"}, {.name = "tokenizer", .value = memory.tokenizer, .unit = "B", .source = "measured"}}));
}

/// On a card: the parts as sizing/worker_memory.h counts them.
void add_worker_card(const MemoryQuestion& q, const sizing::WeightFormat* format, double bits, MemoryPlan& plan, Worksheet& sheet) {
  auto sizes = sizes_of(q, bits, plan.kv_tokens);
  sizes.checked = kMostGuesses;  // memory of a card is taken when the model is loaded, whether it is used or not
  const auto memory = sizing::card_memory(q.shape, format, sizes);
  plan.weights = sheet.add(figure("memory.weights", {"Weights on the card", "卡上权重"}, memory.weights + memory.second_output, "B", "weights without the token embedding, which stays on the server unless it is the output matrix too",
      {sheet.input("memory.weights_all", "weights"), {.name = "output matrix", .value = memory.second_output, .unit = "B"}}));
  plan.kv = sheet.add(figure("memory.kv", {"KV cache", "KV 缓存"}, memory.kv, "B", "tokens, a multiple of 256, × bytes per token; a worker keeps whole beginnings, windows or not",
      {sheet.input("memory.kv_tokens", "tokens"), sheet.input("memory.kv_per_token", "per token")}));
  plan.activations = sheet.add(figure("memory.activations", {"Buffers of a step", "计算缓冲"}, memory.step, "B", "max(step tokens × (numbers alive × 4 + KV tokens × 3 (2 for latent attention)), rows × vocabulary × 4), + step tokens × KV tokens × heads × 6 where attention has no one-pass kernel for its widths; rows: sequences and guesses",
      {{.name = "step tokens", .value = 1.0 * std::max(sizes.step_tokens, sizes.sequences)}, {.name = "numbers alive", .value = sizing::activations_per_token(q.shape)},
       {.name = "sequences", .value = 1.0 * sizes.sequences}, {.name = "guesses", .value = 1.0 * sizes.checked}, {.name = "vocabulary", .value = 1.0 * q.shape.vocabulary}, sheet.input("memory.kv_tokens", "KV tokens")}));
  plan.runtime = sheet.add(figure("memory.runtime", {"Driver and libraries", "驱动与运行库"}, memory.runtime, "B", "driver context, kernels, libraries", {{.name = "runtime", .value = memory.runtime, .unit = "B", .source = "measured on an H100 with CUDA 13"}}));
  sheet.add(figure("memory.host", {"Beside it, on the server", "另需服务器内存"}, memory.host, "B", "token embedding + rows of logits + tokenizer + program", {}));
}

void add_cards(const MemoryQuestion& q, double bits, MemoryPlan& plan, Worksheet& sheet) {
  const auto step = q.step_tokens > 0 ? q.step_tokens : kCardStep;
  plan.kv = sheet.add(figure("memory.kv", {"KV cache on one card", "单卡 KV 缓存"}, kv_bytes_on_card(q.shape, q.split, plan.kv_tokens, q.users, bits), "B",
      q.shape.latent_rank > 0 ? "tokens × bytes per token × stage share; a latent cache lies on every card of a tensor group" : "tokens × bytes per token × share of the KV heads × share of the layers; a head lies whole on a card",
      {sheet.input("memory.kv_tokens", "tokens"), sheet.input("memory.kv_per_token", "per token"), {.name = "tensor", .value = 1.0 * q.split.tensor}, {.name = "KV heads", .value = 1.0 * q.shape.kv_heads}}));
  const double alive = sizing::activations_per_token(q.shape);
  const double logits = q.users * q.shape.vocabulary * sizeof(float) / q.split.tensor;
  plan.activations = sheet.add(figure("memory.activations", {"Activations", "激活"}, step * alive * 2 / q.split.tensor + logits, "B", "step tokens × numbers alive × 2 bytes / tensor + users × vocabulary × 4 / tensor",
      {{.name = "step tokens", .value = 1.0 * step, .source = "default of vLLM for large cards"}, {.name = "numbers alive", .value = alive}, {.name = "users", .value = q.users}, {.name = "vocabulary", .value = 1.0 * q.shape.vocabulary}}));
  plan.runtime = sheet.add(figure("memory.runtime", {"Runtime on each card", "每卡运行时开销"}, kCardRuntime + (q.split.cards() > 1 ? kCardWorkspace : 0), "B", "driver context, libraries and captured graphs + buffers of communication",
      {{.name = "runtime", .value = kCardRuntime, .unit = "B", .source = "guidance of this project"}, {.name = "communication", .value = q.split.cards() > 1 ? kCardWorkspace : 0, .unit = "B", .source = "guidance of this project"}}));
}

}  // namespace

Result<MemoryPlan> plan_memory(const MemoryQuestion& q) {
  RETURN_IF_ERROR(check(q));
  ASSIGN_OR_RETURN(const auto bits, sizing::kv_bits(q.kv_type));
  std::optional<sizing::WeightFormat> format;
  if (q.weights) {
    ASSIGN_OR_RETURN(format, sizing::weight_format(*q.weights));
  }
  const bool stored = std::ranges::all_of(q.shape.tensors, [](const auto& one) { return one.stored != nullptr; });
  MemoryPlan plan{.model = q.shape.name, .weights_format = format ? format->name : stored ? "as stored" : "bf16", .split = q.split};
  plan.parameters = static_cast<double>(q.shape.parameters());
  plan.active_parameters = static_cast<double>(q.shape.active_parameters());
  const auto* chosen = format ? &*format : nullptr;
  Worksheet sheet;
  add_weights(q, chosen, plan, sheet);
  add_kv_tokens(q, bits, plan, sheet);
  if (q.engine == EngineKind::kCards) add_cards(q, bits, plan, sheet);
  else if (q.engine == EngineKind::kSiyuCard) add_worker_card(q, chosen, bits, plan, sheet);
  else add_worker(q, chosen, bits, plan, sheet);
  plan.total = sheet.add(figure("memory.total", {"Together", "合计"}, plan.weights + plan.kv + plan.activations + plan.runtime, "B", "weights + KV cache + buffers + runtime",
      {sheet.input("memory.weights", "weights"), sheet.input("memory.kv", "KV cache"), sheet.input("memory.activations", "buffers"), sheet.input("memory.runtime", "runtime")}));
  plan.with_headroom = sheet.add(figure("memory.with_headroom", {"With headroom", "含余量"}, plan.total / (1 - q.headroom), "B", "together / (1 − headroom)",
      {sheet.input("memory.total", "together"), {.name = "headroom", .value = q.headroom}}));
  plan.all_cards = sheet.add(figure("memory.all_cards", {"On all cards", "全部卡合计"}, plan.total * q.split.cards(), "B", "together × tensor × pipeline",
      {sheet.input("memory.total", "together"), {.name = "tensor", .value = 1.0 * q.split.tensor}, {.name = "pipeline", .value = 1.0 * q.split.pipeline}}));
  plan.figures = sheet.figures();
  return plan;
}

double weight_bytes_of(double parameters, double bits) { return parameters * bits / 8; }

Result<double> parse_parameters(std::string_view text) {
  const auto trimmed = trim(text);
  double value = 0;
  const auto [end, error] = std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), value);
  const auto suffix = fold(std::string_view(end, static_cast<std::size_t>(trimmed.data() + trimmed.size() - end)));
  const double scale = suffix.empty() ? 1 : suffix == "k" ? 1e3 : suffix == "m" ? 1e6 : suffix == "b" ? 1e9 : suffix == "t" ? 1e12 : 0;
  value *= scale;
  if (error != std::errc() || scale == 0 || !std::isfinite(value) || value < 1e3 || value > 1e14) return invalid_field("parameters", "must be a number such as 7b, 0.5b or 671e9, from 1k to 100t");
  return value;
}

}  // namespace siyu::planner
