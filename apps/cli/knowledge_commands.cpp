#include <algorithm>
#include <filesystem>
#include <map>
#include <thread>

#include "base/text.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "net/http.h"

namespace siyu::cli {
namespace {

constexpr std::size_t kFilesPerUpload = 200;
constexpr std::uint64_t kBytesPerUpload = 256ULL << 20;
constexpr auto kPollEvery = std::chrono::milliseconds(200);

struct NameOption {
  std::string name;
};
struct AddOptions {
  std::string name;
  std::vector<std::string> paths;
  bool wait = false;
};
struct SearchOptions {
  std::string name, query, mode;
  int top = 5;
};
struct RemoveOptions {
  std::string name, document;
};
struct EvalOptions {
  std::string name, queries, qrels, mode, k = "1,5,10";
};
struct AskOptions {
  std::string name, question;
};

std::string base_path(const std::string& name) { return "/api/v1/knowledge-bases/" + net::percent_encode(name); }

/// Files with the names they get: a folder's files keep their path below it.
Result<std::vector<net::UploadFile>> collect_files(const std::vector<std::string>& paths) {
  std::vector<net::UploadFile> files;
  for (const auto& path : paths) {
    std::error_code error;
    const std::filesystem::path root(path);
    if (std::filesystem::is_directory(root, error)) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(root, std::filesystem::directory_options::skip_permission_denied, error)) {
        if (entry.is_regular_file(error)) files.push_back({.name = std::filesystem::relative(entry.path(), root).generic_string(), .path = entry.path()});
      }
    } else if (std::filesystem::is_regular_file(root, error)) {
      files.push_back({.name = root.filename().string(), .path = root});
    } else {
      return not_found("There is no file or folder " + path);
    }
  }
  std::ranges::sort(files, {}, &net::UploadFile::name);
  return files;
}

/// Sends in several uploads, so that an interruption loses one of them at most.
Result<json::array> upload_all(Client& client, const std::string& base, const std::vector<net::UploadFile>& files) {
  json::array added;
  ProgressBar bar("uploading");
  for (std::size_t begin = 0; begin < files.size();) {
    std::vector<net::UploadFile> batch;
    std::uint64_t bytes = 0;
    std::error_code ignored;
    for (; begin < files.size() && batch.size() < kFilesPerUpload && (batch.empty() || bytes < kBytesPerUpload); ++begin) {
      bytes += std::filesystem::file_size(files[begin].path, ignored);
      batch.push_back(files[begin]);
    }
    ASSIGN_OR_RETURN(const auto answer, client.upload(base_path(base) + "/documents", batch, {}));
    for (const auto& document : answer.as_object().at("documents").as_array()) added.push_back(document);
    bar.update(begin, files.size(), "files");
  }
  return added;
}

Result<json::value> wait_until_indexed(Client& client, const std::string& base) {
  ProgressBar bar("indexing");
  for (;;) {
    ASSIGN_OR_RETURN(auto state, client.call("GET", base_path(base)));
    const auto queued = state.as_object().at("queued").to_number<std::uint64_t>(), all = state.as_object().at("documents").to_number<std::uint64_t>();
    if (queued == 0) return state;
    bar.update(all - queued, all, "documents");
    std::this_thread::sleep_for(kPollEvery);
  }
}

Status add_files(Client& client, Invocation<AddOptions>& call) {
  const auto& options = call.options;
  ASSIGN_OR_RETURN(const auto files, collect_files(options.paths));
  if (files.empty()) return not_found("There are no files in what was given");
  ASSIGN_OR_RETURN(auto added, upload_all(client, options.name, files));
  json::object result{{"documents", added}};
  if (options.wait) {
    ASSIGN_OR_RETURN(result["knowledge_base"], wait_until_indexed(client, options.name));
  }
  if (call.as_json) {
    print_json(result);
    return {};
  }
  const auto unchanged = std::ranges::count_if(added, [](const json::value& one) { return text_of(one, "outcome") == "unchanged"; });
  std::printf("%zu files taken, %zd of them unchanged\n", added.size(), static_cast<std::ptrdiff_t>(unchanged));
  if (!options.wait) return {};
  const auto& state = result["knowledge_base"];
  std::printf("%s documents indexed, %s failed or refused\n", text_of(state, "indexed").c_str(), text_of(state, "failed").c_str());
  return {};
}

Status list_documents(Client& client, Invocation<NameOption>& call) {
  json::array all;
  std::string path = base_path(call.options.name) + "/documents?limit=1000";
  for (std::string next; ; path = base_path(call.options.name) + "/documents?limit=1000&after=" + next) {
    ASSIGN_OR_RETURN(const auto page, client.call("GET", path));
    for (const auto& document : page.as_object().at("documents").as_array()) all.push_back(document);
    next = text_of(page, "next");
    if (next.empty()) break;
  }
  if (call.as_json) {
    print_json(json::object{{"documents", all}});
    return {};
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& document : all) rows.push_back({text_of(document, "id"), text_of(document, "name"), text_of(document, "state"), text_of(document, "chunks"), text_of(document, "reason")});
  print_table({"ID", "NAME", "STATE", "PASSAGES", "REASON"}, rows);
  return {};
}

Status search(Client& client, Invocation<SearchOptions>& call) {
  json::object body{{"query", call.options.query}, {"top", call.options.top}};
  if (!call.options.mode.empty()) body["mode"] = call.options.mode;
  ASSIGN_OR_RETURN(const auto result, client.call("POST", base_path(call.options.name) + "/search", std::move(body)));
  if (call.as_json) {
    print_json(result);
    return {};
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& hit : result.as_object().at("hits").as_array()) {
    auto text = text_of(hit, "text");
    std::ranges::replace(text, '\n', ' ');
    rows.push_back({text_of(hit, "score").substr(0, 6), text_of(hit, "document"), std::string(utf8_prefix(text, 120))});
  }
  print_table({"SCORE", "DOCUMENT", "PASSAGE"}, rows);
  return {};
}

Status evaluate(Client& client, Invocation<EvalOptions>& call) {
  const auto& options = call.options;
  ASSIGN_OR_RETURN(const auto result, client.upload(base_path(options.name) + "/evaluate?k=" + net::percent_encode(options.k) + (options.mode.empty() ? "" : "&mode=" + options.mode),
                                                    {{.field = "queries", .name = "queries.jsonl", .path = options.queries}, {.field = "qrels", .name = "qrels.tsv", .path = options.qrels}}, {}));
  if (call.as_json) {
    print_json(result);
    return {};
  }
  const auto& object = result.as_object();
  std::printf("queries   %s\n", text_of(result, "queries").c_str());
  for (const auto& [k, value] : object.at("recall").as_object()) std::printf("recall@%-2s %.4f\n", std::string(k).c_str(), value.to_number<double>());
  std::printf("MRR@10    %.4f\nnDCG@10   %.4f\n", object.at("mrr_at_10").to_number<double>(), object.at("ndcg_at_10").to_number<double>());
  const auto& latency = object.at("latency_ms").as_object();
  std::printf("latency   p50 %.2f ms, p99 %.2f ms\n", latency.at("p50").to_number<double>(), latency.at("p99").to_number<double>());
  return {};
}

Status list_bases(Client& client, Invocation<NameOption>& call) {
  ASSIGN_OR_RETURN(const auto result, client.call("GET", "/api/v1/knowledge-bases"));
  if (call.as_json) {
    print_json(result);
    return {};
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& base : result.as_object().at("knowledge_bases").as_array())
    rows.push_back({text_of(base, "name"), text_of(base, "documents"), text_of(base, "indexed"), text_of(base, "queued"), text_of(base, "failed"),
                    human_bytes(base.as_object().at("bytes").to_number<std::uint64_t>())});
  print_table({"NAME", "DOCUMENTS", "INDEXED", "QUEUED", "FAILED", "SIZE"}, rows);
  return {};
}

void mode_option(CLI::App& command, std::string& mode) {
  command.add_option("--mode", mode, "full_text, vector or hybrid; by default what the knowledge base can do")->check(CLI::IsMember({"full_text", "vector", "hybrid"}));
}

/// A call whose answer is shown as it is, or with a short word.
std::function<Status(Client&, Invocation<NameOption>&)> simple(std::string method, std::string suffix, std::string word) {
  return [=](Client& client, Invocation<NameOption>& call) -> Status {
    ASSIGN_OR_RETURN(const auto result, client.call(method, base_path(call.options.name) + suffix));
    if (call.as_json || word.empty()) print_json(result);
    else std::printf("%s %s\n", call.options.name.c_str(), word.c_str());
    return {};
  };
}

}  // namespace

void add_knowledge_commands(CLI::App& app, int& exit_code) {
  auto& kb = *app.add_subcommand("kb", "Knowledge bases: create, add documents, search, evaluate");
  kb.require_subcommand(1);
  const auto name_option = [](CLI::App& command, NameOption& options) { command.add_option("name", options.name, "Knowledge base")->required(); };
  add_command<NameOption>(kb, "create", "Create a knowledge base", exit_code, name_option, [](Client& client, Invocation<NameOption>& call) -> Status {
    ASSIGN_OR_RETURN(const auto result, client.call("POST", "/api/v1/knowledge-bases", {{"name", call.options.name}}));
    if (call.as_json) print_json(result);
    else std::printf("%s created; add documents with `siyu kb add %s PATH`\n", call.options.name.c_str(), call.options.name.c_str());
    return {};
  });
  add_command<NameOption>(kb, "list", "List the knowledge bases", exit_code, [](CLI::App&, NameOption&) {}, list_bases);
  add_command<NameOption>(kb, "show", "Show one knowledge base", exit_code, name_option, simple("GET", "", ""));
  add_command<NameOption>(kb, "rm", "Delete a knowledge base with everything in it", exit_code, name_option, simple("DELETE", "", "deleted"));
  add_command<NameOption>(kb, "rebuild", "Parse and index every document again", exit_code, name_option, simple("POST", "/rebuild", "is being rebuilt"));
  add_command<NameOption>(kb, "docs", "List the documents of a knowledge base", exit_code, name_option, list_documents);
  add_command<AddOptions>(kb, "add", "Add files and folders; .jsonl and .jsonl.gz hold one document per line", exit_code,
                          [](CLI::App& command, AddOptions& options) {
                            command.add_option("name", options.name, "Knowledge base")->required();
                            command.add_option("paths", options.paths, "Files and folders")->required();
                            command.add_flag("--wait", options.wait, "Wait until everything is indexed");
                          },
                          add_files);
  add_command<RemoveOptions>(kb, "remove-doc", "Delete one document everywhere", exit_code,
                             [](CLI::App& command, RemoveOptions& options) {
                               command.add_option("name", options.name, "Knowledge base")->required();
                               command.add_option("document", options.document, "Document id, as `siyu kb docs` shows it")->required();
                             },
                             [](Client& client, Invocation<RemoveOptions>& call) -> Status {
                               RETURN_IF_ERROR(client.call("DELETE", base_path(call.options.name) + "/documents/" + net::percent_encode(call.options.document)));
                               if (!call.as_json) std::printf("%s deleted\n", call.options.document.c_str());
                               return {};
                             });
  add_command<SearchOptions>(kb, "search", "Find passages", exit_code,
                             [](CLI::App& command, SearchOptions& options) {
                               command.add_option("name", options.name, "Knowledge base")->required();
                               command.add_option("query", options.query, "What to look for")->required();
                               command.add_option("--top", options.top, "How many passages")->check(CLI::Range(1, 100));
                               mode_option(command, options.mode);
                             },
                             search);
  add_command<EvalOptions>(kb, "eval", "Measure retrieval over questions with known documents", exit_code,
                           [](CLI::App& command, EvalOptions& options) {
                             command.add_option("name", options.name, "Knowledge base")->required();
                             command.add_option("--queries", options.queries, "JSONL with _id and text")->required()->check(CLI::ExistingFile);
                             command.add_option("--qrels", options.qrels, "TSV: query-id, corpus-id, score")->required()->check(CLI::ExistingFile);
                             command.add_option("--k", options.k, "Depths of recall, such as 1,5,10");
                             mode_option(command, options.mode);
                           },
                           evaluate);
  add_command<AskOptions>(app, "ask", "Ask a question; the answer cites its sources", exit_code,
                          [](CLI::App& command, AskOptions& options) {
                            command.add_option("--kb", options.name, "Knowledge base")->required();
                            command.add_option("question", options.question, "The question")->required();
                          },
                          [](Client& client, Invocation<AskOptions>& call) -> Status {
                            ASSIGN_OR_RETURN(const auto answer, client.call("POST", base_path(call.options.name) + "/ask", {{"question", call.options.question}}));
                            call.as_json ? print_json(answer) : print_answer(answer);
                            return {};
                          });
}

}  // namespace siyu::cli
