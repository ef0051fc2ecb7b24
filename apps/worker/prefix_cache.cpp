#include "prefix_cache.h"

#include <algorithm>
#include <utility>

namespace siyu::worker {
namespace {

// A leaf gives up at least this much at once, so that eviction is not paid for token by token.
constexpr std::size_t kSmallestTrim = 64;

std::size_t common_prefix(PrefixCache::Tokens a, PrefixCache::Tokens b) {
  const std::size_t most = std::min(a.size(), b.size());
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(most), b.begin()).first - a.begin());
}

}  // namespace

struct PrefixCache::Node {
  std::vector<Token> run;
  Node* parent = nullptr;
  std::map<Token, std::unique_ptr<Node>> children;  // by the first token of their runs
  std::size_t begin = 0;     // tokens before the run
  std::vector<KvMemory::Id> pinned_by;  // ids of leases that end here
  KvMemory::Id kept = -1;    // of a leaf without leases: the id that claims the whole path
  std::uint64_t last_used = 0;

  std::size_t end() const { return begin + run.size(); }
  bool leaf() const { return children.empty() && parent != nullptr; }
  bool idle_leaf() const { return leaf() && pinned_by.empty(); }
};

PrefixCache::PrefixCache(KvMemory& memory, std::size_t cells, KvMemory::Id ids, bool sharing)
    : memory_(memory), cells_(cells), ids_(ids), sharing_(sharing) {
  clear();
}

PrefixCache::~PrefixCache() = default;

void PrefixCache::clear() {
  roots_.clear();
  free_ids_.clear();
  for (KvMemory::Id id = ids_; id-- > 0;) free_ids_.push_back(id);
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
  if (!root) root = std::make_unique<Node>();
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

KvMemory::Id PrefixCache::holder_of(const Node* node) const {
  while (node->pinned_by.empty() && !node->leaf()) node = node->children.begin()->second.get();
  return node->pinned_by.empty() ? node->kept : node->pinned_by.front();
}

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
  if (node->end() > 0) memory_.copy(holder_of(node), id, 0, node->end());
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
  if (sharing_ && !tokens.empty()) node = settle(walk(node, 0, tokens.first(tokens.size() - 1)));
  const auto id = take_id(node);
  if (!id) return {};
  Lease lease{.id = *id};
  move_pin(lease, node);
  lease.computed = lease.shared;
  touch(node);
  return lease;
}

void PrefixCache::catch_up(Lease& lease, Tokens tokens) {
  if (!sharing_ || tokens.empty() || lease.computed != lease.shared) return;
  const Position position = walk(lease.node, lease.shared, tokens.first(tokens.size() - 1));
  if (position.depth == lease.shared) return;
  Node* node = settle(position);
  memory_.copy(holder_of(node), lease.id, lease.shared, position.depth);
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
  if (!sharing_ || lease.computed == lease.shared) return;
  const Tokens path = tokens.first(lease.computed);
  // What somebody else computed meanwhile is there twice: this lease gives up its copy.
  const Position position = walk(lease.node, lease.shared, path);
  if (position.depth > lease.shared) {
    Node* node = settle(position);
    memory_.remove(lease.id, lease.shared, position.depth);
    memory_.copy(holder_of(node), lease.id, lease.shared, position.depth);
    private_ -= position.depth - lease.shared;
    move_pin(lease, node);
  }
  if (lease.computed > lease.shared) add_leaf(lease, path.subspan(lease.shared));
  touch(lease.node);
}

void PrefixCache::release(Lease& lease, Tokens tokens) {
  if (!lease) return;
  publish(lease, tokens);
  private_ -= lease.computed - lease.shared;  // without sharing, nothing was published
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

void PrefixCache::trim(Node* leaf, std::size_t count) {
  while (count < leaf->run.size() && leaf->run[leaf->run.size() - count] == kInsidePicture) ++count;
  const auto id = leaf->kept;
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
