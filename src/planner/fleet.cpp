#include "planner/fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <map>
#include <set>

#include "planner/fleet/load.h"
#include "planner/ranges.h"

namespace siyu::planner {
namespace {

constexpr std::size_t kAloneRequests = 2'000, kBacklogRequests = 4'000;
constexpr double kAloneGap = 1e5;                           // seconds between requests that shall not meet
constexpr std::size_t kMostRunRequests = 200'000;           // a larger fleet is reckoned as several equal ones: without their help for each other
constexpr double kWarmupLatencies = 4, kRunLatencies = 10;  // of a loaded replica's answers: until the fleet has filled, and watched then
constexpr double kClear = 1.5, kClearRequests = 8'000;      // so far from a goal one run of so many requests decides
constexpr std::size_t kMostKept = 8;                        // traces of a load: the usual runs, 5 MB each at most
constexpr double kRefusedShare = 0.05;                      // more, and the p95 is not met by anybody's patience

/// The mean over the runs and half of its 95 % confidence interval.
struct Estimate {
  double mean = 0, error = 0;
};

Estimate estimate_of(const std::vector<Simulation>& runs, double (*value)(const Simulation&)) {
  const auto count = static_cast<double>(runs.size());
  Estimate out;
  for (const auto& run : runs) out.mean += value(run) / count;
  if (runs.size() < 2) return out;
  double squares = 0;
  for (const auto& run : runs) squares += (value(run) - out.mean) * (value(run) - out.mean);
  const boost::math::students_t student(count - 1);
  out.error = boost::math::quantile(student, 0.975) * std::sqrt(squares / (count - 1) / count);
  return out;
}

/// Asks the simulation how many replicas are enough.
class Search {
 public:
  Search(const FleetQuestion& question, const Load& load) : question_(question), load_(load) {}

  Status measure_one_replica() {
    ASSIGN_OR_RETURN(auto trace, requests_of(load_, question_, load_.peak, kAloneRequests, 0));
    if (trace.requests.size() > kBacklogRequests * 25) trace.requests.resize(kBacklogRequests * 25);
    const auto refused = std::ranges::count_if(
        trace.requests, [&](const Request& r) { return r.prompt - r.cached + static_cast<double>(r.output) > question_.replica.kv_tokens - resident(); });
    refused_share_ = static_cast<double>(refused) / static_cast<double>(trace.requests.size());
    for (std::size_t i = 0; i < trace.requests.size(); ++i) trace.requests[i].arrival_s = kAloneGap * static_cast<double>(i);
    ASSIGN_OR_RETURN(alone_, simulate(trace, question_.replica, {.resident_tokens = resident()}));
    loaded_latency_s_ = alone_.latency_s.mean;
    if (refused_share_ > kRefusedShare) return {};
    return measure_saturation();
  }
  const Simulation& alone() const { return alone_; }
  double refused_share() const { return refused_share_; }
  double saturated_rate() const { return saturated_rate_; }
  std::uint32_t fewest_by_capacity(double rate) const {
    return static_cast<std::uint32_t>(std::clamp(std::ceil(rate / saturated_rate_ - 1e-9), 1.0, kMostReplicas + 1.0));
  }

  /// The fewest replicas, from `from` on, that meet the goals at a rate. The search begins at `likely`, which changes nothing but its time.
  Result<std::uint32_t> fewest(double rate, std::uint32_t from, std::uint32_t likely) {
    if (from > kMostReplicas) return too_many(rate);
    const auto parts = this->parts(rate);
    ASSIGN_OR_RETURN(const auto part, fewest_of_a_part(rate / parts, (from + parts - 1) / parts, (likely + parts - 1) / parts));
    if (std::uint64_t{part} * parts > kMostReplicas) return too_many(rate);
    return part * parts;
  }

  /// What users see with so many replicas.
  Result<FleetPoint> point(double rate, std::uint32_t replicas) {
    const auto parts = this->parts(rate);
    ASSIGN_OR_RETURN(auto point, point_of_a_part(rate / parts, std::max(1U, replicas / parts)));
    point.replicas = replicas;
    point.requests_per_s = rate;
    point.concurrency *= parts;
    point.output_tokens_per_s *= parts;
    return point;
  }

  /// Equal fleets with a part of the load each, of which one is simulated.
  std::uint32_t parts(double rate) const {
    if (load_.trace != nullptr) return 1;
    return static_cast<std::uint32_t>(std::clamp(std::ceil(watched_requests(rate) / static_cast<double>(kMostRunRequests)), 1.0, kMostReplicas + 1.0));
  }
  std::size_t requests_of_a_run(double rate) const { return load_.trace != nullptr ? load_.trace->requests.size() : static_cast<std::size_t>(wanted_requests(rate)); }

 private:
  double resident() const { return load_.trace == nullptr ? load_.shape.shared_prefix : 0; }
  double warmup() const { return load_.trace == nullptr ? kWarmupLatencies * loaded_latency_s_ : 0; }
  double watched_requests(double rate) const { return (kRunLatencies + kWarmupLatencies) * loaded_latency_s_ * rate; }
  double wanted_requests(double rate) const { return std::max(watched_requests(rate), question_.effort.requests + warmup() * rate); }

  Result<std::uint32_t> fewest_of_a_part(double rate, std::uint32_t from, std::uint32_t likely) {
    const auto most = static_cast<std::uint32_t>(std::min<double>(kMostReplicas, 4 * rate * alone_.latency_s.mean + 16 + from));
    const auto begin = std::clamp(likely, from, most);
    std::uint32_t failed = from - 1, good = begin;
    for (std::uint32_t stride = std::max(1U, begin > from ? begin / 128 : from / 32);; stride *= 2) {
      ASSIGN_OR_RETURN(const auto meets, this->meets(rate, good));
      if (meets) break;
      if (good >= most) return too_close(good);
      failed = good;
      good = std::min(most, good + stride);
    }
    for (std::uint32_t stride = std::max(1U, begin / 128); good <= begin && good - failed > 1; stride *= 2) {  // what was likely is enough: fewer may be
      const auto fewer = good - std::min(stride, good - failed - 1);
      ASSIGN_OR_RETURN(const auto meets, this->meets(rate, fewer));
      (meets ? good : failed) = fewer;
      if (!meets) break;
    }
    while (good - failed > 1) {
      const auto middle = failed + (good - failed) / 2;
      ASSIGN_OR_RETURN(const auto meets, this->meets(rate, middle));
      (meets ? good : failed) = middle;
    }
    return good;
  }

  Result<FleetPoint> point_of_a_part(double rate, std::uint32_t replicas) {
    ASSIGN_OR_RETURN(const auto runs, run(rate, replicas, question_.effort.runs));
    const auto of = [&](double (*value)(const Simulation&)) { return estimate_of(runs, value); };
    const auto ttft = of([](const Simulation& s) { return s.ttft_s.p95; }), tpot = of([](const Simulation& s) { return s.tpot_s.p95 * 1000; });
    FleetPoint point{
        .replicas = replicas, .requests_per_s = rate, .ttft_p95_s = ttft.mean, .tpot_p95_ms = tpot.mean, .ttft_p95_error_s = ttft.error, .tpot_p95_error_ms = tpot.error};
    point.ttft_p50_s = of([](const Simulation& s) { return s.ttft_s.p50; }).mean, point.ttft_p99_s = of([](const Simulation& s) { return s.ttft_s.p99; }).mean;
    point.tpot_p50_ms = of([](const Simulation& s) { return s.tpot_s.p50 * 1000; }).mean,
    point.tpot_p99_ms = of([](const Simulation& s) { return s.tpot_s.p99 * 1000; }).mean;
    point.latency_p95_s = of([](const Simulation& s) { return s.latency_s.p95; }).mean;
    point.utilisation = of([](const Simulation& s) { return s.utilisation; }).mean, point.mean_batch = of([](const Simulation& s) { return s.mean_batch; }).mean;
    point.output_tokens_per_s = of([](const Simulation& s) { return s.output_tokens_per_s; }).mean;
    point.goals_met = of([](const Simulation& s) { return s.goals_met; }).mean;
    point.refused = of([](const Simulation& s) { return s.counted > 0 ? static_cast<double>(s.refused) / static_cast<double>(s.counted) : 0; }).mean;
    point.concurrency = rate * of([](const Simulation& s) { return s.latency_s.mean; }).mean;
    point.meets_goals = ttft.mean <= *load_.goals.ttft_p95_s && tpot.mean <= *load_.goals.tpot_p95_ms;
    return point;
  }

  /// Requests a second of one replica that is never without work: the middle of a long backlog, without its beginning and end.
  Status measure_saturation() {
    const auto count = std::max<std::size_t>(kBacklogRequests, 20 * std::size_t{question_.replica.sequences});
    ASSIGN_OR_RETURN(auto trace, requests_of(load_, question_, load_.peak, std::min<std::size_t>(count, 25 * kBacklogRequests), 0));
    for (auto& request : trace.requests) request.arrival_s = 0;
    ASSIGN_OR_RETURN(const auto backlog, simulate(trace, question_.replica, {.resident_tokens = resident(), .keep_outcomes = true}));
    std::vector<double> done;
    for (const auto& outcome : backlog.outcomes)
      if (outcome.done_s > 0) done.push_back(outcome.done_s);
    std::ranges::sort(done);
    const auto from = done.size() / 5, to = done.size() * 4 / 5;
    const auto middle = done[to] - done[from];
    saturated_rate_ = middle > 0 ? static_cast<double>(to - from) / middle : backlog.requests_per_s;
    const auto at_goals = *load_.goals.ttft_p95_s + *load_.goals.tpot_p95_ms / 1000 * backlog.output_tokens_per_s / backlog.requests_per_s;
    loaded_latency_s_ = std::max(alone_.latency_s.mean, std::min(at_goals, backlog.mean_batch / saturated_rate_));
    return {};
  }

  /// The same requests for each number of replicas: kept while the rate does not change.
  Result<const Trace*> trace_of(double rate, std::uint32_t run) {
    if (rate != traced_rate_) traces_.clear();
    traced_rate_ = rate;
    if (const auto known = traces_.find(run); known != traces_.end()) return &known->second;
    if (traces_.size() == kMostKept) traces_.clear();
    ASSIGN_OR_RETURN(auto made, requests_of(load_, question_, rate, requests_of_a_run(rate), run));
    return &traces_.emplace(run, std::move(made)).first->second;
  }

  Result<std::vector<Simulation>> run(double rate, std::uint32_t replicas, std::uint32_t count) {
    if (load_.trace != nullptr && (question_.rescale == Rescale::kCompress || rate >= load_.trace->rate())) count = 1;  // each would be the same
    auto& runs = runs_[{rate, replicas}];
    for (auto i = static_cast<std::uint32_t>(runs.size()); i < count; ++i) {
      if (question_.stop.stop_requested()) return fail(ErrorCode::kCancelled, "The plan was given up before it was made");
      ASSIGN_OR_RETURN(const auto* trace, trace_of(rate, i));
      ASSIGN_OR_RETURN(auto result, simulate(*trace, question_.replica,
                                             {.replicas = replicas,
                                              .dispatch = question_.dispatch,
                                              .warmup_s = warmup(),
                                              .steady = load_.trace == nullptr,
                                              .resident_tokens = resident(),
                                              .goals = load_.goals}));
      runs.push_back(std::move(result));
    }
    return runs;
  }

  Result<bool> meets(double rate, std::uint32_t replicas) {
    ASSIGN_OR_RETURN(const auto first, run(rate, replicas, 1));
    const auto used = std::max(first[0].ttft_s.p95 / *load_.goals.ttft_p95_s, first[0].tpot_s.p95 * 1000 / *load_.goals.tpot_p95_ms);
    // Runs scatter by one over the root of their requests: long ones are clear nearer to the goal.
    const auto clear = 1 + (kClear - 1) * std::sqrt(std::min(1.0, kClearRequests / static_cast<double>(requests_of_a_run(rate))));
    if (used > clear || used < 1 / clear) return used < 1;
    ASSIGN_OR_RETURN(const auto all, point_of_a_part(rate, replicas));
    return all.meets_goals;
  }

  std::unexpected<Error> too_many(double rate) const {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{} requests a second need more than {} of these replicas, which answer {} a second each; take more or faster cards for a replica",
                            readable(rate), kMostReplicas, readable(saturated_rate_)));
  }
  std::unexpected<Error> too_close(std::uint32_t replicas) const {
    return fail(
        ErrorCode::kUnsupported,
        fmt::format(
            "Not even {} replicas meet the goals (first token {:.3g} s, then {:.3g} ms a token at p95): they are too close to what a request alone takes, {:.3g} s "
            "and {:.3g} ms. Loosen the goals, or take more or faster cards for a replica",
            replicas, *load_.goals.ttft_p95_s, *load_.goals.tpot_p95_ms, alone_.ttft_s.p95, alone_.tpot_s.p95 * 1000));
  }

  const FleetQuestion& question_;
  const Load& load_;
  Simulation alone_;
  double refused_share_ = 0, saturated_rate_ = 0, loaded_latency_s_ = 0;
  std::map<std::pair<double, std::uint32_t>, std::vector<Simulation>> runs_;
  double traced_rate_ = 0;
  std::map<std::uint32_t, Trace> traces_;  ///< of that rate, by run
};

/// What no number of replicas can change.
Status possible(const FleetQuestion& question, const Load& load, const Search& search) {
  if (search.refused_share() > kRefusedShare)
    return fail(ErrorCode::kUnsupported, fmt::format("{:.0f} % of the requests are longer than the {} tokens that a replica's cache holds; take more cards for a "
                                                     "replica, a smaller cache type or a shorter context",
                                                     100 * search.refused_share(), readable(question.replica.kv_tokens)));
  const auto ttft = search.alone().ttft_s.p95, tpot = search.alone().tpot_s.p95 * 1000;
  if (ttft > *load.goals.ttft_p95_s)
    return fail(ErrorCode::kUnsupported, fmt::format("No number of replicas gives the first token within {:.3g} s at p95: a request alone on a replica already takes "
                                                     "{:.3g} s, for computing its prompt. Take more or "
                                                     "faster cards for a replica, shorter prompts, or a goal over {:.3g} s",
                                                     *load.goals.ttft_p95_s, ttft, ttft));
  if (tpot > *load.goals.tpot_p95_ms)
    return fail(ErrorCode::kUnsupported, fmt::format("No number of replicas gives a token each {:.3g} ms at p95: a request alone on a replica already takes {:.3g} ms, "
                                                     "for reading the weights. Take more or faster "
                                                     "cards for a replica, a smaller weight type, or a goal over {:.3g} ms",
                                                     *load.goals.tpot_p95_ms, tpot, tpot));
  return {};
}

void count_hardware(const FleetQuestion& question, std::uint32_t cards_per_server, const Load& load, FleetYear& year) {
  year.replicas = static_cast<std::uint32_t>(std::ceil(year.needed * (1 + question.spare) - 1e-9));
  const auto per_server = cards_per_server / question.cards_per_replica;
  const auto servers_of_one = (question.cards_per_replica + cards_per_server - 1) / cards_per_server;
  const auto for_failover = (load.minimum_servers + servers_of_one - 1) / servers_of_one;  // a server without a replica takes nothing over
  year.replicas = std::max(year.replicas, for_failover);
  year.servers = per_server > 0 ? std::max((year.replicas + per_server - 1) / per_server, load.minimum_servers) : year.replicas * servers_of_one;
  year.cards = year.replicas * question.cards_per_replica;
}

/// Means only: no waiting, no scatter, no goal.
RuleOfThumb rule_of_thumb(const FleetQuestion& question, const Load& load, const Search& search) {
  const auto& model = question.replica;
  const auto prompt = load.mean_prompt, output = load.mean_output, cached = load.mean_cached;
  const auto batch = std::clamp(std::floor(model.kv_tokens / (prompt - cached + output)), 1.0, static_cast<double>(model.sequences));
  const auto decode = step_seconds(model, batch, 0, batch * (prompt + output / 2)) / batch * output;
  const auto prefill = step_seconds(model, 0, model.step_tokens, 0) / model.step_tokens * (prompt - cached);
  const auto whole = [](double value) { return static_cast<std::uint32_t>(std::clamp(std::ceil(value - 1e-9), 1.0, 4e9)); };
  const auto seconds = load.request_seconds.value_or(search.alone().latency_s.mean);
  return {.concurrency = load.peak * seconds,
          .by_concurrency = whole(load.peak * seconds / model.sequences),
          .replica_seconds = decode + prefill,
          .by_throughput = whole(load.peak * (decode + prefill))};
}

Status draw_curves(Search& search, FleetPlan& plan) {
  const auto& today = plan.years.front();
  std::set<std::uint32_t> replicas{today.needed, today.replicas};
  const auto from = std::max(search.fewest_by_capacity(today.requests_per_s), today.needed - std::min(today.needed - 1, std::max(3U, today.needed / 4)));
  const auto to = std::max(today.replicas + 2, today.needed * 3 / 2);
  for (std::uint32_t i = 0; i <= 6; ++i) replicas.insert(from + (to - from) * i / 6);
  for (const auto count : replicas) {
    ASSIGN_OR_RETURN(const auto point, search.point(today.requests_per_s, count));
    plan.by_replicas.push_back(point);
  }
  for (const auto share : {0.05, 0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95}) {
    ASSIGN_OR_RETURN(const auto point, search.point(search.saturated_rate() * share, 1));
    plan.by_load.push_back(point);
  }
  return {};
}

Words confidence_of(const FleetQuestion& question, const Load& load, Search& search, const FleetYear& today) {
  const auto& at = today.at_peak;
  if (load.trace != nullptr)
    return {fmt::format("One run over the {} requests of trace {}: how much another day would differ is not known.",
                        readable(static_cast<double>(load.trace->requests.size())), load.trace->name),
            fmt::format("对轨迹 {1} 的 {0} 个请求仿真一次；换一天会差多少无从得知。", readable(static_cast<double>(load.trace->requests.size())), load.trace->name)};
  const auto requests = readable(static_cast<double>(search.requests_of_a_run(today.requests_per_s / search.parts(today.requests_per_s))));
  if (question.effort.runs == 1)
    return {fmt::format("One run of {} requests: how much another one would differ is not known.", requests),
            fmt::format("仅仿真一次，共 {} 个请求；波动未知。", requests)};
  const auto clear = at.ttft_p95_s + at.ttft_p95_error_s <= *load.goals.ttft_p95_s && at.tpot_p95_ms + at.tpot_p95_error_ms <= *load.goals.tpot_p95_ms;
  const auto spared = today.replicas > today.needed;
  const Words verdict =
      clear    ? Words{"Both goals lie outside these intervals.", "两个目标均在区间之外。"}
      : spared ? Words{"A goal lies within its interval: one replica more may be needed; the spare covers it.", "有目标落在区间内：可能还需多一个副本，已由冗余覆盖。"}
               : Words{"A goal lies within its interval: one replica more may be needed.", "有目标落在区间内：可能还需多一个副本。"};
  const auto intervals_en = fmt::format("first token p95 {:.3g} ± {:.2g} s, time per token p95 {:.3g} ± {:.2g} ms (95 % confidence)", at.ttft_p95_s, at.ttft_p95_error_s,
                                        at.tpot_p95_ms, at.tpot_p95_error_ms);
  const auto intervals_zh = fmt::format("首词元时延 p95 {:.3g} ± {:.2g} 秒，每词元时延 p95 {:.3g} ± {:.2g} 毫秒（95% 置信）", at.ttft_p95_s, at.ttft_p95_error_s,
                                        at.tpot_p95_ms, at.tpot_p95_error_ms);
  return {fmt::format("{} runs of {} requests with different seeds, {} {}: {}. {}", question.effort.runs, requests, today.needed,
                      today.needed == 1 ? "replica" : "replicas", intervals_en, verdict.en),
          fmt::format("以不同随机种子仿真 {} 次，每次 {} 个请求，{} 个副本：{}。{}", question.effort.runs, requests, today.needed, intervals_zh, verdict.zh)};
}

std::vector<Input> inputs_of(const ServiceModel& model) {
  constexpr auto source = "the replica's step times";
  const auto time = [&](const char* name, double value) { return Input{.name = name, .value = value, .unit = "s", .source = source}; };
  const auto number = [&](const char* name, double value) { return Input{.name = name, .value = value, .source = source}; };
  return {time("overhead_s", model.overhead_s), time("prompt_step_s", model.prompt_step_s),       time("sequence_s", model.sequence_s), time("dense_s", model.dense_s), time("experts_s", model.experts_s),
          number("expert_share", model.expert_share), time("kv_token_s", model.kv_token_s), time("token_s", model.token_s), time("output_s", model.output_s), number("step_tokens", model.step_tokens),
          number("sequences", model.sequences),       number("kv_tokens", model.kv_tokens)};
}

void write_replica(const FleetQuestion& question, const Search& search, const FleetPlan& plan, Worksheet& sheet) {
  const auto inputs = inputs_of(question.replica);
  sheet.add({.id = "fleet.alone_ttft",
             .label = {"First token of a lone request, p95", "单个请求独占时首词元时延 p95"},
             .value = plan.alone_ttft_p95_s,
             .unit = "s",
             .formula = "p95 of simulated requests that never meet",
             .inputs = inputs});
  sheet.add({.id = "fleet.alone_tpot",
             .label = {"Time per token of a lone request, p95", "单个请求独占时每词元时延 p95"},
             .value = plan.alone_tpot_p95_ms,
             .unit = "ms",
             .formula = "p95 of simulated requests that never meet",
             .inputs = inputs});
  sheet.add({.id = "fleet.replica_rate",
             .label = {"Requests a second of a saturated replica", "单副本饱和吞吐"},
             .value = search.saturated_rate(),
             .unit = "requests/s",
             .formula = "simulated backlog: requests answered in its middle / their seconds",
             .inputs = inputs});
}

void write_year(const FleetQuestion& question, std::uint32_t cards_per_server, const Load& load, const Words& confidence, const FleetYear& year, Worksheet& sheet) {
  const auto id = [&](std::string_view name) { return fmt::format("fleet.year{}.{}", year.year, name); };
  const auto label = [&](std::string_view en, std::string_view zh) {
    return year.year == 0 ? Words{fmt::format("{}, today", en), fmt::format("当前{}", zh)}
                          : Words{fmt::format("{}, after year {}", en, year.year), fmt::format("第 {} 年末{}", year.year, zh)};
  };
  const auto number = [](const char* name, double value, const char* unit, const char* source) {
    return Input{.name = name, .value = value, .unit = unit, .source = source};
  };
  const Input spare = number("spare", question.spare, "", "default 20 % (R5.5) unless given");
  const Input failover = number("minimum_servers", load.minimum_servers, "servers", question.minimum_servers ? "given" : "user class of the catalogue; 1 without one");
  const auto figure = [&](std::string_view name, Words words, double value, const char* unit, const char* formula, std::vector<Input> inputs) {
    sheet.add({.id = id(name), .label = std::move(words), .value = value, .unit = unit, .formula = formula, .inputs = std::move(inputs)});
  };
  figure("rate", label("Requests a second at peak", "峰值每秒请求数"), year.requests_per_s, "requests/s", "peak × (1 + growth)^year",
         {sheet.input("load.peak", "peak"), sheet.input("load.growth", "growth"), {.name = "year", .value = static_cast<double>(year.year), .source = "the horizon"}});
  sheet.add({.id = id("needed"),
             .label = label("Replicas that meet the goals", "满足目标的最少副本数"),
             .value = year.needed,
             .unit = "replicas",
             .formula = "fewest n with simulated ttft_p95(n, rate) ≤ ttft_goal and tpot_p95(n, rate) ≤ tpot_goal",
             .inputs = {sheet.input(id("rate"), "rate"), sheet.input("goals.ttft", "ttft_goal"), sheet.input("goals.tpot", "tpot_goal")},
             .note = year.year == 0 ? std::optional(confidence) : std::nullopt});
  figure("replicas", label("Replicas with spare and failover", "含冗余与故障切换的副本数"), year.replicas, "replicas",
         "max(⌈needed × (1 + spare)⌉, one on each of minimum_servers)", {sheet.input(id("needed"), "needed"), spare, failover});
  figure("cards", label("Cards", "加速卡数"), year.cards, "cards", "replicas × cards_per_replica",
         {sheet.input(id("replicas"), "replicas"), number("cards_per_replica", question.cards_per_replica, "cards", "given")});
  const bool several = question.cards_per_replica > cards_per_server;
  figure("servers", label("Servers", "服务器数"), year.servers, "servers",
         several ? "replicas × ⌈cards_per_replica / cards_per_server⌉" : "max(⌈replicas / ⌊cards_per_server / cards_per_replica⌋⌉, minimum_servers)",
         {sheet.input(id("replicas"), "replicas"), number("cards_per_replica", question.cards_per_replica, "cards", "given"),
          number("cards_per_server", cards_per_server, "cards", "the appliance, or 8"), failover});
}

void write_rule_of_thumb(const FleetQuestion& question, const Load& load, const Search& search, const RuleOfThumb& rule, Worksheet& sheet) {
  const auto seconds = load.request_seconds.value_or(search.alone().latency_s.mean);
  sheet.add(
      {.id = "rule_of_thumb.concurrency",
       .label = {"Rule of thumb: requests at once", "经验法则：并发请求数"},
       .value = rule.concurrency,
       .unit = "requests",
       .formula = "peak × request_seconds",
       .inputs = {
           sheet.input("load.peak", "peak"),
           {.name = "request_seconds", .value = seconds, .unit = "s", .source = load.request_seconds ? "user class of the catalogue" : "a lone request, simulated"}}});
  sheet.add({.id = "rule_of_thumb.by_concurrency",
             .label = {"Rule of thumb: replicas by concurrency", "经验法则：按并发估算的副本数"},
             .value = rule.by_concurrency,
             .unit = "replicas",
             .formula = "⌈concurrency / sequences⌉",
             .inputs = {sheet.input("rule_of_thumb.concurrency", "concurrency"),
                        {.name = "sequences", .value = static_cast<double>(question.replica.sequences), .source = "the replica's step times"}}});
  sheet.add({.id = "rule_of_thumb.replica_seconds",
             .label = {"Replica time of a mean request, in a full batch", "满批时平均请求占用的副本时间"},
             .value = rule.replica_seconds,
             .unit = "s",
             .formula = "(prompt − cached) × step(0, step_tokens) / step_tokens + output × step(batch, 0) / batch",
             .inputs = inputs_of(question.replica)});
  sheet.add({.id = "rule_of_thumb.by_throughput",
             .label = {"Rule of thumb: replicas by mean tokens", "经验法则：按平均词元吞吐估算的副本数"},
             .value = rule.by_throughput,
             .unit = "replicas",
             .formula = "⌈peak × replica_seconds⌉",
             .inputs = {sheet.input("load.peak", "peak"), sheet.input("rule_of_thumb.replica_seconds", "replica_seconds")},
             .note = Words{"Knows neither waiting nor scatter nor the goals; for comparison only.", "不考虑排队、波动与时延目标，仅供对照。"}});
}

}  // namespace

Result<const UserClass*> user_class_of(const Catalogue& catalogue, double daily_active) {
  for (const auto& one : catalogue.user_classes)
    if (daily_active >= one.daily_active_from && (!one.daily_active_below || daily_active < *one.daily_active_below)) return &one;
  return not_found(fmt::format("The catalogue has no user class for {} daily active users; add one to appliances.yaml", daily_active));
}

Result<FleetPlan> plan_fleet(const FleetQuestion& question) {
  ASSIGN_OR_RETURN(const auto load, load_of(question));
  Search search(question, load);
  RETURN_IF_ERROR(search.measure_one_replica());
  RETURN_IF_ERROR(possible(question, load, search));
  FleetPlan plan{.peak_requests_per_s = load.peak,
                 .requests_per_day = load.requests_per_day,
                 .mean_prompt = load.mean_prompt,
                 .mean_output = load.mean_output,
                 .mean_cached = load.mean_cached,
                 .goals = load.goals,
                 .shape = load.shape,
                 .alone_ttft_p95_s = search.alone().ttft_s.p95,
                 .alone_tpot_p95_ms = search.alone().tpot_s.p95 * 1000,
                 .replica_requests_per_s = search.saturated_rate(),
                 .rule_of_thumb = rule_of_thumb(question, load, search)};
  std::uint32_t before = 1;
  const auto least = std::min(load.peak, range::kRequestsPerSecond.low);  // a use that shrinks to less is nobody's, and its gaps would swallow milliseconds
  for (std::uint32_t number = 0; number <= std::ceil(question.years); ++number) {
    FleetYear year{.year = number, .requests_per_s = std::max(least, load.peak * std::pow(1 + load.growth, number))};
    if (load.growth == 0 && number > 0) {
      year = plan.years.front();
      year.year = number;
    } else {
      // As many more as the load is than a year before.
      const auto likely = number == 0 ? question.likely : static_cast<std::uint32_t>(std::min<double>(kMostReplicas, std::ceil(plan.years.back().needed * (1 + load.growth))));
      ASSIGN_OR_RETURN(year.needed, search.fewest(year.requests_per_s, std::max(before, search.fewest_by_capacity(year.requests_per_s)), likely));
      ASSIGN_OR_RETURN(year.at_peak, search.point(year.requests_per_s, year.needed));
    }
    if (load.growth >= 0) before = year.needed;
    plan.years.push_back(year);
  }
  const auto per_server = question.cards_of_chosen_server ? question.cards_of_chosen_server(plan.years.front().at_peak.concurrency) : question.cards_per_server;
  for (auto& year : plan.years) count_hardware(question, per_server, load, year);
  if (search.refused_share() > 0)
    plan.warnings.push_back({fmt::format("{:.2g} % of the requests are longer than a replica's cache holds, and are refused.", 100 * search.refused_share()),
                             fmt::format("{:.2g}% 的请求超出单副本缓存容量，将被拒绝。", 100 * search.refused_share())});
  if (const auto parts = search.parts(load.peak); parts > 1)
    plan.warnings.push_back(
        {fmt::format("The load is too large to simulate as one: it is reckoned as {} equal fleets that do not help each other, which needs a little more.", parts),
         fmt::format("负载过大，按 {} 个互不支援的等份集群估算，结果略偏保守。", parts)});
  plan.confidence = confidence_of(question, load, search, plan.years.front());
  if (question.curves) RETURN_IF_ERROR(draw_curves(search, plan));
  auto sheet = load.sheet;
  write_replica(question, search, plan, sheet);
  for (const auto& year : plan.years) write_year(question, per_server, load, plan.confidence, year, sheet);
  write_rule_of_thumb(question, load, search, plan.rule_of_thumb, sheet);
  plan.figures = sheet.figures();
  return plan;
}

}  // namespace siyu::planner
