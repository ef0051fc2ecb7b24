// Environment variables and default places.
#pragma once

#include <optional>
#include <string>

namespace siyu::cli {

std::optional<std::string> environment(const std::string& name);
/// $XDG_DATA_HOME/siyu or ~/.local/share/siyu; /var/lib/siyu for root.
std::string default_data_dir();

}  // namespace siyu::cli
