// Which tokens' keys and values lie in the model's memory: a radix tree of token runs, shared by running answers and kept
// for later ones. A request whose prompt begins like an earlier one starts where that one's path ends.
//
//   root ── "system prompt …" ──┬── "question of A …"   leaf, held by sequence id 3
//                               └── "question of B …"   leaf, held by sequence id 7
//
// llama.cpp frees a cell when no sequence id claims it, so every leaf has one id that claims its whole path, and a running
// answer one of its own (a lease). What nobody runs on is evicted from the leaves, the longest unused first; whole blocks of it
// may go to host memory (host_store.h), from where a later request gets them back.
// Used by the inference thread only.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "host_store.h"

namespace siyu::worker {

/// The part of llama_memory that the cache needs. Positions are half-open ranges.
class KvMemory {
 public:
  using Id = std::int32_t;
  virtual ~KvMemory() = default;
  virtual void copy(Id from, Id to, std::size_t begin, std::size_t end) = 0;
  virtual void remove(Id id, std::size_t begin, std::size_t end) = 0;
  /// Whether all that attention needs beyond the first `end` places is there. Models with a sliding window let go of what lies far behind
  /// an id's end, so that another answer which branches off earlier would miss it.
  virtual bool holds(Id id, std::size_t end) const = 0;
  /// Keys and values of a range, to be given to restore() later. Empty when they cannot be had.
  virtual std::vector<std::uint8_t> save(Id id, std::size_t begin, std::size_t end) = 0;
  /// Gives `id` the part [begin, end) of what was saved; the cells that the whole of it takes must be free. False: nothing was changed.
  virtual bool restore(Id id, std::size_t begin, std::size_t end, const std::vector<std::uint8_t>& saved) = 0;
};

class PrefixCache {
 public:
  using Token = std::int32_t;
  using Tokens = std::span<const Token>;
  struct Node;
  static constexpr std::int32_t kPlainWorld = -1;
  /// Places within a picture; those before them belong to it. It is kept whole or not at all.
  static constexpr Token kInsidePicture = -1;

  /// What a running answer holds: a sequence id, and the first `computed` of its tokens in memory.
  struct Lease {
    KvMemory::Id id = -1;
    Node* node = nullptr;       ///< deepest node of the tree on its path
    std::size_t shared = 0;     ///< tokens up to that node's end; those beyond belong to this lease alone
    std::size_t computed = 0;
    bool alone = false;         ///< what it computes is in the tree already, by an id that no longer holds all: it shares no more
    explicit operator bool() const { return id >= 0; }
  };

  /// `cells` tokens of room and the sequence ids `first_id` … `ids` − 1. Without `sharing` (models whose memory has no ranges)
  /// nothing is kept. `store`, which may be null, takes what is evicted.
  PrefixCache(KvMemory& memory, std::size_t cells, KvMemory::Id ids, bool sharing, HostStore* store = nullptr, KvMemory::Id first_id = 0);
  ~PrefixCache();
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  /// How many of the tokens' beginning are in memory. All but the last may be: its logits are always computed.
  std::size_t matched(Tokens tokens, std::int32_t world = kPlainWorld) const;
  /// An id and all that is in memory of the tokens. An empty lease when every id is running. What was computed in one `world`
  /// (with one adapter) is no good in another.
  Lease lease(Tokens tokens, std::int32_t world = kPlainWorld);
  /// Takes over what others have published since; only while the lease has nothing of its own.
  void catch_up(Lease& lease, Tokens tokens);
  /// Takes what was computed beyond the lease's tokens (wrong guesses) out of memory.
  void forget_beyond(const Lease& lease) { memory_.remove(lease.id, lease.computed, kEnd); }
  /// `count` more of its tokens were computed.
  void advance(Lease& lease, std::size_t count);
  /// Lets others share what it has computed. `tokens` are those of the lease, from the first.
  void publish(Lease& lease, Tokens tokens);
  /// The blocks that host memory holds from the lease's next token on, without a gap.
  std::vector<HostStore::Key> held_beyond(const Lease& lease, Tokens tokens) const;
  /// What restore() of the next block adds to the lease: all but the last token may come from there.
  static std::size_t gain_of_block(const Lease& lease, Tokens tokens);
  /// Brings the first of held_beyond() back; room for HostStore::kBlock cells must have been made. The tokens gained; 0: it is gone.
  std::size_t restore(Lease& lease, Tokens tokens, const HostStore::Key& block);
  /// Whether what is evicted from now on goes to host memory.
  void spill_evicted(bool spills) { spills_ = spills; }
  /// Ends the lease; what it computed stays, as long as there is room.
  void release(Lease& lease, Tokens tokens);
  /// Forgets everything; leases must have ended or be forgotten too.
  void clear();

  /// Evicts until `cells` are free. False when what is running leaves no such room.
  bool make_room(std::size_t cells);

  std::size_t capacity() const { return cells_; }
  /// Cells that hold something, each counted once.
  std::size_t used() const { return in_tree_ + private_; }
  /// Part of used() that make_room() could free.
  std::size_t reclaimable() const;
  std::int64_t evicted() const { return evicted_; }
  /// Tokens that went to host memory, and that came back.
  std::int64_t spilled() const { return spilled_; }
  std::int64_t restored() const { return restored_; }

 private:
  static constexpr std::size_t kEnd = std::numeric_limits<std::int32_t>::max();
  struct Position {
    Node* node;
    std::size_t depth;  // tokens up to the match's end
    std::size_t within; // tokens of the node's run that matched
  };
  Node* root_of(std::int32_t world);
  Position walk(Node* from, std::size_t depth, Tokens tokens) const;
  Node* settle(Position position);
  Node* split(Node* node, std::size_t count);
  void move_pin(Lease& lease, Node* node);
  void touch(Node* node);
  Node* holder_of(Node* node) const;
  bool holds(Node* node, std::size_t end) const { return end == 0 || memory_.holds(id_in(holder_of(node)), end); }
  static KvMemory::Id id_in(const Node* node);
  std::optional<KvMemory::Id> take_id(Node* node);
  void free_id(KvMemory::Id id);
  void add_leaf(Lease& lease, Tokens run);
  Node* oldest_leaf();
  void trim(Node* leaf, std::size_t count);
  void spill(const Node& leaf, std::size_t count);
  static std::int32_t world_of(const Node* node);

  KvMemory& memory_;
  const std::size_t cells_;
  const KvMemory::Id first_id_, ids_;
  const bool sharing_;
  HostStore* const store_;
  std::map<std::int32_t, std::unique_ptr<Node>> roots_;  // by world
  std::vector<KvMemory::Id> free_ids_;
  std::size_t in_tree_ = 0;
  std::size_t private_ = 0;
  std::uint64_t now_ = 0;  // counts uses
  std::int64_t evicted_ = 0, spilled_ = 0, restored_ = 0;
  bool spills_ = true;
};

/// How many tokens both begin with.
std::size_t common_prefix(PrefixCache::Tokens a, PrefixCache::Tokens b);

}  // namespace siyu::worker
