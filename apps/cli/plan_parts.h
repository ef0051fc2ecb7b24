// What the plan commands share: the catalogue, models by name or path, figures for people.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cli/client.h"
#include "cli/terminal.h"
#include "planner/catalogue.h"
#include "planner/requests.h"
#include "planner/worksheet.h"

namespace siyu::cli {

/// Options of every plan command.
struct PlanOptions {
  std::string catalogue, lang;
  bool as_json = false, explain = false;
  bool chinese() const;
};
void add_plan_options(CLI::App& command, PlanOptions& options);

Result<planner::Catalogue> catalogue_for(const PlanOptions& options);
/// Of the catalogue, or a path on this machine.
planner::ShapeFinder local_shapes(const planner::Catalogue& catalogue);

/// 7.2 GB, 340 tokens/s: for people, in the unit's own steps.
std::string human_figure(double value, const std::string& unit);
/// Label and value of each; with --explain formula and inputs beneath.
void print_figures(const std::vector<planner::Figure>& figures, const PlanOptions& options, const std::vector<std::string>& ids = {});

/// Adds a command whose body needs no server.
template <class T>
void add_plan_command(CLI::App& parent, const std::string& name, const std::string& help, int& exit_code, const std::function<void(CLI::App&, T&)>& declare,
                      std::function<Status(const PlanOptions&, T&)> run) {
  auto* command = parent.add_subcommand(name, help);
  auto plan = std::make_shared<PlanOptions>();
  auto own = std::make_shared<T>();
  declare(*command, *own);
  add_plan_options(*command, *plan);
  command->callback([plan, own, run = std::move(run), &exit_code] { exit_code = finish(run(*plan, *own)); });
}

}  // namespace siyu::cli
