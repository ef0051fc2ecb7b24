#include "serving/hash_ring.h"

#include <algorithm>

namespace siyu::serving {
namespace {

/// The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): FNV alone leaves similar texts close together.
std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

}  // namespace

std::uint64_t stable_hash(std::string_view text, std::uint64_t seed) {
  std::uint64_t hash = 0xcbf29ce484222325ULL ^ mix(seed);  // FNV-1a, 64 bits
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return mix(hash);
}

double as_fraction(std::uint64_t hash) { return static_cast<double>(hash >> 11) * 0x1.0p-53; }

HashRing::HashRing(std::span<const std::string> members) : members_(members.size()) {
  points_.reserve(members.size() * kPointsPerMember);
  for (std::size_t member = 0; member < members.size(); ++member)
    for (std::size_t point = 0; point < kPointsPerMember; ++point) points_.push_back({stable_hash(members[member], point + 1), member});
  std::ranges::sort(points_, {}, &Point::place);
}

std::size_t HashRing::first_after(std::uint64_t key) const {
  const auto found = std::ranges::lower_bound(points_, key, {}, &Point::place);
  return found == points_.end() ? 0 : static_cast<std::size_t>(found - points_.begin());
}

}  // namespace siyu::serving
