// One line of a batch's input, and of its results. The JSON is OpenAI's.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace siyu::batches {

constexpr std::size_t kMaxLines = 50'000;            // OpenAI's limit
constexpr std::size_t kMaxLineBytes = 8UL << 20;     // as one request may have
constexpr std::size_t kMaxCustomId = 512;

struct Line {
  std::string custom_id;
  std::string body;  ///< of the request, JSON text
};

/// A fault says what is wrong with the line, for people.
Result<Line> parse_line(std::string_view text, std::string_view endpoint);

struct LineReply {
  int status = 0;
  std::string body;
  std::string request_id;
};

/// A result as it stands in the output or the error file, with its newline.
std::string result_line(const std::string& custom_id, const LineReply& reply, std::string_view batch_request_id);
/// A line that was never done.
std::string undone_line(const std::string& custom_id, std::string_view code, std::string_view message, std::string_view batch_request_id);

/// The custom ids of a result file. A last line that a kill cut off is removed from the file.
Result<std::set<std::string>> heal_results(const std::filesystem::path& file);

}  // namespace siyu::batches
