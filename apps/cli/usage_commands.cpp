#include <cstdio>
#include <optional>

#include "cli/command.h"
#include "cli/commands.h"
#include "net/http.h"

namespace siyu::cli {
namespace {

struct None {};
struct UsageOptions {
  std::string by = "user", since, until;
};
struct SubjectOption {
  std::string subject;
};
struct LimitOptions {
  std::string subject;
  std::optional<std::int64_t> requests_per_minute, tokens_per_minute, concurrent_requests, tokens_per_day, tokens_per_month;
  std::optional<double> budget_per_day, budget_per_month, budget_total;
  std::optional<int> priority, most_urgent;
};
struct ModelOption {
  std::string model;
};
struct PriceOptions {
  std::string model;
  double input = 0, output = 0;
  std::optional<double> cached;
};

std::string number_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

std::string figure(const json::value& object, std::string_view key) {
  const auto* value = object.as_object().if_contains(key);
  if (value == nullptr) return "";
  return value->is_double() ? number_text(value->get_double()) : json::serialize(*value);
}

std::vector<std::string> usage_row(std::string name, const json::value& totals) {
  return {std::move(name), figure(totals, "requests"), figure(totals, "prompt_tokens"), figure(totals, "cached_tokens"), figure(totals, "completion_tokens"),
          figure(totals, "cost"), figure(totals, "cache_hits")};
}

Status show_usage(Client& client, Invocation<UsageOptions>& call) {
  const auto& options = call.options;
  std::string path = "/api/v1/usage?by=" + net::percent_encode(options.by);
  if (!options.since.empty()) path += "&since=" + net::percent_encode(options.since);
  if (!options.until.empty()) path += "&until=" + net::percent_encode(options.until);
  ASSIGN_OR_RETURN(const auto usage, client.call("GET", path));
  if (call.as_json) {
    print_json(usage);
    return {};
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& row : usage.as_object().at("rows").as_array()) rows.push_back(usage_row(text_of(row, "name"), row));
  rows.push_back(usage_row("(all)", usage.as_object().at("total")));
  print_table({options.by == "day" ? "DAY" : options.by == "key" ? "KEY" : options.by == "model" ? "MODEL" : "USER", "REQUESTS", "PROMPT", "OF IT CACHED", "COMPLETION",
               "COST " + text_of(usage, "currency"), "FROM CACHE"}, rows);
  return {};
}

template <class T>
void put(json::object& body, const char* name, const std::optional<T>& value) {
  if (value) body[name] = *value;
}

Status set_limits(Client& client, Invocation<LimitOptions>& call) {
  const auto& options = call.options;
  json::object body;
  put(body, "requests_per_minute", options.requests_per_minute);
  put(body, "tokens_per_minute", options.tokens_per_minute);
  put(body, "concurrent_requests", options.concurrent_requests);
  put(body, "tokens_per_day", options.tokens_per_day);
  put(body, "tokens_per_month", options.tokens_per_month);
  put(body, "budget_per_day", options.budget_per_day);
  put(body, "budget_per_month", options.budget_per_month);
  put(body, "budget_total", options.budget_total);
  put(body, "priority", options.priority);
  put(body, "most_urgent", options.most_urgent);
  ASSIGN_OR_RETURN(const auto set, client.call("PUT", "/api/v1/limits/" + net::percent_encode(options.subject), body));
  if (call.as_json) print_json(set);
  else std::printf("The limits of %s are set\n", options.subject.c_str());
  return {};
}

Status list_limits(Client& client, Invocation<None>& call) {
  ASSIGN_OR_RETURN(const auto all, client.call("GET", "/api/v1/limits"));
  if (call.as_json) {
    print_json(all);
    return {};
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : all.as_object().at("limits").as_array()) {
    std::string limits, used;
    for (const auto& [name, value] : one.as_object().at("limits").as_object())
      limits += (limits.empty() ? "" : ", ") + std::string(name) + " " + (value.is_double() ? number_text(value.get_double()) : json::serialize(value));
    if (const auto* now = one.as_object().if_contains("used"))
      used = figure(*now, "tokens_today") + " tokens today, " + figure(*now, "tokens_this_month") + " this month; spent " + figure(*now, "spent_this_month") + " this month, " +
             figure(*now, "spent_total") + " in all";
    rows.push_back({text_of(one, "subject"), limits, used});
  }
  print_table({"FOR", "LIMITS", "USED"}, rows);
  return {};
}

Status set_price(Client& client, Invocation<PriceOptions>& call) {
  json::object body{{"input", call.options.input}, {"output", call.options.output}};
  put(body, "cached", call.options.cached);
  ASSIGN_OR_RETURN(const auto set, client.call("PUT", "/api/v1/prices/" + net::percent_encode(call.options.model), body));
  if (call.as_json) print_json(set);
  else std::printf("The price of %s is set\n", call.options.model.c_str());
  return {};
}

Status list_prices(Client& client, Invocation<None>& call) {
  ASSIGN_OR_RETURN(const auto all, client.call("GET", "/api/v1/prices"));
  if (call.as_json) {
    print_json(all);
    return {};
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : all.as_object().at("prices").as_array())
    rows.push_back({text_of(one, "model"), figure(one, "input"), figure(one, "cached"), figure(one, "output")});
  print_table({"MODEL", "INPUT", "CACHED", "OUTPUT"}, rows);
  if (!rows.empty()) std::printf("%s per million tokens\n", text_of(all, "currency").c_str());
  return {};
}

template <class T>
auto remove_at(const char* path, std::string T::* name) {
  return [path, name](Client& client, Invocation<T>& call) -> Status {
    RETURN_IF_ERROR(client.call("DELETE", path + net::percent_encode(call.options.*name)));
    if (!call.as_json) std::printf("%s is removed\n", (call.options.*name).c_str());
    return {};
  };
}

void add_limit_commands(CLI::App& app, int& exit_code) {
  constexpr const char* kSubject = "default (each user without limits of their own), user:NAME or key:ID";
  auto* limit = app.add_subcommand("limit", "How much keys and users may use: set, list, rm")->require_subcommand(1);
  add_command<LimitOptions>(*limit, "set", "Set limits; those that are not named are lifted", exit_code,
                            [](CLI::App& command, LimitOptions& options) {
                              command.add_option("for", options.subject, kSubject)->required();
                              command.add_option("--requests-per-minute", options.requests_per_minute);
                              command.add_option("--tokens-per-minute", options.tokens_per_minute);
                              command.add_option("--concurrent-requests", options.concurrent_requests, "Requests at once");
                              command.add_option("--tokens-per-day", options.tokens_per_day);
                              command.add_option("--tokens-per-month", options.tokens_per_month);
                              command.add_option("--budget-per-day", options.budget_per_day, "In the configured currency");
                              command.add_option("--budget-per-month", options.budget_per_month, "In the configured currency");
                              command.add_option("--budget-total", options.budget_total, "In the configured currency, for ever");
                              command.add_option("--priority", options.priority, "Of requests that name none: -100 (first) to 100 (last)");
                              command.add_option("--most-urgent", options.most_urgent, "Requests may not go before this; 0 when not given");
                            },
                            set_limits);
  add_command<None>(*limit, "list", "Limits and how much of them is used", exit_code, [](CLI::App&, None&) {}, list_limits);
  add_command<SubjectOption>(*limit, "rm", "Lift limits", exit_code,
                             [](CLI::App& command, SubjectOption& options) { command.add_option("for", options.subject, kSubject)->required(); },
                             remove_at("/api/v1/limits/", &SubjectOption::subject));
}

void add_price_commands(CLI::App& app, int& exit_code) {
  auto* price = app.add_subcommand("price", "What models cost per million tokens: set, list, rm")->require_subcommand(1);
  add_command<PriceOptions>(*price, "set", "Set a model's price", exit_code,
                            [](CLI::App& command, PriceOptions& options) {
                              command.add_option("model", options.model, "Model, or * for those without a price of their own")->required();
                              command.add_option("--input", options.input, "Per million prompt tokens")->required();
                              command.add_option("--output", options.output, "Per million completion tokens")->required();
                              command.add_option("--cached", options.cached, "Per million prompt tokens that needed no computing; as --input when absent");
                            },
                            set_price);
  add_command<None>(*price, "list", "Prices", exit_code, [](CLI::App&, None&) {}, list_prices);
  add_command<ModelOption>(*price, "rm", "Remove a model's price", exit_code,
                           [](CLI::App& command, ModelOption& options) { command.add_option("model", options.model, "Model")->required(); },
                           remove_at("/api/v1/prices/", &ModelOption::model));
}

}  // namespace

void add_usage_commands(CLI::App& app, int& exit_code) {
  add_command<UsageOptions>(app, "usage", "What was used, by user, key, model or day", exit_code,
                            [](CLI::App& command, UsageOptions& options) {
                              command.add_option("--by", options.by, "user, key, model or day")->check(CLI::IsMember({"user", "key", "model", "day"}));
                              command.add_option("--since", options.since, "First day, such as 2026-11-01; the first of this month when absent");
                              command.add_option("--until", options.until, "Last day; today when absent");
                            },
                            show_usage);
  add_limit_commands(app, exit_code);
  add_price_commands(app, exit_code);
}

}  // namespace siyu::cli
