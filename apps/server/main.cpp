#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "server/serve.h"

int main(int argc, char** argv) {
  CLI::App app("Siyu: a private LLM appliance. Documents in, cited answers out, nothing leaves the building.");
  app.set_version_flag("--version", SIYU_VERSION);
  app.require_subcommand(1);
  int exit_code = 0;
  siyu::server::add_up(app, exit_code);
  siyu::server::add_serve(app, exit_code);
  siyu::cli::add_commands(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : 2;
  }
  return exit_code;
}
