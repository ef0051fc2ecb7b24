// Whether a replica that has been failing gets requests: closed (all), open (none, for a while), half open (one, as a trial).
#pragma once

#include <algorithm>

#include "base/clock.h"

namespace siyu::serving {

struct BreakerOptions {
  int failures = 5;                            ///< in a row; one or two may be the requests' own fault
  Millis open_for = std::chrono::seconds(5);   ///< doubled each time that the trial fails too
  Millis longest = std::chrono::minutes(1);
};

enum class BreakerState { kClosed, kOpen, kHalfOpen };

/// Not thread-safe; the replica that owns it guards it.
class CircuitBreaker {
 public:
  explicit CircuitBreaker(BreakerOptions options = {}) : options_(options), next_(options.open_for) {}

  bool allows(SteadyTime now) const { return state(now) == BreakerState::kClosed || (state(now) == BreakerState::kHalfOpen && !trial_); }
  BreakerState state(SteadyTime now) const {
    if (!open_) return BreakerState::kClosed;
    return now < until_ ? BreakerState::kOpen : BreakerState::kHalfOpen;
  }

  void on_sent(SteadyTime now) { trial_ = trial_ || state(now) == BreakerState::kHalfOpen; }
  void on_success() {
    in_a_row_ = 0;
    open_ = trial_ = false;
    next_ = options_.open_for;
  }
  void on_failure(SteadyTime now) {
    ++in_a_row_;
    // Answers that were under way when it opened fail one after the other: they tell nothing new.
    if (open_ ? trial_ : in_a_row_ >= options_.failures) open(now);
  }
  /// The request was taken back before it told anything.
  void on_abandoned() { trial_ = false; }
  /// Opens it for another reason than failures, such as answering far slower than its siblings.
  void open(SteadyTime now) {
    open_ = true;
    trial_ = false;
    until_ = now + next_;
    next_ = std::min(next_ * 2, options_.longest);
  }

 private:
  BreakerOptions options_;
  Millis next_;
  SteadyTime until_{};
  int in_a_row_ = 0;
  bool open_ = false, trial_ = false;
};

}  // namespace siyu::serving
