#include "base/clock.h"

#include <fmt/chrono.h>

namespace siyu {

std::string to_rfc3339(Timestamp time) {
  const auto millis = to_unix_millis(time);
  const auto seconds = millis >= 0 ? millis / 1000 : (millis - 999) / 1000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(seconds)), millis - seconds * 1000);
}

}  // namespace siyu
