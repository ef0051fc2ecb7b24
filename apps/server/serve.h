// `siyu serve` and `siyu up`.
#pragma once

#include <CLI/App.hpp>

namespace siyu::server {

void add_serve(CLI::App& app, int& exit_code);
void add_up(CLI::App& app, int& exit_code);

}  // namespace siyu::server
