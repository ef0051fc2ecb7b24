// What decides between replicas: the ring, the breaker, the budgets.
#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <random>
#include <set>

#include "models/gguf_fixture.h"
#include "serving/autoscale.h"
#include "serving/circuit_breaker.h"
#include "serving/hash_ring.h"
#include "serving/memory_budget.h"
#include "serving/release.h"
#include "serving/request_facts.h"
#include "serving/retry_budget.h"

namespace siyu::serving {
namespace {

using namespace std::chrono_literals;

std::vector<std::string> members(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back("v1-" + std::to_string(i + 1));
  return names;
}

const auto kAny = [](std::size_t) { return true; };

TEST(HashRing, SharesKeysEvenly) {
  for (const std::size_t count : {2UL, 3UL, 8UL, 32UL}) {
    const HashRing ring(members(count));
    std::vector<int> hits(count);
    for (std::uint64_t key = 0; key < 20'000; ++key) ++hits[*ring.find(stable_hash("key", key), kAny)];
    for (const int one : hits) {
      EXPECT_GT(one, 0.6 * 20'000 / static_cast<double>(count)) << count;
      EXPECT_LT(one, 1.5 * 20'000 / static_cast<double>(count)) << count;
    }
  }
}

TEST(HashRing, AMemberThatGoesMovesItsOwnKeysOnly) {
  const auto before = members(8);
  auto after = before;
  after.erase(after.begin() + 3);
  const HashRing full(before), fewer(after);
  for (std::uint64_t key = 0; key < 5000; ++key) {
    const auto was = before[*full.find(stable_hash("k", key), kAny)];
    const auto is = after[*fewer.find(stable_hash("k", key), kAny)];
    if (was != before[3]) EXPECT_EQ(is, was);
  }
}

TEST(HashRing, AsksEachMemberOnceAndSaysWhenNoneTakesIt) {
  const HashRing ring(members(5));
  std::map<std::size_t, int> asked;
  EXPECT_FALSE(ring.find(7, [&](std::size_t i) { return ++asked[i] > 1; }));
  EXPECT_EQ(asked.size(), 5U);
  EXPECT_FALSE(HashRing().find(7, kAny));
}

/// The theorem's promise: no member gets more than the bound times its part, whatever the keys.
TEST(HashRing, WithABoundNoMemberGetsMuchMoreThanItsPart) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 20; ++round) {
    const std::size_t count = 2 + random() % 12;
    const HashRing ring(members(count));
    std::vector<double> load(count);
    double total = 0;
    for (int i = 0; i < 2000; ++i) {
      const auto key = random() % 3;  // three prompts make up all of the traffic
      total += 1;
      const double most = std::ceil(1.25 * total / static_cast<double>(count));
      const auto chosen = ring.find(stable_hash("hot", key), [&](std::size_t member) { return load[member] + 1 <= most; });
      ASSERT_TRUE(chosen) << "somebody is always below the bound";
      load[*chosen] += 1;
      ASSERT_LE(load[*chosen], most);
    }
  }
}

TEST(CircuitBreaker, OpensAfterFailuresInARowAndLetsOneTrialThrough) {
  ManualClock clock;
  CircuitBreaker breaker({.failures = 3, .open_for = 5s, .longest = 60s});
  breaker.on_failure(clock.steady_now());
  breaker.on_failure(clock.steady_now());
  breaker.on_success();
  breaker.on_failure(clock.steady_now());
  breaker.on_failure(clock.steady_now());
  EXPECT_TRUE(breaker.allows(clock.steady_now()));
  breaker.on_failure(clock.steady_now());
  EXPECT_FALSE(breaker.allows(clock.steady_now()));
  clock.advance(5s);
  EXPECT_EQ(breaker.state(clock.steady_now()), BreakerState::kHalfOpen);
  EXPECT_TRUE(breaker.allows(clock.steady_now()));
  breaker.on_sent(clock.steady_now());
  EXPECT_FALSE(breaker.allows(clock.steady_now())) << "one trial at a time";
  breaker.on_success();
  EXPECT_EQ(breaker.state(clock.steady_now()), BreakerState::kClosed);
}

TEST(CircuitBreaker, RestsTwiceAsLongAfterEachFailedTrialUpToALimit) {
  ManualClock clock;
  CircuitBreaker breaker({.failures = 1, .open_for = 5s, .longest = 20s});
  breaker.on_failure(clock.steady_now());
  for (const auto rest : {5s, 10s, 20s, 20s}) {
    clock.advance(rest - 1ms);
    EXPECT_FALSE(breaker.allows(clock.steady_now()));
    clock.advance(1ms);
    EXPECT_TRUE(breaker.allows(clock.steady_now()));
    breaker.on_sent(clock.steady_now());
    breaker.on_failure(clock.steady_now());
  }
}

/// Whatever happens to it, it is never shut for good, and it never lets two trials through at once.
TEST(CircuitBreaker, AlwaysComesBack) {
  std::mt19937_64 random(2);
  ManualClock clock;
  CircuitBreaker breaker({.failures = 2, .open_for = 1s, .longest = 8s});
  int trials = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto now = clock.steady_now();
    if (breaker.allows(now)) {
      const bool trial = breaker.state(now) == BreakerState::kHalfOpen;
      breaker.on_sent(now);
      if (trial) {
        EXPECT_FALSE(breaker.allows(now));
        ++trials;
      }
      const auto how = random() % 3;
      how == 0 ? breaker.on_success() : how == 1 ? breaker.on_failure(now) : breaker.on_abandoned();
    }
    clock.advance(Millis(random() % 400));
  }
  EXPECT_GT(trials, 100);
  clock.advance(8s);
  EXPECT_TRUE(breaker.allows(clock.steady_now()));
}

TEST(RetryBudget, BoundsRetriesByRequestsAndTime) {
  ManualClock clock;
  RetryBudget budget(0.2, 10, 100);
  int taken = 0;
  while (budget.take(clock.steady_now())) ++taken;
  EXPECT_EQ(taken, 50);
  for (int i = 0; i < 50; ++i) budget.on_request();
  for (taken = 0; budget.take(clock.steady_now());) ++taken;
  EXPECT_NEAR(taken, 10, 1);
  clock.advance(1s);
  for (taken = 0; budget.take(clock.steady_now());) ++taken;
  EXPECT_NEAR(taken, 10, 1);
}

engine::GenerateRequest chat(std::vector<std::pair<engine::Role, std::string>> messages) {
  engine::GenerateRequest request;
  for (auto& [role, text] : messages) request.messages.push_back({.role = role, .content = std::move(text)});
  return request;
}

TEST(RequestFacts, TurnsOfOneConversationBelongTogether) {
  const auto first = facts_of(chat({{engine::Role::kSystem, "Be brief"}, {engine::Role::kUser, "Hello"}}));
  const auto second = facts_of(chat({{engine::Role::kSystem, "Be brief"}, {engine::Role::kUser, "Hello"}, {engine::Role::kAssistant, "Hi"}, {engine::Role::kUser, "And now?"}}));
  const auto other = facts_of(chat({{engine::Role::kSystem, "Be brief"}, {engine::Role::kUser, "Good day"}}));
  EXPECT_EQ(first.prefix, second.prefix);
  EXPECT_EQ(first.conversation, second.conversation);
  EXPECT_NE(first.conversation, other.conversation);
  EXPECT_GT(second.prompt_work, first.prompt_work);
}

TEST(RequestFacts, ALongSharedBeginningIsOnePrefixButManyConversations) {
  const std::string system(4000, 's');
  const auto one = facts_of(chat({{engine::Role::kSystem, system}, {engine::Role::kUser, "a"}}));
  const auto two = facts_of(chat({{engine::Role::kSystem, system}, {engine::Role::kUser, "b"}}));
  EXPECT_EQ(one.prefix, two.prefix);
  EXPECT_NE(one.conversation, two.conversation);
}

TEST(Histogram, QuantilesAreWithinABucket) {
  DurationHistogram times;
  for (int i = 1; i <= 1000; ++i) times.add(i);
  EXPECT_NEAR(times.quantile_ms(0.5), 500, 100);
  EXPECT_NEAR(times.quantile_ms(0.95), 950, 80);
  EXPECT_EQ((times - times).quantile_ms(0.95), 0);
}

MemoryCharge charge(const std::string& file, std::uint64_t weights, std::uint64_t own, std::uint64_t reported = 0) {
  return {.need = {.file = file, .weights = weights, .own = own}, .reported = reported};
}

TEST(MemoryBudget, WorkersOfOneFileShareItsWeights) {
  const std::vector<MemoryCharge> running{charge("a", 100, 10), charge("a", 100, 10), charge("b", 50, 5)};
  EXPECT_EQ(memory_in_use(running), 100U + 20 + 50 + 5);
  EXPECT_EQ(memory_added(running, {.file = "a", .weights = 100, .own = 10}), 10U);
  EXPECT_EQ(memory_added(running, {.file = "c", .weights = 100, .own = 10}), 110U);
}

TEST(MemoryBudget, WhatAWorkerReportsCountsWhenItIsMore) {
  const std::vector<MemoryCharge> running{charge("a", 100, 10, 150)};
  EXPECT_EQ(memory_in_use(running), 150U);
  const std::vector<MemoryCharge> small{charge("a", 100, 10, 20)};  // its weights are not all in memory yet
  EXPECT_EQ(memory_in_use(small), 110U);
}

TEST(MemoryBudget, HostMemoryForBeginningsIsAsMuchAsTheCacheWithinAShareAndCounts) {
  const auto header = models::parse_gguf(models::small_model()).value();
  const auto without = predict_need(header, "m", 1000, {.spill_bytes = 0});
  EXPECT_EQ(without.spill, 0U);
  const auto ample = predict_need(header, "m", 1000, {.budget = 1ULL << 40});
  EXPECT_GT(ample.spill, 0U);
  EXPECT_EQ(ample.own, without.own + ample.spill);
  EXPECT_EQ(predict_need(header, "m", 1000, {.budget = 1600}).spill, 100U);
  EXPECT_EQ(predict_need(header, "m", 1000, {.spill_bytes = 12345, .budget = 1600}).spill, 12345U);
}

TEST(MemoryBudget, ADraftModelCountsWithItsWeightsAndACacheForAsManyTokens) {
  const auto header = models::parse_gguf(models::small_model()).value();
  const WorkerSizes sizes{.kv_tokens = 1 << 20, .spill_bytes = 0};
  const auto alone = predict_need(header, "m", 1000, sizes);
  auto both = alone;
  add_draft(both, header, 1000, sizes);
  EXPECT_EQ(both.weights, alone.weights);
  const auto cache = alone.own - predict_need(header, "m", 1000, {.kv_tokens = 1 << 19, .spill_bytes = 0}).own;  // half of it
  EXPECT_GE(both.own, alone.own + 2 * cache + 1000);
  EXPECT_LT(both.own, 2 * alone.own + 1000);
}

TEST(MemoryBudget, AModelWithoutAStructureThatCanBeReadIsTakenForLarge) {
  const models::GgufFile header{};
  const std::uint64_t file = 8ULL << 30;
  const auto need = predict_need(header, "m", file, {.spill_bytes = 0});
  EXPECT_EQ(need.weights, file);
  EXPECT_GE(need.own, file / 4 + (2ULL << 30)) << "buffers that grow with the model, and a whole default cache";
  EXPECT_LT(need.own, file);
  const auto longer = predict_need(header, "m", file, {.kv_tokens = 2 * need.kv_tokens, .spill_bytes = 0});
  EXPECT_GE(longer.own, need.own + (2ULL << 30));
  EXPECT_EQ(predict_need(header, "m", file, {.spill_bytes = 5}).own, need.own + 5);
}

TEST(MemoryBudget, TheLongestIdleGivesWayFirstAndNobodyForNothing) {
  ManualClock clock;
  const auto old = clock.steady_now();
  clock.advance(10s);
  const std::vector<EvictionCandidate> idle{{"new", clock.steady_now(), {charge("n", 40, 0)}}, {"old", old, {charge("o", 40, 0)}}};
  const MemoryNeed need{.file = "x", .weights = 30, .own = 0};
  EXPECT_EQ(choose_evictions(110, need, idle, {}), std::vector<std::string>{});
  EXPECT_EQ(choose_evictions(90, need, idle, {}), std::vector<std::string>{"old"});
  EXPECT_EQ(choose_evictions(35, need, idle, {}), (std::vector<std::string>{"old", "new"}));
  EXPECT_EQ(choose_evictions(90, need, idle, {charge("f", 70, 0)}), std::nullopt);
}

TEST(Autoscale, KeepsAFifthFree) {
  const AutoscaleSpec spec{.min = 1, .max = 10, .requests_per_second = 10.0};
  EXPECT_EQ(replicas_for(spec, {.requests_per_second = 8}, 1), 1);
  EXPECT_EQ(replicas_for(spec, {.requests_per_second = 8.1}, 1), 2);
  EXPECT_EQ(replicas_for(spec, {.requests_per_second = 79}, 1), 10);
  EXPECT_EQ(replicas_for(spec, {.requests_per_second = 1e9}, 1), 10);
}

TEST(Autoscale, LatencyAtMostDoubles) {
  const AutoscaleSpec spec{.min = 1, .max = 10, .first_token_ms = 100.0};
  EXPECT_EQ(replicas_for(spec, {.first_token_ms = 79}, 2), 1);
  EXPECT_EQ(replicas_for(spec, {.first_token_ms = 120}, 2), 3);
  EXPECT_EQ(replicas_for(spec, {.first_token_ms = 9000}, 2), 4);
}

TEST(Autoscale, GrowsAtOnceAndShrinksAfterAMinute) {
  ManualClock clock;
  Autoscaler scaler;
  const AutoscaleSpec spec{.min = 1, .max = 10, .requests_per_second = 10.0};
  EXPECT_EQ(scaler.decide(spec, {.requests_per_second = 40}, 1, clock.steady_now()), 5);
  clock.advance(30s);
  EXPECT_EQ(scaler.decide(spec, {}, 5, clock.steady_now()), 5);
  clock.advance(31s);
  EXPECT_EQ(scaler.decide(spec, {}, 5, clock.steady_now()), 1);
}

VersionFigures figures(std::uint64_t requests, std::uint64_t failures, double first_ms, double pace) {
  VersionFigures made{.requests = requests, .failures = failures};
  for (std::uint64_t i = 0; i < requests - failures; ++i) made.first_token.add(first_ms);
  made.timed_tokens = 1000;
  made.decode_ms = 1000.0 * 1000 / pace;
  return made;
}

TEST(Release, GoesOnWhenTheNewVersionDoesAsWell) {
  const ReleaseSpec release{.to = "v2", .step_seconds = 60, .min_requests = 20};
  const auto stable = figures(500, 2, 100, 50), good = figures(50, 0, 110, 48);
  EXPECT_EQ(judge_release(release, stable, figures(10, 0, 100, 50), 5min).step, ReleaseStep::kWait) << "too few requests";
  EXPECT_EQ(judge_release(release, stable, good, 59s).step, ReleaseStep::kWait);
  EXPECT_EQ(judge_release(release, stable, good, 60s).step, ReleaseStep::kAdvance);
}

TEST(Release, RollsBackOnErrorsSlownessAndALowPaceWithTheReason) {
  const ReleaseSpec release{.to = "v2", .step_seconds = 60, .min_requests = 20};
  const auto stable = figures(500, 2, 100, 50);
  const auto judge = [&](const VersionFigures& candidate) { return judge_release(release, stable, candidate, 1s); };
  EXPECT_EQ(judge(figures(50, 5, 100, 50)).step, ReleaseStep::kRollBack);
  EXPECT_THAT(judge(figures(50, 5, 100, 50)).reason, testing::HasSubstr("10.0 % of its 50 requests failed"));
  EXPECT_EQ(judge(figures(50, 0, 900, 50)).step, ReleaseStep::kRollBack);
  EXPECT_EQ(judge(figures(50, 0, 100, 20)).step, ReleaseStep::kRollBack);
  auto brief = figures(50, 0, 100, 20);
  brief.timed_tokens = 100;
  EXPECT_NE(judge(brief).step, ReleaseStep::kRollBack) << "too few tokens to tell a pace";
  EXPECT_EQ(judge(figures(6, 6, 100, 50)).step, ReleaseStep::kRollBack) << "it need not fail twenty times";
  EXPECT_EQ(judge(figures(6, 2, 100, 50)).step, ReleaseStep::kWait);
}

TEST(Release, StepsShareTheRestAsBefore) {
  const ReleaseSpec release{.to = "v3", .steps = {10, 100}, .from = {{"v1", 75}, {"v2", 25}, {"v3", 0}}};
  EXPECT_EQ(traffic_of_step(release, 0), (std::map<std::string, double>{{"v1", 67.5}, {"v2", 22.5}, {"v3", 10}}));
  EXPECT_EQ(traffic_of_step(release, 1), (std::map<std::string, double>{{"v1", 0}, {"v2", 0}, {"v3", 100}}));
}

}  // namespace
}  // namespace siyu::serving
