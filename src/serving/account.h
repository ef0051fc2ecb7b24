// What one key or user has used and what is held for calls under way, against its limits. Pure arithmetic on times given.
//
// A call holds the most it may use before it begins, and settles with what it used. Held and used together never pass a
// limit, so no burst of callers overshoots; what was held and not used is free again at once.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "base/clock.h"
#include "serving/limits.h"

namespace siyu::serving {

/// One point in time as the limits see it.
struct Moment {
  std::int64_t second = 0;  ///< steady
  std::int64_t unix_ms = 0;
  std::int32_t day = 0;     ///< days since 1970 in the configured offset from UTC
  std::int32_t month = 0;   ///< 12 × year + month − 1
  std::int32_t offset_minutes = 0;
};
Moment moment_at(Timestamp now, SteadyTime steady, std::int32_t offset_minutes);
/// Until the next day and the next month begin.
Millis until_next_day(const Moment& now);
Millis until_next_month(const Moment& now);

/// A sum over the last 60 seconds, kept by seconds: an amount counts for 60 to 61 seconds, so that no minute holds more.
class MinuteWindow {
 public:
  std::int64_t sum(std::int64_t second);
  /// The second it counts from, to be given to correct().
  std::int64_t add(std::int64_t second, std::int64_t amount);
  /// Corrects what was added at `when`; nothing when that is over a minute ago.
  void correct(std::int64_t second, std::int64_t when, std::int64_t change);
  /// Seconds until `amount` fits under `limit`; nothing: never.
  std::optional<std::int64_t> seconds_until(std::int64_t second, std::int64_t amount, std::int64_t limit);
  /// Seconds until the window is empty.
  std::int64_t seconds_until_empty(std::int64_t second);

 private:
  static constexpr std::int64_t kSlots = 61;
  void advance(std::int64_t second);
  std::array<std::int64_t, kSlots> slots_{};
  std::int64_t now_ = 0, sum_ = 0;
};

/// Used and held within a day, a month, or for ever.
struct PeriodTotals {
  std::int32_t index = 0;
  std::int64_t tokens_used = 0, tokens_held = 0;
  Nanos cost_used = 0, cost_held = 0;

  /// Only forwards: a clock that is set back gives nobody a second budget.
  void turn(std::int32_t now) {
    if (now > index) *this = {.index = now};
  }
  std::int64_t tokens() const { return tokens_used + tokens_held; }
  Nanos cost() const { return cost_used + cost_held; }
};

enum class LimitKind { kRequestsPerMinute, kTokensPerMinute, kConcurrentRequests, kTokensPerDay, kTokensPerMonth, kBudgetPerDay, kBudgetPerMonth, kBudgetTotal };
BOOST_DESCRIBE_ENUM(LimitKind, kRequestsPerMinute, kTokensPerMinute, kConcurrentRequests, kTokensPerDay, kTokensPerMonth, kBudgetPerDay, kBudgetPerMonth, kBudgetTotal)

/// What a call may use at most; its prompt and its answer share the context.
struct Demand {
  std::int64_t prompt = 0, completion = 0, context = std::numeric_limits<std::int64_t>::max();
  Price price;

  std::int64_t tokens() const { return std::min(prompt + completion, context); }
  /// However the context is shared: as much as may be of the dearer kind.
  Nanos cost() const {
    const bool answers_cost_more = price.output >= std::max(price.input, price.cached);
    const auto first = std::min(answers_cost_more ? completion : prompt, context);
    const auto second = std::min(answers_cost_more ? prompt : completion, context - first);
    return answers_cost_more ? most_cost(second, first, price) : most_cost(first, second, price);
  }
};

/// Whether a request that uses fewer tokens may pass.
constexpr bool is_about_tokens(LimitKind kind) { return kind != LimitKind::kRequestsPerMinute && kind != LimitKind::kConcurrentRequests; }

struct Refusal {
  LimitKind kind = LimitKind::kRequestsPerMinute;
  std::int64_t limit = 0, taken = 0, asked = 0;  ///< tokens, requests or Nanos
  std::int64_t retry_after_ms = 0;               ///< kNeverRetry: it is more than the limit allows at all, or the money is spent
};

/// What a call holds of an account.
struct Held {
  std::int64_t tokens = 0;
  Nanos cost = 0;
  std::int64_t second = 0;
  std::int32_t day = 0, month = 0;
};

/// How far a per-minute limit is used.
struct Standing {
  std::int64_t limit = 0, remaining = 0;
  std::int64_t reset_ms = 0;  ///< until all of it is free again
};

/// Not thread-safe.
class Account {
 public:
  Limits limits;
  PeriodTotals day, month, total;

  /// Why a call may not begin now; nothing: it may.
  std::optional<Refusal> check(const Demand& demand, const Moment& now);
  /// How many tokens an answer may have at most, given its prompt; never over `wanted`, perhaps below 0.
  std::int64_t room(std::int64_t prompt, std::int64_t wanted, const Price& price, const Moment& now);
  Held hold(const Demand& demand, const Moment& now);
  /// Ends what hold() began: gives it back and counts what was used.
  void settle(const Held& held, std::int64_t tokens, Nanos cost, const Moment& now);

  std::optional<Standing> requests_standing(const Moment& now);
  std::optional<Standing> tokens_standing(const Moment& now);
  std::int64_t running() const { return running_; }

  /// Periods that have ended begin anew.
  void turn(const Moment& now) {
    day.turn(now.day);
    month.turn(now.month);
  }

 private:
  MinuteWindow requests_, tokens_;
  std::int64_t running_ = 0;
};

}  // namespace siyu::serving
