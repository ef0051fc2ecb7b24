// Keys and values that had to leave the KV cache, kept in host memory by the tokens that lead to them: blocks of a fixed number of
// tokens, each found by a hash of everything up to its end. The least recently used go first.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <unordered_map>
#include <vector>

namespace siyu::worker {

/// Used by one thread.
class HostStore {
 public:
  using Token = std::int32_t;
  static constexpr std::size_t kBlock = 64;  // tokens
  /// Of all tokens from the first, and their world. Two lanes of a seeded hash; the block's own tokens are compared besides.
  using Key = std::array<std::uint64_t, 2>;

  /// At most `bytes` of memory; 0: nothing is kept. The seed makes keys that nobody can foretell.
  HostStore(std::size_t bytes, std::uint64_t seed) : limit_(bytes), seed_(seed) {}

  bool on() const { return limit_ > 0; }
  /// Keys of the blocks that the tokens fill, in order.
  std::vector<Key> keys(std::span<const Token> tokens, std::int32_t world) const;
  bool holds(const Key& key) const { return blocks_.contains(key); }
  /// The block leaves the KV cache. True when it is here already; else it is to be put().
  bool renew(const Key& key);
  /// `tokens` are the block's own. A block larger than the limit is not taken.
  void put(const Key& key, std::span<const Token> tokens, std::vector<std::uint8_t> state);
  /// The block's state; null when it is not there. It counts as the first to go now: what is in use lies in the KV cache too.
  const std::vector<std::uint8_t>* take(const Key& key, std::span<const Token> tokens);
  void drop(const Key& key);

  std::size_t bytes() const { return bytes_; }

 private:
  struct Block {
    Key key;
    std::array<Token, kBlock> tokens;
    std::vector<std::uint8_t> state;
    std::size_t bytes() const { return sizeof *this + state.size(); }
  };
  struct Hash {
    std::size_t operator()(const Key& key) const { return key[0]; }
  };
  const std::size_t limit_;
  const std::uint64_t seed_;
  std::list<Block> by_use_;  // the first to go stands first
  std::unordered_map<Key, std::list<Block>::iterator, Hash> blocks_;
  std::size_t bytes_ = 0;
};

}  // namespace siyu::worker
