// `siyu up`: the first five minutes. Starts the server with a sample knowledge base of the product's own guide and shows
// one cited answer. It goes through the public API, as any user would.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <thread>

#include "cli/client.h"
#include "server/assets.h"
#include "server/run.h"
#include "server/serve.h"

namespace siyu::server {
namespace {

constexpr const char* kSample = "siyu-guide";
constexpr int kMaxPolls = 300;
constexpr auto kPollEvery = std::chrono::milliseconds(100);

struct SampleBase {
  std::int64_t queued = 0;
};
BOOST_DESCRIBE_STRUCT(SampleBase, (), (queued))

/// Makes the sample once; a user who deleted it is not given it again while the data folder lives.
Status ensure_sample(cli::Client& client, const std::filesystem::path& data) {
  const auto marker = data / "sample-made";
  if (std::filesystem::exists(marker)) return {};
  const auto created = client.call("POST", "/api/v1/knowledge-bases", {{"name", kSample}, {"description", "The product's own guide · 产品使用指南"}});
  if (!created && created.error().code != ErrorCode::kAlreadyExists) return std::unexpected(created.error());
  std::vector<net::UploadFile> files;
  for (const auto& asset : guide_assets()) {
    const auto path = data / "tmp" / ("sample-" + std::string(asset.path));
    std::ofstream(path) << asset.content;
    files.push_back({.name = std::string(asset.path), .path = path});
  }
  RETURN_IF_ERROR(client.upload(std::string("/api/v1/knowledge-bases/") + kSample + "/documents", files, {}));
  for (const auto& file : files) ::unlink(file.path.c_str());
  std::ofstream(marker) << "";
  return {};
}

Status show_answer(cli::Client& client, const std::string& question) {
  const std::string base = std::string("/api/v1/knowledge-bases/") + kSample;
  for (int i = 0; i < kMaxPolls; ++i) {
    ASSIGN_OR_RETURN(const auto body, client.call("GET", base));
    ASSIGN_OR_RETURN(const auto sample, from_json<SampleBase>(body));
    if (sample.queued == 0) break;
    std::this_thread::sleep_for(kPollEvery);
  }
  ASSIGN_OR_RETURN(const auto answer, client.call("POST", base + "/ask", {{"question", question}}));
  std::printf("\n  %s\n", question.c_str());
  cli::print_answer(answer);
  return {};
}

void greet(Machine& machine, const Config& config) {
  const std::filesystem::path data = config.data;
  std::printf("Siyu %s is ready.\n\n  Console  %s\n  Sign in  user and password in %s\n", SIYU_VERSION, machine.url().c_str(), (data / "initial-admin.json").c_str());
  auto client = cli::Client::connect({.server = machine.url(), .api_key = {}, .data = data.string(), .ca_file = machine.ca_file().string(), .insecure = false});
  auto status = client ? ensure_sample(*client, data) : std::unexpected(client.error());
  if (status) status = show_answer(*client, "How do I add documents to a knowledge base?");
  if (status) status = show_answer(*client, "删除文档时会删除什么？");
  if (!status) std::printf("\n  The sample could not be shown: %s\n", status.error().message.c_str());
  std::printf("\n  Next: siyu kb create NAME · siyu kb add NAME PATH · siyu ask --kb NAME \"…\"      Ctrl-C stops the server.\n");
  std::fflush(stdout);
}

}  // namespace

void add_up(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("up", "Start the server with a sample knowledge base and show a first cited answer");
  auto options = std::make_shared<RunOptions>();
  command->add_option("--data", options->data, "Data folder (SIYU_DATA)");
  command->add_option("--listen", options->listen, "HOST:PORT, 127.0.0.1:8080 when absent");
  command->add_option("--config", options->config_file, "Configuration file (YAML)");
  command->add_flag("--insecure-http", options->insecure_http, "Plain HTTP, on a loopback address only");
  command->callback([options, &exit_code] { exit_code = run_until_signalled(*options, greet); });
}

}  // namespace siyu::server
