// What serve and up share: options, signals, errors for people.
#pragma once

#include <functional>
#include <string>

#include "base/config.h"
#include "server/wiring.h"

namespace siyu::server {

struct RunOptions {
  std::string config_file, data, listen;
  bool insecure_http = false;
};

/// Starts the machine, calls `started`, waits for SIGTERM or SIGINT, drains. Returns the process's exit code.
int run_until_signalled(const RunOptions& options, const std::function<void(Machine&, const Config&)>& started);

}  // namespace siyu::server
