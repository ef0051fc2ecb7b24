#include "mapped_files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace siyu::worker {
namespace {

struct Mapping {
  std::uintptr_t begin = 0, end = 0;
  std::string_view path;
};

/// "7f00-7f10 r--s 00000000 08:01 1234   /path"
std::optional<Mapping> parse(std::string_view line) {
  Mapping mapping;
  const auto* last = line.data() + line.size();
  auto [dash, first] = std::from_chars(line.data(), last, mapping.begin, 16);
  if (first != std::errc() || dash == last || *dash != '-') return std::nullopt;
  const auto [space, second] = std::from_chars(dash + 1, last, mapping.end, 16);
  const auto slash = line.find('/');
  if (second != std::errc() || slash == std::string_view::npos) return std::nullopt;
  mapping.path = line.substr(slash);
  return mapping;
}

}  // namespace

MappedFiles::MappedFiles() : maps_(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC)) {}

void MappedFiles::let_go(const std::vector<std::filesystem::path>& paths) const {
  std::string text;
  std::array<char, 16'384> piece{};
  for (ssize_t got = 0; (got = ::pread(maps_.get(), piece.data(), piece.size(), static_cast<off_t>(text.size()))) > 0;) text.append(piece.data(), static_cast<std::size_t>(got));
  std::vector<std::string> wanted;
  std::error_code error;
  for (const auto& path : paths) wanted.push_back(std::filesystem::canonical(path, error).string());
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto mapping = parse(std::string_view(text).substr(at, end - at));
    at = end + 1;
    if (!mapping || std::ranges::find(wanted, mapping->path) == wanted.end()) continue;
    ::madvise(reinterpret_cast<void*>(mapping->begin), mapping->end - mapping->begin, MADV_DONTNEED);  // NOLINT: it is an address that the kernel told
  }
}

}  // namespace siyu::worker
