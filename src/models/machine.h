// What this process may use of the machine: memory and cores within the limits of its control groups, measured speed of memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "models/cards.h"

namespace siyu::models {

struct MachineFacts {
  std::uint64_t memory_bytes = 0;            ///< of the machine, or the tightest control group's limit
  std::uint64_t memory_available_bytes = 0;  ///< of it, without what is in use and cannot be dropped
  double cores = 0;                          ///< that may run at once; a control group's quota can make it a fraction
  double memory_bytes_per_second = 0;        ///< read by all cores together; 0: not measured
  std::vector<Card> cards;                   ///< that models may be computed on; read_machine() leaves them out
};

/// Reads /proc and /sys under `root`; a test gives a folder of its own. What cannot be read counts as absent.
MachineFacts read_machine(const std::filesystem::path& root = "/");
/// Reads memory with all cores for about 50 ms. Needs 128 MiB for that time.
double measure_memory_speed(double cores);

}  // namespace siyu::models
