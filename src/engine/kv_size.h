// How large a worker makes its KV cache. The worker follows it, and the server foretells with it what a model will need.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace siyu::engine {

constexpr std::int32_t kDefaultContextTokens = 8192;  // a long answer over some pages; more must be asked for
constexpr std::int32_t kDefaultParallel = 64;
constexpr std::int32_t kDefaultBatchTokens = 512;
constexpr std::int64_t kDefaultKvBudget = 2L << 30;   // with defaults a cache never takes more than this, unless one context does
constexpr std::int32_t kDefaultKvContexts = 4;

constexpr std::uint64_t kKeptPictureBytes = 64ULL << 20;  // of pictures seen lately, as a model reads them; kept by a worker that sees

struct KvShape {
  std::int64_t layers = 0, kv_heads = 0, key_length = 0, value_length = 0;
};

/// Bytes of one token in all layers, for the type a load names (f16, q8_0, f32; empty: f16).
inline std::int64_t kv_bytes_per_token(const KvShape& shape, std::string_view type) {
  const std::int64_t values = std::max<std::int64_t>(1, shape.layers) * std::max<std::int64_t>(1, shape.kv_heads) * (shape.key_length + shape.value_length);
  if (type == "f32") return std::max<std::int64_t>(1, values * 4);
  if (type == "q8_0") return std::max<std::int64_t>(1, values * 34 / 32);  // blocks of 32 bytes and a 2-byte scale
  return std::max<std::int64_t>(1, values * 2);
}

/// Tokens that all sequences share; `asked` 0: as many contexts as the default budget holds.
inline std::int32_t kv_tokens_for(std::int32_t asked, std::int32_t context_tokens, std::int64_t bytes_per_token) {
  const auto affordable = kDefaultKvBudget / std::max<std::int64_t>(1, bytes_per_token);
  const auto fallback = std::clamp<std::int64_t>(affordable, context_tokens, std::int64_t{kDefaultKvContexts} * context_tokens);
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(asked > 0 ? asked : fallback, context_tokens, std::max<std::int64_t>(context_tokens, INT32_MAX / 2)));
}

}  // namespace siyu::engine
