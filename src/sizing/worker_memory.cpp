#include "sizing/worker_memory.h"

#include <algorithm>
#include <cmath>

#include "sizing/grouped_attention.h"

namespace siyu::sizing {
namespace {

// Measured on x86-64, as the medians over models of 2 to 24 layers with vocabularies of 32,000 and 151,936 words.
constexpr double kBytesPerWord = 310;        // of the vocabulary: its texts, their index and the merges
constexpr double kMaskBytes = 2;             // who may see whom, in 16 bit
constexpr double kGroupBytes = 1;            // what our own attention makes of it: the groups of cells that are read together
constexpr double kCardRuntime = 626e6;      // context, kernels and libraries on an H100 with CUDA 13, of dense models
constexpr double kScoreBytes = 6;            // of one query and one key: in 32 bit, and once more in 16
constexpr double kKvPadding = 256;           // llama.cpp's cache holds a multiple of so many tokens

const TensorType* type_of(const ModelShape& shape, const Tensor& tensor, const WeightFormat* format) {
  if (format == nullptr) return tensor.stored;
  if (format->family != "gguf") return nullptr;
  const auto bits = bits_of(*format, {.role = tensor.role, .layer = tensor.layer, .layers = shape.layers, .columns = tensor.columns, .experts = shape.experts,
                                      .heads_per_kv_head = shape.kv_heads > 0 ? shape.heads / shape.kv_heads : 1, .tied = shape.tied});
  for (const char* name : {"q4_0", "q4_k", "q2_k", "iq4_nl", "mxfp4", "q8_0"})
    if (tensor_type_named(name)->bits() == bits && (format->name.starts_with(name) || bits == 8.5)) return tensor_type_named(name);
  return nullptr;
}

}  // namespace

Processor this_processor() {
#if defined(__x86_64__)
  return {.avx2 = __builtin_cpu_supports("avx2") != 0, .avx512 = __builtin_cpu_supports("avx512f") != 0};
#elif defined(__aarch64__)
#if defined(__ARM_FEATURE_MATMUL_INT8)
  return {.neon_dot = true, .neon_int8 = true};
#else
  return {.neon_dot = true};
#endif
#else
  return {};
#endif
}

bool stored_anew(const TensorType& type, std::uint64_t rows, const Processor& processor) {
  if (type.name == "q4_0" || type.name == "iq4_nl" || type.name == "mxfp4") return (processor.avx2 && rows % 8 == 0) || (processor.neon_dot && rows % 4 == 0);
  if (type.name == "q4_k") return (processor.avx2 || processor.neon_dot) && rows % 8 == 0;
  if (type.name == "q2_k") return processor.avx512 && rows % 8 == 0;
  if (type.name == "q5_k" || type.name == "q6_k") return processor.neon_dot && rows % 8 == 0;
  if (type.name == "q8_0") return processor.neon_dot && rows % 4 == 0;
  return false;
}

std::uint64_t cached_values_per_token(const ModelShape& shape) {
  std::uint64_t sum = 0;
  for (const auto& layer : shape.memory) sum += layer.key_values + layer.value_values;
  return sum;
}

double activations_per_token(const ModelShape& shape) {
  const double width = shape.width, queries = 1.0 * shape.heads * shape.key_width, keys = 1.0 * shape.kv_heads * (shape.key_width + shape.value_width);
  // Attention: what goes past it, its normed input, queries, keys and values, and what comes out.
  double attention = 3 * width + 2 * queries + keys;
  // Latent attention takes queries into the latent space and joins the rotated part to them.
  if (shape.latent_rank > 0) attention = 2.0 * shape.heads * (shape.latent_rank + shape.rope_width) + 1.0 * shape.heads * shape.latent_rank + 2 * width;
  // Feed forward: gate, up and their product, beside what goes past it.
  const double dense = 3.0 * shape.feed_forward + 3 * width;
  if (shape.experts == 0) return std::max(attention, dense);
  // Experts: the same for each that is used, and then one result of the full width for each.
  const double inner = 1.0 * shape.experts_used * shape.expert_feed_forward;
  const double experts = std::max(3 * inner + 3 * width, inner + (2.0 * shape.experts_used + 1) * width);
  return std::max({attention, experts, 3.0 * shape.shared_feed_forward + 3 * width});
}

bool attends_in_groups(const ModelShape& shape) {
  return shape.latent_rank == 0 && shape.key_width == shape.value_width && grouped_attention(shape.key_width);
}

WorkerMemory worker_memory(const ModelShape& shape, const WeightFormat* format, const WorkerSizes& sizes, const Processor& processor) {
  WorkerMemory memory{.weights = weight_bytes(shape, format), .tokenizer = kBytesPerWord * shape.vocabulary, .program = kWorkerProgramBytes};
  for (const auto& tensor : shape.tensors) {
    const auto* type = type_of(shape, tensor, format);
    if (type == nullptr || !stored_anew(*type, tensor.rows, processor)) continue;
    const auto bytes = static_cast<double>(type->bytes(tensor.elements()));
    if (tensor.role != Role::kTokenEmbedding) memory.stored_anew += bytes;
    else if (shape.tied && !shape.embeds) memory.second_output = bytes;
  }
  const double step_tokens = shape.embeds ? std::max(sizes.step_tokens, sizes.text_tokens) : std::max(sizes.step_tokens, sizes.sequences);
  const double activations = step_tokens * activations_per_token(shape) * sizeof(float);
  if (shape.embeds) {
    const double mask = step_tokens * step_tokens * 2 * sizeof(float);  // a text sees all of itself
    memory.step = activations + mask;
    return memory;
  }
  const auto cells = std::ceil(sizes.kv_tokens / kKvPadding) * kKvPadding;
  memory.kv = cells * static_cast<double>(cached_values_per_token(shape)) * sizes.kv_bits / 8;
  for (const auto& layer : shape.memory) memory.kv += 1.0 * sizes.sequences * static_cast<double>(layer.state_values) * sizeof(float);
  const bool slides = std::ranges::any_of(shape.memory, [](const LayerMemory& one) { return one.window > 0; });
  const double mask = step_tokens * cells * (kMaskBytes + (attends_in_groups(shape) ? kGroupBytes : 0)) * (slides ? 2 : 1);
  const double row = 1.0 * shape.vocabulary * sizeof(float);
  // What the last layer gives is computed where the layers were.
  memory.step = std::max(activations + mask, (sizes.sequences + sizes.checked) * row + 5.0 * shape.width * sizes.sequences * sizeof(float));
  memory.step += step_tokens * std::max({shape.feed_forward, shape.expert_feed_forward * shape.experts_used, shape.width}) * 1.07;  // its input in 8 bit
  memory.logits = (sizes.sequences + sizes.checked) * row;
  return memory;
}

/// llama.cpp attends in one pass where it has a kernel for the widths of keys and values (ggml-cuda/fattn.cu); else all scores lie in memory.
bool attends_in_one_pass(const ModelShape& shape) {
  const bool latent = shape.latent_rank > 0;
  const auto keys = latent ? shape.latent_rank + shape.rope_width : shape.key_width, values = latent ? shape.latent_rank : shape.value_width;
  const auto group = shape.kv_heads > 0 ? shape.heads / (latent ? 1 : shape.kv_heads) : 0;
  for (const std::uint64_t width : {40, 64, 72, 80, 96, 112, 128, 256, 512})
    if (keys == width && values == width) return true;
  return (keys == 192 && values == 128 && group % 8 == 0) || (keys == 320 && values == 256 && group % 32 == 0) || (keys == 576 && values == 512);
}

CardMemory card_memory(const ModelShape& shape, const WeightFormat* format, const WorkerSizes& sizes) {
  CardMemory memory{.runtime = kCardRuntime};
  ModelShape embedding = shape;
  std::erase_if(embedding.tensors, [](const Tensor& one) { return one.role != Role::kTokenEmbedding; });
  const double looked_up = weight_bytes(embedding, format);
  // Without the cache this is what a worker on the processors takes, but that nothing is stored anew for them.
  const auto worker = worker_memory(shape, format, sizes, {});
  memory.weights = worker.weights - looked_up;
  if (shape.tied && !shape.embeds) memory.second_output = looked_up;
  memory.kv = worker.kv;
  memory.step = worker.step;
  if (!shape.embeds && !attends_in_one_pass(shape)) memory.step += std::max(sizes.step_tokens, sizes.sequences) * std::ceil(sizes.kv_tokens / kKvPadding) * kKvPadding * shape.heads * kScoreBytes;
  memory.host = looked_up + worker.logits + worker.tokenizer + worker.program;
  return memory;
}

}  // namespace siyu::sizing
