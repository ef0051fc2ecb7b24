// How many more attempts than requests there may be. Without it, replicas that are slow because they have too much to do would
// get every request twice. A retry that finds no token waits for one; it is not refused.
#pragma once

#include <algorithm>

#include "base/clock.h"

namespace siyu::serving {

/// Not thread-safe; its owner guards it.
class RetryBudget {
 public:
  /// `ratio` tokens come with each request, `per_second` with time, and at most `most` are kept.
  RetryBudget(double ratio, double per_second, double most) : ratio_(ratio), per_second_(per_second), most_(most), tokens_(most / 2) {}

  void on_request() { tokens_ = std::min(most_, tokens_ + ratio_); }
  bool take(SteadyTime now) {
    if (seen_ != SteadyTime{}) tokens_ = std::min(most_, tokens_ + per_second_ * std::chrono::duration<double>(now - seen_).count());
    seen_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  double ratio_, per_second_, most_, tokens_;
  SteadyTime seen_{};
};

}  // namespace siyu::serving
