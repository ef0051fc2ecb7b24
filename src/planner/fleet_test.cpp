#include "planner/fleet.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>
#include <random>

#include "base/json.h"

namespace siyu::planner {
namespace {

using testing::HasSubstr;

/// An 8 G model on one card of about 3 TB/s.
ServiceModel replica() { return {.overhead_s = 1e-3, .sequence_s = 1e-5, .dense_s = 6e-3, .kv_token_s = 4e-8, .token_s = 4e-5, .sequences = 64, .kv_tokens = 300'000}; }

FleetQuestion question(double rate) {
  FleetQuestion q;
  q.users.requests_per_second = rate;
  q.tokens = {.prompt = 1000, .output = 200};
  q.goals = {.ttft_p95_s = 1.0, .tpot_p95_ms = 40};
  q.replica = replica();
  q.years = 0;
  q.curves = false;
  q.effort = {.runs = 2, .requests = 2000};
  return q;
}

std::uint32_t needed(const FleetQuestion& q) {
  const auto plan = plan_fleet(q);
  EXPECT_TRUE(plan) << plan.error().message;
  return plan ? plan->years.front().needed : 0;
}

double figure(const FleetPlan& plan, std::string_view id) {
  for (const auto& one : plan.figures)
    if (one.id == id) return one.value.value_or(-1);
  ADD_FAILURE() << "no figure " << id;
  return -1;
}

TEST(Fleet, PlansFromUsersToCards) {
  auto q = question(1);
  q.users = {.daily_active = 20'000, .growth_per_year = 0.5};
  q.years = 2;
  q.cards_per_replica = 2;
  q.effort = {.runs = 3, .requests = 4000};
  const auto plan = plan_fleet(q).value();
  EXPECT_NEAR(plan.peak_requests_per_s, 20'000 * 8 * 0.2 / 3600 * 1.5, 1e-9) << "8 requests a day, a fifth in the busiest hour: user class of the catalogue";
  EXPECT_DOUBLE_EQ(plan.requests_per_day.value_or(0), 160'000);
  EXPECT_DOUBLE_EQ(plan.mean_prompt, 1000);
  ASSERT_EQ(plan.years.size(), 3U);
  for (const auto& year : plan.years) {
    EXPECT_NEAR(year.requests_per_s, plan.peak_requests_per_s * std::pow(1.5, year.year), 1e-9);
    EXPECT_TRUE(year.at_peak.meets_goals);
    EXPECT_LE(year.at_peak.ttft_p95_s, 1.0);
    EXPECT_LE(year.at_peak.tpot_p95_ms, 40);
    EXPECT_EQ(year.replicas, std::max(2U, static_cast<std::uint32_t>(std::ceil(year.needed * 1.2 - 1e-9))));
    EXPECT_EQ(year.cards, 2 * year.replicas);
    EXPECT_EQ(year.servers, std::max(2U, (year.replicas + 3) / 4)) << "four replicas to a server of eight cards, two servers for failover";
    EXPECT_EQ(figure(plan, "fleet.year" + std::to_string(year.year) + ".cards"), year.cards);
  }
  EXPECT_GT(plan.years[2].needed, plan.years[0].needed);
  EXPECT_THAT(plan.confidence.en, HasSubstr("95 %"));
  EXPECT_THAT(to_json_text(plan), HasSubstr("\"requests_per_user_and_day\""));
}

TEST(Fleet, AUseThatShrinksNeedsFewerReplicasEachYear) {
  auto q = question(60);
  q.users.growth_per_year = -0.5;
  q.years = 2;
  const auto plan = plan_fleet(q).value();
  ASSERT_EQ(plan.years.size(), 3U);
  EXPECT_NEAR(plan.years[2].requests_per_s, 15, 1e-9);
  EXPECT_LT(plan.years[1].needed, plan.years[0].needed);
  EXPECT_LT(plan.years[2].needed, plan.years[1].needed);
  EXPECT_TRUE(plan.years[2].at_peak.meets_goals);
  q.users.growth_per_year = -0.9, q.years = 15;
  EXPECT_EQ(plan_fleet(q)->years.back().needed, 1U) << "next to nobody";
}

TEST(Fleet, OneReplicaFewerWouldNotDo) {
  auto q = question(60);
  q.effort = {.runs = 4, .requests = 4000};
  q.curves = true;
  const auto plan = plan_fleet(q).value();
  const auto need = plan.years.front().needed;
  ASSERT_GT(need, 2U);
  for (const auto& point : plan.by_replicas) EXPECT_EQ(point.meets_goals, point.replicas >= need) << point.replicas;
  EXPECT_TRUE(std::ranges::is_sorted(plan.by_replicas, {}, &FleetPoint::replicas));
  for (std::size_t i = 1; i < plan.by_replicas.size(); ++i) EXPECT_LE(plan.by_replicas[i].tpot_p95_ms, plan.by_replicas[i - 1].tpot_p95_ms * 1.02);
  for (std::size_t i = 1; i < plan.by_load.size(); ++i) {
    EXPECT_GT(plan.by_load[i].tpot_p95_ms, plan.by_load[i - 1].tpot_p95_ms);
    EXPECT_GT(plan.by_load[i].concurrency, plan.by_load[i - 1].concurrency);
  }
  EXPECT_LT(plan.by_load.front().ttft_p95_s, 2 * plan.alone_ttft_p95_s);
}

TEST(Fleet, ASaturatedReplicaIsAsFastAsItsStepsSay) {
  auto q = question(5);
  q.prompt_variation = q.output_variation = 0;
  q.replica = {.overhead_s = 0.01, .step_tokens = 100'000, .sequences = 10};  // 200 steps of 10 ms, ten at once
  q.goals.tpot_p95_ms = 20;
  const auto plan = plan_fleet(q).value();
  EXPECT_NEAR(plan.replica_requests_per_s, 10 / 2.0, 0.06);
  EXPECT_NEAR(plan.alone_ttft_p95_s, 0.01, 1e-6);
  EXPECT_NEAR(plan.alone_tpot_p95_ms, 10, 1e-3);
}

TEST(Fleet, MoreUsersNeverNeedFewerReplicas) {
  std::uint32_t before = 1;
  for (double rate = 0.5; rate < 400; rate *= 1.35) {
    const auto now = needed(question(rate));
    EXPECT_GE(now, before) << rate;
    before = now;
  }
  EXPECT_GT(before, 15U);
}

TEST(Fleet, WhereTheSearchBeginsDoesNotChangeItsEnd) {
  auto q = question(200);
  q.users.growth_per_year = 0.3;
  q.years = 1;
  const auto plan = plan_fleet(q).value();
  const auto needed = plan.years[0].needed;
  ASSERT_GT(needed, 4U);
  for (const auto likely : {1U, needed - 2, needed - 1, needed, needed + 1, needed + 3, 4 * needed, 1'000'000U}) {
    q.likely = likely;
    const auto again = plan_fleet(q).value();
    EXPECT_EQ(again.years[0].needed, needed) << likely;
    EXPECT_EQ(again.years[1].needed, plan.years[1].needed) << likely;
    EXPECT_DOUBLE_EQ(again.years[0].at_peak.ttft_p95_s, plan.years[0].at_peak.ttft_p95_s) << likely;
  }
}

TEST(Fleet, TighterGoalsNeverNeedFewer) {
  std::uint32_t before = 1;
  for (double goal = 3; goal > 0.15; goal *= 0.8) {
    auto q = question(40);
    q.goals.ttft_p95_s = goal;
    const auto now = needed(q);
    EXPECT_GE(now, before) << goal;
    before = now;
  }
  before = 1;
  for (double goal = 80; goal > 9; goal *= 0.85) {
    auto q = question(40);
    q.goals.tpot_p95_ms = goal;
    const auto now = needed(q);
    EXPECT_GE(now, before) << goal;
    before = now;
  }
}

TEST(Fleet, FasterCardsNeverNeedMore) {
  std::mt19937_64 engine(5);
  for (int i = 0; i < 8; ++i) {
    auto q = question(std::uniform_real_distribution<double>(3, 90)(engine));
    std::uint32_t before = ~0U;
    for (double slowness = 1; slowness > 0.2; slowness *= 0.7) {
      q.replica = replica();
      for (auto* time : {&q.replica.overhead_s, &q.replica.prompt_step_s, &q.replica.sequence_s, &q.replica.dense_s, &q.replica.kv_token_s, &q.replica.token_s, &q.replica.output_s}) *time *= slowness;
      const auto now = needed(q);
      EXPECT_LE(now, before) << *q.users.requests_per_second << " " << slowness;
      before = now;
    }
  }
}

TEST(Fleet, GrowthSpareAndFailoverNeverTakeAway) {
  auto q = question(20);
  q.years = 4;
  q.users.growth_per_year = 0.3;
  const auto plan = plan_fleet(q).value();
  for (std::size_t i = 1; i < plan.years.size(); ++i) {
    EXPECT_GE(plan.years[i].needed, plan.years[i - 1].needed);
    EXPECT_GE(plan.years[i].cards, plan.years[i - 1].cards);
  }
  q.spare = 1;
  EXPECT_EQ(plan_fleet(q)->years[0].replicas, 2 * plan.years[0].needed);
  q.spare = 0;
  q.minimum_servers = 5;
  const auto failover = plan_fleet(q).value();
  EXPECT_EQ(failover.years[0].servers, 5U);
  EXPECT_EQ(failover.years[0].replicas, std::max(5U, plan.years[0].needed));
  q.cards_per_replica = 16;
  EXPECT_EQ(plan_fleet(q)->years[0].servers, 2 * std::max(3U, plan.years[0].needed)) << "a replica over two servers of eight cards";
}

TEST(Fleet, ASharedPrefixSavesReplicas) {
  auto q = question(60);
  q.tokens.prompt = 4000;
  const auto whole = needed(q);
  q.tokens.shared_prefix = 3500;
  EXPECT_LT(needed(q), whole);
}

TEST(Fleet, AVeryLargeLoadIsReckonedInEqualParts) {
  auto q = question(9000);
  q.effort.runs = 1;
  const auto large = plan_fleet(q).value();
  ASSERT_EQ(large.warnings.size(), 1U);
  EXPECT_THAT(large.warnings[0].en, HasSubstr("equal fleets"));
  q.users.requests_per_second = 900;
  const auto tenth = needed(q);
  EXPECT_NEAR(large.years[0].needed, 10 * tenth, 10.0) << "so many replicas even out, with or without the others";
  EXPECT_NEAR(large.years[0].at_peak.output_tokens_per_s, 9000 * 200, 0.05 * 9000 * 200) << "of all parts together";
}

TEST(Fleet, MoreEffortMakesTheAnswerSurerNotOther) {
  auto q = question(40);
  q.effort.runs = 5;
  const auto quick = plan_fleet(q).value();
  q.effort = {.runs = 5, .requests = 250'000, .seed = 9};
  const auto thorough = plan_fleet(q).value();
  EXPECT_TRUE(thorough.warnings.empty());
  EXPECT_NEAR(thorough.years[0].needed, quick.years[0].needed, 1);
  EXPECT_LT(thorough.years[0].at_peak.ttft_p95_error_s, quick.years[0].at_peak.ttft_p95_error_s);
}

TEST(Fleet, TheSameQuestionHasTheSameAnswer) { EXPECT_EQ(to_json_text(plan_fleet(question(30)).value()), to_json_text(plan_fleet(question(30)).value())); }

TEST(Fleet, ABurstyTraceNeedsMoreThanAnEvenOne) {
  auto q = question(1);
  q.users = {};
  Trace even{.name = "even"}, bursty{.name = "bursty"};
  for (std::uint32_t i = 0; i < 8000; ++i) {
    even.requests.push_back({.arrival_s = i * 0.05, .prompt = 1000, .output = 200});
    bursty.requests.push_back({.arrival_s = i / 100 * 5.0 + i % 100 * 0.001, .prompt = 1000, .output = 200});
  }
  q.trace = even;
  const auto calm = plan_fleet(q).value();
  EXPECT_NEAR(calm.peak_requests_per_s, 20, 1e-2);
  EXPECT_THAT(calm.confidence.en, HasSubstr("even"));
  q.trace = bursty;
  const auto bursts = needed(q);
  EXPECT_GT(bursts, calm.years[0].needed);
  q.users.requests_per_second = 100;
  EXPECT_GT(needed(q), bursts) << "the trace at five times its rate";
}

TEST(Fleet, GoalsThatNoNumberOfReplicasMeetsAreSaidToBeSo) {
  auto q = question(1);
  q.goals.ttft_p95_s = 0.05;
  EXPECT_THAT(plan_fleet(q).error().message, testing::AllOf(HasSubstr("No number of replicas"), HasSubstr("alone"), HasSubstr("prompt")));
  EXPECT_EQ(plan_fleet(q).error().code, ErrorCode::kUnsupported);
  q = question(1);
  q.goals.tpot_p95_ms = 5;
  EXPECT_THAT(plan_fleet(q).error().message, testing::AllOf(HasSubstr("No number of replicas"), HasSubstr("weights")));
  q = question(300);
  q.goals.tpot_p95_ms = plan_fleet(question(1))->alone_tpot_p95_ms * (1 + 1e-9);
  EXPECT_THAT(plan_fleet(q).error().message, testing::AllOf(HasSubstr("too close"), HasSubstr("Loosen the goals")));
  q = question(1);
  q.replica.kv_tokens = 1200;
  EXPECT_THAT(plan_fleet(q).error().message, testing::AllOf(HasSubstr("1,200 tokens"), HasSubstr("longer")));
  q = question(1e6);
  q.replica.sequences = 1;
  EXPECT_THAT(plan_fleet(q).error().message, testing::AllOf(HasSubstr("1,000,000 requests a second"), HasSubstr("100000 of these replicas")));
}

TEST(Fleet, NonsenseIsRefusedByTheNameOfItsField) {
  const auto message = [](auto change) {
    auto q = question(1);
    change(q);
    const auto plan = plan_fleet(q);
    return plan ? std::string("accepted") : plan.error().message;
  };
  EXPECT_THAT(message([](auto& q) { q.users = {}; }), HasSubstr("users.daily_active"));
  EXPECT_THAT(message([](auto& q) { q.users.requests_per_second = 0; }), HasSubstr("users.requests_per_second"));
  EXPECT_THAT(message([](auto& q) { q.users.requests_per_second = -3; }), HasSubstr("-3"));
  EXPECT_THAT(message([](auto& q) { q.users.requests_per_second = std::nan(""); }), HasSubstr("nan"));
  EXPECT_THAT(message([](auto& q) { q.users = {.daily_active = 1e30}; }), HasSubstr("users.daily_active"));
  EXPECT_THAT(message([](auto& q) { q.users = {.daily_active = 1e9, .requests_per_user_and_day = 1e5}; }), HasSubstr("more than can be planned"));
  EXPECT_THAT(message([](auto& q) { q.users.peak_hour_share = 1.5; }), HasSubstr("peak_hour_share"));
  EXPECT_THAT(message([](auto& q) { q.users.growth_per_year = -0.95; }), HasSubstr("growth_per_year"));
  EXPECT_THAT(message([](auto& q) { q.tokens.prompt = 0; }), HasSubstr("tokens.prompt"));
  EXPECT_THAT(message([](auto& q) { q.tokens.output = 1e12; }), HasSubstr("tokens.output"));
  EXPECT_THAT(message([](auto& q) { q.tokens.shared_prefix = 2000; }), HasSubstr("prefix"));
  EXPECT_THAT(message([](auto& q) { q.goals.ttft_p95_s = 0; }), HasSubstr("ttft_p95_s"));
  EXPECT_THAT(message([](auto& q) { q.goals.tpot_p95_ms = INFINITY; }), HasSubstr("tpot_p95_ms"));
  EXPECT_THAT(message([](auto& q) { q.cards_per_replica = 0; }), HasSubstr("cards_per_replica"));
  EXPECT_THAT(message([](auto& q) { q.years = 99; }), HasSubstr("years"));
  EXPECT_THAT(message([](auto& q) { q.spare = -1; }), HasSubstr("spare"));
  EXPECT_THAT(message([](auto& q) { q.replica.dense_s = -1; }), HasSubstr("step"));
  EXPECT_THAT(message([](auto& q) {
                q.trace = Trace{.name = "none"};
                q.users = {};
              }),
              HasSubstr("none"));
}

TEST(Fleet, EveryFigureSaysWhereItIsFrom) {
  auto q = question(1);
  q.users = {.daily_active = 5000};
  const auto plan = plan_fleet(q).value();
  for (const auto& one : plan.figures) {
    EXPECT_FALSE(one.label.en.empty() || one.label.zh.empty()) << one.id;
    EXPECT_FALSE(one.formula.empty() || one.inputs.empty()) << one.id;
    for (const auto& input : one.inputs) {
      EXPECT_TRUE(input.figure || input.source) << one.id << " " << input.name.en;
      if (input.figure) EXPECT_TRUE(std::ranges::any_of(plan.figures, [&](const Figure& other) { return other.id == *input.figure; })) << one.id << " " << *input.figure;
    }
  }
}

TEST(Fleet, PublishedTracesCanBePlannedFor) {
  const char* data = std::getenv("SIYU_TEST_DATA");
  if (data == nullptr) GTEST_SKIP() << "SIYU_TEST_DATA is unset";
  auto q = question(1);
  q.users = {};
  q.trace = read_trace(std::filesystem::path(data) / "traces/AzureLLMInferenceTrace_conv.csv").value();
  const auto once = needed(q);
  q.users.requests_per_second = 55;
  EXPECT_GT(needed(q), 4 * once) << "ten times the requests";
}

}  // namespace
}  // namespace siyu::planner
