#include "cli/environment.h"

#include <unistd.h>

#include <cstdlib>

namespace siyu::cli {

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

std::string default_data_dir() {
  if (const auto base = environment("XDG_DATA_HOME"); base && !base->empty()) return *base + "/siyu";
  const auto home = environment("HOME");
  if (::geteuid() == 0 || !home || home->empty()) return "/var/lib/siyu";
  return *home + "/.local/share/siyu";
}

}  // namespace siyu::cli
