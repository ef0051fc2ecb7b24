#include "planner/simulate.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <random>

namespace siyu::planner {
namespace {

using testing::HasSubstr;

/// The same rules, walked step by step: what simulate() must give.
class Walk {
 public:
  Walk(const Trace& trace, const ServiceModel& model, const SimulationOptions& options)
      : trace_(trace), model_(model), options_(options), outcomes_(trace.requests.size()) {
    for (std::uint32_t i = 0; i < options.replicas; ++i) replicas_.push_back({.room = model.kv_tokens - options.resident_tokens});
  }
  std::vector<Outcome> run() {
    std::size_t turn = 0;
    for (std::size_t i = 0; i < trace_.requests.size(); ++i) {
      if (need(i) > model_.kv_tokens - options_.resident_tokens) continue;
      const auto now = trace_.requests[i].arrival_s;
      for (auto& replica : replicas_) advance(replica, now);
      const auto load = [&](const Replica& r) {
        return std::ranges::count_if(r.sent, [&](std::size_t one) { return outcomes_[one].done_s == 0 || outcomes_[one].done_s > now; });
      };
      auto& chosen = options_.dispatch == Dispatch::kRoundRobin ? replicas_[turn++ % replicas_.size()] : *std::ranges::min_element(replicas_, {}, load);
      if (chosen.waiting.empty() && chosen.running.empty()) chosen.clock = std::max(chosen.clock, now);
      chosen.sent.push_back(i);
      chosen.waiting.push_back(i);
    }
    for (auto& replica : replicas_) advance(replica, INFINITY);
    return outcomes_;
  }

 private:
  struct Sequence {
    std::size_t request = 0;
    std::uint32_t left = 0, generated = 0;  // prompt tokens, answer tokens
  };
  struct Replica {
    double room = 0, clock = 0;
    std::deque<std::size_t> waiting = {};
    std::vector<Sequence> running = {};
    std::vector<std::size_t> sent = {};
  };
  double need(std::size_t i) const { return static_cast<double>(trace_.requests[i].prompt) - trace_.requests[i].cached + trace_.requests[i].output; }

  void advance(Replica& r, double until) {
    while ((!r.waiting.empty() || !r.running.empty()) && r.clock < until) step(r);
  }
  void step(Replica& r) {
    while (!r.waiting.empty() && r.running.size() < model_.sequences && need(r.waiting.front()) <= r.room) {
      const auto i = r.waiting.front();
      r.waiting.pop_front();
      r.room -= need(i);
      outcomes_[i].admitted_s = r.clock;
      r.running.push_back({.request = i, .left = trace_.requests[i].prompt - trace_.requests[i].cached});
    }
    double decoding = 0, prompt = 0, cached = 0;
    auto budget = model_.step_tokens;
    for (auto& one : r.running) {
      if (one.left == 0) {
        decoding += 1;
        cached += static_cast<double>(trace_.requests[one.request].prompt) + one.generated++;
        continue;
      }
      const auto taken = std::min(budget, one.left);
      budget -= taken;
      prompt += taken;
      one.left -= taken;
      if (one.left == 0) one.generated = 1;
    }
    r.clock += step_seconds(model_, decoding, prompt, cached);
    std::erase_if(r.running, [&](const Sequence& one) {
      auto& outcome = outcomes_[one.request];
      if (one.generated == 1) outcome.first_token_s = r.clock;
      if (one.left > 0 || one.generated < trace_.requests[one.request].output) return false;
      outcome.done_s = r.clock;
      r.room += need(one.request);
      return true;
    });
  }

  const Trace& trace_;
  const ServiceModel& model_;
  const SimulationOptions& options_;
  std::vector<Outcome> outcomes_;
  std::vector<Replica> replicas_;
};

/// Any kind of replica and load: bound by memory or compute or now one, now the other; tight caches; bursts.
struct Scene {
  Trace trace{.name = "scene"};
  ServiceModel model;
  SimulationOptions options;
};

Scene random_scene(std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  const auto uniform = [&](double low, double high) { return std::uniform_real_distribution<double>(low, high)(engine); };
  const auto any = [&](std::uint32_t low, std::uint32_t high) { return std::uniform_int_distribution<std::uint32_t>(low, high)(engine); };
  Scene scene;
  auto& model = scene.model;
  model = {
      .overhead_s = any(0, 1) * uniform(0, 2e-3), .sequence_s = any(0, 1) * uniform(0, 1e-4), .dense_s = uniform(1e-4, 2e-2), .token_s = std::pow(10, uniform(-6, -3))};
  if (any(0, 1) == 1) model.prompt_step_s = uniform(0, 1e-2);
  if (any(0, 1) == 1) model.output_s = std::pow(10, uniform(-6, -3));
  if (any(0, 1) == 1) model.kv_token_s = std::pow(10, uniform(-8, -5));
  if (any(0, 2) == 0) model.experts_s = uniform(1e-3, 5e-2), model.expert_share = uniform(0.01, 0.3);
  model.step_tokens = any(1, 3) * any(1, 400);
  model.sequences = any(1, 24);
  const auto longest = any(2, 1500), answer = any(1, 300);
  if (any(0, 1) == 1) model.kv_tokens = uniform(0.8, 6) * (longest + answer);
  scene.options = {.replicas = any(1, 5), .dispatch = any(0, 2) == 0 ? Dispatch::kRoundRobin : Dispatch::kLeastLoaded, .keep_outcomes = true};
  if (any(0, 3) == 0) scene.options.resident_tokens = std::min(100.0, model.kv_tokens / 4);
  const auto gap = std::pow(10, uniform(-4, 0.5));
  double now = 0;
  for (std::uint32_t i = 0, count = any(1, 400); i < count; ++i) {
    if (any(0, 4) > 0) now += -gap * std::log(uniform(1e-9, 1));  // a fifth comes together with the one before
    const auto prompt = any(1, longest);
    scene.trace.requests.push_back({.arrival_s = now, .prompt = prompt, .output = any(1, answer), .cached = any(0, 2) == 0 ? any(0, prompt - 1) : 0});
  }
  return scene;
}

class RandomScene : public testing::TestWithParam<int> {};

TEST_P(RandomScene, TakingStepsAtOnceIsWalkingThem) {
  for (int i = 0; i < 40; ++i) {
    const auto seed = static_cast<std::uint64_t>(GetParam() * 1000 + i);
    const auto scene = random_scene(seed);
    const auto walked = Walk(scene.trace, scene.model, scene.options).run();
    const auto jumped = simulate(scene.trace, scene.model, scene.options);
    ASSERT_TRUE(jumped) << jumped.error().message;
    for (std::size_t at = 0; at < walked.size(); ++at) {
      const auto near = [&](double a, double b) { return std::abs(a - b) <= 1e-9 * std::max(1.0, std::abs(b)); };
      ASSERT_TRUE(near(jumped->outcomes[at].admitted_s, walked[at].admitted_s) && near(jumped->outcomes[at].first_token_s, walked[at].first_token_s) &&
                  near(jumped->outcomes[at].done_s, walked[at].done_s))
          << "seed " << seed << " request " << at << ": " << jumped->outcomes[at].admitted_s << " " << jumped->outcomes[at].first_token_s << " "
          << jumped->outcomes[at].done_s << " walked " << walked[at].admitted_s << " " << walked[at].first_token_s << " " << walked[at].done_s;
    }
  }
}

TEST_P(RandomScene, OneReplicaServesInOrderAndWithinItsRoom) {
  for (int i = 0; i < 40; ++i) {
    auto scene = random_scene(static_cast<std::uint64_t>(GetParam() * 7000 + i));
    scene.options.replicas = 1;
    const auto result = simulate(scene.trace, scene.model, scene.options).value();
    std::multimap<double, std::pair<double, int>> events;  // leaving first at equal times
    double last = 0, served = 0;
    for (std::size_t at = 0; at < scene.trace.requests.size(); ++at) {
      const auto& request = scene.trace.requests[at];
      const auto& outcome = result.outcomes[at];
      if (outcome.done_s == 0) continue;
      served += 1;
      EXPECT_GE(outcome.admitted_s, request.arrival_s);
      EXPECT_GE(outcome.admitted_s, last) << "first come, first served";
      EXPECT_GT(outcome.first_token_s, outcome.admitted_s);
      EXPECT_TRUE(request.output == 1 ? outcome.done_s == outcome.first_token_s : outcome.done_s > outcome.first_token_s);
      last = outcome.admitted_s;
      const auto need = static_cast<double>(request.prompt - request.cached) + request.output;
      events.insert({outcome.admitted_s, {need, 1}});
      events.insert({outcome.done_s, {-need, -1}});
    }
    EXPECT_EQ(served + static_cast<double>(result.refused), static_cast<double>(scene.trace.requests.size()));
    double taken = 0, most = 0;
    int running = 0, widest = 0;
    for (auto at = events.begin(); at != events.end();) {
      const auto same = events.equal_range(at->first);
      for (auto one = same.first; one != same.second; ++one) taken += one->second.first, running += one->second.second;
      most = std::max(most, taken);
      widest = std::max(widest, running);
      at = same.second;
    }
    EXPECT_LE(most, scene.model.kv_tokens - scene.options.resident_tokens + 1e-6);
    EXPECT_LE(widest, static_cast<int>(scene.model.sequences));
    EXPECT_EQ(widest, static_cast<int>(result.largest_batch));
  }
}

INSTANTIATE_TEST_SUITE_P(Simulate, RandomScene, testing::Range(0, 12));

/// One step of a fixed time for each output token, whatever runs: a queue with `sequences` servers.
ServiceModel servers(std::uint32_t count, double step_s) { return {.overhead_s = step_s, .step_tokens = 4096, .sequences = count}; }

Trace arrivals(double rate, std::size_t count, double mean_output, bool exponential, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::exponential_distribution<double> gap(rate), work(1 / mean_output);
  Trace trace{.name = "queue"};
  double now = 0;
  for (std::size_t i = 0; i < count; ++i) {
    now += gap(engine);
    const auto output = exponential ? std::max(1.0, std::ceil(work(engine))) : mean_output;
    trace.requests.push_back({.arrival_s = now, .prompt = 1, .output = static_cast<std::uint32_t>(output)});
  }
  return trace;
}

TEST(Simulate, OneServerOfFixedTimeWaitsAsPollaczekAndKhinchineSay) {
  for (const double load : {0.3, 0.6, 0.8, 0.9}) {
    const auto result = simulate(arrivals(load, 1'000'000, 1, false, 11), servers(1, 1), {}).value();
    const auto expected = load / (2 * (1 - load));
    EXPECT_NEAR(result.wait_s.mean, expected, 0.03 * expected) << load;
    EXPECT_NEAR(result.utilisation, load, 0.01) << load;
  }
}

TEST(Simulate, OneServerOfAnyTimeWaitsAsPollaczekAndKhinchineSay) {
  const auto trace = poisson_trace(0.7, 600'000, {.prompt = {.mean = 1}, .output = {.mean = 400, .variation = 1.2}}, 3).value();
  const double step = 1.0 / 400;
  double sum = 0, squares = 0;
  for (const auto& request : trace.requests) sum += request.output * step, squares += std::pow(request.output * step, 2);
  const auto count = static_cast<double>(trace.requests.size()), load = 0.7 * sum / count;
  const auto expected = 0.7 * squares / count / (2 * (1 - load));
  EXPECT_NEAR(simulate(trace, servers(1, step), {})->wait_s.mean, expected, 0.03 * expected);
}

TEST(Simulate, SeveralServersWaitAsErlangSays) {
  for (const std::uint32_t count : {2U, 8U, 32U}) {
    const double load = 0.8, offered = load * count;  // service time 1
    double blocked = 1;                               // Erlang B by its recursion, then C
    for (std::uint32_t k = 1; k <= count; ++k) blocked = offered * blocked / (k + offered * blocked);
    const auto waits = blocked / (1 - load * (1 - blocked)), expected = waits / (count * (1 - load));
    const auto trace = arrivals(offered, 600'000, 1000, true, 5);
    const auto result = simulate(trace, servers(count, 0.001), {.keep_outcomes = true}).value();
    EXPECT_NEAR(result.wait_s.mean, expected, 0.05 * expected + 0.0006) << count;  // a step's half is waited for in any case
    double waited = 0;
    for (std::size_t i = 0; i < trace.requests.size(); ++i) waited += result.outcomes[i].admitted_s - trace.requests[i].arrival_s > 0.001 ? 1 : 0;
    EXPECT_NEAR(waited / 600'000, waits, 0.02) << count;
    EXPECT_NEAR(result.utilisation * result.mean_batch, offered, 0.01 * offered) << "offered load is carried";
  }
}

TEST(Simulate, LittlesLawHolds) {
  const ServiceModel model{.overhead_s = 1e-3, .dense_s = 8e-3, .kv_token_s = 2e-8, .token_s = 4e-5, .sequences = 16, .kv_tokens = 40'000};
  const auto trace = poisson_trace(9, 40'000, {.prompt = {.mean = 800, .variation = 1}, .output = {.mean = 150, .variation = 0.8}}, 3).value();
  const auto result = simulate(trace, model, {.replicas = 3, .keep_outcomes = true}).value();
  double served = 0;
  for (const auto& outcome : result.outcomes) served += outcome.done_s - outcome.admitted_s;
  EXPECT_NEAR(result.mean_batch * result.utilisation * 3 * result.seconds, served, 1e-6 * served) << "sequences over the phases' time are the requests' time";
  EXPECT_NEAR(result.mean_queue, result.requests_per_s * result.wait_s.mean, 1e-9);
  EXPECT_NEAR(result.latency_s.mean * result.requests_per_s, result.mean_queue + result.mean_batch * result.utilisation * 3, 1e-6);
}

TEST(Simulate, NoWorkIsLostOrMade) {
  const auto trace = arrivals(0.5, 10'000, 20, true, 9);
  const auto result = simulate(trace, servers(1, 0.05), {}).value();
  double outputs = 0;
  for (const auto& request : trace.requests) outputs += request.output;
  EXPECT_NEAR(result.output_tokens_per_s * result.seconds, outputs, 1e-6);
  EXPECT_NEAR(result.utilisation * result.seconds, outputs * 0.05, 1e-6) << "one server is busy for just the work";
}

TEST(Simulate, ALoneRequestTakesItsSteps) {
  const ServiceModel model{.overhead_s = 0.001, .sequence_s = 0.0005, .dense_s = 0.01, .kv_token_s = 1e-6, .token_s = 1e-4, .step_tokens = 256};
  const Trace trace{.name = "one", .requests = {{.arrival_s = 5, .prompt = 1000, .output = 3, .cached = 200}}};
  const auto result = simulate(trace, model, {}).value();
  const auto prefill = 3 * (0.001 + 256 * 1e-4) + 0.001 + 0.01;  // 800 tokens: 256 × 3, then 32, which memory bounds
  const auto decode = 2 * (0.001 + 0.0005 + 0.01) + (1001 + 1002) * 1e-6;
  EXPECT_NEAR(result.ttft_s.p95, prefill, 1e-12);
  EXPECT_NEAR(result.latency_s.p50, prefill + decode, 1e-12);
  EXPECT_NEAR(result.tpot_s.p50, decode / 2, 1e-12);
}

TEST(Simulate, WhatCanNeverFitIsRefusedAndCounted) {
  const ServiceModel model{.dense_s = 0.01, .kv_tokens = 1000};
  const Trace trace{.name = "t", .requests = {{.prompt = 900, .output = 100}, {.prompt = 900, .output = 101}, {.prompt = 950, .output = 101, .cached = 51}}};
  const auto result = simulate(trace, model, {.keep_outcomes = true}).value();
  EXPECT_EQ(result.refused, 1U);
  EXPECT_EQ(result.outcomes[1].done_s, 0);
  EXPECT_GT(result.outcomes[2].done_s, result.outcomes[0].done_s) << "what fits waits for room";
  EXPECT_NEAR(result.goals_met, 2.0 / 3, 1e-12);
  EXPECT_EQ(simulate(trace, model, {.resident_tokens = 100})->refused, 3U);
}

TEST(Simulate, GoalsAndWarmUpDecideWhatCounts) {
  const auto trace = arrivals(0.5, 1000, 1, false, 4);
  const auto all = simulate(trace, servers(1, 1), {.goals = {.ttft_p95_s = 1.0}, .keep_outcomes = true}).value();
  double met = 0;
  for (std::size_t i = 0; i < 1000; ++i) met += all.outcomes[i].first_token_s - trace.requests[i].arrival_s <= 1.0 ? 1 : 0;
  EXPECT_NEAR(all.goals_met, met / 1000, 1e-12);
  const auto later = simulate(trace, servers(1, 1), {.warmup_s = 1000}).value();
  EXPECT_EQ(static_cast<std::ptrdiff_t>(later.counted),
            std::ranges::count_if(trace.requests, [&](const Request& r) { return r.arrival_s >= trace.requests[0].arrival_s + 1000; }));
  EXPECT_EQ(later.requests, 1000U);
}

TEST(Simulate, SteadyRatesLeaveOutTheFillingAndTheEmptying) {
  const auto trace = arrivals(6, 2000, 1000, true, 4);  // ten servers of one second each
  const auto steady = simulate(trace, servers(10, 0.001), {.warmup_s = 20, .steady = true}).value(), whole = simulate(trace, servers(10, 0.001), {}).value();
  EXPECT_NEAR(steady.seconds, trace.seconds() - 20, 1e-9);
  EXPECT_NEAR(steady.requests_per_s, 6, 0.3);
  EXPECT_NEAR(steady.utilisation * steady.mean_batch, steady.requests_per_s, 0.3) << "servers that are busy, of one second each";
  EXPECT_GT(whole.seconds, trace.seconds());
}

TEST(Simulate, TheLeastLoadedReplicaIsBetterThanTakingTurns) {
  const auto trace = arrivals(6.4, 100'000, 100, true, 4);
  const auto least = simulate(trace, servers(1, 0.01), {.replicas = 8}).value(),
             turns = simulate(trace, servers(1, 0.01), {.replicas = 8, .dispatch = Dispatch::kRoundRobin}).value();
  EXPECT_LT(least.wait_s.mean, 0.7 * turns.wait_s.mean);
  EXPECT_GT(simulate(trace, servers(1, 0.01), {.replicas = 9})->goals_met, 0.99);
}

TEST(Simulate, PercentilesAreThoseOfTheSortedValues) {
  const auto trace = poisson_trace(3, 997, {.prompt = {.mean = 300, .variation = 1}, .output = {.mean = 30, .variation = 1}}, 8).value();
  const auto result = simulate(trace, {.dense_s = 0.01, .token_s = 1e-4, .sequences = 4}, {.keep_outcomes = true}).value();
  std::vector<double> ttft;
  for (std::size_t i = 0; i < 997; ++i) ttft.push_back(result.outcomes[i].first_token_s - trace.requests[i].arrival_s);
  std::ranges::sort(ttft);
  EXPECT_DOUBLE_EQ(result.ttft_s.p50, ttft[498]);
  EXPECT_DOUBLE_EQ(result.ttft_s.p95, ttft[947]);
  EXPECT_DOUBLE_EQ(result.ttft_s.p99, ttft[987]);
  EXPECT_DOUBLE_EQ(result.ttft_s.largest, ttft.back());
}

TEST(Simulate, NonsenseIsRefusedInWords) {
  const Trace trace{.name = "t", .requests = {{.prompt = 1, .output = 1}}};
  const ServiceModel model{.dense_s = 0.01};
  const auto with = [&](auto change) {
    auto copy = model;
    change(copy);
    const auto result = simulate(trace, copy, {});
    return result ? std::string("accepted") : result.error().message;
  };
  EXPECT_THAT(with([](ServiceModel& m) { m.dense_s = 0; }), HasSubstr("no time"));
  EXPECT_THAT(with([](ServiceModel& m) { m.dense_s = std::nan(""); }), HasSubstr("nan"));
  EXPECT_THAT(with([](ServiceModel& m) { m.token_s = -1; }), HasSubstr("-1"));
  EXPECT_THAT(with([](ServiceModel& m) { m.sequences = 0; }), HasSubstr("sequences"));
  EXPECT_THAT(with([](ServiceModel& m) { m.step_tokens = 0; }), HasSubstr("prompt tokens"));
  EXPECT_THAT(with([](ServiceModel& m) { m.kv_tokens = INFINITY; }), HasSubstr("cache"));
  EXPECT_THAT(with([](ServiceModel& m) { m.expert_share = 2; }), HasSubstr("experts"));
  EXPECT_FALSE(simulate({.name = "empty"}, model, {}));
  EXPECT_FALSE(simulate(trace, model, {.replicas = 0}));
  EXPECT_FALSE(simulate(trace, model, {.replicas = kMostReplicas + 1}));
  EXPECT_FALSE(simulate(trace, model, {.resident_tokens = 1e12}));
  EXPECT_THAT(simulate({.name = "t", .requests = {{.arrival_s = 2, .prompt = 1, .output = 1}, {.arrival_s = 1, .prompt = 1, .output = 1}}}, model, {}).error().message,
              HasSubstr("out of order"));
  EXPECT_FALSE(simulate({.name = "t", .requests = {{.prompt = 1, .output = 0}}}, model, {}));
  EXPECT_FALSE(simulate({.name = "t", .requests = {{.prompt = 1, .output = 1, .cached = 1}}}, model, {}));
}

}  // namespace
}  // namespace siyu::planner
