// Files by content: DIR/ab/abcdef… named by their SHA-256. Writing is atomic and synced; the same content is kept once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace siyu::store {

/// Thread-safe. Who deletes must know that nobody else refers to the content; counts are kept in the database.
class BlobStore {
 public:
  static Result<BlobStore> open(const std::filesystem::path& dir);

  struct Stored {
    std::string sha256;  ///< 64 hexadecimal digits
    std::uint64_t bytes = 0;
  };
  Result<Stored> put(ByteView content) const;
  /// Takes the file over when it lies on the same file system, else copies it.
  Result<Stored> put_file(const std::filesystem::path& file) const;
  std::filesystem::path path(std::string_view sha256) const;
  bool exists(std::string_view sha256) const;
  Status remove(std::string_view sha256) const;
  /// The hashes of everything stored.
  std::vector<std::string> list() const;

 private:
  explicit BlobStore(std::filesystem::path dir) : dir_(std::move(dir)) {}
  std::filesystem::path dir_;
};

/// Writes `content` so that after a crash the file is either whole or absent, with the given permissions.
Status write_file_atomically(const std::filesystem::path& file, std::string_view content, unsigned mode = 0600);
Status sync_directory(const std::filesystem::path& dir);
/// Reads a whole file of at most `limit` bytes.
Result<std::string> read_file(const std::filesystem::path& file, std::uint64_t limit);

}  // namespace siyu::store
