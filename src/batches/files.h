// Files that clients upload for batches, and those that batches write. Everyone sees their own only.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "identity/pass.h"
#include "store/database.h"

namespace siyu::batches {

struct File {
  std::string id, filename, purpose;  ///< purpose: batch, batch_output
  std::string place;                  ///< name in the folder of files
  std::uint64_t bytes = 0;
  Timestamp created_at;
  std::optional<Timestamp> expires_at;
};

struct NewFile {
  std::string filename;
  std::optional<std::chrono::seconds> expires_after;
};

struct FileQuery {
  std::string purpose;  ///< empty: all
  std::string after;    ///< id of the last file seen
  std::size_t limit = 100;
  bool newest_first = true;
};

struct FilePage {
  std::vector<File> files;
  bool more = false;
};

/// Of this room: files and batches.
std::vector<store::Migration> migrations();

/// Thread-safe.
class Files {
 public:
  static constexpr std::uint64_t kMaxBytes = 200ULL << 20;           ///< one file; OpenAI's limit for batches
  static constexpr std::uint64_t kMaxOwnerBytes = 20ULL << 30;       ///< all files of one owner
  static constexpr std::int64_t kMaxOwnerFiles = 10'000;

  /// Removes content that no file and no unfinished batch refers to, as an interrupted upload leaves it.
  static Result<std::unique_ptr<Files>> open(store::Database& db, std::filesystem::path dir, const Clock& clock, Random& random);

  /// Takes `content` over; it lies on the same file system as the folder.
  Result<File> add(const Pass& pass, const NewFile& file, const std::filesystem::path& content);
  Result<FilePage> list(const Pass& pass, const FileQuery& query);
  Result<File> get(const Pass& pass, const std::string& id);
  /// kConflict while a batch reads it.
  Status remove(const Pass& pass, const std::string& id);
  std::filesystem::path path_of(const std::string& place) const { return dir_ / place; }
  /// Removes what has expired.
  Status purge();

 private:
  Files(store::Database& db, std::filesystem::path dir, const Clock& clock, Random& random) : db_(db), dir_(std::move(dir)), clock_(clock), random_(random) {}
  Status sweep();

  store::Database& db_;
  const std::filesystem::path dir_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace siyu::batches
