// The accelerators that this build of the worker computes on, and what their drivers need of the sandbox.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace siyu::worker {

struct DriverFiles {
  std::vector<std::filesystem::path> devices;   ///< opened for writing and controlled
  std::vector<std::filesystem::path> readable;  ///< what the driver asks the system, and libraries that it loads when first needed
};

/// Names of the cards; empty when the build knows none, or the machine has none.
std::vector<std::string> accelerators();
/// What must stay open for them; nothing when there are none.
DriverFiles driver_files();
/// In use on all of them together, whoever uses it. The driver's own part of this process is counted from its first use on.
std::int64_t accelerator_bytes();

}  // namespace siyu::worker
