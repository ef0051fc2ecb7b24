// What calls cost, in whole numbers: sums of them stay exact.
#pragma once

#include <cmath>
#include <cstdint>

#include "engine/engine.h"

namespace siyu::serving {

/// Billionths of the configured currency.
using Nanos = std::int64_t;
constexpr double kMostMoney = 1e9;  ///< the largest budget: sums of such amounts fit an int64 of Nanos

inline Nanos to_nanos(double amount) { return std::llround(amount * 1e9); }
inline double from_nanos(Nanos nanos) { return static_cast<double>(nanos) / 1e9; }

/// Per token, in thousandths of a Nano, which are millionths of the currency per million tokens.
struct Price {
  std::int64_t input = 0;
  std::int64_t cached = 0;  ///< prompt tokens that needed no computing
  std::int64_t output = 0;
  bool operator==(const Price&) const = default;
};

constexpr std::int64_t kMostPrice = 10'000'000'000;  ///< 10,000 per million tokens; with it the cost of any request fits an int64

/// A call's cost, rounded up to a Nano.
inline Nanos cost_of(const engine::Usage& usage, const Price& price) {
  const std::int64_t computed = usage.prompt_tokens - usage.cached_tokens;
  return (computed * price.input + usage.cached_tokens * price.cached + usage.completion_tokens * price.output + 999) / 1000;
}

/// The most that so many tokens can cost.
inline Nanos most_cost(std::int64_t prompt, std::int64_t completion, const Price& price) {
  return (prompt * (price.input > price.cached ? price.input : price.cached) + completion * price.output + 999) / 1000;
}

}  // namespace siyu::serving
