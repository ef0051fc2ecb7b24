#include "engine/stop_filter.h"

#include <algorithm>

#include "base/text.h"

namespace siyu::engine {

std::size_t incomplete_utf8_tail(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0U) == 0x80U) continue;  // a continuation byte: look for its beginning
    const std::size_t length = byte >= 0xF0U ? 4 : byte >= 0xE0U ? 3 : byte >= 0xC0U ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

std::size_t StopFilter::held_for_stops() const {
  std::size_t longest = 0;
  for (const auto& stop : stops_)
    for (std::size_t length = std::min(stop.size() - 1, held_.size()); length > longest; --length)
      if (std::string_view(held_).ends_with(std::string_view(stop).substr(0, length))) longest = length;
  return longest;
}

std::string StopFilter::push(std::string_view piece) {
  if (stopped_) return {};
  held_ += piece;
  std::size_t first = std::string::npos;
  for (const auto& stop : stops_) {
    const auto at = held_.find(stop);
    if (at >= first) continue;
    first = at;
    stop_ = stop;
  }
  if (first != std::string::npos) {
    stopped_ = true;
    held_.resize(first);
    std::string text = repair_utf8(held_);
    held_.clear();
    return text;
  }
  // The beginning of a stop string that starts inside a character would leave the character cut: hold it whole.
  std::size_t certain = held_.size() - held_for_stops();
  certain -= incomplete_utf8_tail(std::string_view(held_).substr(0, certain));
  std::string text = repair_utf8(std::string_view(held_).substr(0, certain));
  held_.erase(0, certain);
  return text;
}

std::string StopFilter::finish() {
  std::string text = stopped_ ? std::string() : repair_utf8(held_);
  held_.clear();
  return text;
}

}  // namespace siyu::engine
