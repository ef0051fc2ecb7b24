#include "serving/account.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace siyu::serving {
namespace {

/// 2026-11-25 12:00:00 UTC, a Wednesday.
constexpr std::int64_t kNoon = 1'795'608'000'000;

Moment at(std::int64_t seconds_later, std::int32_t offset_minutes = 0) {
  const auto ms = kNoon + seconds_later * 1000;
  return moment_at(from_unix_millis(ms), SteadyTime(Millis(ms)), offset_minutes);
}

TEST(Moments, DaysAndMonthsBeginWhereTheOffsetSays) {
  EXPECT_EQ(at(0).day, 20782);
  EXPECT_EQ(at(0).month, 2026 * 12 + 10);
  EXPECT_EQ(at(0, 12 * 60).day, 20783) << "noon in London is midnight in Auckland";
  EXPECT_EQ(until_next_day(at(0)), std::chrono::hours(12));
  EXPECT_EQ(until_next_day(at(0, 480)), std::chrono::hours(4));
  EXPECT_EQ(until_next_month(at(0)), std::chrono::hours(24 * 5 + 12));
  EXPECT_EQ(at(86400 * 40).month, 2027 * 12);
}

TEST(MinuteWindow, CountsForAMinuteAndForgets) {
  MinuteWindow window;
  window.add(1000, 5);
  window.add(1030, 3);
  EXPECT_EQ(window.sum(1060), 8) << "what came in second 1000 may be 59.001 seconds old";
  EXPECT_EQ(window.sum(1061), 3);
  EXPECT_EQ(window.sum(1091), 0);
}

TEST(MinuteWindow, SaysWhenAnAmountFits) {
  MinuteWindow window;
  window.add(1000, 5);
  window.add(1030, 3);
  EXPECT_EQ(window.seconds_until(1031, 2, 10), 0);
  EXPECT_EQ(window.seconds_until(1031, 5, 10), 30);
  EXPECT_EQ(window.seconds_until(1031, 10, 10), 60);
  EXPECT_EQ(window.seconds_until(1031, 11, 10), std::nullopt);
  EXPECT_EQ(window.seconds_until_empty(1031), 60);
}

TEST(MinuteWindow, CorrectionsReachTheirOwnSecond) {
  MinuteWindow window;
  const auto when = window.add(1000, 100);
  window.add(1010, 7);
  window.correct(1020, when, -90);
  EXPECT_EQ(window.sum(1020), 17);
  EXPECT_EQ(window.sum(1061), 7);
  window.correct(1062, when, -10);
  EXPECT_EQ(window.sum(1062), 7) << "it was forgotten already";
}

/// The definition, kept as a list: no window of 60 seconds holds more than the limit.
TEST(MinuteWindow, NeverAllowsMoreThanTheLimitInAnySixtySeconds) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    MinuteWindow window;
    std::deque<std::pair<std::int64_t, std::int64_t>> passed;  // milliseconds, amount
    std::int64_t ms = 5'000'000;
    for (int i = 0; i < 300; ++i) {
      ms += std::uniform_int_distribution<std::int64_t>(0, 3000)(random);
      const auto amount = std::uniform_int_distribution<std::int64_t>(1, 20)(random);
      if (window.sum(ms / 1000) + amount > 100) continue;
      window.add(ms / 1000, amount);
      passed.emplace_back(ms, amount);
      std::int64_t within = 0;
      for (const auto& [when, value] : passed) within += when > ms - 60'000 ? value : 0;
      ASSERT_LE(within, 100);
    }
  }
}

class AccountTest : public ::testing::Test {
 protected:
  Account account;
  static Demand tokens(std::int64_t prompt, std::int64_t completion) { return {.prompt = prompt, .completion = completion}; }
};

TEST_F(AccountTest, WhatIsHeldCountsUntilItIsSettled) {
  account.limits.tokens_per_day = 100;
  ASSERT_FALSE(account.check(tokens(20, 60), at(0)));
  const auto held = account.hold(tokens(20, 60), at(0));
  const auto refusal = account.check(tokens(10, 20), at(1));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->kind, LimitKind::kTokensPerDay);
  EXPECT_EQ(refusal->taken, 80);
  EXPECT_EQ(refusal->retry_after_ms, 1000) << "what is held may come free at any moment";
  account.settle(held, 25, 0, at(2));
  EXPECT_FALSE(account.check(tokens(10, 65), at(3)));
  EXPECT_TRUE(account.check(tokens(10, 66), at(3)));
  EXPECT_EQ(account.day.tokens_used, 25);
  EXPECT_EQ(account.day.tokens_held, 0);
}

TEST_F(AccountTest, ADayThatIsUsedUpComesBackAtMidnightOnly) {
  account.limits.tokens_per_day = 100;
  account.settle(account.hold(tokens(50, 45), at(0)), 95, 0, at(1));
  const auto refusal = account.check(tokens(5, 5), at(2));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->retry_after_ms, 12 * 3600'000 - 2000);
  EXPECT_EQ(account.check(tokens(50, 51), at(2))->retry_after_ms, kNeverRetry) << "more than a whole day allows";
  EXPECT_FALSE(account.check(tokens(50, 50), at(12 * 3600)));
}

TEST_F(AccountTest, ACallBelongsToTheDayInWhichItBegan) {
  account.limits.tokens_per_day = 100;
  const auto held = account.hold(tokens(10, 80), at(12 * 3600 - 1));
  EXPECT_FALSE(account.check(tokens(50, 50), at(12 * 3600))) << "yesterday's call takes nothing of today";
  account.settle(held, 90, 0, at(12 * 3600 + 5));
  EXPECT_EQ(account.day.tokens(), 0);
  EXPECT_EQ(account.month.tokens_used, 90);
  EXPECT_EQ(account.month.tokens_held, 0);
}

TEST_F(AccountTest, AClockThatIsSetBackGivesNoSecondBudget) {
  account.limits.tokens_per_day = 100;
  account.settle(account.hold(tokens(50, 50), at(0)), 100, 0, at(1));
  EXPECT_TRUE(account.check(tokens(1, 1), at(-86400)));
}

TEST_F(AccountTest, MoneyIsHeldAtTheDearestAndSpentExactly) {
  const Price price{.input = 1'000'000, .cached = 250'000, .output = 4'000'000};  // 1, 0.25 and 4 per million
  account.limits.budget_total = to_nanos(0.001);
  const Demand demand{.prompt = 100, .completion = 200, .price = price};
  EXPECT_EQ(demand.cost(), 100 * 1000 + 200 * 4000);
  ASSERT_FALSE(account.check(demand, at(0)));
  const auto held = account.hold(demand, at(0));
  EXPECT_TRUE(account.check(demand, at(0)));
  account.settle(held, 300, cost_of({.prompt_tokens = 100, .completion_tokens = 50, .cached_tokens = 40}, price), at(1));
  EXPECT_EQ(account.total.cost_used, 60 * 1000 + 40 * 250 + 50 * 4000);
  EXPECT_EQ(account.room(100, 1000, price, at(1)), (1'000'000 - 270'000 - 100'000) / 4000);
}

TEST_F(AccountTest, TheDearestWayToFillTheContextIsHeld) {
  const Price price{.input = 1'000'000, .cached = 0, .output = 4'000'000};
  const Demand demand{.prompt = 900, .completion = 500, .context = 1000, .price = price};
  EXPECT_EQ(demand.tokens(), 1000);
  EXPECT_EQ(demand.cost(), 500 * 4000 + 500 * 1000);
}

TEST_F(AccountTest, RequestsAreCountedAndSoAreThoseUnderWay) {
  account.limits.requests_per_minute = 3;
  account.limits.concurrent_requests = 2;
  const auto first = account.hold(tokens(1, 1), at(0)), second = account.hold(tokens(1, 1), at(0));
  EXPECT_EQ(account.check(tokens(1, 1), at(0))->kind, LimitKind::kConcurrentRequests);
  account.settle(first, 2, 0, at(0));
  ASSERT_FALSE(account.check(tokens(1, 1), at(0)));
  account.settle(second, 2, 0, at(0));
  account.settle(account.hold(tokens(1, 1), at(0)), 2, 0, at(0));
  const auto refusal = account.check(tokens(1, 1), at(20));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->kind, LimitKind::kRequestsPerMinute);
  EXPECT_EQ(refusal->retry_after_ms, 41'000);
  EXPECT_EQ(account.requests_standing(at(20))->remaining, 0);
  EXPECT_EQ(account.requests_standing(at(20))->reset_ms, 41'000);
  EXPECT_FALSE(account.check(tokens(1, 1), at(61)));
}

/// Random calls, answers and times: used and held never pass a limit, and in the end exactly what was used is there.
TEST_F(AccountTest, NeverOvershootsWhateverTheOrder) {
  std::mt19937 random(11);
  const auto pick = [&](std::int64_t low, std::int64_t high) { return std::uniform_int_distribution<std::int64_t>(low, high)(random); };
  const Price price{.input = 333'333, .cached = 77'777, .output = 1'234'567};
  for (int round = 0; round < 300; ++round) {
    Account one;
    one.limits = {.tokens_per_minute = pick(100, 2000), .concurrent_requests = pick(1, 20), .tokens_per_day = pick(100, 5000), .budget_total = pick(1, 3'000'000)};
    std::vector<std::pair<Held, Demand>> running;
    std::int64_t used = 0, now = pick(0, 3600);
    Nanos spent = 0;
    for (int i = 0; i < 400; ++i) {
      now += pick(0, 2);
      if (pick(0, 1) == 0) {
        Demand demand{.prompt = pick(1, 100), .completion = pick(1, 200), .context = 250, .price = price};
        if (pick(0, 2) == 0) demand.completion = std::max<std::int64_t>(one.room(demand.prompt, demand.completion, price, at(now)), 1);
        if (!one.check(demand, at(now))) running.emplace_back(one.hold(demand, at(now)), demand);
      } else if (!running.empty()) {
        const auto [held, demand] = running[static_cast<std::size_t>(pick(0, static_cast<std::int64_t>(running.size()) - 1))];
        std::erase_if(running, [&, &gone = held](const auto& entry) { return entry.first.second == gone.second && entry.first.tokens == gone.tokens && entry.first.cost == gone.cost; });
        // Equal holds end together, each with numbers of its own.
        const auto count = one.running() - static_cast<std::int64_t>(running.size());
        for (std::int64_t n = 0; n < count; ++n) {
          const auto prompt = static_cast<std::int32_t>(pick(0, std::min(demand.prompt, demand.context)));
          const auto answer = static_cast<std::int32_t>(pick(0, std::min(demand.completion, demand.context - prompt)));
          const engine::Usage usage{.prompt_tokens = prompt, .completion_tokens = answer, .cached_tokens = static_cast<std::int32_t>(pick(0, prompt))};
          used += prompt + answer;
          spent += cost_of(usage, price);
          one.settle(held, prompt + answer, cost_of(usage, price), at(now));
        }
      }
      ASSERT_LE(one.day.tokens(), *one.limits.tokens_per_day);
      ASSERT_LE(one.total.cost(), *one.limits.budget_total);
      ASSERT_LE(one.running(), *one.limits.concurrent_requests);
    }
    for (const auto& [held, demand] : running) one.settle(held, 0, 0, at(now));
    EXPECT_EQ(one.day.tokens_used, used);
    EXPECT_EQ(one.total.cost_used, spent);
    EXPECT_EQ(one.day.tokens_held, 0);
    EXPECT_EQ(one.total.cost_held, 0);
  }
}

}  // namespace
}  // namespace siyu::serving
