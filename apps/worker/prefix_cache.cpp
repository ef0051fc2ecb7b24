#include "prefix_cache.h"

#include <algorithm>
#include <utility>

namespace siyu::worker {
namespace {

// A leaf gives up at least this much at once, so that eviction is not paid for token by token.
constexpr std::size_t kSmallestTrim = 64;

}  // namespace

std::size_t common_prefix(PrefixCache::Tokens a, PrefixCache::Tokens b) {
  const std::size_t most = std::min(a.size(), b.size());
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(most), b.begin()).first - a.begin());
}

struct PrefixCache::Node {
  std::vector<Token> run;
  Node* parent = nullptr;
  std::map<Token, std::unique_ptr<Node>> children;  // by the first token of their runs
  std::size_t begin = 0;     // tokens before the run
  std::int32_t world = kPlainWorld;  // of a root
  std::vector<KvMemory::Id> pinned_by;  // ids of leases that end here
  KvMemory::Id kept = -1;    // of a leaf without leases: the id that claims the whole path
  std::uint64_t last_used = 0;

  std::size_t end() const { return begin + run.size(); }
  bool leaf() const { return children.empty() && parent != nullptr; }
  bool idle_leaf() const { return leaf() && pinned_by.empty(); }
};

PrefixCache::PrefixCache(KvMemory& memory, std::size_t cells, KvMemory::Id ids, bool sharing, HostStore* store, KvMemory::Id first_id)
    : memory_(memory), cells_(cells), first_id_(first_id), ids_(ids), sharing_(sharing), store_(sharing && store != nullptr && store->on() ? store : nullptr) {
  clear();
}

PrefixCache::~PrefixCache() = default;

void PrefixCache::clear() {
  roots_.clear();
  free_ids_.clear();
  for (KvMemory::Id id = ids_; id-- > first_id_;) free_ids_.push_back(id);
  in_tree_ = private_ = 0;
}

PrefixCache::Position PrefixCache::walk(Node* from, std::size_t depth, Tokens tokens) const {
  Position position{from, depth, from->run.size()};
  while (position.depth < tokens.size()) {
    const auto next = position.node->children.find(tokens[position.depth]);
    if (next == position.node->children.end()) break;
    Node* child = next->second.get();
    const std::size_t same = common_prefix(child->run, tokens.subspan(position.depth));
    position = {child, position.depth + same, same};
    if (same < child->run.size()) break;
  }
  return position;
}

PrefixCache::Node* PrefixCache::root_of(std::int32_t world) {
  auto& root = roots_[world];
  if (!root) {
    root = std::make_unique<Node>();
    root->world = world;
  }
  return root.get();
}

std::size_t PrefixCache::matched(Tokens tokens, std::int32_t world) const {
  const auto root = roots_.find(world);
  return sharing_ && !tokens.empty() && root != roots_.end() ? walk(root->second.get(), 0, tokens.first(tokens.size() - 1)).depth : 0;
}

/// The upper part of a run becomes a node of its own; leases that end at `node` still do.
PrefixCache::Node* PrefixCache::split(Node* node, std::size_t count) {
  auto upper = std::make_unique<Node>();
  upper->run.assign(node->run.begin(), node->run.begin() + static_cast<std::ptrdiff_t>(count));
  upper->parent = node->parent;
  upper->begin = node->begin;
  upper->last_used = node->last_used;
  auto& place = node->parent->children.find(node->run.front())->second;
  std::unique_ptr<Node> lower = std::move(place);
  lower->run.erase(lower->run.begin(), lower->run.begin() + static_cast<std::ptrdiff_t>(count));
  lower->begin += count;
  lower->parent = upper.get();
  Node* result = upper.get();
  place = std::move(upper);
  const Token first = lower->run.front();
  result->children.emplace(first, std::move(lower));
  return result;
}

PrefixCache::Node* PrefixCache::settle(Position position) {
  return position.within < position.node->run.size() ? split(position.node, position.within) : position.node;
}

void PrefixCache::touch(Node* node) {
  ++now_;
  for (; node != nullptr; node = node->parent) node->last_used = now_;
}

/// Where an id ends whose cells hold the node's.
PrefixCache::Node* PrefixCache::holder_of(Node* node) const {
  while (node->pinned_by.empty() && !node->leaf()) node = node->children.begin()->second.get();
  return node;
}

KvMemory::Id PrefixCache::id_in(const Node* node) { return node->pinned_by.empty() ? node->kept : node->pinned_by.front(); }

/// An id for a lease that ends in `node`, which must stay. An idle leaf's own id is taken over.
std::optional<KvMemory::Id> PrefixCache::take_id(Node* node) {
  for (;;) {
    if (node->idle_leaf()) return std::exchange(node->kept, -1);
    if (!free_ids_.empty()) break;
    Node* leaf = oldest_leaf();  // never `node`: it is no idle leaf
    if (leaf == nullptr) return std::nullopt;
    trim(leaf, leaf->run.size());
  }
  const auto id = free_ids_.back();
  free_ids_.pop_back();
  if (node->end() > 0) memory_.copy(id_in(holder_of(node)), id, 0, node->end());
  return id;
}

void PrefixCache::free_id(KvMemory::Id id) {
  memory_.remove(id, 0, kEnd);
  free_ids_.push_back(id);
}

void PrefixCache::move_pin(Lease& lease, Node* node) {
  if (lease.node != nullptr) std::erase(lease.node->pinned_by, lease.id);
  node->pinned_by.push_back(lease.id);
  if (node->kept >= 0) free_id(std::exchange(node->kept, -1));  // the lease's id claims the path now
  lease.node = node;
  lease.shared = node->end();
}

PrefixCache::Lease PrefixCache::lease(Tokens tokens, std::int32_t world) {
  Node* node = root_of(world);
  bool alone = false;
  if (sharing_ && !tokens.empty()) {
    node = settle(walk(node, 0, tokens.first(tokens.size() - 1)));
    while (!alone && !holds(node, node->end())) {
      Node* holder = holder_of(node);
      alone = !holder->idle_leaf();
      if (!alone) trim(holder, holder->run.size());
      node = alone ? root_of(world) : settle(walk(root_of(world), 0, tokens.first(tokens.size() - 1)));
    }
  }
  const auto id = take_id(node);
  if (!id) return {};
  if (node->end() > 0 && !memory_.holds(*id, node->end())) {  // for the sake of an id, the one that held it was evicted
    memory_.remove(*id, 0, kEnd);
    node = root_of(world);
    alone = true;
  }
  Lease lease{.id = *id, .alone = alone};
  move_pin(lease, node);
  lease.computed = lease.shared;
  touch(node);
  return lease;
}

void PrefixCache::catch_up(Lease& lease, Tokens tokens) {
  if (!sharing_ || lease.alone || tokens.empty() || lease.computed != lease.shared) return;
  const Position position = walk(lease.node, lease.shared, tokens.first(tokens.size() - 1));
  if (position.depth == lease.shared || !holds(position.node, position.depth)) return;
  Node* node = settle(position);
  memory_.copy(id_in(holder_of(node)), lease.id, lease.shared, position.depth);
  move_pin(lease, node);
  lease.computed = position.depth;
  touch(node);
}

void PrefixCache::advance(Lease& lease, std::size_t count) {
  lease.computed += count;
  private_ += count;
}

void PrefixCache::add_leaf(Lease& lease, Tokens run) {
  Node* parent = lease.node;
  in_tree_ += run.size();
  private_ -= run.size();
  if (parent->leaf() && parent->pinned_by.size() == 1) {  // its own last piece goes on
    parent->run.insert(parent->run.end(), run.begin(), run.end());
    lease.shared = parent->end();
    return;
  }
  auto leaf = std::make_unique<Node>();
  leaf->run.assign(run.begin(), run.end());
  leaf->parent = parent;
  leaf->begin = lease.shared;
  Node* added = leaf.get();
  parent->children.emplace(run.front(), std::move(leaf));
  move_pin(lease, added);
}

void PrefixCache::publish(Lease& lease, Tokens tokens) {
  if (!sharing_ || lease.alone || lease.computed == lease.shared) return;
  const Tokens path = tokens.first(lease.computed);
  // What somebody else computed meanwhile is there twice: this lease gives up its copy.
  const Position position = walk(lease.node, lease.shared, path);
  lease.alone = position.depth > lease.shared && !(holds(position.node, position.depth) && memory_.holds(lease.id, position.depth));
  if (lease.alone) return;
  if (position.depth > lease.shared) {
    Node* node = settle(position);
    memory_.remove(lease.id, lease.shared, position.depth);
    memory_.copy(id_in(holder_of(node)), lease.id, lease.shared, position.depth);
    private_ -= position.depth - lease.shared;
    move_pin(lease, node);
  }
  if (lease.computed > lease.shared) add_leaf(lease, path.subspan(lease.shared));
  touch(lease.node);
}

void PrefixCache::release(Lease& lease, Tokens tokens) {
  if (!lease) return;
  publish(lease, tokens);
  private_ -= lease.computed - lease.shared;  // what was not published goes
  if (lease.alone) memory_.remove(lease.id, lease.shared, kEnd);
  Node* node = lease.node;
  std::erase(node->pinned_by, lease.id);
  if (node->idle_leaf()) node->kept = lease.id;
  else free_id(lease.id);
  lease = {};
}

PrefixCache::Node* PrefixCache::oldest_leaf() {
  Node* oldest = nullptr;
  std::vector<Node*> rest;
  for (const auto& [world, root] : roots_) rest.push_back(root.get());
  while (!rest.empty()) {
    Node* node = rest.back();
    rest.pop_back();
    for (auto& [first, child] : node->children) rest.push_back(child.get());
    if (node->idle_leaf() && (oldest == nullptr || node->last_used < oldest->last_used)) oldest = node;
  }
  return oldest;
}

std::int32_t PrefixCache::world_of(const Node* node) {
  while (node->parent != nullptr) node = node->parent;
  return node->world;
}

/// Saves the blocks that are whole now and will not be without the last `count` tokens of the leaf.
void PrefixCache::spill(const Node& leaf, std::size_t count) {
  constexpr auto kBlock = HostStore::kBlock;
  std::vector<Token> path(leaf.end());
  for (const Node* node = &leaf; node->parent != nullptr; node = node->parent)
    std::ranges::copy(node->run, path.begin() + static_cast<std::ptrdiff_t>(node->begin));
  const auto keys = store_->keys(path, world_of(&leaf));
  for (std::size_t block = (leaf.end() - count) / kBlock; block < keys.size(); ++block) {
    if (store_->renew(keys[block])) continue;
    const auto tokens = Tokens(path).subspan(block * kBlock, kBlock);
    if (std::ranges::any_of(tokens, [](Token token) { return token < 0; })) continue;  // a picture is kept whole or not at all
    auto saved = memory_.save(leaf.kept, block * kBlock, (block + 1) * kBlock);
    if (saved.empty()) return;
    store_->put(keys[block], tokens, std::move(saved));
    spilled_ += kBlock;
  }
}

std::vector<HostStore::Key> PrefixCache::held_beyond(const Lease& lease, Tokens tokens) const {
  if (store_ == nullptr || store_->bytes() == 0 || lease.computed + 1 >= tokens.size()) return {};
  auto keys = store_->keys(tokens, world_of(lease.node));
  const auto known = std::min(keys.size(), lease.computed / HostStore::kBlock);
  keys.erase(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(known));
  keys.erase(std::ranges::find_if_not(keys, [this](const auto& key) { return store_->holds(key); }), keys.end());
  return keys;
}

std::size_t PrefixCache::gain_of_block(const Lease& lease, Tokens tokens) {
  const std::size_t end = (lease.computed / HostStore::kBlock + 1) * HostStore::kBlock;
  return end > tokens.size() ? 0 : std::min(end, tokens.size() - 1) - lease.computed;
}

std::size_t PrefixCache::restore(Lease& lease, Tokens tokens, const HostStore::Key& block) {
  const std::size_t begin = lease.computed / HostStore::kBlock * HostStore::kBlock;
  const std::size_t gain = gain_of_block(lease, tokens);
  const auto* saved = gain == 0 ? nullptr : store_->take(block, tokens.subspan(begin, HostStore::kBlock));
  if (saved == nullptr) return 0;
  if (!memory_.restore(lease.id, lease.computed, lease.computed + gain, *saved)) {
    store_->drop(block);
    return 0;
  }
  advance(lease, gain);
  restored_ += static_cast<std::int64_t>(gain);
  return gain;
}

void PrefixCache::trim(Node* leaf, std::size_t count) {
  while (count < leaf->run.size() && leaf->run[leaf->run.size() - count] == kInsidePicture) ++count;
  const auto id = leaf->kept;
  if (store_ != nullptr && spills_) spill(*leaf, count);
  memory_.remove(id, leaf->end() - count, kEnd);
  in_tree_ -= count;
  evicted_ += static_cast<std::int64_t>(count);
  if (count < leaf->run.size()) {
    leaf->run.resize(leaf->run.size() - count);
    return;
  }
  Node* parent = leaf->parent;
  std::erase_if(parent->children, [&](const auto& entry) { return entry.second.get() == leaf; });
  if (!parent->idle_leaf()) return free_id(id);
  parent->kept = id;
}

bool PrefixCache::make_room(std::size_t cells) {
  while (used() + cells > cells_) {
    Node* leaf = oldest_leaf();
    if (leaf == nullptr) return false;
    trim(leaf, std::min(leaf->run.size(), std::max(used() + cells - cells_, kSmallestTrim)));
  }
  return true;
}

std::size_t PrefixCache::reclaimable() const {
  // A node can go when nobody ends in it or beneath it.
  const auto count = [](const auto& self, const Node& node, std::size_t& free) -> bool {
    bool pinned = !node.pinned_by.empty();
    for (const auto& [first, child] : node.children) pinned |= self(self, *child, free);
    if (!pinned) free += node.run.size();
    return pinned;
  };
  std::size_t free = 0;
  for (const auto& [world, root] : roots_) count(count, *root, free);
  return free;
}

}  // namespace siyu::worker
