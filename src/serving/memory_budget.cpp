#include "serving/memory_budget.h"

#include <algorithm>
#include <map>

#include "engine/kv_size.h"

namespace siyu::serving {
namespace {

constexpr std::uint64_t kProcess = 24ULL << 20;       // code, heaps and tables of a worker before its model
constexpr std::uint64_t kBatch = engine::kDefaultBatchTokens;
constexpr std::uint64_t kLeastPatches = 4096;         // encoders of any resolution are given pictures of about so many
constexpr std::uint64_t kActivations = 20;            // floats per token of a batch, as multiples of the width: attention, feed forward, residuals

}  // namespace

MemoryNeed predict_need(const models::GgufFile& header, const std::string& file, std::uint64_t file_bytes, const WorkerSizes& sizes) {
  const auto facts = models::facts_of(header);
  const auto number = [&](const std::string& key, std::uint64_t fallback) {
    const auto value = header.number(facts.architecture + "." + key);
    return value > 0 ? value : fallback;
  };
  const std::uint64_t heads = std::max<std::uint64_t>(1, facts.heads);
  const std::uint64_t head = facts.embedding_length / heads;
  const auto per_token = engine::kv_bytes_per_token({.layers = static_cast<std::int64_t>(facts.layers),
                                                     .kv_heads = static_cast<std::int64_t>(facts.kv_heads > 0 ? facts.kv_heads : heads),
                                                     .key_length = static_cast<std::int64_t>(number("attention.key_length", head)),
                                                     .value_length = static_cast<std::int64_t>(number("attention.value_length", head))},
                                                    sizes.kv_type);
  const auto trained = static_cast<std::int32_t>(std::clamp<std::uint64_t>(facts.context_length, 16, INT32_MAX / 8));
  const auto context = std::min(sizes.context_tokens > 0 ? sizes.context_tokens : engine::kDefaultContextTokens, trained);
  const auto tokens = facts.embedding ? 0 : engine::kv_tokens_for(sizes.kv_tokens, context, per_token);
  const auto parallel = static_cast<std::uint64_t>(sizes.parallel > 0 ? sizes.parallel : engine::kDefaultParallel);
  // A text to embed goes through in one step, so that step's buffers grow with the longest text.
  const std::uint64_t batch = facts.embedding ? std::max<std::uint64_t>(kBatch, static_cast<std::uint64_t>(context)) : kBatch;
  const std::uint64_t buffers = batch * facts.embedding_length * kActivations * sizeof(float) + parallel * facts.vocabulary * sizeof(float);
  return {.file = file, .weights = file_bytes, .own = kProcess + buffers + static_cast<std::uint64_t>(per_token) * static_cast<std::uint64_t>(tokens)};
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
