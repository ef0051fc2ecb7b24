// How large a worker makes its KV cache. The worker follows it, and the server foretells with it what a model will need.
#pragma once

#include <algorithm>
#include <cstdint>

namespace siyu::engine {

constexpr std::int32_t kDefaultContextTokens = 8192;  // a long answer over some pages; more must be asked for
constexpr std::int32_t kDefaultParallel = 64;
constexpr std::int32_t kDefaultBatchTokens = 512;
constexpr std::int32_t kDraftSequences = 16;          // for which a draft model guesses at once
constexpr std::int64_t kDefaultKvBudget = 2L << 30;   // with defaults a cache never takes more than this, unless one context does
constexpr std::int32_t kDefaultKvContexts = 4;

constexpr std::uint64_t kKeptPictureBytes = 64ULL << 20;  // of pictures seen lately, as a model reads them; kept by a worker that sees

/// Tokens that all sequences share; `asked` 0: as many contexts as the default budget holds.
inline std::int32_t kv_tokens_for(std::int32_t asked, std::int32_t context_tokens, std::int64_t bytes_per_token) {
  const auto affordable = kDefaultKvBudget / std::max<std::int64_t>(1, bytes_per_token);
  const auto fallback = std::clamp<std::int64_t>(affordable, context_tokens, std::int64_t{kDefaultKvContexts} * context_tokens);
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(asked > 0 ? asked : fallback, context_tokens, std::max<std::int64_t>(context_tokens, INT32_MAX / 2)));
}

/// Host memory for beginnings that leave the KV cache: as much again as the cache, within a share of what all models may take.
inline std::uint64_t default_spill_bytes(std::uint64_t kv_bytes, std::uint64_t memory_budget) {
  constexpr std::uint64_t kShare = 16;
  return std::min(kv_bytes, memory_budget / kShare);
}

}  // namespace siyu::engine
