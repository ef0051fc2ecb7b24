#include "server/serve.h"

#include <sys/resource.h>

#include <csignal>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>

#include "cli/environment.h"
#include "server/run.h"

namespace siyu::server {
namespace {

/// Every connection takes a descriptor, and its engine's another; the usual soft limit of 1,024 is for programs that use select().
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int run_until_signalled(const RunOptions& options, const std::function<void(Machine&, const Config&)>& started) {
  // Blocked before any thread starts, so that sigwait below gets them and no system call is interrupted.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();

  ConfigSources sources{.file = options.config_file, .environment = cli::environment, .flags = {}};
  if (!options.data.empty()) sources.flags.emplace_back("data", options.data);
  if (!options.listen.empty()) sources.flags.emplace_back("server.listen", options.listen);
  if (options.insecure_http) sources.flags.emplace_back("server.insecure_http", "true");
  auto config = load_config(sources);
  if (config && config->data.empty()) config->data = cli::default_data_dir();
  auto machine = config ? Machine::start(*config) : std::unexpected(config.error());
  if (!machine) {
    std::fprintf(stderr, "siyu: %s\n", machine.error().message.c_str());
    if (!machine.error().detail.empty()) std::fprintf(stderr, "      %s\n", machine.error().detail.c_str());
    return machine.error().code == ErrorCode::kInvalidArgument ? 2 : 1;
  }
  started(**machine, *config);
  int signal = 0;
  sigwait(&signals, &signal);
  (*machine)->drain();
  return 0;
}

void add_serve(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("serve", "Run the server in the foreground");
  auto options = std::make_shared<RunOptions>();
  command->add_option("--data", options->data, "Data folder (SIYU_DATA)");
  command->add_option("--listen", options->listen, "HOST:PORT, 127.0.0.1:8080 when absent");
  command->add_option("--config", options->config_file, "Configuration file (YAML)");
  command->add_flag("--insecure-http", options->insecure_http, "Plain HTTP, on a loopback address only");
  command->callback([options, &exit_code] { exit_code = run_until_signalled(*options, [](Machine&, const Config&) {}); });
}

}  // namespace siyu::server
