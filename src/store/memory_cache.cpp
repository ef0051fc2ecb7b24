#include <list>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "store/cache.h"

namespace siyu::store {
namespace {

constexpr std::size_t kOverhead = 256;  // of an entry: nodes, the index, its tags

class MemoryCache final : public Cache {
 public:
  MemoryCache(std::size_t bytes, const Clock& clock) : limit_(bytes), clock_(clock) {}

  std::optional<std::string> get(const std::string& key) override {
    const std::lock_guard lock(mu_);
    const auto found = index_.find(key);
    if (found == index_.end()) return std::nullopt;
    if (found->second->until <= clock_.steady_now()) {
      drop(found->second);
      return std::nullopt;
    }
    items_.splice(items_.begin(), items_, found->second);
    return found->second->value;
  }

  void put(const std::string& key, CacheEntry entry) override {
    const auto size = key.size() + entry.value.size() + kOverhead;
    const std::lock_guard lock(mu_);
    if (const auto found = index_.find(key); found != index_.end()) drop(found->second);
    if (size > limit_) return;
    while (bytes_ + size > limit_) drop(std::prev(items_.end()));
    items_.push_front({.key = key, .value = std::move(entry.value), .tags = std::move(entry.tags), .until = clock_.steady_now() + entry.lifetime, .size = size});
    index_[key] = items_.begin();
    bytes_ += size;
  }

  Status remove_tag(const std::string& tag) override {
    const std::lock_guard lock(mu_);
    for (auto item = items_.begin(); item != items_.end();) {
      const auto one = item++;
      for (const auto& own : one->tags) {
        if (own != tag) continue;
        drop(one);
        break;
      }
    }
    return {};
  }

  bool up() const override { return true; }

 private:
  struct Item {
    std::string key, value;
    std::vector<std::string> tags;
    SteadyTime until;
    std::size_t size = 0;
  };
  using Items = std::list<Item>;

  void drop(Items::iterator item) {
    bytes_ -= item->size;
    index_.erase(item->key);
    items_.erase(item);
  }

  const std::size_t limit_;
  const Clock& clock_;
  std::mutex mu_;  // guards the rest
  Items items_;    // most recently used first
  std::unordered_map<std::string, Items::iterator> index_;
  std::size_t bytes_ = 0;
};

}  // namespace

std::unique_ptr<Cache> memory_cache(std::size_t bytes, const Clock& clock) { return std::make_unique<MemoryCache>(bytes, clock); }

}  // namespace siyu::store
