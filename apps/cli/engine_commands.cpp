#include <cstdio>
#include <fstream>

#include "base/text.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "net/http.h"

namespace siyu::cli {
namespace {

struct None {};
struct NameOption {
  std::string name;
};
struct AddOptions {
  std::string name, url, model, key_file;
  bool embedding = false, rerank = false, audio = false;
};

Result<std::string> read_key(const std::string& file) {
  std::ifstream in(file);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in || trim(text).empty()) return invalid("The key file " + file + " cannot be read or is empty");
  return std::string(trim(text));
}

Status add(Client& client, Invocation<AddOptions>& call) {
  const auto& options = call.options;
  json::object body{{"name", options.name}, {"url", options.url}, {"kind", options.audio ? "audio" : options.rerank ? "rerank" : options.embedding ? "embedding" : "chat"}};
  if (!options.model.empty()) body["model"] = options.model;
  if (!options.key_file.empty()) {
    ASSIGN_OR_RETURN(body["api_key"], read_key(options.key_file));
  }
  ASSIGN_OR_RETURN(const auto engine, client.call("POST", "/api/v1/engines", body));
  if (call.as_json) print_json(engine);
  else if (text_of(engine, "state") == "ready") std::printf("%s is added and ready\n", options.name.c_str());
  else std::printf("%s is added, and is used as soon as it answers. Now: %s\n", options.name.c_str(), text_of(engine, "reason").c_str());
  return {};
}

Status list(Client& client, Invocation<None>& call) {
  ASSIGN_OR_RETURN(const auto result, client.call("GET", "/api/v1/engines"));
  if (call.as_json) {
    print_json(result);
    return {};
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& engine : result.as_object().at("engines").as_array()) {
    const auto reason = text_of(engine, "reason");
    rows.push_back({text_of(engine, "name"), text_of(engine, "kind"), text_of(engine, "state") + (reason.empty() ? "" : ": " + reason), text_of(engine, "model"), text_of(engine, "url")});
  }
  print_table({"NAME", "KIND", "STATE", "MODEL", "ADDRESS"}, rows);
  return {};
}

}  // namespace

void add_engine_commands(CLI::App& app, int& exit_code) {
  auto* engine = app.add_subcommand("engine", "Engines elsewhere (OpenAI-compatible endpoints): add, list, remove")->require_subcommand(1);
  add_command<AddOptions>(*engine, "add", "Serve a model of another engine under a name here", exit_code,
                          [](CLI::App& command, AddOptions& options) {
                            command.add_option("name", options.name, "Name of the model here")->required();
                            command.add_option("--url", options.url, "Address of its API, such as http://10.0.0.5:8000/v1")->required();
                            command.add_option("--model", options.model, "The model's name there; the only one it lists when absent");
                            command.add_option("--key-file", options.key_file, "File on this machine that holds the engine's API key");
                            command.add_flag("--embedding", options.embedding, "It makes embeddings");
                            command.add_flag("--rerank", options.rerank, "It ranks documents");
                            command.add_flag("--audio", options.audio, "It turns speech into text");
                          },
                          add);
  add_command<None>(*engine, "list", "Engines elsewhere and how they are", exit_code, [](CLI::App&, None&) {}, list);
  add_command<NameOption>(*engine, "rm", "Remove an engine elsewhere", exit_code,
                          [](CLI::App& command, NameOption& options) { command.add_option("name", options.name, "Engine")->required(); },
                          [](Client& client, Invocation<NameOption>& call) -> Status {
                            RETURN_IF_ERROR(client.call("DELETE", "/api/v1/engines/" + net::percent_encode(call.options.name)));
                            if (!call.as_json) std::printf("%s is removed\n", call.options.name.c_str());
                            return {};
                          });
}

}  // namespace siyu::cli
