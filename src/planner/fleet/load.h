// What a fleet is planned for, with everything that was left out filled in, and where each number is from.
#pragma once

#include <optional>
#include <vector>

#include "planner/fleet.h"

namespace siyu::planner {

struct Load {
  double peak = 0;  ///< requests a second
  std::optional<double> requests_per_day;
  double mean_prompt = 0, mean_output = 0, mean_cached = 0;
  RequestShape shape;  ///< Poisson's, without a trace
  LatencyGoals goals;  ///< both set
  double growth = 0;   ///< per year
  std::uint32_t minimum_servers = 1;
  std::optional<double> request_seconds;  ///< of the user class
  const Trace* trace = nullptr;
  Worksheet sheet;
};

/// Checks every number of the question. Errors name the field: `users.daily_active`.
Result<Load> load_of(const FleetQuestion& question);

/// Requests of one run at a rate: the trace's, or a Poisson process of `count`.
Result<Trace> requests_of(const Load& load, const FleetQuestion& question, double requests_per_s, std::size_t count, std::uint64_t run);

/// "1,234.5" of numbers that people read; "0.042" of small ones.
std::string readable(double value);

}  // namespace siyu::planner
