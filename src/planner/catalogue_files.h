// The catalogue's files as they travel inside the program; made by the build (module.cmake).
#pragma once

#include <string_view>
#include <utility>
#include <vector>

namespace siyu::planner {

std::vector<std::pair<std::string_view, std::string_view>> catalogue_files();  ///< name, text

}  // namespace siyu::planner
