// The frame of a command: options that all share, and how its outcome becomes an exit code.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "cli/client.h"

namespace siyu::cli {

/// What a command's body works with; T holds its own options.
template <class T>
struct Invocation {
  ConnectOptions connect;
  bool as_json = false;
  T options;
};

/// Adds `name` under `parent`: `declare` names its options, `run` gets a connected client.
template <class T>
void add_command(CLI::App& parent, const std::string& name, const std::string& help, int& exit_code,
                 const std::function<void(CLI::App&, T&)>& declare, std::function<Status(Client&, Invocation<T>&)> run) {
  auto* command = parent.add_subcommand(name, help);
  auto invocation = std::make_shared<Invocation<T>>();
  declare(*command, invocation->options);
  command->add_flag("--json", invocation->as_json, "Print the answer as JSON");
  add_connect_options(*command, invocation->connect);
  command->callback([invocation, run = std::move(run), &exit_code] {
    auto client = Client::connect(invocation->connect);
    exit_code = client ? finish(run(*client, *invocation)) : report(client.error());
  });
}

}  // namespace siyu::cli
