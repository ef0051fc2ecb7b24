#include "documents/archive.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <memory>

#include "base/text.h"
#include "documents/markdown_writer.h"
#include "documents/plain_text.h"

namespace siyu::documents {
namespace {

constexpr std::size_t kMaxFiles = 5000;
constexpr std::uint64_t kMaxFileBytes = 200ULL << 20;
constexpr std::uint64_t kMaxBytes = 256ULL << 20;  // of all files, unpacked
constexpr std::size_t kListed = 200;               // names shown in the archive's own text

struct Close {
  void operator()(struct archive* reader) const { archive_read_free(reader); }
};
using Reader = std::unique_ptr<struct archive, Close>;

/// A path that stays inside, of names that are UTF-8; empty for one that names nothing.
std::string safe_path(std::string_view raw) {
  auto decoded = is_valid_utf8(raw) ? std::string(raw) : decode_text(raw).value_or(repair_utf8(raw));
  std::ranges::replace(decoded, '\\', '/');
  std::string out;
  for (std::size_t at = 0; at <= decoded.size();) {
    const auto end = std::min(decoded.find('/', at), decoded.size());
    const auto piece = std::string_view(decoded).substr(at, end - at);
    at = end + 1;
    if (piece.empty() || piece == "." || piece == "..") continue;
    out.append(out.empty() ? "" : "/").append(piece);
  }
  std::erase_if(out, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  return out;
}

bool is_litter(std::string_view path) {
  const auto name = path.substr(path.rfind('/') + 1);
  return path.starts_with("__MACOSX/") || name == ".DS_Store" || name == "Thumbs.db" || name == "desktop.ini" || name.starts_with("._");
}

std::string packed_name(std::string_view outer) {
  const auto name = outer.substr(outer.find_last_of("/\\") + 1);
  const auto dot = name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? std::string("content") : std::string(name.substr(0, dot));
}

class ArchiveReader {
 public:
  explicit ArchiveReader(const ParseInput& input) : input_(input) {}

  ParsedDocument read() {
    const Reader reader(archive_read_new());
    archive_read_support_filter_all(reader.get());
    archive_read_support_format_all(reader.get());
    archive_read_support_format_raw(reader.get());
    if (!input_.password.empty()) archive_read_add_passphrase(reader.get(), std::string(input_.password).c_str());
    if (archive_read_open_memory(reader.get(), input_.bytes.data(), input_.bytes.size()) != ARCHIVE_OK)
      return {.status = ParseStatus::kFailed, .reason = "The archive is damaged or of an unknown kind", .format = "archive"};
    struct archive_entry* entry = nullptr;
    for (;;) {
      const int status = archive_read_next_header(reader.get(), &entry);
      if (status == ARCHIVE_EOF) break;
      if (status < ARCHIVE_WARN) {
        if (files_.empty()) return {.status = ParseStatus::kFailed, .reason = "The archive is damaged", .format = "archive"};
        note("the archive is damaged after its file " + std::to_string(files_.size()));
        break;
      }
      if (auto over = take(reader.get(), entry); !over.empty()) return refused("archive", over);
    }
    return finish();
  }

 private:
  /// What forbids to go on with the archive, or empty.
  std::string take(struct archive* reader, struct archive_entry* entry) {
    if (archive_entry_filetype(entry) != AE_IFREG && archive_format(reader) != ARCHIVE_FORMAT_RAW) return {};
    if (archive_entry_is_encrypted(entry) != 0 && input_.password.empty()) return "The archive is encrypted; give its password";
    if (files_.size() == kMaxFiles) return "The archive holds more than " + std::to_string(kMaxFiles) + " files; split it";
    const char* stored = archive_entry_pathname(entry);
    auto path = archive_format(reader) == ARCHIVE_FORMAT_RAW ? packed_name(input_.name) : safe_path(stored == nullptr ? "" : stored);
    if (path.empty() || is_litter(path)) return {};
    std::string bytes;
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    for (;;) {
      const int status = archive_read_data_block(reader, &block, &size, &offset);
      if (status == ARCHIVE_EOF) break;
      if (status < ARCHIVE_WARN) {
        if (archive_entry_is_encrypted(entry) != 0) return "The archive is encrypted, and the password given does not open it";
        note(path + " is damaged and was left out");
        return {};
      }
      total_ += size;
      if (total_ > kMaxBytes || bytes.size() + size > kMaxFileBytes)
        return "The archive inflates to more than " + std::to_string(kMaxBytes >> 20) + " MiB; add its files themselves";
      bytes.append(static_cast<const char*>(block), size);
    }
    if (!bytes.empty()) files_.push_back({.name = std::move(path), .bytes = std::move(bytes)});
    return {};
  }

  void note(const std::string& text) {
    if (notes_.size() < 1000) notes_ += (notes_.empty() ? "" : "; ") + text;
  }

  ParsedDocument finish() {
    if (files_.empty()) return refused("archive", notes_.empty() ? "The archive holds no files with content" : "The archive holds no readable file: " + notes_);
    MarkdownWriter writer;
    for (std::size_t i = 0; i < std::min(files_.size(), kListed); ++i) writer.list_item(0, "", files_[i].name);
    auto parsed = std::move(writer).finish("archive", "");
    parsed.embedded = std::move(files_);
    parsed.reason = notes_;
    return parsed;
  }

  const ParseInput& input_;
  std::vector<EmbeddedFile> files_;
  std::uint64_t total_ = 0;
  std::string notes_;
};

}  // namespace

ParsedDocument parse_archive(const ParseInput& input) { return ArchiveReader(input).read(); }

}  // namespace siyu::documents
