#include "documents/zip_reader.h"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>

namespace siyu::documents {
namespace {

constexpr std::uint64_t kPiece = 256UL << 10;  // how far a lying size can carry us before the limits are looked at

std::unexpected<Error> too_large(std::string_view name, std::uint64_t limit) {
  return fail(ErrorCode::kTooLarge, fmt::format("{} inflates to more than {} MiB; the file is refused as a possible zip bomb", name, limit >> 20));
}

struct MemberClose {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

}  // namespace

void ZipReader::Close::operator()(zip* archive) const { zip_discard(archive); }

Result<ZipReader> ZipReader::open(std::string_view bytes, ZipLimits limits) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
  zip_t* archive = source == nullptr ? nullptr : zip_open_from_source(source, ZIP_RDONLY, &error);
  if (archive == nullptr) {
    if (source != nullptr) zip_source_free(source);
    std::string why = zip_error_strerror(&error);
    zip_error_fini(&error);
    return fail(ErrorCode::kCorrupted, "The file is not a whole zip container (" + why + "); it may be cut off, copy or download it again");
  }
  zip_error_fini(&error);
  ZipReader reader(archive, limits);
  if (static_cast<std::uint64_t>(reader.count()) > limits.members)
    return fail(ErrorCode::kTooLarge, fmt::format("The file holds more than {} members", limits.members));
  return reader;
}

std::int64_t ZipReader::find(std::string_view name) const {
  if (name.starts_with('/')) name.remove_prefix(1);
  return zip_name_locate(archive_.get(), std::string(name).c_str(), ZIP_FL_NOCASE | ZIP_FL_ENC_GUESS);
}

bool ZipReader::has(std::string_view name) const { return find(name) >= 0; }

std::int64_t ZipReader::count() const { return std::max<std::int64_t>(0, zip_get_num_entries(archive_.get(), 0)); }

std::string ZipReader::name(std::int64_t index) const {
  const char* name = index < 0 ? nullptr : zip_get_name(archive_.get(), static_cast<zip_uint64_t>(index), ZIP_FL_ENC_GUESS);
  return name == nullptr ? std::string() : std::string(name);
}

Result<std::string> ZipReader::read(std::string_view name, std::uint64_t prefix) {
  const auto index = find(name);
  if (index < 0) return not_found(fmt::format("The part {} is missing; the file is damaged", name));
  zip_stat_t stat;
  zip_stat_init(&stat);
  zip_stat_index(archive_.get(), static_cast<zip_uint64_t>(index), 0, &stat);
  if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && stat.encryption_method != ZIP_EM_NONE)
    return fail(ErrorCode::kUnsupported, fmt::format("The part {} is encrypted; save the file without a password", name));
  const std::unique_ptr<zip_file_t, MemberClose> file(zip_fopen_index(archive_.get(), static_cast<zip_uint64_t>(index), 0));
  if (file == nullptr) return fail(ErrorCode::kCorrupted, fmt::format("The part {} cannot be unpacked ({})", name, zip_strerror(archive_.get())));

  std::string out;
  while (out.size() < prefix) {
    const auto at = out.size();
    const auto want = std::min(kPiece, prefix - at);
    out.resize(at + want);
    const auto got = zip_fread(file.get(), out.data() + at, want);
    out.resize(at + static_cast<std::size_t>(std::max<zip_int64_t>(got, 0)));
    if (got < 0) return fail(ErrorCode::kCorrupted, fmt::format("The part {} is damaged ({})", name, zip_file_strerror(file.get())));
    if (got == 0) break;
    bytes_read_ += static_cast<std::uint64_t>(got);
    if (out.size() > limits_.member_bytes) return too_large(name, limits_.member_bytes);
    if (bytes_read_ > limits_.total_bytes) return too_large("The file", limits_.total_bytes);
    if (out.size() > limits_.ratio_from && out.size() / std::max<std::uint64_t>(stat.comp_size, 1) > limits_.ratio)
      return fail(ErrorCode::kTooLarge, fmt::format("{} inflates to more than {} times its packed size; the file is refused as a possible zip bomb",
                                                    name, limits_.ratio));
  }
  return out;
}

}  // namespace siyu::documents
