// Wakes the thread of a loop. It outlives both: whoever rings need not know whether the loop still runs.
#pragma once

#include <condition_variable>
#include <mutex>

#include "base/clock.h"

namespace siyu::serving {

/// Thread-safe.
class Bell {
 public:
  void ring() {
    const std::lock_guard lock(mu_);
    rung_ = true;
    heard_.notify_one();
  }
  void stop() {
    const std::lock_guard lock(mu_);
    stopped_ = true;
    heard_.notify_one();
  }
  /// Until it rings, or `rest` has passed. False once stopped.
  bool wait(Millis rest) {
    std::unique_lock lock(mu_);
    heard_.wait_for(lock, rest, [this] { return rung_ || stopped_; });
    rung_ = false;
    return !stopped_;
  }

 private:
  std::mutex mu_;
  std::condition_variable heard_;
  bool rung_ = false, stopped_ = false;  // guarded by mu_
};

}  // namespace siyu::serving
