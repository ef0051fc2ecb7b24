#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <unistd.h>

#include "base/bytes.h"
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
struct ImportOptions {
  std::string file, name, sha256, projector;
  bool no_projector = false;
};
struct LoadOptions {
  std::string name;
  int context = 0, sequences = 0, threads = 0, kv_tokens = 0, kv_spill_mb = -1;
  std::string kv_type, draft;
  std::vector<std::string> adapters;
};
struct ChatOptions {
  std::string message, model, system;
  std::vector<std::string> bases, pictures;
  int max_tokens = 0;
  double temperature = -1;
};

std::string model_path(const std::string& name) { return "/api/v1/models/" + net::percent_encode(name); }

std::uint64_t number_of(const json::value& object, std::string_view key) {
  const auto* value = object.as_object().if_contains(key);
  return value == nullptr || !value->is_number() ? 0 : value->to_number<std::uint64_t>();
}

/// 1543503872 → 1.5 B
std::string human_count(std::uint64_t count) {
  static constexpr const char* kUnits[] = {"", " K", " M", " B", " T"};
  double value = static_cast<double>(count);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(kUnits); ++unit) value /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, value < 10 && unit > 0 ? "%.1f%s" : "%.0f%s", value, kUnits[unit]);
  return text;
}

void print_models(const json::value& result) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& model : result.as_object().at("models").as_array()) {
    auto state = text_of(model, "state");
    if (state == "failed") state += ": " + text_of(model, "reason");
    rows.push_back({text_of(model, "name"), text_of(model, "kind") + (text_of(model, "vision") == "true" ? ", sees" : ""), state, text_of(model, "architecture"), human_count(number_of(model, "parameters")),
                    text_of(model, "quantization"), std::to_string(number_of(model, "context_length")), human_bytes(number_of(model, "bytes"))});
  }
  print_table({"NAME", "KIND", "STATE", "ARCHITECTURE", "PARAMETERS", "TYPE", "CONTEXT", "SIZE"}, rows);
}

void print_model(const json::value& model) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, value] : model.as_object()) {
    if (value.is_object()) {
      for (const auto& [inner, part] : value.as_object()) rows.push_back({std::string(key) + "." + std::string(inner), text_of(value, inner)});
    } else {
      rows.push_back({std::string(key), text_of(model, key)});
    }
  }
  print_table({"FIELD", "VALUE"}, rows);
}

/// The only mmproj*.gguf in the file's folder, if it is the file's: named after it, or the two are alone. Else empty.
std::filesystem::path projector_beside(const std::filesystem::path& file) {
  std::vector<std::filesystem::path> found;
  bool alone = true;
  std::error_code error;
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const auto name = entry.path().filename();
    if (name.extension() != ".gguf" || name == file.filename()) continue;
    if (name.string().find("mmproj") != std::string::npos) found.push_back(entry.path());
    else alone = false;
  }
  if (found.size() != 1) return {};
  static constexpr std::string_view kMark = "mmproj-";
  const std::string projector = found[0].stem().string();
  const std::string named = projector.starts_with(kMark) ? projector.substr(kMark.size()) : projector;
  const std::string model = file.stem().string(), without_type = named.substr(0, named.rfind('-'));  // …-f16
  const bool same_name = !without_type.empty() && (model.starts_with(named) || model.starts_with(without_type));
  return alone || same_name ? found[0] : std::filesystem::path();
}

Result<json::value> put_model_file(Client& client, const std::string& path, const std::filesystem::path& file, const std::string& doing) {
  ProgressBar bar(doing);
  auto model = client.put_file(path + "origin=" + net::percent_encode(file.filename().string()), file,
                               [&](std::uint64_t done, std::uint64_t total) { bar.update(done, total, "bytes"); });
  if (model) bar.finish();
  return model;
}

Status import_file(Client& client, Invocation<ImportOptions>& call) {
  auto& options = call.options;
  const std::filesystem::path file = options.file;
  if (options.name.empty()) options.name = file.stem();
  auto path = model_path(options.name) + "/content?";
  if (!options.sha256.empty()) path += "sha256=" + net::percent_encode(options.sha256) + "&";
  ASSIGN_OR_RETURN(auto model, put_model_file(client, path, file, "importing " + options.name));
  const bool beside = options.projector.empty() && !options.no_projector && text_of(model, "kind") == "chat";
  const std::filesystem::path projector = beside ? projector_beside(file) : std::filesystem::path(options.projector);
  if (!projector.empty()) {
    ASSIGN_OR_RETURN(model, put_model_file(client, model_path(options.name) + "/projector?", projector, "importing its projector"));
    if (!call.as_json) std::printf("%s sees pictures with %s%s\n", options.name.c_str(), projector.filename().c_str(), beside ? ", which lies beside it (--no-projector leaves it out)" : "");
  }
  if (call.as_json) print_json(model);
  else if (text_of(model, "kind") == "adapter") std::printf("The adapter %s is imported; load it with its model: siyu model load MODEL --adapter %s\n", options.name.c_str(), options.name.c_str());
  else std::printf("%s is imported; load it with: siyu model load %s\n", options.name.c_str(), options.name.c_str());
  return {};
}

Status load(Client& client, Invocation<LoadOptions>& call) {
  json::object body;
  if (call.options.context > 0) body["context_length"] = call.options.context;
  if (call.options.sequences > 0) body["sequences"] = call.options.sequences;
  if (call.options.threads > 0) body["threads"] = call.options.threads;
  if (call.options.kv_tokens > 0) body["kv_tokens"] = call.options.kv_tokens;
  if (!call.options.kv_type.empty()) body["kv_type"] = call.options.kv_type;
  if (call.options.kv_spill_mb >= 0) body["kv_spill_mb"] = call.options.kv_spill_mb;
  if (!call.options.draft.empty()) body["draft"] = call.options.draft;
  if (!call.options.adapters.empty()) body["adapters"] = json::array(call.options.adapters.begin(), call.options.adapters.end());
  ASSIGN_OR_RETURN(const auto model, client.call("POST", model_path(call.options.name) + "/load", body));
  if (call.as_json) {
    print_json(model);
    return {};
  }
  std::printf("%s is loaded\n", call.options.name.c_str());
  for (const auto& adapter : call.options.adapters) std::printf("%s:%s is the model with that adapter\n", call.options.name.c_str(), adapter.c_str());
  if (const auto* evicted = model.as_object().if_contains("evicted"); evicted != nullptr && evicted->is_array())
    for (const auto& name : evicted->as_array()) std::printf("%s was put to sleep to make room; its next request wakes it\n", std::string(name.as_string()).c_str());
  return {};
}

/// Prints what one event adds to the answer, and keeps it in `answer`.
Status print_event(const std::string& data, std::string& answer, std::vector<json::value>& sources) {
  ASSIGN_OR_RETURN(const auto event, parse_json(data));
  if (const auto* error = event.as_object().if_contains("error")) return fail(ErrorCode::kUnavailable, text_of(*error, "message"));
  for (const auto& choice : event.as_object().at("choices").as_array()) {
    const auto& delta = choice.as_object().at("delta").as_object();
    if (const auto* content = delta.if_contains("content"); content != nullptr && content->is_string()) {
      answer += content->get_string();
      std::fwrite(content->get_string().data(), 1, content->get_string().size(), stdout);
      std::fflush(stdout);
    }
    if (const auto* annotations = delta.if_contains("annotations"))
      for (const auto& annotation : annotations->as_array()) sources.push_back(annotation.as_object().at("file_citation").as_object().at("siyu"));
  }
  return {};
}

void print_sources(const std::vector<json::value>& sources) {
  for (const auto& source : sources) {
    std::printf("  [%s] %s", text_of(source, "number").c_str(), text_of(source, "document").c_str());
    if (const auto page = number_of(source, "page")) std::printf(", page %llu", static_cast<unsigned long long>(page));
    std::printf("\n");
  }
}

json::object chat_body(const ChatOptions& options, const json::array& messages) {
  json::object body{{"messages", messages}, {"stream", true}};
  if (!options.model.empty()) body["model"] = options.model;
  if (options.max_tokens > 0) body["max_tokens"] = options.max_tokens;
  if (options.temperature >= 0) body["temperature"] = options.temperature;
  if (!options.bases.empty()) body["knowledge"] = json::array(options.bases.begin(), options.bases.end());
  return body;
}

Status chat_once(Client& client, const ChatOptions& options, json::array& messages) {
  std::string answer;
  std::vector<json::value> sources;
  RETURN_IF_ERROR(client.stream("/v1/chat/completions", chat_body(options, messages), [&](const std::string& data) { return print_event(data, answer, sources); }));
  std::printf("\n");
  print_sources(sources);
  messages.push_back({{"role", "assistant"}, {"content", answer}});
  return {};
}

/// The question with the pictures before it.
Result<json::value> user_content(const ChatOptions& options, const std::string& text) {
  if (options.pictures.empty()) return json::value(text);
  json::array parts;
  for (const auto& file : options.pictures) {
    std::ifstream in(file, std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(in), {});
    if (!in || bytes.empty()) return not_found("The picture " + file + " cannot be read");
    const auto* type = bytes.starts_with("\x89PNG") ? "image/png" : "image/jpeg";  // the server looks closer
    parts.push_back({{"type", "image_url"}, {"image_url", {{"url", std::string("data:") + type + ";base64," + to_base64(as_bytes(bytes))}}}});
  }
  parts.push_back({{"type", "text"}, {"text", text}});
  return parts;
}

Status chat(Client& client, Invocation<ChatOptions>& call) {
  const auto& options = call.options;
  json::array messages;
  if (!options.system.empty()) messages.push_back({{"role", "system"}, {"content", options.system}});
  if (!options.message.empty()) {
    ASSIGN_OR_RETURN(auto content, user_content(options, options.message));
    messages.push_back({{"role", "user"}, {"content", std::move(content)}});
    if (!call.as_json) return chat_once(client, options, messages);
    auto body = chat_body(options, messages);
    body["stream"] = false;
    ASSIGN_OR_RETURN(const auto answer, client.call("POST", "/v1/chat/completions", body));
    print_json(answer);
    return {};
  }
  const bool terminal = ::isatty(STDIN_FILENO) != 0;
  if (terminal) std::printf("Ask, and end with Ctrl-D.\n");
  for (std::string line;;) {
    if (terminal) std::printf("\n> "), std::fflush(stdout);
    if (!std::getline(std::cin, line)) break;
    if (trim(line).empty()) continue;
    const bool first = std::ranges::none_of(messages, [](const json::value& one) { return text_of(one, "role") == "user"; });
    ASSIGN_OR_RETURN(auto content, first ? user_content(options, line) : Result<json::value>(json::value(line)));
    messages.push_back({{"role", "user"}, {"content", std::move(content)}});
    if (const auto status = chat_once(client, options, messages); !status) {
      if (!terminal) return status;
      report(status.error());
      messages.erase(messages.end() - 1);  // the question stays out of the conversation, so that it can be asked again
    }
  }
  if (terminal) std::printf("\n");
  return {};
}

void name_option(CLI::App& command, NameOption& options) { command.add_option("name", options.name, "Model")->required(); }

}  // namespace

void add_model_commands(CLI::App& app, int& exit_code) {
  auto* model = app.add_subcommand("model", "Models: pull, import, load, list, show, unload, remove")->require_subcommand(1);
  add_command<ImportOptions>(*model, "import", "Import a GGUF file, a model or a LoRA adapter, into the server's library", exit_code,
                             [](CLI::App& command, ImportOptions& options) {
                               command.add_option("file", options.file, "GGUF file on this machine")->required()->check(CLI::ExistingFile);
                               command.add_option("--name", options.name, "Name in the library; the file's name when absent");
                               command.add_option("--sha256", options.sha256, "Refuse the file unless it has this checksum");
                               command.add_option("--projector", options.projector, "Of a vision model: its mmproj-….gguf; when absent, one beside the file that is named after it or alone with it")->check(CLI::ExistingFile);
                               command.add_flag("--no-projector", options.no_projector, "Import the model without sight");
                             },
                             import_file);
  add_pull_commands(*model, exit_code);
  add_command<LoadOptions>(*model, "load", "Load a model; returns when it can answer", exit_code,
                           [](CLI::App& command, LoadOptions& options) {
                             command.add_option("name", options.name, "Model")->required();
                             command.add_option("--context", options.context, "Tokens that one request may hold, prompt and answer together");
                             command.add_option("--sequences", options.sequences, "Requests computed together");
                             command.add_option("--threads", options.threads, "CPU threads");
                             command.add_option("--kv-tokens", options.kv_tokens, "Tokens the KV cache holds, for all sequences together");
                             command.add_option("--kv-type", options.kv_type, "Type of the KV cache: f16, q8_0 or f32");
                             command.add_option("--kv-spill-mb", options.kv_spill_mb, "MiB of host memory for what leaves the KV cache; 0: none");
                             command.add_option("--draft", options.draft, "Small model of the same vocabulary that guesses ahead");
                             command.add_option("--adapter", options.adapters, "LoRA adapter of the library, served beside the model as MODEL:ADAPTER; may be given several times")->allow_extra_args(false);
                           },
                           load);
  add_command<None>(*model, "list", "Models of the library and their states", exit_code, [](CLI::App&, None&) {},
                    [](Client& client, Invocation<None>& call) -> Status {
                      ASSIGN_OR_RETURN(const auto result, client.call("GET", "/api/v1/models"));
                      call.as_json ? print_json(result) : print_models(result);
                      return {};
                    });
  add_command<NameOption>(*model, "show", "Everything known of one model", exit_code, name_option, [](Client& client, Invocation<NameOption>& call) -> Status {
    ASSIGN_OR_RETURN(const auto result, client.call("GET", model_path(call.options.name)));
    call.as_json ? print_json(result) : print_model(result);
    return {};
  });
  add_command<NameOption>(*model, "unload", "Stop a model; it stays in the library", exit_code, name_option, [](Client& client, Invocation<NameOption>& call) -> Status {
    ASSIGN_OR_RETURN(const auto result, client.call("POST", model_path(call.options.name) + "/unload"));
    if (call.as_json) print_json(result);
    else std::printf("%s is unloaded\n", call.options.name.c_str());
    return {};
  });
  add_command<NameOption>(*model, "rm", "Delete a model's files from the library", exit_code, name_option, [](Client& client, Invocation<NameOption>& call) -> Status {
    RETURN_IF_ERROR(client.call("DELETE", model_path(call.options.name)));
    if (!call.as_json) std::printf("%s is deleted\n", call.options.name.c_str());
    return {};
  });
  add_command<ChatOptions>(app, "chat", "Chat with a model; without a message, line by line until Ctrl-D", exit_code,
                           [](CLI::App& command, ChatOptions& options) {
                             command.add_option("message", options.message, "One message; its answer is printed");
                             command.add_option("--model", options.model, "Model; may be left out when only one chat model is loaded");
                             command.add_option("--kb", options.bases, "Knowledge base to answer from; may be given several times")->allow_extra_args(false);
                             command.add_option("--picture", options.pictures, "PNG or JPEG file to look at, for vision models; may be given several times")->allow_extra_args(false)->check(CLI::ExistingFile);
                             command.add_option("--system", options.system, "System message");
                             command.add_option("--max-tokens", options.max_tokens, "Longest answer");
                             command.add_option("--temperature", options.temperature, "0 is greedy");
                           },
                           chat);
}

}  // namespace siyu::cli
