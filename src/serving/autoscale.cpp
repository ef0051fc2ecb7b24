#include "serving/autoscale.h"

#include <cmath>

namespace siyu::serving {

std::int32_t replicas_for(const AutoscaleSpec& spec, const LoadFigures& load, std::int32_t current) {
  const double usable = 1 - kHeadroom;
  double need = 1;
  const auto count = [&](const std::optional<double>& target, double value) {
    if (target) need = std::max(need, std::ceil(value / (*target * usable) - 1e-9));
  };
  count(spec.requests_per_second, load.requests_per_second);
  count(spec.waiting_requests, load.waiting_requests);
  count(spec.tokens_per_second, load.tokens_per_second);
  // Latency says that there are too few, not how many are missing: it grows faster than the load. At most twice as many at once.
  if (spec.first_token_ms && load.first_token_ms > 0) {
    const double ratio = load.first_token_ms / (*spec.first_token_ms * usable);
    if (ratio > 1) need = std::max(need, std::ceil(current * std::min(ratio, 2.0)));
  }
  return std::clamp(static_cast<std::int32_t>(std::min(need, 1e6)), std::max(1, spec.min), spec.max);
}

std::int32_t Autoscaler::decide(const AutoscaleSpec& spec, const LoadFigures& load, std::int32_t current, SteadyTime now) {
  needed_.emplace_back(now, replicas_for(spec, load, current));
  while (needed_.front().first + kShrinkAfter < now) needed_.pop_front();
  std::int32_t most = 0;
  for (const auto& [when, replicas] : needed_) most = std::max(most, replicas);
  return std::clamp(most, std::max(1, spec.min), spec.max);
}

}  // namespace siyu::serving
