// Reads zip containers (OOXML, OpenDocument, EPUB) in memory, within limits that no honest document reaches.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct zip;

namespace siyu::documents {

struct ZipLimits {
  std::uint64_t members = 20'000;
  std::uint64_t member_bytes = 256ULL << 20;  ///< of one member, inflated
  std::uint64_t total_bytes = 512ULL << 20;   ///< of all members read, inflated
  std::uint64_t ratio = 400;                  ///< inflated to packed, for members over `ratio_from` bytes
  std::uint64_t ratio_from = 32ULL << 20;
};

/// Not thread-safe. The bytes given to `open` must outlive it. Errors: kTooLarge over a limit, kUnsupported for an encrypted
/// or unknown packing, kCorrupted for a broken file, kNotFound for a member that is not there.
class ZipReader {
 public:
  static Result<ZipReader> open(std::string_view bytes, ZipLimits limits = {});

  [[nodiscard]] bool has(std::string_view name) const;
  /// The whole member, or its first `prefix` bytes. Names are matched without regard to case, as Office does.
  Result<std::string> read(std::string_view name, std::uint64_t prefix = UINT64_MAX);
  [[nodiscard]] std::int64_t count() const;
  /// As stored; empty for an index out of range.
  [[nodiscard]] std::string name(std::int64_t index) const;

 private:
  struct Close {
    void operator()(zip* archive) const;
  };
  ZipReader(zip* archive, ZipLimits limits) : archive_(archive), limits_(limits) {}
  [[nodiscard]] std::int64_t find(std::string_view name) const;

  std::unique_ptr<zip, Close> archive_;
  ZipLimits limits_;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace siyu::documents
