#include "serving/version_stats.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace siyu::serving {

double DurationHistogram::bound_ms(std::size_t bucket) { return std::exp2(static_cast<double>(bucket) / 2); }

void DurationHistogram::add(double ms) {
  const auto bucket = ms <= 1 ? 0.0 : std::ceil(2 * std::log2(ms));
  ++counts_[std::min(kBuckets - 1, static_cast<std::size_t>(bucket))];
  sum_ms_ += ms;
}

std::uint64_t DurationHistogram::count() const { return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0}); }

double DurationHistogram::quantile_ms(double q) const {
  const auto all = static_cast<double>(count());
  if (all == 0) return 0;
  double below = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    const auto here = static_cast<double>(counts_[i]);
    if (here > 0 && below + here >= q * all) {
      const double low = i == 0 ? 0 : bound_ms(i - 1);
      return low + (bound_ms(i) - low) * (q * all - below) / here;
    }
    below += here;
  }
  return bound_ms(kBuckets - 1);
}

DurationHistogram DurationHistogram::operator-(const DurationHistogram& earlier) const {
  DurationHistogram since = *this;
  for (std::size_t i = 0; i < kBuckets; ++i) since.counts_[i] -= earlier.counts_[i];
  since.sum_ms_ -= earlier.sum_ms_;
  return since;
}

VersionFigures VersionFigures::operator-(const VersionFigures& earlier) const {
  return {.requests = requests - earlier.requests, .failures = failures - earlier.failures, .retries = retries - earlier.retries, .hedges = hedges - earlier.hedges,
          .prompt_tokens = prompt_tokens - earlier.prompt_tokens, .cached_tokens = cached_tokens - earlier.cached_tokens,
          .generated_tokens = generated_tokens - earlier.generated_tokens, .timed_tokens = timed_tokens - earlier.timed_tokens,
          .decode_ms = decode_ms - earlier.decode_ms, .first_token = first_token - earlier.first_token, .whole = whole - earlier.whole};
}

void VersionStats::on_finish(const engine::Usage& usage, double first_ms, double whole_ms) {
  const std::lock_guard lock(mu_);
  ++figures_.requests;
  figures_.prompt_tokens += static_cast<std::uint64_t>(usage.prompt_tokens);
  figures_.cached_tokens += static_cast<std::uint64_t>(usage.cached_tokens);
  figures_.generated_tokens += static_cast<std::uint64_t>(usage.completion_tokens);
  figures_.whole.add(whole_ms);
  if (usage.completion_tokens < 2 || whole_ms <= first_ms) return;
  figures_.timed_tokens += static_cast<std::uint64_t>(usage.completion_tokens - 1);
  figures_.decode_ms += whole_ms - first_ms;
}

}  // namespace siyu::serving
