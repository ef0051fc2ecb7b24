// siyu parse: what a file reads as, without a server.
#include <cstdio>
#include <memory>

#include "cli/command.h"
#include "cli/commands.h"
#include "documents/sandboxed_parser.h"
#include "sandbox/process.h"

namespace siyu::cli {
namespace {

struct ParseOptions {
  std::string file, password;
  std::uint32_t seconds = 120;
  bool as_json = false;
};

int parse_file(const ParseOptions& options) {
  const documents::SandboxedParser parser(sandbox::sibling_program("siyu-parser"), {.time = std::chrono::seconds(options.seconds)});
  const auto document = parser.parse(options.file, std::filesystem::path(options.file).filename().string(), options.password);
  if (options.as_json) {
    json::array files;
    for (const auto& file : document.embedded) files.push_back({{"name", file.name}, {"bytes", file.bytes.size()}});
    print_json(json::object{{"status", to_json(document.status)}, {"reason", document.reason}, {"format", document.format}, {"title", document.title},
                            {"pages", document.pages.size()}, {"markdown", document.markdown}, {"embedded", std::move(files)}});
  } else {
    std::fwrite(document.markdown.data(), 1, document.markdown.size(), stdout);
    if (!document.reason.empty()) std::fprintf(stderr, "%s: %s\n", options.file.c_str(), document.reason.c_str());
    for (const auto& file : document.embedded) std::fprintf(stderr, "holds the file %s (%zu bytes)\n", file.name.c_str(), file.bytes.size());
  }
  // As JSON the status is the answer; without it the exit code says it.
  return options.as_json || document.status == documents::ParseStatus::kOk ? 0 : 1;
}

}  // namespace

void add_parse_command(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("parse", "Show what a file reads as, without a server");
  auto options = std::make_shared<ParseOptions>();
  command->add_option("file", options->file, "The file")->required()->check(CLI::ExistingFile);
  command->add_option("--password", options->password, "Password of an encrypted file");
  command->add_option("--seconds", options->seconds, "Stop reading after this time")->check(CLI::Range(1, 3600));
  command->add_flag("--json", options->as_json, "Print status, reason, format, pages and Markdown as JSON");
  command->callback([options, &exit_code] { exit_code = parse_file(*options); });
}

}  // namespace siyu::cli
