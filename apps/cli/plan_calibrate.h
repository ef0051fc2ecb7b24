// Where the rates of this machine lie.
#pragma once

#include <CLI/App.hpp>
#include <filesystem>

namespace siyu::cli {

/// ~/.config/siyu/calibration.json, or below XDG_CONFIG_HOME.
std::filesystem::path default_calibration();
void add_calibrate_command(CLI::App& plan, int& exit_code);

}  // namespace siyu::cli
