// What is measured of one version of a deployment: enough to compare it with another and to show it at /metrics.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>

#include "base/clock.h"
#include "engine/engine.h"

namespace siyu::serving {

/// Durations in buckets whose bounds grow by √2 from 1 ms to over half an hour: a quantile is right within a few per cent.
class DurationHistogram {
 public:
  static constexpr std::size_t kBuckets = 44;
  /// Upper bound of a bucket in milliseconds; the last holds all that is longer.
  static double bound_ms(std::size_t bucket);

  void add(double ms);
  std::uint64_t count() const;
  double sum_ms() const { return sum_ms_; }
  const std::array<std::uint64_t, kBuckets>& buckets() const { return counts_; }
  /// Interpolated inside its bucket; 0 when nothing was measured.
  double quantile_ms(double q) const;
  /// What was added since `earlier`.
  DurationHistogram operator-(const DurationHistogram& earlier) const;

 private:
  std::array<std::uint64_t, kBuckets> counts_{};
  double sum_ms_ = 0;
};

struct VersionFigures {
  std::uint64_t requests = 0;   ///< attempts that were sent to its replicas, but for those that were taken back
  std::uint64_t failures = 0;   ///< of them, by a fault of the replica
  std::uint64_t retries = 0;    ///< attempts that followed a failed one
  std::uint64_t hedges = 0;     ///< second attempts beside a slow first one
  std::uint64_t prompt_tokens = 0, cached_tokens = 0, generated_tokens = 0;
  std::uint64_t timed_tokens = 0;  ///< tokens after the first, of answers whose pace is known
  double decode_ms = 0;            ///< that they took
  DurationHistogram first_token, whole;

  double error_rate() const { return requests == 0 ? 0 : static_cast<double>(failures) / static_cast<double>(requests); }
  /// Of one answer, while it is generated; 0 when none is known.
  double tokens_per_second() const { return decode_ms <= 0 ? 0 : 1000.0 * static_cast<double>(timed_tokens) / decode_ms; }
  double ms_per_token() const { return timed_tokens == 0 ? 0 : decode_ms / static_cast<double>(timed_tokens); }
  VersionFigures operator-(const VersionFigures& earlier) const;
};

/// Thread-safe.
class VersionStats {
 public:
  void on_failure() {
    const std::lock_guard lock(mu_);
    ++figures_.requests;
    ++figures_.failures;
  }
  void on_first_token(Millis after) {
    const std::lock_guard lock(mu_);
    figures_.first_token.add(static_cast<double>(after.count()));
  }
  void on_finish(const engine::Usage& usage, double first_ms, double whole_ms);
  void on_retry() {
    const std::lock_guard lock(mu_);
    ++figures_.retries;
  }
  void on_hedge() {
    const std::lock_guard lock(mu_);
    ++figures_.hedges;
  }
  VersionFigures figures() const {
    const std::lock_guard lock(mu_);
    return figures_;
  }

 private:
  mutable std::mutex mu_;
  VersionFigures figures_;  // guarded by mu_
};

}  // namespace siyu::serving
