// What people see: tables, progress, answers. Colours and progress on a terminal only (and never with NO_COLOR).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace siyu::cli {

/// Terminal columns of a text; Chinese characters take two.
std::size_t display_width(std::string_view text);
/// Left-aligned columns under a header; control characters are shown as spaces.
void print_table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);
void print_json(const json::value& value);
void print_answer(const json::value& answer);
std::string human_bytes(std::uint64_t bytes);
/// A member of an answer as text; empty when it is absent or null.
std::string text_of(const json::value& object, std::string_view key);

/// One line on standard error that overwrites itself; nothing when that is no terminal.
class ProgressBar {
 public:
  explicit ProgressBar(std::string title);
  ~ProgressBar() { finish(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void update(std::uint64_t done, std::uint64_t total, std::string_view unit);
  /// The same with sizes, speed and the time that is left.
  void update_bytes(std::uint64_t done, std::uint64_t total, double bytes_per_second, std::string_view note);
  void finish();

 private:
  void print(std::string line);
  std::string title_, shown_;
  bool on_terminal_;
};

}  // namespace siyu::cli
