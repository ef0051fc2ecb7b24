// Consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam, SODA 2018): equal keys meet the same member while
// it has room, a member that comes or goes moves its own share of the keys only, and no member gets much more than its part.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace siyu::serving {

/// The same on every machine and after every restart. Not for secrets.
std::uint64_t stable_hash(std::string_view text, std::uint64_t seed = 0);
/// A hash as a fraction, 0 ≤ f < 1.
double as_fraction(std::uint64_t hash);

/// Immutable, so thread-safe.
class HashRing {
 public:
  /// More points share the keys more evenly: with 128 the largest of a few members has within some 15 % of its part.
  static constexpr std::size_t kPointsPerMember = 128;

  HashRing() = default;
  explicit HashRing(std::span<const std::string> members);

  /// The first member clockwise from `key` that `admits(index)` takes; each is asked once.
  template <class Admits>
  std::optional<std::size_t> find(std::uint64_t key, Admits&& admits) const {
    std::vector<bool> asked(members_, false);
    std::size_t left = members_;
    for (std::size_t at = first_after(key), steps = 0; steps < points_.size() && left > 0; ++steps, at = (at + 1) % points_.size()) {
      const auto member = points_[at].member;
      if (asked[member]) continue;
      asked[member] = true;
      --left;
      if (admits(member)) return member;
    }
    return std::nullopt;
  }

 private:
  struct Point {
    std::uint64_t place;
    std::size_t member;
  };
  std::size_t first_after(std::uint64_t key) const;

  std::size_t members_ = 0;
  std::vector<Point> points_;  // by place
};

}  // namespace siyu::serving
