// Usage by day, user, key and model: rows that only grow.
#pragma once

#include <boost/describe.hpp>

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "serving/account.h"
#include "serving/call_table.h"
#include "store/database.h"

namespace siyu::serving {

/// Sums over calls.
struct UsageTotals {
  std::int64_t requests = 0, failed = 0;
  std::int64_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;  ///< computed; answers from the cache add nothing here
  Nanos cost = 0;
  std::int64_t cache_hits = 0;  ///< requests that the answer cache answered
  std::int64_t saved_prompt_tokens = 0, saved_completion_tokens = 0;
  bool operator==(const UsageTotals&) const = default;
};

enum class UsageBy { kKey, kUser, kModel, kDay };
BOOST_DESCRIBE_ENUM(UsageBy, kKey, kUser, kModel, kDay)

struct UsageRow {
  std::string name;  ///< id of the key or user, name of the model, or the day (2026-11-25)
  UsageTotals totals;
};

struct UsageQuery {
  UsageBy by = UsageBy::kUser;
  std::int32_t first_day = 0, last_day = 0;  ///< both included
  std::string user;                          ///< of this user only; empty: of all
};

/// 2026-11-25 ⇄ days since 1970.
std::string day_text(std::int32_t day);
std::optional<std::int32_t> parse_day(std::string_view text);

std::int32_t first_day_of_month(std::int32_t day);

/// Calls summed up by the rows they belong to: thousands of calls are few rows.
class UsageSums {
 public:
  UsageSums() = default;
  UsageSums(const UsageSums&) = delete;
  UsageSums& operator=(const UsageSums&) = delete;
  void add(const CallView& call);
  /// Adds them to the rows of the database.
  Status write(store::Transaction& tx) const;

 private:
  using Label = std::tuple<std::int32_t, std::string, std::string, std::string>;  // day, user, key, model
  std::map<Label, UsageTotals, std::less<>> rows_;
  std::map<Label, UsageTotals, std::less<>>::iterator last_ = rows_.end();  // calls of one caller come in crowds
};
Result<std::vector<UsageRow>> query_usage(store::Transaction& tx, const UsageQuery& query);
/// What a user or key has used on this day, in this month, and ever.
struct UsedSoFar {
  std::int64_t day_tokens = 0, month_tokens = 0;
  Nanos day_cost = 0, month_cost = 0, total_cost = 0;
};
Result<UsedSoFar> used_so_far(store::Transaction& tx, const Subject& subject, const Moment& now);

}  // namespace siyu::serving
