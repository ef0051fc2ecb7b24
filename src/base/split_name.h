// The names of a model's files when it is split over several, as llama.cpp writes and looks for them: NAME-00001-of-00003.gguf ….
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace siyu {

struct SplitName {
  static constexpr std::uint32_t kMaxParts = 999;

  std::string stem;  ///< what comes before `-00002-of-00005.gguf`, with its folder
  std::uint32_t part = 0, parts = 0;

  /// Nothing for other names, and for parts that there cannot be.
  static std::optional<SplitName> parse(std::string_view path);
  std::string text() const;
};

/// All parts of the model of which this is the first; the file alone when it is not named as the first of several.
std::vector<std::filesystem::path> model_parts(const std::filesystem::path& first);

}  // namespace siyu
