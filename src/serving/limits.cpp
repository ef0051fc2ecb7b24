#include "serving/limits.h"

namespace siyu::serving {
namespace {

constexpr std::int64_t kMostTokens = 1'000'000'000'000'000;  // sums of it stay far from the end of an int64
constexpr std::size_t kMaxModelName = 128;

constexpr std::string_view kLimitColumns =
    "subject, requests_per_minute, tokens_per_minute, concurrent_requests, tokens_per_day, tokens_per_month, budget_per_day, "
    "budget_per_month, budget_total, priority, most_urgent";

std::optional<std::int64_t> optional_integer(const store::Row& row, std::size_t column) {
  return row.is_null(column) ? std::nullopt : std::optional(row.integer(column));
}

Status check_one(const char* name, const std::optional<std::int64_t>& value, std::int64_t most) {
  if (!value || (*value >= 0 && *value <= most)) return {};
  return invalid("`" + std::string(name) + "` must be 0 or more, and less than a million of millions");
}

}  // namespace

std::optional<Subject> Subject::parse(std::string_view text) {
  const bool named = (text.starts_with("user:") && text.size() > 5) || (text.starts_with("key:") && text.size() > 4);
  if (text != "default" && !named) return std::nullopt;
  return Subject(std::string(text));
}

std::string Subject::id() const {
  const auto colon = text_.find(':');
  return colon == std::string::npos ? std::string() : text_.substr(colon + 1);
}

Status check(const Limits& limits) {
  RETURN_IF_ERROR(check_one("requests_per_minute", limits.requests_per_minute, kMostTokens));
  RETURN_IF_ERROR(check_one("tokens_per_minute", limits.tokens_per_minute, kMostTokens));
  RETURN_IF_ERROR(check_one("concurrent_requests", limits.concurrent_requests, kMostTokens));
  RETURN_IF_ERROR(check_one("tokens_per_day", limits.tokens_per_day, kMostTokens));
  RETURN_IF_ERROR(check_one("tokens_per_month", limits.tokens_per_month, kMostTokens));
  const auto most_money = to_nanos(kMostMoney);
  RETURN_IF_ERROR(check_one("budget_per_day", limits.budget_per_day, most_money));
  RETURN_IF_ERROR(check_one("budget_per_month", limits.budget_per_month, most_money));
  RETURN_IF_ERROR(check_one("budget_total", limits.budget_total, most_money));
  for (const auto priority : {limits.priority, limits.most_urgent})
    if (priority < engine::kMostUrgent || priority > engine::kLeastUrgent) return invalid("`priority` and `most_urgent` must be from -100 (first) to 100 (last)");
  if (limits.priority < limits.most_urgent) return invalid("`priority` may not be more urgent (smaller) than `most_urgent`");
  return {};
}

Result<std::vector<SubjectLimits>> LimitBook::limits() {
  ASSIGN_OR_RETURN(const auto rows, db_.read([](store::Transaction& tx) {
    return tx.query("SELECT " + std::string(kLimitColumns) + " FROM limits ORDER BY subject");
  }));
  std::vector<SubjectLimits> all;
  for (const auto& row : rows) {
    const auto subject = Subject::parse(row.text(0));
    if (!subject) continue;
    all.push_back({.subject = *subject, .limits = {.requests_per_minute = optional_integer(row, 1), .tokens_per_minute = optional_integer(row, 2),
                   .concurrent_requests = optional_integer(row, 3), .tokens_per_day = optional_integer(row, 4), .tokens_per_month = optional_integer(row, 5),
                   .budget_per_day = optional_integer(row, 6), .budget_per_month = optional_integer(row, 7), .budget_total = optional_integer(row, 8),
                   .priority = static_cast<std::int32_t>(row.integer(9)), .most_urgent = static_cast<std::int32_t>(row.integer(10))}});
  }
  return all;
}

Status LimitBook::set(const Subject& subject, const Limits& limits) {
  RETURN_IF_ERROR(check(limits));
  return db_.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("INSERT OR REPLACE INTO limits (" + std::string(kLimitColumns) + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", subject.str(),
                               limits.requests_per_minute, limits.tokens_per_minute, limits.concurrent_requests, limits.tokens_per_day, limits.tokens_per_month,
                               limits.budget_per_day, limits.budget_per_month, limits.budget_total, limits.priority, limits.most_urgent));
    return {};
  });
}

Status LimitBook::remove(const Subject& subject) {
  return db_.write([&](store::Transaction& tx) -> Status {
    ASSIGN_OR_RETURN(const auto removed, tx.execute("DELETE FROM limits WHERE subject = ?", subject.str()));
    if (removed == 0) return not_found("There are no limits for this; `siyu limit list` shows those there are");
    return {};
  });
}

Result<std::vector<ModelPrice>> LimitBook::prices() {
  ASSIGN_OR_RETURN(const auto rows, db_.read([](store::Transaction& tx) { return tx.query("SELECT model, input, cached, output FROM prices ORDER BY model"); }));
  std::vector<ModelPrice> all;
  for (const auto& row : rows) all.push_back({.model = row.text(0), .price = {.input = row.integer(1), .cached = row.integer(2), .output = row.integer(3)}});
  return all;
}

Status LimitBook::set_price(const ModelPrice& price) {
  if (price.model.empty() || price.model.size() > kMaxModelName) return invalid("A price is for a model's name, or for `*`");
  for (const auto value : {price.price.input, price.price.cached, price.price.output})
    if (value < 0 || value > kMostPrice) return invalid("Prices per million tokens must be from 0 to 10000");
  return db_.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("INSERT OR REPLACE INTO prices (model, input, cached, output) VALUES (?, ?, ?, ?)", price.model, price.price.input,
                               price.price.cached, price.price.output));
    return {};
  });
}

Status LimitBook::remove_price(const std::string& model) {
  return db_.write([&](store::Transaction& tx) -> Status {
    ASSIGN_OR_RETURN(const auto removed, tx.execute("DELETE FROM prices WHERE model = ?", model));
    if (removed == 0) return not_found("There is no price for " + model + "; `siyu price list` shows those there are");
    return {};
  });
}

}  // namespace siyu::serving
