// Files that travel inside the program.
#pragma once

#include <vector>

#include "api/dispatcher.h"

namespace siyu::server {

std::vector<api::Asset> guide_assets();
/// Empty when the console was not built.
std::vector<api::Asset> console_assets();

}  // namespace siyu::server
