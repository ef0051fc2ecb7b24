// Nearest vectors by cosine similarity: usearch's HNSW over half-precision vectors, in memory. Small collections are
// searched exactly.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"

namespace siyu::store {

struct VectorHit {
  std::uint64_t key = 0;
  double similarity = 0;  ///< cosine, −1 … 1
};

/// Thread-safe: many searches beside one another; changes wait for them, and new searches wait for a waiting change.
class VectorIndex {
 public:
  static constexpr std::size_t kMaxDimensions = 16384;
  /// kInvalidArgument for impossible dimensions; kInternal when there is no memory.
  static Result<std::unique_ptr<VectorIndex>> create(std::size_t dimensions);
  ~VectorIndex();
  VectorIndex(const VectorIndex&) = delete;
  VectorIndex& operator=(const VectorIndex&) = delete;

  /// Adds a vector or replaces the one under this key. kInvalidArgument for another number of dimensions.
  Status put(std::uint64_t key, std::span<const float> vector);
  /// False when it was not there.
  bool remove(std::uint64_t key);
  /// At most `limit` hits, most similar first.
  Result<std::vector<VectorHit>> search(std::span<const float> query, std::size_t limit) const;

  std::size_t size() const;
  std::size_t dimensions() const;

 private:
  struct Impl;
  explicit VectorIndex(std::unique_ptr<Impl> impl);
  Status check(std::span<const float> vector) const;
  std::unique_ptr<Impl> impl_;
};

}  // namespace siyu::store
