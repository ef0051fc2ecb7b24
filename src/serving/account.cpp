#include "serving/account.h"

#include <algorithm>
#include <chrono>
#include <limits>

namespace siyu::serving {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kBusyRetryMs = 1000;  // when a call of one's own will end is not known

std::int64_t local_ms(const Moment& now) { return now.unix_ms + std::int64_t{now.offset_minutes} * 60'000; }

std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

}  // namespace

Moment moment_at(Timestamp now, SteadyTime steady, std::int32_t offset_minutes) {
  Moment moment{.second = std::chrono::duration_cast<std::chrono::seconds>(steady.time_since_epoch()).count(), .unix_ms = to_unix_millis(now), .offset_minutes = offset_minutes};
  moment.day = static_cast<std::int32_t>(floor_divide(local_ms(moment), kDayMs));
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(moment.day))};
  moment.month = static_cast<int>(date.year()) * 12 + static_cast<std::int32_t>(static_cast<unsigned>(date.month())) - 1;
  return moment;
}

Millis until_next_day(const Moment& now) { return Millis(kDayMs * (std::int64_t{now.day} + 1) - local_ms(now)); }

Millis until_next_month(const Moment& now) {
  const auto next = now.month + 1;
  const std::chrono::sys_days first = std::chrono::year_month_day(std::chrono::year(next / 12), std::chrono::month(static_cast<unsigned>(next % 12 + 1)), std::chrono::day(1));
  return Millis(kDayMs * first.time_since_epoch().count() - local_ms(now));
}

void MinuteWindow::advance(std::int64_t second) {
  if (second <= now_) return;
  if (second - now_ >= kSlots) {
    slots_.fill(0);
    sum_ = 0;
  } else {
    for (auto at = now_ + 1; at <= second; ++at) {
      sum_ -= slots_[static_cast<std::size_t>(at % kSlots)];
      slots_[static_cast<std::size_t>(at % kSlots)] = 0;
    }
  }
  now_ = second;
}

std::int64_t MinuteWindow::sum(std::int64_t second) {
  advance(second);
  return sum_;
}

std::int64_t MinuteWindow::add(std::int64_t second, std::int64_t amount) {
  advance(second);
  slots_[static_cast<std::size_t>(now_ % kSlots)] += amount;
  sum_ += amount;
  return now_;
}

void MinuteWindow::correct(std::int64_t second, std::int64_t when, std::int64_t change) {
  advance(second);
  if (when <= now_ - kSlots) return;
  slots_[static_cast<std::size_t>(when % kSlots)] += change;
  sum_ += change;
}

std::optional<std::int64_t> MinuteWindow::seconds_until(std::int64_t second, std::int64_t amount, std::int64_t limit) {
  advance(second);
  if (amount > limit) return std::nullopt;
  auto left = sum_;
  for (std::int64_t wait = 0; wait < kSlots; ++wait) {
    if (left + amount <= limit) return wait;
    left -= slots_[static_cast<std::size_t>((now_ + wait + 1) % kSlots)];
  }
  return kSlots;
}

std::int64_t MinuteWindow::seconds_until_empty(std::int64_t second) {
  advance(second);
  for (std::int64_t age = 0; age < kSlots; ++age)
    if (slots_[static_cast<std::size_t>((now_ - age + kSlots) % kSlots)] != 0) return kSlots - age;
  return 0;
}

std::optional<Refusal> Account::check(const Demand& demand, const Moment& now) {
  turn(now);
  if (limits.concurrent_requests && running_ >= *limits.concurrent_requests)
    return Refusal{LimitKind::kConcurrentRequests, *limits.concurrent_requests, running_, 1, *limits.concurrent_requests == 0 ? kNeverRetry : kBusyRetryMs};
  const auto per_minute = [&](LimitKind kind, MinuteWindow& window, const std::optional<std::int64_t>& limit, std::int64_t asked) -> std::optional<Refusal> {
    if (!limit || window.sum(now.second) + asked <= *limit) return std::nullopt;
    const auto wait = window.seconds_until(now.second, asked, *limit);
    return Refusal{kind, *limit, window.sum(now.second), asked, wait ? std::max<std::int64_t>(*wait, 1) * 1000 : kNeverRetry};
  };
  if (auto refusal = per_minute(LimitKind::kRequestsPerMinute, requests_, limits.requests_per_minute, 1)) return refusal;
  if (auto refusal = per_minute(LimitKind::kTokensPerMinute, tokens_, limits.tokens_per_minute, demand.tokens())) return refusal;

  // What calls under way hold may come free at any moment; what is used comes back with the next period only.
  const auto per_period = [](LimitKind kind, const std::optional<std::int64_t>& limit, std::int64_t used, std::int64_t held, std::int64_t asked,
                             std::int64_t period_ms) -> std::optional<Refusal> {
    if (!limit || used + held + asked <= *limit) return std::nullopt;
    const auto retry = asked > *limit ? kNeverRetry : used + asked <= *limit ? kBusyRetryMs : period_ms;
    return Refusal{kind, *limit, used + held, asked, retry};
  };
  const auto day_ms = until_next_day(now).count(), month_ms = until_next_month(now).count();
  const auto tokens = demand.tokens();
  const auto cost = demand.cost();
  if (auto refusal = per_period(LimitKind::kTokensPerDay, limits.tokens_per_day, day.tokens_used, day.tokens_held, tokens, day_ms)) return refusal;
  if (auto refusal = per_period(LimitKind::kTokensPerMonth, limits.tokens_per_month, month.tokens_used, month.tokens_held, tokens, month_ms)) return refusal;
  if (auto refusal = per_period(LimitKind::kBudgetPerDay, limits.budget_per_day, day.cost_used, day.cost_held, cost, day_ms)) return refusal;
  if (auto refusal = per_period(LimitKind::kBudgetPerMonth, limits.budget_per_month, month.cost_used, month.cost_held, cost, month_ms)) return refusal;
  return per_period(LimitKind::kBudgetTotal, limits.budget_total, total.cost_used, total.cost_held, cost, kNeverRetry);
}

std::int64_t Account::room(std::int64_t prompt, std::int64_t wanted, const Price& price, const Moment& now) {
  turn(now);
  auto room = wanted;
  const auto tokens = [&](const std::optional<std::int64_t>& limit, std::int64_t taken) {
    if (limit) room = std::min(room, *limit - taken - prompt);
  };
  tokens(limits.tokens_per_minute, tokens_.sum(now.second));
  tokens(limits.tokens_per_day, day.tokens());
  tokens(limits.tokens_per_month, month.tokens());
  const auto money = [&](const std::optional<Nanos>& limit, Nanos taken) {
    if (!limit) return;
    // In thousandths of a Nano, as prices are; what is left after the prompt buys whole tokens.
    const auto left = *limit - taken;
    if (left <= 0 || left > std::numeric_limits<std::int64_t>::max() / 1000) {
      if (left <= 0 && most_cost(prompt, 1, price) > left) room = std::min<std::int64_t>(room, 0);
      return;
    }
    const auto rest = left * 1000 - prompt * std::max(price.input, price.cached);
    if (rest < 0) room = std::min<std::int64_t>(room, 0);
    else if (price.output > 0) room = std::min(room, rest / price.output);
  };
  money(limits.budget_per_day, day.cost());
  money(limits.budget_per_month, month.cost());
  money(limits.budget_total, total.cost());
  return room;
}

Held Account::hold(const Demand& demand, const Moment& now) {
  turn(now);
  Held held{.tokens = demand.tokens(), .cost = demand.cost(), .day = day.index, .month = month.index};
  ++running_;
  requests_.add(now.second, 1);
  held.second = tokens_.add(now.second, held.tokens);
  for (auto* period : {&day, &month, &total}) {
    period->tokens_held += held.tokens;
    period->cost_held += held.cost;
  }
  return held;
}

void Account::settle(const Held& held, std::int64_t tokens, Nanos cost, const Moment& now) {
  turn(now);
  --running_;
  tokens_.correct(now.second, held.second, tokens - held.tokens);
  // A call belongs to the day and month in which it began.
  const auto end = [&](PeriodTotals& period, std::int32_t began) {
    if (period.index != began) return;
    period.tokens_held -= held.tokens;
    period.cost_held -= held.cost;
    period.tokens_used += tokens;
    period.cost_used += cost;
  };
  end(day, held.day);
  end(month, held.month);
  end(total, total.index);
}

std::optional<Standing> Account::requests_standing(const Moment& now) {
  if (!limits.requests_per_minute) return std::nullopt;
  const auto limit = *limits.requests_per_minute;
  return Standing{limit, std::max<std::int64_t>(limit - requests_.sum(now.second), 0), requests_.seconds_until_empty(now.second) * 1000};
}

std::optional<Standing> Account::tokens_standing(const Moment& now) {
  turn(now);
  std::optional<Standing> tightest;
  const auto consider = [&](const std::optional<std::int64_t>& limit, std::int64_t taken, std::int64_t reset_ms) {
    if (!limit) return;
    const Standing one{*limit, std::max<std::int64_t>(*limit - taken, 0), reset_ms};
    if (!tightest || one.remaining < tightest->remaining) tightest = one;
  };
  consider(limits.tokens_per_minute, tokens_.sum(now.second), tokens_.seconds_until_empty(now.second) * 1000);
  consider(limits.tokens_per_day, day.tokens(), until_next_day(now).count());
  consider(limits.tokens_per_month, month.tokens(), until_next_month(now).count());
  return tightest;
}

}  // namespace siyu::serving
