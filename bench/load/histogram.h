// Times in buckets of 1.6 % width, from 1 ns to 18 minutes: recording costs a nanosecond and no memory grows with the run.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace siyu::bench {

class Histogram {
 public:
  void record(std::int64_t nanos) {
    const auto value = static_cast<std::uint64_t>(std::clamp<std::int64_t>(nanos, 1, kLargest));
    ++counts_[index_of(value)];
    ++total_;
    largest_ = std::max(largest_, value);
  }
  /// The upper edge, in microseconds, of the bucket that holds the given share of all values; 0 when there are none.
  double micros_at(double share) const {
    auto left = static_cast<std::uint64_t>(share * static_cast<double>(total_));
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] > left) return static_cast<double>(std::min(upper_edge(i), largest_)) / 1000;
      left -= counts_[i];
    }
    return static_cast<double>(largest_) / 1000;
  }
  double largest_micros() const { return static_cast<double>(largest_) / 1000; }
  std::uint64_t total() const { return total_; }

 private:
  static constexpr int kSubBits = 6;  // 64 buckets in each doubling
  static constexpr std::int64_t kLargest = (1LL << 40) - 1;

  static std::size_t index_of(std::uint64_t value) {
    const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - kSubBits - 1);
    return (static_cast<std::size_t>(shift) << kSubBits) + (value >> shift);
  }
  static std::uint64_t upper_edge(std::size_t index) {
    const auto shift = index < (2U << kSubBits) ? 0 : (index >> kSubBits) - 1;
    return ((index - (shift << kSubBits) + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (40 - kSubBits) << kSubBits> counts_{};
  std::uint64_t total_ = 0, largest_ = 0;
};

}  // namespace siyu::bench
