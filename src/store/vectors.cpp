#include "store/vectors.h"

#include <algorithm>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <string>

#include <usearch/index_dense.hpp>

namespace siyu::store {
namespace {

namespace us = unum::usearch;
using Dense = us::index_dense_gt<std::uint64_t>;

constexpr std::size_t kExactUpTo = 2000;  // vectors; below this a full scan is as fast as the graph and misses nothing
constexpr std::size_t kFirstCapacity = 256;
constexpr std::size_t kSearchThreads = 16;  // searches at one time, each with a scratch space of its own; more wait

}  // namespace

struct VectorIndex::Impl {
  explicit Impl(std::size_t size) : dimensions(size) {}

  const std::size_t dimensions;
  std::mutex gate;  // taken before `lock` by all, so that searches in a row cannot starve a change
  std::shared_mutex lock;
  std::counting_semaphore<kSearchThreads> slots{kSearchThreads};
  Dense index;
  std::size_t capacity = 0;

  Status reserve(std::size_t wanted) {
    if (wanted <= capacity) return {};
    const auto next = std::max({wanted, capacity * 2, kFirstCapacity});
    if (!index.try_reserve(us::index_limits_t(next, kSearchThreads))) return fail(ErrorCode::kUnavailable, "There is no memory for more vectors");
    capacity = next;
    return {};
  }
};

VectorIndex::VectorIndex(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
VectorIndex::~VectorIndex() = default;
std::size_t VectorIndex::dimensions() const { return impl_->dimensions; }

Result<std::unique_ptr<VectorIndex>> VectorIndex::create(std::size_t dimensions) {
  if (dimensions == 0 || dimensions > kMaxDimensions)
    return invalid("Vectors have 1 to " + std::to_string(kMaxDimensions) + " dimensions, not " + std::to_string(dimensions));
  auto impl = std::make_unique<Impl>(dimensions);
  auto made = Dense::make(us::metric_punned_t(dimensions, us::metric_kind_t::cos_k, us::scalar_kind_t::f16_k));
  if (!made) return internal("The vector index could not be made", made.error.release());
  impl->index = std::move(made.index);
  RETURN_IF_ERROR(impl->reserve(kFirstCapacity));
  return std::unique_ptr<VectorIndex>(new VectorIndex(std::move(impl)));
}

Status VectorIndex::check(std::span<const float> vector) const {
  if (vector.size() == impl_->dimensions) return {};
  return invalid("This index holds vectors of " + std::to_string(impl_->dimensions) + " dimensions; the given one has " + std::to_string(vector.size()));
}

Status VectorIndex::put(std::uint64_t key, std::span<const float> vector) {
  RETURN_IF_ERROR(check(vector));
  const std::lock_guard turn(impl_->gate);
  const std::unique_lock lock(impl_->lock);
  if (impl_->index.contains(key)) impl_->index.remove(key);
  // Removed entries keep their place until another one takes it.
  RETURN_IF_ERROR(impl_->reserve(impl_->index.size() + 1));
  auto added = impl_->index.add(key, vector.data());
  if (!added) return internal("A vector could not be added to the index", added.error.release());
  return {};
}

bool VectorIndex::remove(std::uint64_t key) {
  const std::lock_guard turn(impl_->gate);
  const std::unique_lock lock(impl_->lock);
  const auto removed = impl_->index.remove(key);
  return removed && removed.completed > 0;
}

Result<std::vector<VectorHit>> VectorIndex::search(std::span<const float> query, std::size_t limit) const {
  RETURN_IF_ERROR(check(query));
  std::unique_lock turn(impl_->gate);
  const std::shared_lock lock(impl_->lock);
  turn.unlock();
  std::vector<VectorHit> hits;
  const char* error = nullptr;
  if (impl_->index.size() == 0 || limit == 0) return hits;
  impl_->slots.acquire();
  {
    auto found = impl_->index.search(query.data(), limit, Dense::any_thread(), impl_->index.size() <= kExactUpTo);
    for (std::size_t i = 0; found && i < found.size(); ++i)
      hits.push_back({.key = found[i].member.key, .similarity = 1.0 - static_cast<double>(found[i].distance)});
    if (!found) error = found.error.release();
  }
  impl_->slots.release();
  if (error != nullptr) return fail(ErrorCode::kUnavailable, "The vector search failed; try again", error);
  return hits;
}

std::size_t VectorIndex::size() const {
  const std::unique_lock turn(impl_->gate);
  const std::shared_lock lock(impl_->lock);
  return impl_->index.size();
}

}  // namespace siyu::store
