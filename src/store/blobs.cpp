#include "store/blobs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "crypto/hash.h"

namespace siyu::store {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

std::unexpected<Error> io_error(const std::filesystem::path& path, std::string_view doing) {
  const int error = errno;
  if (error == ENOSPC || error == EDQUOT) return fail(ErrorCode::kStorageFull, "The data disk is full; free space and try again", path.string());
  if (error == ENOENT) return not_found("The file " + path.filename().string() + " does not exist");
  return fail(ErrorCode::kUnavailable, "A file in the data folder cannot be " + std::string(doing) + "; check the disk and the folder's permissions",
              path.string() + ": " + std::strerror(error));
}

Status write_all(int fd, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const auto wrote = ::write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return io_error(path, "written");
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

/// Reads `file` through in pieces.
template <class Visit>
Status for_each_piece(const std::filesystem::path& file, Visit visit) {
  const Descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!in.ok()) return io_error(file, "read");
  std::string piece(1UL << 20, '\0');
  for (;;) {
    const auto got = ::read(in.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error(file, "read");
    if (got == 0) return {};
    RETURN_IF_ERROR(visit(std::string_view(piece.data(), static_cast<std::size_t>(got))));
  }
}

}  // namespace

Status sync_directory(const std::filesystem::path& dir) {
  const Descriptor fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.ok() || ::fsync(fd.get()) != 0) return io_error(dir, "synced");
  return {};
}

Status write_file_atomically(const std::filesystem::path& file, std::string_view content, unsigned mode) {
  std::string scratch = file.string() + ".XXXXXX";
  {
    const Descriptor fd(::mkostemp(scratch.data(), O_CLOEXEC));
    if (!fd.ok()) return io_error(file, "written");
    auto status = write_all(fd.get(), content, scratch);
    if (status && (::fchmod(fd.get(), mode) != 0 || ::fsync(fd.get()) != 0)) status = io_error(file, "written");
    if (!status) {
      ::unlink(scratch.c_str());
      return status;
    }
  }
  if (::rename(scratch.c_str(), file.c_str()) != 0) return io_error(file, "written");
  return sync_directory(file.parent_path());
}

Result<std::string> read_file(const std::filesystem::path& file, std::uint64_t limit) {
  std::string content;
  RETURN_IF_ERROR(for_each_piece(file, [&](std::string_view piece) -> Status {
    if (content.size() + piece.size() > limit) return fail(ErrorCode::kTooLarge, "The file " + file.filename().string() + " is larger than " + std::to_string(limit) + " bytes");
    content += piece;
    return {};
  }));
  return content;
}

Result<BlobStore> BlobStore::open(const std::filesystem::path& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) return fail(ErrorCode::kUnavailable, "The folder " + dir.string() + " cannot be made; check the data folder's permissions", error.message());
  return BlobStore(dir);
}

std::filesystem::path BlobStore::path(std::string_view sha256) const { return dir_ / sha256.substr(0, 2) / sha256; }
bool BlobStore::exists(std::string_view sha256) const { return std::filesystem::exists(path(sha256)); }

Result<BlobStore::Stored> BlobStore::put(ByteView content) const {
  const Stored stored{.sha256 = crypto::sha256_hex(content), .bytes = content.size()};
  if (exists(stored.sha256)) return stored;
  const auto target = path(stored.sha256);
  std::error_code ignored;
  if (std::filesystem::create_directory(target.parent_path(), ignored)) RETURN_IF_ERROR(sync_directory(dir_));
  RETURN_IF_ERROR(write_file_atomically(target, as_text(content)));
  return stored;
}

Result<BlobStore::Stored> BlobStore::put_file(const std::filesystem::path& file) const {
  crypto::Sha256 hasher;
  Stored stored;
  RETURN_IF_ERROR(for_each_piece(file, [&](std::string_view piece) -> Status {
    hasher.update(as_bytes(piece));
    stored.bytes += piece.size();
    return {};
  }));
  stored.sha256 = hasher.hex();
  const auto target = path(stored.sha256);
  if (exists(stored.sha256)) {
    ::unlink(file.c_str());
    return stored;
  }
  std::error_code ignored;
  if (std::filesystem::create_directory(target.parent_path(), ignored)) RETURN_IF_ERROR(sync_directory(dir_));
  {
    const Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.ok() || ::fsync(fd.get()) != 0) return io_error(file, "synced");
  }
  if (::rename(file.c_str(), target.c_str()) == 0) {
    ::chmod(target.c_str(), 0600);
    RETURN_IF_ERROR(sync_directory(target.parent_path()));
    return stored;
  }
  if (errno != EXDEV) return io_error(file, "moved");
  ASSIGN_OR_RETURN(const auto content, read_file(file, stored.bytes));
  RETURN_IF_ERROR(write_file_atomically(target, content));
  ::unlink(file.c_str());
  return stored;
}

std::vector<std::string> BlobStore::list() const {
  std::vector<std::string> all;
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir_, error)) {
    auto name = entry.path().filename().string();
    if (name.size() == 64 && entry.is_regular_file(error)) all.push_back(std::move(name));
  }
  return all;
}

Status BlobStore::remove(std::string_view sha256) const {
  if (::unlink(path(sha256).c_str()) != 0 && errno != ENOENT) return io_error(path(sha256), "deleted");
  return {};
}

}  // namespace siyu::store
