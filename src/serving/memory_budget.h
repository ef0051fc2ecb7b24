// One budget of memory for all local workers: what a model will need, what runs need now, and who has to give way.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "models/gguf_file.h"

namespace siyu::serving {

/// What a worker needs. Weights that are mapped from their file are shared by workers of one file; the rest, and weights that the processor
/// wants in an order of its own, is each worker's.
struct MemoryNeed {
  std::string file;             ///< names the weights
  std::uint64_t weights = 0;
  std::uint64_t own = 0;        ///< KV cache, buffers for computing, the process; a draft model with all of its own
  std::uint64_t spill = 0;      ///< part of `own`: host memory for beginnings that leave the KV cache
  std::int32_t kv_tokens = 0;   ///< that the KV cache holds
};

/// Sizes with which a worker will be started; 0: its own default, as in engine::LoadRequest.
struct WorkerSizes {
  std::int32_t context_tokens = 0, kv_tokens = 0, parallel = 0;
  std::string kv_type;
  std::optional<std::uint64_t> spill_bytes = {};  ///< absent: engine::default_spill_bytes()
  std::uint64_t budget = 0;                       ///< memory that all models may take
};

/// From the model's structure (sizing/worker_memory.h), with room for every guess that a step may check; without one, a guess on the large side.
MemoryNeed predict_need(const models::GgufFile& header, const std::string& file, std::uint64_t file_bytes, const WorkerSizes& sizes);

/// The worker holds a draft model too. It has room for as many tokens as the model, and nothing of it is spilled.
void add_draft(MemoryNeed& need, const models::GgufFile& header, std::uint64_t file_bytes, const WorkerSizes& sizes);
/// What a projector adds to a worker's own: its weights, which are not mapped, the buffers of the largest picture, and what is kept of
/// pictures seen lately. An estimate, like the other buffers.
std::uint64_t predict_projector(const models::GgufFile& header, std::uint64_t file_bytes);

/// What one running worker counts for: the prediction, or what it reports when that is more.
struct MemoryCharge {
  MemoryNeed need;
  std::uint64_t reported = 0;  ///< resident bytes, weights included; 0: not known yet
};
std::uint64_t memory_in_use(std::span<const MemoryCharge> running);
/// What starting one more worker adds.
std::uint64_t memory_added(std::span<const MemoryCharge> running, const MemoryNeed& need);

struct EvictionCandidate {
  std::string name;
  SteadyTime last_used;
  std::vector<MemoryCharge> charges;
};
/// Names to put to sleep so that `need` fits into `budget`, the longest idle first; empty optional when even all would not do.
/// `fixed` are the workers that must stay.
std::optional<std::vector<std::string>> choose_evictions(std::uint64_t budget, const MemoryNeed& need, std::vector<EvictionCandidate> idle, std::vector<MemoryCharge> fixed);

}  // namespace siyu::serving
