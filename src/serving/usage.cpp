#include "serving/usage.h"

#include <fmt/format.h>

#include <charconv>
#include <chrono>

namespace siyu::serving {
namespace {

std::string_view column_of(UsageBy by) {
  switch (by) {
    case UsageBy::kKey: return "key";
    case UsageBy::kUser: return "user";
    case UsageBy::kModel: return "model";
    case UsageBy::kDay: return "day";
  }
  return "day";
}

void add_call(UsageTotals& totals, const CallView& call) {
  totals.requests += 1;
  totals.failed += call.failed ? 1 : 0;
  totals.prompt_tokens += call.used.prompt_tokens;
  totals.cached_tokens += call.used.cached_tokens;
  totals.completion_tokens += call.used.completion_tokens;
  totals.cost += cost_of(call.used, call.price);
  totals.cache_hits += call.from_cache ? 1 : 0;
  totals.saved_prompt_tokens += call.saved.prompt_tokens;
  totals.saved_completion_tokens += call.saved.completion_tokens;
}

/// The first day of a month that is counted as 12 × year + month − 1.
std::int32_t first_day_of(std::int32_t month) {
  const std::chrono::sys_days first = std::chrono::year_month_day{std::chrono::year(month / 12), std::chrono::month(static_cast<unsigned>(month % 12 + 1)), std::chrono::day(1)};
  return static_cast<std::int32_t>(first.time_since_epoch().count());
}

}  // namespace

std::string day_text(std::int32_t day) {
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::optional<std::int32_t> parse_day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  int year = 0;
  unsigned month = 0, day = 0;
  const auto read = [](std::string_view part, auto& value) {
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    return error == std::errc() && end == part.data() + part.size();
  };
  if (!read(text.substr(0, 4), year) || !read(text.substr(5, 2), month) || !read(text.substr(8, 2), day)) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (!date.ok()) return std::nullopt;
  return static_cast<std::int32_t>(std::chrono::sys_days(date).time_since_epoch().count());
}

std::int32_t first_day_of_month(std::int32_t day) {
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  return day - static_cast<std::int32_t>(static_cast<unsigned>(date.day())) + 1;
}

void UsageSums::add(const CallView& call) {
  const std::tuple label(call.day, call.labels.user, call.labels.key, call.labels.model);
  if (last_ == rows_.end() || last_->first != label) last_ = rows_.find(label);
  if (last_ == rows_.end()) last_ = rows_.try_emplace(Label(label)).first;
  add_call(last_->second, call);
}

Status UsageSums::write(store::Transaction& tx) const {
  for (const auto& [label, sum] : rows_) {
    const auto& [day, user, key, model] = label;
    RETURN_IF_ERROR(tx.execute("INSERT INTO usage (day, user, key, model, requests, failed, prompt_tokens, cached_tokens, completion_tokens, cost, cache_hits, "
                               "saved_prompt_tokens, saved_completion_tokens) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (day, user, key, model) DO UPDATE SET "
                               "requests = requests + excluded.requests, failed = failed + excluded.failed, prompt_tokens = prompt_tokens + excluded.prompt_tokens, "
                               "cached_tokens = cached_tokens + excluded.cached_tokens, completion_tokens = completion_tokens + excluded.completion_tokens, "
                               "cost = cost + excluded.cost, cache_hits = cache_hits + excluded.cache_hits, saved_prompt_tokens = saved_prompt_tokens + excluded.saved_prompt_tokens, "
                               "saved_completion_tokens = saved_completion_tokens + excluded.saved_completion_tokens",
                               day, user, key, model, sum.requests, sum.failed, sum.prompt_tokens, sum.cached_tokens, sum.completion_tokens, sum.cost, sum.cache_hits,
                               sum.saved_prompt_tokens, sum.saved_completion_tokens));
  }
  return {};
}

Result<std::vector<UsageRow>> query_usage(store::Transaction& tx, const UsageQuery& query) {
  const std::string column(column_of(query.by));
  ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT " + column + ", sum(requests), sum(failed), sum(prompt_tokens), sum(cached_tokens), sum(completion_tokens), sum(cost), "
                                                 "sum(cache_hits), sum(saved_prompt_tokens), sum(saved_completion_tokens) FROM usage "
                                                 "WHERE day BETWEEN ? AND ? AND (? = '' OR user = ?) GROUP BY " + column + " ORDER BY " + column,
                                             query.first_day, query.last_day, query.user, query.user));
  std::vector<UsageRow> all;
  for (const auto& row : rows)
    all.push_back({.name = query.by == UsageBy::kDay ? day_text(static_cast<std::int32_t>(row.integer(0))) : row.text(0),
                   .totals = {.requests = row.integer(1), .failed = row.integer(2), .prompt_tokens = row.integer(3), .cached_tokens = row.integer(4),
                              .completion_tokens = row.integer(5), .cost = row.integer(6), .cache_hits = row.integer(7), .saved_prompt_tokens = row.integer(8),
                              .saved_completion_tokens = row.integer(9)}});
  return all;
}

Result<UsedSoFar> used_so_far(store::Transaction& tx, const Subject& subject, const Moment& now) {
  const std::string column = subject.is_key() ? "key" : "user";
  const auto since = [&](std::int32_t first) {
    return tx.query("SELECT sum(prompt_tokens + completion_tokens), sum(cost) FROM usage WHERE " + column + " = ? AND day >= ?", subject.id(), first);
  };
  UsedSoFar used;
  ASSIGN_OR_RETURN(const auto today, since(now.day));
  used.day_tokens = today[0].integer(0);
  used.day_cost = today[0].integer(1);
  ASSIGN_OR_RETURN(const auto month, since(first_day_of(now.month)));
  used.month_tokens = month[0].integer(0);
  used.month_cost = month[0].integer(1);
  ASSIGN_OR_RETURN(const auto ever, since(0));
  used.total_cost = ever[0].integer(1);
  return used;
}

}  // namespace siyu::serving
