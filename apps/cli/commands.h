// The commands that are clients of the API, and the offline ones.
#pragma once

#include <CLI/App.hpp>

namespace siyu::cli {

void add_knowledge_commands(CLI::App& app, int& exit_code);  ///< kb, ask
void add_model_commands(CLI::App& app, int& exit_code);      ///< model, chat
void add_pull_commands(CLI::App& model, int& exit_code);     ///< model pull, pulls, recommend
void add_engine_commands(CLI::App& app, int& exit_code);     ///< engine
void add_usage_commands(CLI::App& app, int& exit_code);      ///< usage, limit, price
void add_deploy_commands(CLI::App& app, int& exit_code);      ///< deploy
void add_admin_commands(CLI::App& app, int& exit_code);      ///< key, user, audit, status, config

void add_mcp_command(CLI::App& app, int& exit_code);         ///< mcp
void add_parse_command(CLI::App& app, int& exit_code);       ///< parse
void add_plan_commands(CLI::App& app, int& exit_code);       ///< plan
void add_whole_plan_commands(CLI::App& plan, int& exit_code);  ///< plan fleet, tco, advise, report, guide

inline void add_commands(CLI::App& app, int& exit_code) {
  add_knowledge_commands(app, exit_code);
  add_model_commands(app, exit_code);
  add_engine_commands(app, exit_code);
  add_usage_commands(app, exit_code);
  add_deploy_commands(app, exit_code);
  add_admin_commands(app, exit_code);
  add_mcp_command(app, exit_code);
  add_parse_command(app, exit_code);
  add_plan_commands(app, exit_code);
}

}  // namespace siyu::cli
