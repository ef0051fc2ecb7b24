// A copy of a request for a version that is being tried: its answer is measured and thrown away.
#pragma once

#include <memory>

#include "serving/pull_each.h"
#include "serving/replica.h"
#include "serving/version_stats.h"

namespace siyu::serving {

/// Thread-safe.
class ShadowCopy : public std::enable_shared_from_this<ShadowCopy> {
 public:
  ShadowCopy(std::shared_ptr<Replica> replica, std::shared_ptr<VersionStats> stats, std::int64_t work, const Clock& clock)
      : replica_(std::move(replica)), stats_(std::move(stats)), work_(work), clock_(clock), began_(clock.steady_now()) {}

  void start(engine::GenerateRequest request);
  void cancel();

 private:
  bool take(Result<std::optional<engine::Event>> event);
  double elapsed_ms() const { return std::chrono::duration<double, std::milli>(clock_.steady_now() - began_).count(); }

  const std::shared_ptr<Replica> replica_;
  const std::shared_ptr<VersionStats> stats_;
  const std::int64_t work_;
  const Clock& clock_;
  const SteadyTime began_;
  std::mutex mu_;
  std::shared_ptr<engine::GenerationStream> stream_;  // guarded by mu_
  // Only one pull is pending, and these belong to its answer.
  double first_ms_ = -1;
  engine::Usage usage_;
};

}  // namespace siyu::serving
