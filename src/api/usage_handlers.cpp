// Usage, limits and prices.
#include <algorithm>
#include <map>

#include "api/call.h"
#include "routes.gen.h"

namespace siyu::api {
namespace {

using serving::from_nanos;
using serving::Subject;

struct TotalsBody {
  std::int64_t requests = 0, failed = 0, prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0, total_tokens = 0;
  double cost = 0;
  std::int64_t cache_hits = 0, saved_prompt_tokens = 0, saved_completion_tokens = 0;
};
BOOST_DESCRIBE_STRUCT(TotalsBody, (), (requests, failed, prompt_tokens, cached_tokens, completion_tokens, total_tokens, cost, cache_hits,
                                       saved_prompt_tokens, saved_completion_tokens))
struct UsageRowBody : TotalsBody {
  std::string name;
  std::optional<std::string> id, owner;
};
BOOST_DESCRIBE_STRUCT(UsageRowBody, (TotalsBody), (name, id, owner))
struct UsageBody {
  serving::UsageBy by = serving::UsageBy::kUser;
  std::string since, until, currency;
  std::vector<UsageRowBody> rows;
  TotalsBody total;
  double cache_hit_ratio = 0;
};
BOOST_DESCRIBE_STRUCT(UsageBody, (), (by, since, until, currency, rows, total, cache_hit_ratio))

struct LimitsBody {
  std::optional<std::int64_t> requests_per_minute, tokens_per_minute, concurrent_requests, tokens_per_day, tokens_per_month;
  std::optional<double> budget_per_day, budget_per_month, budget_total;
  std::optional<std::int32_t> priority, most_urgent;
};
BOOST_DESCRIBE_STRUCT(LimitsBody, (), (requests_per_minute, tokens_per_minute, concurrent_requests, tokens_per_day, tokens_per_month, budget_per_day,
                                       budget_per_month, budget_total, priority, most_urgent))
struct LimitsUsedBody {
  std::int64_t requests_running = 0, tokens_today = 0, tokens_this_month = 0;
  double spent_today = 0, spent_this_month = 0, spent_total = 0;
  std::int64_t tokens_held = 0;
  double cost_held = 0;
};
BOOST_DESCRIBE_STRUCT(LimitsUsedBody, (), (requests_running, tokens_today, tokens_this_month, spent_today, spent_this_month, spent_total, tokens_held, cost_held))
struct SubjectLimitsBody {
  std::string subject;
  LimitsBody limits;
  std::optional<LimitsUsedBody> used;
};
BOOST_DESCRIBE_STRUCT(SubjectLimitsBody, (), (subject, limits, used))
struct LimitsListBody {
  std::string currency;
  std::vector<SubjectLimitsBody> limits;
};
BOOST_DESCRIBE_STRUCT(LimitsListBody, (), (currency, limits))

struct NewPriceBody {
  double input = 0, output = 0;
  std::optional<double> cached;
};
BOOST_DESCRIBE_STRUCT(NewPriceBody, (), (input, output, cached))
struct PriceBody {
  std::string model;
  double input = 0, cached = 0, output = 0;
};
BOOST_DESCRIBE_STRUCT(PriceBody, (), (model, input, cached, output))
struct PriceListBody {
  std::string currency;
  std::vector<PriceBody> prices;
};
BOOST_DESCRIBE_STRUCT(PriceListBody, (), (currency, prices))

constexpr double kPriceUnit = 1e6;  // serving::Price counts millionths

TotalsBody to_body(const serving::UsageTotals& totals) {
  return {.requests = totals.requests, .failed = totals.failed, .prompt_tokens = totals.prompt_tokens, .cached_tokens = totals.cached_tokens,
          .completion_tokens = totals.completion_tokens, .total_tokens = totals.prompt_tokens + totals.completion_tokens, .cost = from_nanos(totals.cost),
          .cache_hits = totals.cache_hits, .saved_prompt_tokens = totals.saved_prompt_tokens, .saved_completion_tokens = totals.saved_completion_tokens};
}

void add(serving::UsageTotals& sum, const serving::UsageTotals& more) {
  sum.requests += more.requests;
  sum.failed += more.failed;
  sum.prompt_tokens += more.prompt_tokens;
  sum.cached_tokens += more.cached_tokens;
  sum.completion_tokens += more.completion_tokens;
  sum.cost += more.cost;
  sum.cache_hits += more.cache_hits;
  sum.saved_prompt_tokens += more.saved_prompt_tokens;
  sum.saved_completion_tokens += more.saved_completion_tokens;
}

Result<std::int32_t> day_param(const Call& call, std::string_view name, std::int32_t fallback) {
  const auto text = call.request.query_param(name);
  if (!text) return fallback;
  const auto day = serving::parse_day(*text);
  if (!day) return invalid("`" + std::string(name) + "` must be a day such as 2026-11-25");
  return *day;
}

Result<serving::UsageBy> by_param(const Call& call) {
  const auto text = call.request.query_param("by").value_or("user");
  for (const auto by : {serving::UsageBy::kUser, serving::UsageBy::kKey, serving::UsageBy::kModel, serving::UsageBy::kDay})
    if (text == enum_spelling(boost::describe::enum_to_string(by, ""))) return by;
  return invalid("`by` must be user, key, model or day");
}

/// Names for the ids in usage rows; a deleted user or key keeps its id for a name.
Status name_rows(const Call& call, serving::UsageBy by, bool all, std::vector<UsageRowBody>& rows) {
  std::map<std::string, std::pair<std::string, std::string>> names;
  if (by == serving::UsageBy::kUser && all) {
    ASSIGN_OR_RETURN(const auto users, call.services.identity.list_users(*call.pass));
    for (const auto& user : users) names[user.id.str()] = {user.username, ""};
  } else if (by == serving::UsageBy::kUser) {
    names[call.principal->user.str()] = {call.principal->username, ""};
  } else if (by == serving::UsageBy::kKey) {
    ASSIGN_OR_RETURN(const auto keys, call.services.identity.list_keys(*call.pass, all));
    for (const auto& key : keys) names[key.id.str()] = {key.name, key.owner};
    names[""] = {"(console)", ""};
  } else {
    return {};
  }
  for (auto& row : rows) {
    row.id = row.name;
    const auto found = names.find(row.name);
    if (found == names.end()) continue;
    row.name = found->second.first;
    if (!found->second.second.empty()) row.owner = found->second.second;
  }
  return {};
}

std::optional<double> money(const std::optional<serving::Nanos>& nanos) { return nanos ? std::optional(from_nanos(*nanos)) : std::nullopt; }

LimitsBody to_body(const serving::Limits& limits) {
  LimitsBody body{.requests_per_minute = limits.requests_per_minute, .tokens_per_minute = limits.tokens_per_minute, .concurrent_requests = limits.concurrent_requests,
                  .tokens_per_day = limits.tokens_per_day, .tokens_per_month = limits.tokens_per_month, .budget_per_day = money(limits.budget_per_day),
                  .budget_per_month = money(limits.budget_per_month), .budget_total = money(limits.budget_total), .priority = {}, .most_urgent = {}};
  if (limits.priority != 0) body.priority = limits.priority;
  if (limits.most_urgent != 0) body.most_urgent = limits.most_urgent;
  return body;
}

Result<serving::Limits> from_body(const LimitsBody& body) {
  serving::Limits limits{.requests_per_minute = body.requests_per_minute, .tokens_per_minute = body.tokens_per_minute, .concurrent_requests = body.concurrent_requests,
                         .tokens_per_day = body.tokens_per_day, .tokens_per_month = body.tokens_per_month, .budget_per_day = {}, .budget_per_month = {}, .budget_total = {},
                         .priority = body.priority.value_or(std::max(0, body.most_urgent.value_or(0))), .most_urgent = body.most_urgent.value_or(0)};
  const auto take = [](const std::optional<double>& amount, std::optional<serving::Nanos>& to) -> Status {
    if (!amount) return {};
    if (!(*amount >= 0 && *amount <= serving::kMostMoney)) return invalid("A budget must be from 0 to 1000000000");
    to = serving::to_nanos(*amount);
    return {};
  };
  RETURN_IF_ERROR(take(body.budget_per_day, limits.budget_per_day));
  RETURN_IF_ERROR(take(body.budget_per_month, limits.budget_per_month));
  RETURN_IF_ERROR(take(body.budget_total, limits.budget_total));
  return limits;
}

/// People name users by their user names; limits are kept by ids.
Result<Subject> subject_of(const Call& call) {
  const auto& text = call.param("subject");
  const auto subject = Subject::parse(text);
  if (!subject) return invalid("Limits are set for `default`, `user:NAME` or `key:ID`, not for `" + text.substr(0, 64) + "`");
  if (subject->is_user()) {
    ASSIGN_OR_RETURN(const auto users, call.services.identity.list_users(*call.pass));
    const auto found = std::ranges::find(users, subject->id(), &identity::User::username);
    if (found == users.end()) return not_found("There is no user named " + subject->id());
    return Subject::of(found->id);
  }
  if (subject->is_key()) {
    ASSIGN_OR_RETURN(const auto keys, call.services.identity.list_keys(*call.pass, true));
    if (std::ranges::none_of(keys, [&](const auto& key) { return key.id.str() == subject->id(); }))
      return not_found("There is no key " + subject->id() + "; `siyu key list --all` shows those there are");
  }
  return *subject;
}

Result<SubjectLimitsBody> to_body(const Call& call, const serving::SubjectLimits& one, std::string name) {
  SubjectLimitsBody body{.subject = std::move(name), .limits = to_body(one.limits), .used = {}};
  if (one.subject == Subject::everyone()) return body;
  ASSIGN_OR_RETURN(const auto now, call.services.meter.snapshot(*call.pass, one.subject));
  body.used = LimitsUsedBody{.requests_running = now.running, .tokens_today = now.day.tokens_used, .tokens_this_month = now.month.tokens_used,
                             .spent_today = from_nanos(now.day.cost_used), .spent_this_month = from_nanos(now.month.cost_used),
                             .spent_total = from_nanos(now.total.cost_used), .tokens_held = now.total.tokens_held, .cost_held = from_nanos(now.total.cost_held)};
  return body;
}

PriceBody to_body(const serving::ModelPrice& price) {
  const auto number = [](std::int64_t value) { return static_cast<double>(value) / kPriceUnit; };
  return {.model = price.model, .input = number(price.price.input), .cached = number(price.price.cached), .output = number(price.price.output)};
}

}  // namespace

namespace handlers {

Reply get_usage(Call& call) {
  const bool all = policy::allows(call.principal->role, Permission::kUserManage);
  const auto today = call.services.meter.today();
  serving::UsageQuery query;
  ASSIGN_OR_RETURN(query.by, by_param(call));
  ASSIGN_OR_RETURN(query.first_day, day_param(call, "since", serving::first_day_of_month(today)));
  ASSIGN_OR_RETURN(query.last_day, day_param(call, "until", today));
  if (!all) query.user = call.principal->user.str();
  ASSIGN_OR_RETURN(const auto rows, call.services.meter.usage(*call.pass, query));
  UsageBody body{.by = query.by, .since = serving::day_text(query.first_day), .until = serving::day_text(query.last_day),
                 .currency = call.services.meter.currency(), .rows = {}, .total = {}};
  serving::UsageTotals sum;
  for (const auto& row : rows) {
    UsageRowBody& out = body.rows.emplace_back();
    static_cast<TotalsBody&>(out) = to_body(row.totals);
    out.name = row.name;
    add(sum, row.totals);
  }
  RETURN_IF_ERROR(name_rows(call, query.by, all, body.rows));
  body.total = to_body(sum);
  if (sum.requests > 0) body.cache_hit_ratio = static_cast<double>(sum.cache_hits) / static_cast<double>(sum.requests);
  return reply_json(body);
}

Reply list_limits(Call& call) {
  ASSIGN_OR_RETURN(const auto all, call.services.meter.limits(*call.pass));
  ASSIGN_OR_RETURN(const auto users, call.services.identity.list_users(*call.pass));
  LimitsListBody body{.currency = call.services.meter.currency(), .limits = {}};
  for (const auto& one : all) {
    auto name = one.subject.str();
    const auto user = std::ranges::find(users, one.subject.id(), [](const auto& known) { return known.id.str(); });
    if (one.subject.is_user() && user != users.end()) name = "user:" + user->username;
    ASSIGN_OR_RETURN(auto entry, to_body(call, one, std::move(name)));
    body.limits.push_back(std::move(entry));
  }
  return reply_json(body);
}

Reply set_limits(Call& call) {
  ASSIGN_OR_RETURN(const auto body, call.body<LimitsBody>());
  ASSIGN_OR_RETURN(const auto limits, from_body(body));
  ASSIGN_OR_RETURN(const auto subject, subject_of(call));
  RETURN_IF_ERROR(call.services.meter.set_limits(*call.pass, subject, limits));
  ASSIGN_OR_RETURN(const auto answer, to_body(call, {.subject = subject, .limits = limits}, call.param("subject")));
  return reply_json(answer);
}

Reply delete_limits(Call& call) {
  ASSIGN_OR_RETURN(const auto subject, subject_of(call));
  RETURN_IF_ERROR(call.services.meter.remove_limits(*call.pass, subject));
  return reply_empty();
}

Reply list_prices(Call& call) {
  ASSIGN_OR_RETURN(const auto prices, call.services.meter.prices(*call.pass));
  PriceListBody body{.currency = call.services.meter.currency(), .prices = {}};
  for (const auto& price : prices) body.prices.push_back(to_body(price));
  return reply_json(body);
}

Reply set_price(Call& call) {
  ASSIGN_OR_RETURN(const auto body, call.body<NewPriceBody>());
  const auto cached = body.cached.value_or(body.input);
  for (const auto amount : {body.input, cached, body.output})
    if (!(amount >= 0 && amount * kPriceUnit <= static_cast<double>(serving::kMostPrice))) return invalid("Prices per million tokens must be from 0 to 10000");
  const auto units = [](double amount) { return std::llround(amount * kPriceUnit); };
  const serving::ModelPrice price{.model = call.param("model"), .price = {.input = units(body.input), .cached = units(cached), .output = units(body.output)}};
  RETURN_IF_ERROR(call.services.meter.set_price(*call.pass, price));
  return reply_json(to_body(price));
}

Reply delete_price(Call& call) {
  RETURN_IF_ERROR(call.services.meter.remove_price(*call.pass, call.param("model")));
  return reply_empty();
}

}  // namespace handlers
}  // namespace siyu::api
