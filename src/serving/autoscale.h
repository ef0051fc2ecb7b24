// How many replicas a deployment needs for its load.
#pragma once

#include <deque>

#include "base/clock.h"
#include "serving/deployment.h"

namespace siyu::serving {

/// Measured over the last seconds, of all replicas together.
struct LoadFigures {
  double requests_per_second = 0, waiting_requests = 0, tokens_per_second = 0;
  double first_token_ms = 0;  ///< p95; 0: nothing was measured
};

/// A fifth of each replica's target stays free, so that a rise of the load meets replicas that are there already.
constexpr double kHeadroom = 0.2;
/// Fewer replicas only when so long none more were needed: starting one costs more than keeping one.
constexpr Millis kShrinkAfter = std::chrono::minutes(1);

/// Replicas that `load` needs now, without regard to the past; `current` is how many carry it. At least 1.
std::int32_t replicas_for(const AutoscaleSpec& spec, const LoadFigures& load, std::int32_t current);

/// Grows at once, shrinks late. Not thread-safe.
class Autoscaler {
 public:
  std::int32_t decide(const AutoscaleSpec& spec, const LoadFigures& load, std::int32_t current, SteadyTime now);

 private:
  std::deque<std::pair<SteadyTime, std::int32_t>> needed_;
};

}  // namespace siyu::serving
