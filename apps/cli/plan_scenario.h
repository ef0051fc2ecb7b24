// A scenario from a file, from flags, or from both: what a flag says counts.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/plan_parts.h"
#include "planner/plan.h"

namespace siyu::cli {

struct ScenarioOptions {
  std::string file, trace;
  std::optional<std::string> model, weights, kv_type, accelerator, engine, edition, data_class, industry, use, currency;
  std::optional<std::string> training;
  std::optional<double> documents_gb, users, rate, prompt, output, shared_prefix, context, ttft, tpot, growth, years;
  bool air_gapped = false, no_cloud = false;
};
void scenario_options(CLI::App& command, ScenarioOptions& options);
Result<planner::Scenario> scenario_of(const ScenarioOptions& options);
/// What a scenario is called that no file gives a name, in the language of what is printed.
std::string default_name(const PlanOptions& plan);
/// The whole plan; a line of progress on a terminal.
Result<planner::Plan> plan_of(const ScenarioOptions& options, const PlanOptions& plan, bool curves);

/// YYYY-MM-DD, of this machine's clock.
std::string today();

}  // namespace siyu::cli
