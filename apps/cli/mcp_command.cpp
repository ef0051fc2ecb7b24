#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/commands.h"
#include "cli/mcp_bridge.h"

namespace siyu::cli {
namespace {

constexpr std::size_t kMaxLine = 1UL << 20;  // what the server takes

int run_bridge(const ConnectOptions& connect) {
  const auto client = Client::connect(connect);
  if (!client) return report(client.error());
  McpBridge bridge(*client, stdout);
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) continue;
    if (line.size() > kMaxLine) {
      std::fputs("siyu: a message of more than 1 MiB was dropped\n", stderr);
      continue;
    }
    bridge.take(std::move(line));
    line.clear();
  }
  bridge.finish();
  return 0;
}

}  // namespace

void add_mcp_command(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("mcp", "Let a desktop client (MCP over standard input and output) use the knowledge bases");
  auto connect = std::make_shared<ConnectOptions>();
  add_connect_options(*command, *connect);
  command->callback([connect, &exit_code] { exit_code = run_bridge(*connect); });
}

}  // namespace siyu::cli
