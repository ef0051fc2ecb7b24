// Deployments: create, list, show, scale, share traffic, release, roll back.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <thread>

#include "cli/command.h"
#include "cli/commands.h"
#include "net/http.h"

namespace siyu::cli {
namespace {

constexpr auto kLook = std::chrono::milliseconds(100);
constexpr auto kWaitLimit = std::chrono::minutes(30);  // a large model from a slow disk

struct None {};
struct NameOption {
  std::string name;
};
struct AutoscaleOptions {
  int min = -1, max = -1, idle_seconds = 0;
  double requests_per_second = 0, waiting_requests = 0, first_token_ms = 0, tokens_per_second = 0;
};
struct CreateOptions {
  std::string name, version, model, kv_type, draft;
  std::vector<std::string> engines, adapters;
  int replicas = -1, context = 0, sequences = 0, threads = 0, kv_tokens = 0, kv_spill_mb = -1, queue_limit = 0;
  bool pinned = false, no_wait = false;
  AutoscaleOptions autoscale;
};
struct ScaleOptions {
  std::string name, version;
  int replicas = -1, queue_limit = -1;
  bool pin = false, unpin = false, fixed = false;
  AutoscaleOptions autoscale;
};
struct TrafficOptions {
  std::string name;
  std::vector<std::string> parts, shadows;
};
struct ReleaseOptions {
  std::string name, version;
  std::vector<double> steps;
  int step_seconds = 0, min_requests = 0;
};
struct VersionOption {
  std::string name, version;
};
struct EventsOptions {
  std::string name;
  int limit = 100;
};

std::string path_of(const std::string& name) { return "/api/v1/deployments/" + net::percent_encode(name); }

void declare_autoscale(CLI::App& command, AutoscaleOptions& options) {
  command.add_option("--min", options.min, "Fewest replicas; 0: it sleeps when idle, and its next request wakes it");
  command.add_option("--max", options.max, "Most replicas; with it the number follows the load");
  command.add_option("--idle-seconds", options.idle_seconds, "Without a request, before it sleeps");
  command.add_option("--target-qps", options.requests_per_second, "Requests a second that one replica carries");
  command.add_option("--target-waiting", options.waiting_requests, "Waiting requests that one replica may have");
  command.add_option("--target-first-token-ms", options.first_token_ms, "p95 of the time to the first token");
  command.add_option("--target-tokens", options.tokens_per_second, "Tokens a second that one replica makes");
}

void add_autoscale(json::object& body, const AutoscaleOptions& options) {
  json::object scale;
  if (options.min >= 0) scale["min"] = options.min;
  if (options.max >= 0) scale["max"] = options.max;
  if (options.idle_seconds > 0) scale["idle_seconds"] = options.idle_seconds;
  if (options.requests_per_second > 0) scale["requests_per_second"] = options.requests_per_second;
  if (options.waiting_requests > 0) scale["waiting_requests"] = options.waiting_requests;
  if (options.first_token_ms > 0) scale["first_token_ms"] = options.first_token_ms;
  if (options.tokens_per_second > 0) scale["tokens_per_second"] = options.tokens_per_second;
  if (!scale.empty()) body["autoscale"] = std::move(scale);
}

/// v1=90 v2=10
Result<json::object> read_parts(const std::vector<std::string>& parts) {
  json::object read;
  for (const auto& part : parts) {
    const auto equals = part.find('=');
    double percent = 0;
    const char* begin = part.data() + equals + 1;
    const char* end = part.data() + part.size();
    const bool ok = equals != std::string::npos && equals > 0 && std::from_chars(begin, end, percent).ptr == end && begin != end;
    if (!ok) return invalid("A part is written VERSION=PERCENT, such as v1=90; not `" + part + "`");
    read[part.substr(0, equals)] = percent;
  }
  return read;
}

std::string number(const json::value& object, std::string_view key) {
  const auto* value = object.as_object().if_contains(key);
  if (value == nullptr || !value->is_number()) return "";
  char text[32];
  std::snprintf(text, sizeof text, "%g", value->to_number<double>());
  return text;
}

std::string figure(const json::value& figures, std::string_view key, const char* format) {
  char text[32];
  std::snprintf(text, sizeof text, format, figures.as_object().at(key).to_number<double>());
  return text;
}

std::string state_of(const json::value& deployment) {
  const auto state = text_of(deployment, "state"), reason = text_of(deployment, "reason");
  return state == "ready" || reason.empty() ? state : state + ": " + reason;
}

int ready_replicas(const json::value& version) {
  int ready = 0;
  for (const auto& replica : version.as_object().at("replicas").as_array()) ready += text_of(replica, "state") == "ready" || text_of(replica, "state") == "resting" ? 1 : 0;
  return ready;
}

void print_deployments(const json::value& result) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& deployment : result.as_object().at("deployments").as_array()) {
    std::string traffic;
    int replicas = 0;
    for (const auto& version : deployment.as_object().at("versions").as_array()) {
      replicas += ready_replicas(version);
      if (version.as_object().at("traffic").to_number<double>() > 0) traffic += (traffic.empty() ? "" : " ") + text_of(version, "version") + "=" + number(version, "traffic");
    }
    rows.push_back({text_of(deployment, "name"), text_of(deployment, "kind"), state_of(deployment), traffic, std::to_string(replicas), number(deployment, "requests")});
  }
  print_table({"NAME", "KIND", "STATE", "TRAFFIC", "REPLICAS", "REQUESTS"}, rows);
  const auto& memory = result.as_object().at("memory");
  std::printf("memory of local models: %s of %s\n", human_bytes(memory.as_object().at("used_bytes").to_number<std::uint64_t>()).c_str(),
              human_bytes(memory.as_object().at("budget_bytes").to_number<std::uint64_t>()).c_str());
}

void print_deployment(const json::value& deployment) {
  std::printf("%s  %s  %s\n", text_of(deployment, "name").c_str(), text_of(deployment, "kind").c_str(), state_of(deployment).c_str());
  if (const auto* release = deployment.as_object().if_contains("release"); release != nullptr && release->is_object())
    std::printf("releasing %s, step %s\n", text_of(*release, "version").c_str(), number(*release, "step").c_str());
  std::vector<std::vector<std::string>> versions, replicas;
  for (const auto& version : deployment.as_object().at("versions").as_array()) {
    const auto& figures = version.as_object().at("figures");
    auto source = text_of(version, "model");
    for (const auto& engine : version.as_object().at("engines").as_array()) source += (source.empty() ? "" : ", ") + std::string(engine.as_string());
    versions.push_back({text_of(version, "version"), source, number(version, "traffic") + " %", version.as_object().at("rejected").as_bool() ? "rolled back" : "",
                        std::to_string(ready_replicas(version)), number(figures, "requests"), number(figures, "failures"), figure(figures, "first_token_p95_ms", "%.0f ms"),
                        figure(figures, "tokens_per_second", "%.1f")});
    for (const auto& replica : version.as_object().at("replicas").as_array())
      replicas.push_back({text_of(replica, "id"), text_of(replica, "source"), text_of(replica, "state"), number(replica, "pid"), number(replica, "restarts"),
                          number(replica, "requests_running"), human_bytes(replica.as_object().at("resident_bytes").to_number<std::uint64_t>()), text_of(replica, "reason")});
  }
  print_table({"VERSION", "MODEL", "TRAFFIC", "", "READY", "REQUESTS", "FAILED", "FIRST TOKEN P95", "TOKENS/S"}, versions);
  print_table({"REPLICA", "MODEL", "STATE", "PID", "RESTARTS", "RUNNING", "MEMORY", ""}, replicas);
}

void show_result(const json::value& deployment, bool as_json) { as_json ? print_json(deployment) : print_deployment(deployment); }

/// Until all replicas of the versions that get requests are ready.
Result<json::value> wait_ready(Client& client, const std::string& name) {
  const auto deadline = std::chrono::steady_clock::now() + kWaitLimit;
  for (;;) {
    ASSIGN_OR_RETURN(auto deployment, client.call("GET", path_of(name)));
    const auto state = text_of(deployment, "state");
    if (state == "failed") return fail(ErrorCode::kUnavailable, text_of(deployment, "reason"));
    if (state != "starting" && state != "partial") return deployment;
    if (std::chrono::steady_clock::now() > deadline) return fail(ErrorCode::kDeadlineExceeded, name + " is still not ready; look again with `siyu deploy show " + name + "`");
    std::this_thread::sleep_for(kLook);
  }
}

json::object version_body(const CreateOptions& options) {
  json::object body, load;
  if (!options.version.empty()) body["version"] = options.version;
  if (!options.model.empty()) body["model"] = options.model;
  if (!options.engines.empty()) body["engines"] = json::array(options.engines.begin(), options.engines.end());
  if (options.replicas >= 0) body["replicas"] = options.replicas;
  if (options.context > 0) load["context_length"] = options.context;
  if (options.sequences > 0) load["sequences"] = options.sequences;
  if (options.threads > 0) load["threads"] = options.threads;
  if (options.kv_tokens > 0) load["kv_tokens"] = options.kv_tokens;
  if (!options.kv_type.empty()) load["kv_type"] = options.kv_type;
  if (options.kv_spill_mb >= 0) load["kv_spill_mb"] = options.kv_spill_mb;
  if (!options.draft.empty()) load["draft"] = options.draft;
  if (!options.adapters.empty()) load["adapters"] = json::array(options.adapters.begin(), options.adapters.end());
  if (!load.empty()) body["options"] = std::move(load);
  return body;
}

bool exists(Client& client, const std::string& name) { return client.call("GET", path_of(name)).has_value(); }

Status create(Client& client, Invocation<CreateOptions>& call) {
  const auto& options = call.options;
  auto body = version_body(options);
  if (!options.version.empty() && exists(client, options.name)) {
    ASSIGN_OR_RETURN(const auto deployment, client.call("POST", path_of(options.name) + "/versions", body));
    show_result(deployment, call.as_json);
    return {};
  }
  body["name"] = options.name;
  if (options.pinned) body["pinned"] = true;
  if (options.queue_limit > 0) body["queue_limit"] = options.queue_limit;
  add_autoscale(body, options.autoscale);
  ASSIGN_OR_RETURN(auto deployment, client.call("POST", "/api/v1/deployments", body));
  if (const auto* evicted = deployment.as_object().if_contains("evicted"); evicted != nullptr && evicted->is_array() && !call.as_json)
    for (const auto& name : evicted->as_array()) std::printf("%s was put to sleep to make room; its next request wakes it\n", std::string(name.as_string()).c_str());
  if (!options.no_wait) {
    const auto evicted = deployment.as_object().contains("evicted") ? deployment.as_object().at("evicted") : json::value();
    ASSIGN_OR_RETURN(deployment, wait_ready(client, options.name));
    if (!evicted.is_null()) deployment.as_object()["evicted"] = evicted;
  }
  show_result(deployment, call.as_json);
  return {};
}

Status scale(Client& client, Invocation<ScaleOptions>& call) {
  const auto& options = call.options;
  json::object body;
  if (!options.version.empty()) body["version"] = options.version;
  if (options.replicas >= 0) body["replicas"] = options.replicas;
  if (options.queue_limit >= 0) body["queue_limit"] = options.queue_limit;
  if (options.pin || options.unpin) body["pinned"] = options.pin;
  if (options.fixed) body["fixed"] = true;
  add_autoscale(body, options.autoscale);
  ASSIGN_OR_RETURN(const auto deployment, client.call("PUT", path_of(options.name) + "/scale", body));
  show_result(deployment, call.as_json);
  return {};
}

Status traffic(Client& client, Invocation<TrafficOptions>& call) {
  json::object body;
  ASSIGN_OR_RETURN(auto parts, read_parts(call.options.parts));
  ASSIGN_OR_RETURN(auto shadows, read_parts(call.options.shadows));
  if (!parts.empty()) body["traffic"] = std::move(parts);
  if (!shadows.empty()) body["shadow"] = std::move(shadows);
  ASSIGN_OR_RETURN(const auto deployment, client.call("PUT", path_of(call.options.name) + "/traffic", body));
  show_result(deployment, call.as_json);
  return {};
}

Status release(Client& client, Invocation<ReleaseOptions>& call) {
  const auto& options = call.options;
  json::object body{{"version", options.version}};
  if (!options.steps.empty()) body["steps"] = json::array(options.steps.begin(), options.steps.end());
  if (options.step_seconds > 0) body["step_seconds"] = options.step_seconds;
  if (options.min_requests > 0) body["min_requests"] = options.min_requests;
  ASSIGN_OR_RETURN(const auto deployment, client.call("POST", path_of(options.name) + "/release", body));
  show_result(deployment, call.as_json);
  return {};
}

Status list_events(Client& client, Invocation<EventsOptions>& call) {
  ASSIGN_OR_RETURN(const auto result, client.call("GET", path_of(call.options.name) + "/events?limit=" + std::to_string(call.options.limit)));
  if (call.as_json) {
    print_json(result);
    return {};
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& event : result.as_object().at("events").as_array())
    rows.push_back({text_of(event, "time"), text_of(event, "actor"), text_of(event, "version"), text_of(event, "kind"), text_of(event, "text")});
  print_table({"TIME", "BY", "VERSION", "EVENT", ""}, rows);
  return {};
}

Status remove(Client& client, Invocation<VersionOption>& call) {
  const auto& options = call.options;
  RETURN_IF_ERROR(client.call("DELETE", path_of(options.name) + (options.version.empty() ? "" : "/versions/" + net::percent_encode(options.version))));
  if (!call.as_json) std::printf("%s%s is removed\n", options.name.c_str(), options.version.empty() ? "" : (" " + options.version).c_str());
  return {};
}

void name_option(CLI::App& command, NameOption& options) { command.add_option("name", options.name, "Deployment")->required(); }

void declare_create(CLI::App& command, CreateOptions& options) {
  command.add_option("name", options.name, "The name that requests use as `model`")->required();
  command.add_option("--version", options.version, "v1 when absent; of a deployment that exists: one more version, without requests yet");
  command.add_option("--model", options.model, "Model of the library");
  command.add_option("--engine", options.engines, "Engines elsewhere, each one replica");
  command.add_option("--adapter", options.adapters, "LoRA adapter of the library, served as NAME:ADAPTER; may be given several times")->allow_extra_args(false);
  command.add_option("--replicas", options.replicas, "Local workers of the model; 1 when absent");
  command.add_option("--context", options.context, "Tokens per request at most");
  command.add_option("--sequences", options.sequences, "Requests that one replica computes together");
  command.add_option("--threads", options.threads, "CPU threads of one replica");
  command.add_option("--kv-tokens", options.kv_tokens, "Tokens of one replica's KV cache");
  command.add_option("--kv-type", options.kv_type, "f16, q8_0 or f32");
  command.add_option("--kv-spill-mb", options.kv_spill_mb, "MiB of host memory for what leaves the KV cache of one replica; 0: none");
  command.add_option("--draft", options.draft, "Small model of the same vocabulary that guesses ahead");
  command.add_option("--queue-limit", options.queue_limit, "Requests that may wait for their first token; more are refused with 503");
  command.add_flag("--pin", options.pinned, "Never put it to sleep to make room for others");
  command.add_flag("--no-wait", options.no_wait, "Do not wait until it is ready");
  declare_autoscale(command, options.autoscale);
}

void declare_scale(CLI::App& command, ScaleOptions& options) {
  command.add_option("name", options.name, "Deployment")->required();
  command.add_option("--replicas", options.replicas, "Local workers");
  command.add_option("--version", options.version, "Of this version; the one with the most traffic when absent");
  command.add_option("--queue-limit", options.queue_limit, "Requests that may wait for their first token; 0: the default");
  command.add_flag("--pin", options.pin, "Never put it to sleep to make room for others");
  command.add_flag("--unpin", options.unpin, "It may be put to sleep again");
  command.add_flag("--fixed", options.fixed, "The number of replicas no longer follows the load");
  declare_autoscale(command, options.autoscale);
}

}  // namespace

void add_deploy_commands(CLI::App& app, int& exit_code) {
  auto* deploy = app.add_subcommand("deploy", "Deployments: served names with versions and replicas")->require_subcommand(1);
  add_command<CreateOptions>(*deploy, "create", "Serve a model, or engines elsewhere, under a name; or add a version to it", exit_code, declare_create, create);
  add_command<None>(*deploy, "list", "All that is served, and the memory of local models", exit_code, [](CLI::App&, None&) {}, [](Client& client, Invocation<None>& call) -> Status {
    ASSIGN_OR_RETURN(const auto result, client.call("GET", "/api/v1/deployments"));
    call.as_json ? print_json(result) : print_deployments(result);
    return {};
  });
  add_command<NameOption>(*deploy, "show", "Versions, replicas and figures of one", exit_code, name_option, [](Client& client, Invocation<NameOption>& call) -> Status {
    ASSIGN_OR_RETURN(const auto deployment, client.call("GET", path_of(call.options.name)));
    show_result(deployment, call.as_json);
    return {};
  });
  add_command<ScaleOptions>(*deploy, "scale", "Replicas, autoscaling and limits", exit_code, declare_scale, scale);
  add_command<TrafficOptions>(*deploy, "traffic", "Share requests among versions: v1=90 v2=10", exit_code,
                              [](CLI::App& command, TrafficOptions& options) {
                                command.add_option("name", options.name, "Deployment")->required();
                                command.add_option("parts", options.parts, "VERSION=PERCENT, together 100");
                                command.add_option("--shadow", options.shadows, "VERSION=PERCENT of the requests of which it gets a copy; its answers are thrown away");
                              },
                              traffic);
  add_command<ReleaseOptions>(*deploy, "release", "Give a version more and more requests while it does well; roll it back when it does not", exit_code,
                              [](CLI::App& command, ReleaseOptions& options) {
                                command.add_option("name", options.name, "Deployment")->required();
                                command.add_option("version", options.version, "Version")->required();
                                command.add_option("--steps", options.steps, "Percent of the requests; 10,50,100 when absent")->delimiter(',');
                                command.add_option("--step-seconds", options.step_seconds, "Each step lasts at least so long; 60 when absent");
                                command.add_option("--min-requests", options.min_requests, "And until the version has answered so many; 20 when absent");
                              },
                              release);
  add_command<VersionOption>(*deploy, "promote", "Give a version all requests as soon as its replicas are ready", exit_code,
                             [](CLI::App& command, VersionOption& options) {
                               command.add_option("name", options.name, "Deployment")->required();
                               command.add_option("version", options.version, "Version")->required();
                             },
                             [](Client& client, Invocation<VersionOption>& call) -> Status {
                               ASSIGN_OR_RETURN(const auto deployment, client.call("POST", path_of(call.options.name) + "/promote", json::object{{"version", call.options.version}}));
                               show_result(deployment, call.as_json);
                               return {};
                             });
  add_command<NameOption>(*deploy, "rollback", "The traffic as it was before the last change", exit_code, name_option, [](Client& client, Invocation<NameOption>& call) -> Status {
    ASSIGN_OR_RETURN(const auto deployment, client.call("POST", path_of(call.options.name) + "/rollback"));
    show_result(deployment, call.as_json);
    return {};
  });
  add_command<EventsOptions>(*deploy, "events", "What happened to it, the newest first", exit_code,
                             [](CLI::App& command, EventsOptions& options) {
                               command.add_option("name", options.name, "Deployment")->required();
                               command.add_option("--limit", options.limit, "How many");
                             },
                             list_events);
  add_command<VersionOption>(*deploy, "rm", "Stop serving it, or remove one version; models stay in the library", exit_code,
                             [](CLI::App& command, VersionOption& options) {
                               command.add_option("name", options.name, "Deployment")->required();
                               command.add_option("--version", options.version, "Only this version, which must get no requests");
                             },
                             remove);
}

}  // namespace siyu::cli
