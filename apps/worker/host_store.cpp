#include "host_store.h"

#include <algorithm>
#include <utility>

namespace siyu::worker {
namespace {

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
std::uint64_t mix(std::uint64_t value) {
  value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ value >> 27) * 0x94D049BB133111EBULL;
  return value ^ value >> 31;
}

}  // namespace

std::vector<HostStore::Key> HostStore::keys(std::span<const Token> tokens, std::int32_t world) const {
  std::vector<Key> keys;
  keys.reserve(tokens.size() / kBlock);
  Key key{mix(seed_ + static_cast<std::uint32_t>(world)), mix(~seed_ - static_cast<std::uint32_t>(world))};
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const auto token = static_cast<std::uint32_t>(tokens[i]) + 1ULL;
    key[0] = mix(key[0] ^ token) + seed_;
    key[1] = mix(key[1] + token * 0x9E3779B97F4A7C15ULL);
    if ((i + 1) % kBlock == 0) keys.push_back(key);
  }
  return keys;
}

bool HostStore::renew(const Key& key) {
  const auto found = blocks_.find(key);
  if (found == blocks_.end()) return false;
  by_use_.splice(by_use_.end(), by_use_, found->second);
  return true;
}

void HostStore::put(const Key& key, std::span<const Token> tokens, std::vector<std::uint8_t> state) {
  if (tokens.size() != kBlock || holds(key)) return;
  Block block{.key = key, .tokens = {}, .state = std::move(state)};
  std::ranges::copy(tokens, block.tokens.begin());
  if (block.bytes() > limit_) return;
  while (bytes_ + block.bytes() > limit_) drop(by_use_.front().key);
  bytes_ += block.bytes();
  blocks_.emplace(key, by_use_.insert(by_use_.end(), std::move(block)));
}

const std::vector<std::uint8_t>* HostStore::take(const Key& key, std::span<const Token> tokens) {
  const auto found = blocks_.find(key);
  if (found == blocks_.end() || !std::ranges::equal(found->second->tokens, tokens)) return nullptr;
  by_use_.splice(by_use_.begin(), by_use_, found->second);
  return &found->second->state;
}

void HostStore::drop(const Key& key) {
  const auto found = blocks_.find(key);
  if (found == blocks_.end()) return;
  bytes_ -= found->second->bytes();
  by_use_.erase(found->second);
  blocks_.erase(found);
}

}  // namespace siyu::worker
