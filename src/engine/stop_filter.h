// Turns a model's pieces of bytes into text that is safe to show: whole characters only, and nothing from the first
// stop string on, even when it comes in pieces.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace siyu::engine {

/// Not thread-safe.
class StopFilter {
 public:
  explicit StopFilter(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  /// Takes one piece; returns the text that is certain now: valid UTF-8, no stop string, no beginning of one at its end.
  std::string push(std::string_view piece);
  /// What was held back, when the generation ends without a stop string. A cut character becomes U+FFFD.
  std::string finish();
  /// A stop string came; everything after it is ignored.
  bool stopped() const { return stopped_; }
  /// Which one it was.
  const std::string& stop() const { return stop_; }

 private:
  std::size_t held_for_stops() const;

  std::vector<std::string> stops_;
  std::string held_, stop_;
  bool stopped_ = false;
};

/// Bytes at the end of `text` that begin a character without completing it: 0 … 3.
std::size_t incomplete_utf8_tail(std::string_view text);

}  // namespace siyu::engine
