#include "base/split_name.h"

#include <fmt/format.h>

#include <charconv>

namespace siyu {

std::optional<SplitName> SplitName::parse(std::string_view path) {
  constexpr std::string_view kPattern = "-00000-of-00000.gguf";
  if (path.size() <= kPattern.size()) return std::nullopt;
  const auto tail = path.substr(path.size() - kPattern.size());
  if (tail[0] != '-' || tail.substr(6, 4) != "-of-" || tail.substr(15) != ".gguf") return std::nullopt;
  SplitName name{.stem = std::string(path.substr(0, path.size() - kPattern.size()))};
  const auto number = [](std::string_view digits, std::uint32_t& out) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out);
    return error == std::errc() && end == digits.data() + digits.size();
  };
  if (!number(tail.substr(1, 5), name.part) || !number(tail.substr(10, 5), name.parts)) return std::nullopt;
  if (name.part < 1 || name.part > name.parts || name.parts > kMaxParts) return std::nullopt;
  return name;
}

std::string SplitName::text() const { return fmt::format("{}-{:05}-of-{:05}.gguf", stem, part, parts); }

std::vector<std::filesystem::path> model_parts(const std::filesystem::path& first) {
  std::vector<std::filesystem::path> files = {first};
  auto name = SplitName::parse(first.string());
  if (!name || name->part != 1) return files;
  while (name->part++ < name->parts) files.emplace_back(name->text());
  return files;
}

}  // namespace siyu
