#include <cstdio>

#include "audit/audit_log.h"
#include "base/config.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/environment.h"
#include "net/http.h"

namespace siyu::cli {
namespace {

struct None {};
struct OneName {
  std::string name;
};
struct NewUser {
  std::string name, role = "reader";
};
struct AuditList {
  int limit = 50;
  std::string actor, action;
};
struct VerifyOptions {
  std::string data;
  bool as_json = false;
};

void no_options(CLI::App&, None&) {}

/// Lists `key` of the answer as a table of `columns`.
template <class T>
std::function<Status(Client&, Invocation<T>&)> table(std::function<std::string(const T&)> path, std::string key, std::vector<std::string> columns) {
  return [=](Client& client, Invocation<T>& call) -> Status {
    ASSIGN_OR_RETURN(const auto result, client.call("GET", path(call.options)));
    if (call.as_json) {
      print_json(result);
      return {};
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& item : result.as_object().at(key).as_array()) {
      std::vector<std::string> row;
      for (const auto& column : columns) row.push_back(text_of(item, column));
      rows.push_back(std::move(row));
    }
    std::vector<std::string> header = columns;
    for (auto& title : header)
      for (auto& c : title) c = c == '_' ? ' ' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    print_table(header, rows);
    return {};
  };
}

std::function<Status(Client&, Invocation<OneName>&)> remove(std::string prefix, std::string word) {
  return [=](Client& client, Invocation<OneName>& call) -> Status {
    RETURN_IF_ERROR(client.call("DELETE", prefix + net::percent_encode(call.options.name)));
    if (!call.as_json) std::printf("%s %s\n", call.options.name.c_str(), word.c_str());
    return {};
  };
}

int verify_offline(const VerifyOptions& options) {
  const auto report_of = audit::verify(std::filesystem::path(options.data) / "audit");
  if (!report_of) return report(report_of.error());
  if (options.as_json) {
    json::object body{{"ok", report_of->ok}, {"entries", report_of->entries}};
    if (report_of->broken_seq) body["broken_seq"] = *report_of->broken_seq;
    if (!report_of->ok) body["reason"] = report_of->reason;
    print_json(body);
  } else if (report_of->ok) {
    std::printf("The audit log is whole: %llu entries\n", static_cast<unsigned long long>(report_of->entries));
  } else {
    std::printf("The audit log is broken at entry %s: %s\n", report_of->broken_seq ? std::to_string(*report_of->broken_seq).c_str() : "?", report_of->reason.c_str());
  }
  return report_of->ok ? 0 : 1;
}

void add_key_commands(CLI::App& app, int& exit_code) {
  auto& key = *app.add_subcommand("key", "API keys");
  key.require_subcommand(1);
  add_command<OneName>(key, "create", "Make a key; it is shown once", exit_code,
                       [](CLI::App& command, OneName& options) { command.add_option("name", options.name, "What the key is for")->required(); },
                       [](Client& client, Invocation<OneName>& call) -> Status {
                         ASSIGN_OR_RETURN(const auto result, client.call("POST", "/api/v1/keys", {{"name", call.options.name}}));
                         if (call.as_json) print_json(result);
                         else std::printf("%s\n", text_of(result, "secret").c_str());
                         return {};
                       });
  add_command<None>(key, "list", "List your keys", exit_code, no_options,
                    table<None>([](const None&) { return std::string("/api/v1/keys"); }, "keys", {"id", "name", "prefix", "owner", "created_at", "last_used_at"}));
  add_command<OneName>(key, "revoke", "Revoke a key at once", exit_code,
                       [](CLI::App& command, OneName& options) { command.add_option("id", options.name, "Key id, as `siyu key list` shows it")->required(); },
                       remove("/api/v1/keys/", "revoked"));
}

void add_user_commands(CLI::App& app, int& exit_code) {
  auto& user = *app.add_subcommand("user", "Users");
  user.require_subcommand(1);
  add_command<NewUser>(user, "add", "Add a user with a random password, which is shown once", exit_code,
                       [](CLI::App& command, NewUser& options) {
                         command.add_option("name", options.name, "User name")->required();
                         command.add_option("--role", options.role, "reader, editor or admin")->check(CLI::IsMember({"reader", "editor", "admin"}));
                       },
                       [](Client& client, Invocation<NewUser>& call) -> Status {
                         ASSIGN_OR_RETURN(const auto result, client.call("POST", "/api/v1/users", {{"username", call.options.name}, {"role", call.options.role}}));
                         if (call.as_json) print_json(result);
                         else std::printf("%s added with the password %s\n", call.options.name.c_str(), text_of(result, "password").c_str());
                         return {};
                       });
  add_command<None>(user, "list", "List the users", exit_code, no_options,
                    table<None>([](const None&) { return std::string("/api/v1/users"); }, "users", {"username", "role", "created_at"}));
  add_command<OneName>(user, "rm", "Remove a user with its keys", exit_code,
                       [](CLI::App& command, OneName& options) { command.add_option("name", options.name, "User name")->required(); },
                       remove("/api/v1/users/", "removed"));
}

void add_audit_commands(CLI::App& app, int& exit_code) {
  auto& audit = *app.add_subcommand("audit", "The audit log");
  audit.require_subcommand(1);
  add_command<AuditList>(audit, "list", "The newest entries", exit_code,
                         [](CLI::App& command, AuditList& options) {
                           command.add_option("--limit", options.limit, "How many")->check(CLI::Range(1, 1000));
                           command.add_option("--actor", options.actor, "Only of this user");
                           command.add_option("--action", options.action, "Only this action");
                         },
                         table<AuditList>(
                             [](const AuditList& options) {
                               return "/api/v1/audit?limit=" + std::to_string(options.limit) +
                                      (options.actor.empty() ? "" : "&actor=" + net::percent_encode(options.actor)) +
                                      (options.action.empty() ? "" : "&action=" + net::percent_encode(options.action));
                             },
                             "entries", {"seq", "time", "actor", "action", "resource", "outcome"}));
  auto* verify = audit.add_subcommand("verify", "Check the whole log of a server on this machine, running or stopped");
  auto options = std::make_shared<VerifyOptions>();
  options->data = environment("SIYU_DATA").value_or(default_data_dir());
  verify->add_option("--data", options->data, "Data folder (SIYU_DATA)");
  verify->add_flag("--json", options->as_json, "Print the outcome as JSON");
  verify->callback([options, &exit_code] { exit_code = verify_offline(*options); });
}

void add_config_command(CLI::App& app, int& exit_code) {
  auto& config = *app.add_subcommand("config", "The configuration");
  config.require_subcommand(1);
  auto* print = config.add_subcommand("print", "Print every key with the value that would be in force");
  auto file = std::make_shared<std::string>();
  print->add_option("--config", *file, "Configuration file (YAML)");
  auto as_json = std::make_shared<bool>(false);
  print->add_flag("--json", *as_json, "Print it as JSON");
  print->callback([file, as_json, &exit_code] {
    auto loaded = load_config({.file = *file, .environment = environment, .flags = {}});
    if (!loaded) {
      exit_code = report(loaded.error());
      return;
    }
    if (loaded->data.empty()) loaded->data = default_data_dir();
    if (*as_json) print_json(to_json(*loaded));
    else std::fputs(print_config(*loaded).c_str(), stdout);
  });
}

}  // namespace

void add_admin_commands(CLI::App& app, int& exit_code) {
  add_key_commands(app, exit_code);
  add_user_commands(app, exit_code);
  add_audit_commands(app, exit_code);
  add_config_command(app, exit_code);
  add_command<None>(app, "status", "What the server is doing", exit_code, no_options, [](Client& client, Invocation<None>& call) -> Status {
    ASSIGN_OR_RETURN(const auto result, client.call("GET", "/api/v1/system"));
    if (call.as_json) {
      print_json(result);
      return {};
    }
    for (const auto& [key, value] : result.as_object()) {
      const bool bytes = key.ends_with("_bytes");
      std::printf("%-16s %s\n", std::string(key).c_str(), bytes ? human_bytes(value.to_number<std::uint64_t>()).c_str() : text_of(result, key).c_str());
    }
    return {};
  });
}

}  // namespace siyu::cli
