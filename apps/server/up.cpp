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

struct UpOptions : RunOptions {
  bool pull = false;
  std::string source;  ///< of the model to pull; empty: the recommended one
};

struct KnownModel {
  std::string name, kind, state;
};
BOOST_DESCRIBE_STRUCT(KnownModel, (), (name, kind, state))
struct KnownModels {
  std::vector<KnownModel> models;
};
BOOST_DESCRIBE_STRUCT(KnownModels, (), (models))
struct Pick {
  std::string name, quantization, reference, mirror, kind, reason;
  bool fits = false;
  std::uint64_t file_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(Pick, (), (name, quantization, reference, mirror, kind, reason, fits, file_bytes))
struct Picks {
  std::vector<Pick> recommendations;
};
BOOST_DESCRIBE_STRUCT(Picks, (), (recommendations))

/// The chat model that fits this machine best; nothing when none does. Asks no hub.
Result<std::optional<Pick>> recommended(cli::Client& client) {
  ASSIGN_OR_RETURN(const auto body, client.call("GET", "/api/v1/model-recommendations"));
  ASSIGN_OR_RETURN(auto picks, from_json<Picks>(body));
  for (auto& pick : picks.recommendations)
    if (pick.fits && pick.kind == "chat") return std::move(pick);
  return std::nullopt;
}

/// Orders the download in the background: the start never waits for a hub.
Status order_model(cli::Client& client, const UpOptions& options, const std::optional<Pick>& pick) {
  const auto source = options.source.empty() && pick ? pick->reference : options.source;
  if (source.empty()) {
    std::printf("\n  No known model fits this machine; see: siyu model recommend\n  没有适合本机的已知模型，详见：siyu model recommend\n");
    return {};
  }
  RETURN_IF_ERROR(client.call("POST", "/api/v1/model-pulls", {{"reference", source}, {"load", true}}));
  std::printf("\n  %s is being downloaded in the background, and loaded when it has arrived. Progress: siyu model pulls\n", source.c_str());
  std::printf("  正在后台下载 %s，完成后自动加载。查看进度：siyu model pulls\n", source.c_str());
  if (options.source.empty() && pick) std::printf("  Hugging Face out of reach · 无法访问 Hugging Face：siyu model pull --load %s\n", pick->mirror.c_str());
  return {};
}

/// Says how answers are made now, and what a model would take.
Status show_models(cli::Client& client, const UpOptions& options) {
  ASSIGN_OR_RETURN(const auto body, client.call("GET", "/api/v1/models"));
  ASSIGN_OR_RETURN(const auto known, from_json<KnownModels>(body));
  for (const auto& model : known.models) {
    if (model.kind != "chat") continue;
    std::printf("\n  Model · 模型  %s (%s)\n", model.name.c_str(), model.state.c_str());
    if (model.state == "stopped") std::printf("  To use it · 使用它：siyu model load %s\n", model.name.c_str());
    if (options.pull) std::printf("  Nothing is downloaded, since there is a chat model already.\n  已有对话模型，不再下载。\n");
    return {};
  }
  ASSIGN_OR_RETURN(const auto pick, recommended(client));
  if (options.pull) return order_model(client, options, pick);
  std::printf("\n  There is no chat model, so answers quote the documents word for word; nothing has been downloaded.\n"
              "  目前没有对话模型，回答逐字摘自文档；未下载任何内容。\n");
  if (pick)
    std::printf("  For written answers · 需要生成式回答：siyu up --pull  (%s %s, %s)\n", pick->name.c_str(), pick->quantization.c_str(), cli::human_bytes(pick->file_bytes).c_str());
  return {};
}

void greet(Machine& machine, const Config& config, const UpOptions& options) {
  const std::filesystem::path data = config.data;
  std::printf("Siyu %s is ready.\n\n  Console  %s\n  Sign in  user and password in %s\n", SIYU_VERSION, machine.url().c_str(), (data / "initial-admin.json").c_str());
  auto client = cli::Client::connect({.server = machine.url(), .api_key = {}, .data = data.string(), .ca_file = machine.ca_file().string(), .insecure = false});
  auto status = client ? ensure_sample(*client, data) : std::unexpected(client.error());
  if (status) status = show_answer(*client, "What happens to a file that cannot be read?");
  if (status) status = show_answer(*client, "删除文档时会删除什么？");
  if (!status) std::printf("\n  The sample could not be shown: %s\n", status.error().message.c_str());
  if (client)
    if (const auto shown = show_models(*client, options); !shown) std::printf("\n  No model is pulled · 未下载模型：%s\n", shown.error().message.c_str());
  std::printf("\n  Next: siyu kb create NAME · siyu kb add NAME PATH · siyu ask --kb NAME \"…\"      Ctrl-C stops the server.\n");
  std::fflush(stdout);
}

}  // namespace

void add_up(CLI::App& app, int& exit_code) {
  auto* command = app.add_subcommand("up", "Start the server with a sample knowledge base and show a first cited answer");
  auto options = std::make_shared<UpOptions>();
  command->add_option("--data", options->data, "Data folder (SIYU_DATA)");
  command->add_option("--listen", options->listen, "HOST:PORT, 127.0.0.1:8080 when absent");
  command->add_option("--config", options->config_file, "Configuration file (YAML)");
  command->add_flag("--insecure-http", options->insecure_http, "Plain HTTP, on a loopback address only");
  auto* pull = command->add_option("--pull", options->source, "Download a chat model that fits this machine, or the given source, in the background")->expected(0, 1);
  command->callback([options, pull, &exit_code] {
    options->pull = pull->count() > 0;
    exit_code = run_until_signalled(*options, [options](Machine& machine, const Config& config) { greet(machine, config, *options); });
  });
}

}  // namespace siyu::server
