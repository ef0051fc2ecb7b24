#include "serving/memory_budget.h"

#include <algorithm>
#include <map>

#include "engine/kv_size.h"
#include "models/shape.h"
#include "sizing/worker_memory.h"

namespace siyu::serving {
namespace {

constexpr std::uint64_t kLeastPatches = 4096;         // encoders of any resolution are given pictures of about so many
constexpr std::uint64_t kActivations = 20;            // floats per place of a picture, as multiples of the width
constexpr std::uint32_t kGuesses = 64;                // guessed tokens that a step may check besides: the worker's limit
constexpr std::int64_t kUnknownPerToken = 256L << 10; // bytes of a token's cache where no structure says it: that of a model of 30 · 10^9 parameters

double bits_of_cache(const std::string& type) { return sizing::kv_bits(type.empty() ? "f16" : type).value_or(16); }

std::int32_t context_of(const WorkerSizes& sizes) { return sizes.context_tokens > 0 ? sizes.context_tokens : engine::kDefaultContextTokens; }

/// For a header from which no structure can be read. The worker may load it all the same, so everything is on the large side: a quarter of the
/// file again for its buffers, and the cache of a large model.
MemoryNeed unknown_need(const std::string& file, std::uint64_t file_bytes, const WorkerSizes& sizes) {
  const auto tokens = engine::kv_tokens_for(sizes.kv_tokens, context_of(sizes), kUnknownPerToken);
  const auto cache = static_cast<std::uint64_t>(tokens) * static_cast<std::uint64_t>(kUnknownPerToken);
  const auto spill = sizes.spill_bytes.value_or(engine::default_spill_bytes(cache, sizes.budget));
  return {.file = file, .weights = file_bytes, .own = (64ULL << 20) + file_bytes / 4 + cache + spill, .spill = spill, .kv_tokens = tokens};
}

}  // namespace

MemoryNeed predict_need(const models::GgufFile& header, const std::string& file, std::uint64_t file_bytes, const WorkerSizes& sizes) {
  const auto shape = models::shape_of(header);
  if (!shape) return unknown_need(file, file_bytes, sizes);
  const auto kv_bits = bits_of_cache(sizes.kv_type);
  const auto values = static_cast<double>(sizing::cached_values_per_token(*shape));
  const auto per_token = static_cast<std::int64_t>(std::max(1.0, values * kv_bits / 8));
  const auto trained = static_cast<std::int32_t>(std::clamp<std::uint64_t>(shape->context, 16, INT32_MAX / 8));
  const auto context = std::min(context_of(sizes), trained);
  const auto tokens = shape->embeds ? 0 : engine::kv_tokens_for(sizes.kv_tokens, context, per_token);
  const auto sequences = static_cast<std::uint32_t>(sizes.parallel > 0 ? sizes.parallel : engine::kDefaultParallel);
  const auto memory = sizing::worker_memory(*shape, nullptr,
                                            {.kv_tokens = static_cast<double>(tokens), .kv_bits = kv_bits, .sequences = sequences, .step_tokens = engine::kDefaultBatchTokens,
                                             .text_tokens = static_cast<std::uint32_t>(context), .checked = kGuesses},
                                            sizing::this_processor());
  const auto spill = shape->embeds ? 0 : sizes.spill_bytes.value_or(engine::default_spill_bytes(static_cast<std::uint64_t>(memory.kv), sizes.budget));
  const auto copied = static_cast<std::uint64_t>(memory.stored_anew);
  const auto own = static_cast<std::uint64_t>(memory.total() - memory.weights) + copied + spill;
  return {.file = file, .weights = file_bytes - std::min(file_bytes, copied), .own = own, .spill = spill, .kv_tokens = tokens};
}

void add_draft(MemoryNeed& need, const models::GgufFile& header, std::uint64_t file_bytes, const WorkerSizes& sizes) {
  const auto draft = predict_need(header, "", file_bytes, {.context_tokens = sizes.context_tokens, .kv_tokens = need.kv_tokens, .parallel = engine::kDraftSequences, .kv_type = sizes.kv_type, .spill_bytes = 0});
  need.own += draft.weights + draft.own - std::min(draft.own, static_cast<std::uint64_t>(sizing::kWorkerProgramBytes));
}

std::uint64_t predict_projector(const models::GgufFile& header, std::uint64_t file_bytes) {
  const auto number = [&](const char* key, std::uint64_t most) { return std::min(header.number(std::string("clip.vision.") + key), most); };
  const auto side = number("image_size", 4096) / std::max<std::uint64_t>(1, number("patch_size", 256));
  const auto patches = std::max(side * side, kLeastPatches);
  const auto width = number("embedding_length", 1 << 16), inner = number("feed_forward_length", 1 << 18);
  return file_bytes + patches * (kActivations * width + 2 * inner) * sizeof(float) + engine::kKeptPictureBytes;
}

std::uint64_t memory_in_use(std::span<const MemoryCharge> running) {
  std::map<std::string, std::uint64_t> weights;
  std::uint64_t sum = 0;
  for (const auto& one : running) {
    weights[one.need.file] = std::max(weights[one.need.file], one.need.weights);
    sum += std::max(one.need.own, one.reported > one.need.weights ? one.reported - one.need.weights : 0);
  }
  for (const auto& [file, bytes] : weights) sum += bytes;
  return sum;
}

std::uint64_t memory_added(std::span<const MemoryCharge> running, const MemoryNeed& need) {
  const bool mapped = std::ranges::any_of(running, [&](const MemoryCharge& one) { return one.need.file == need.file; });
  return need.own + (mapped ? 0 : need.weights);
}

std::optional<std::vector<std::string>> choose_evictions(std::uint64_t budget, const MemoryNeed& need, std::vector<EvictionCandidate> idle, std::vector<MemoryCharge> fixed) {
  std::ranges::sort(idle, std::ranges::greater{}, &EvictionCandidate::last_used);  // the longest idle stands last
  std::vector<std::string> evicted;
  for (;;) {
    auto running = fixed;
    for (const auto& one : idle) running.insert(running.end(), one.charges.begin(), one.charges.end());
    if (memory_in_use(running) + memory_added(running, need) <= budget) return evicted;
    if (idle.empty()) return std::nullopt;
    evicted.push_back(idle.back().name);
    idle.pop_back();
  }
}

}  // namespace siyu::serving
