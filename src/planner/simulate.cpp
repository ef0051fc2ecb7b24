#include "planner/simulate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace siyu::planner {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr std::uint32_t kMostRunning = 65'536;
constexpr std::uint32_t kMostStepTokens = 1'048'576;

/// Values by index, and the first index of the smallest: a tournament.
template <class T>
class Smallest {
 public:
  Smallest(std::size_t count, T value) : values_(count, value), leaves_(1) {
    while (leaves_ < count) leaves_ *= 2;
    winners_.assign(2 * leaves_, kNone);
    for (std::size_t i = 0; i < count; ++i) winners_[leaves_ + i] = static_cast<std::uint32_t>(i);
    for (std::size_t node = leaves_; node-- > 1;) winners_[node] = better(winners_[2 * node], winners_[2 * node + 1]);
  }
  std::uint32_t first() const { return winners_[1]; }
  T value() const { return values_[winners_[1]]; }
  T value(std::uint32_t index) const { return values_[index]; }
  void set(std::uint32_t index, T value) {
    values_[index] = value;
    for (auto node = (leaves_ + index) / 2; node >= 1; node /= 2) {
      const auto before = std::exchange(winners_[node], better(winners_[2 * node], winners_[2 * node + 1]));
      if (before != index && winners_[node] != index) return;  // nothing above can have changed
    }
  }

 private:
  static constexpr std::uint32_t kNone = ~0U;
  std::uint32_t better(std::uint32_t left, std::uint32_t right) const { return right == kNone || (left != kNone && !(values_[right] < values_[left])) ? left : right; }
  std::vector<T> values_;
  std::size_t leaves_;
  std::vector<std::uint32_t> winners_;
};

class Fifo {
 public:
  bool empty() const { return head_ == items_.size(); }
  std::size_t size() const { return items_.size() - head_; }
  std::uint32_t front() const { return items_[head_]; }
  auto begin() const { return items_.begin() + static_cast<std::ptrdiff_t>(head_); }
  auto end() const { return items_.end(); }
  void push(std::uint32_t item) { items_.push_back(item); }
  void pop() {
    if (++head_ < items_.size() && head_ < 64 + items_.size() / 2) return;
    items_.erase(items_.begin(), begin());
    head_ = 0;
  }

 private:
  std::vector<std::uint32_t> items_;
  std::size_t head_ = 0;
};

/// Steps that hold the same sequences: the i-th takes first + growth × i.
struct Phase {
  double begin = 0, end = kNever;
  double first = 0, growth = 0;
  std::uint64_t steps = 0;
  bool whole_chunks = false;  ///< every step's prompt tokens are a full chunk of one prompt, which does not end

  double seconds(std::uint64_t count) const {
    const auto n = static_cast<double>(count);
    return n * first + growth * n * (n - 1) / 2;
  }
  /// The fewest steps, at most all, that take `wanted` seconds or more.
  std::uint64_t steps_within(double wanted) const {
    if (wanted <= 0) return 0;
    const auto middle = first - growth / 2;  // growth/2 n² + middle n = wanted
    const auto guess = std::ceil(2 * wanted / (middle + std::sqrt(middle * middle + 2 * growth * wanted)));
    auto count = guess < static_cast<double>(steps) ? static_cast<std::uint64_t>(std::max(guess, 0.0)) : steps;
    while (count > 0 && seconds(count - 1) >= wanted) --count;
    while (count < steps && seconds(count) < wanted) ++count;
    return count;
  }
};

/// What the replicas share.
struct Run {
  const std::vector<Request>& requests;
  const ServiceModel& model;
  std::vector<Outcome> outcomes;
  std::vector<double> touched;   ///< share of the experts that so many tokens use
  double capacity = 0;           ///< tokens of a replica's cache that requests may take
  double from = 0, to = kNever;  ///< the time that is watched
  double busy_s = 0, batch_s = 0;
  std::uint32_t largest_batch = 0;
  std::uint64_t largest_queue = 0;

  double need(std::uint32_t request) const {
    const auto& r = requests[request];
    return static_cast<double>(r.prompt - r.cached) + r.output;
  }
};

class Replica {
 public:
  explicit Replica(const Run& run) : room_(run.capacity) {}

  double next_change() const { return phase_.end; }

  void arrive(Run& run, std::uint32_t request, double now) {
    const auto alone = waiting_.empty();
    waiting_.push(request);
    if (idle()) return plan(run, now);
    run.largest_queue = std::max<std::uint64_t>(run.largest_queue, waiting_.size());
    if (!alone || !fits(run, request)) return;  // it is not the next, or something must end first: the steps go on as they are
    const auto steps = phase_.steps_within(now - phase_.begin);
    if (steps >= phase_.steps) return;
    phase_.steps = steps;
    phase_.end = std::max(now, phase_.begin + phase_.seconds(steps));
  }

  /// The phase is over. Returns how many requests are done.
  std::uint32_t change(Run& run) {
    const auto now = phase_.end;
    const auto watched = std::max(0.0, std::min(now, run.to) - std::max(phase_.begin, run.from));
    run.busy_s += watched;
    run.batch_s += watched * running_;
    step_ += phase_.steps;
    contexts_ += static_cast<double>(phase_.steps) * static_cast<double>(decoding_.size());
    std::uint32_t done = 0;
    while (!decoding_.empty() && decoding_.front().last_step == step_) {
      const auto request = decoding_.front().request;
      std::ranges::pop_heap(decoding_, kSooner);
      decoding_.pop_back();
      contexts_ -= static_cast<double>(run.requests[request].prompt) + run.requests[request].output;
      leave(run, request, now);
      ++done;
    }
    if (phase_.whole_chunks) head_done_ += static_cast<std::uint32_t>(phase_.steps) * run.model.step_tokens;
    else if (phase_.steps > 0) done += prefill(run, now);
    plan(run, now);
    return done;
  }

 private:
  struct Decoding {
    std::uint64_t last_step = 0;  ///< of the replica, at whose end the answer is whole
    std::uint32_t request = 0;
  };
  static constexpr auto kSooner = [](const Decoding& a, const Decoding& b) { return a.last_step > b.last_step; };

  bool idle() const { return running_ == 0; }
  bool fits(const Run& run, std::uint32_t request) const { return running_ < run.model.sequences && run.need(request) <= room_; }

  void leave(Run& run, std::uint32_t request, double now) {
    run.outcomes[request].done_s = now;
    room_ += run.need(request);
    --running_;
  }

  /// A step's prompt tokens, which end at least the oldest prompt. Returns how many requests are done with their first token.
  std::uint32_t prefill(Run& run, double now) {
    std::uint32_t done = 0;
    for (auto budget = run.model.step_tokens; budget > 0 && !prefilling_.empty();) {
      const auto request = prefilling_.front();
      const auto& r = run.requests[request];
      const auto left = r.prompt - r.cached - head_done_;
      if (left > budget) {
        head_done_ += budget;
        break;
      }
      budget -= left;
      head_done_ = 0;
      prefilling_.pop();
      run.outcomes[request].first_token_s = now;
      if (r.output == 1) {
        leave(run, request, now);
        ++done;
        continue;
      }
      decoding_.push_back({step_ + r.output - 1, request});
      std::ranges::push_heap(decoding_, kSooner);
      contexts_ += static_cast<double>(r.prompt) + 1;
    }
    return done;
  }

  std::uint32_t prompt_tokens_of_a_step(const Run& run) const {
    auto budget = run.model.step_tokens;
    auto done = head_done_;
    for (const auto request : prefilling_) {
      budget -= std::min(budget, run.requests[request].prompt - run.requests[request].cached - std::exchange(done, 0));
      if (budget == 0) break;
    }
    return run.model.step_tokens - budget;
  }

  void plan(Run& run, double now) {
    while (!waiting_.empty() && fits(run, waiting_.front())) {
      const auto request = waiting_.front();
      waiting_.pop();
      prefilling_.push(request);
      run.outcomes[request].admitted_s = now;
      room_ -= run.need(request);
      ++running_;
    }
    run.largest_batch = std::max(run.largest_batch, running_);
    phase_.begin = now;
    phase_.end = kNever;
    if (idle()) return;
    const auto& model = run.model;
    phase_.steps = decoding_.empty() ? ~std::uint64_t{0} : decoding_.front().last_step - step_;
    phase_.whole_chunks = false;
    std::uint32_t prompt = 0;
    if (!prefilling_.empty()) {
      const auto& head = run.requests[prefilling_.front()];
      const auto left = head.prompt - head.cached - head_done_;
      phase_.whole_chunks = left > model.step_tokens;
      phase_.steps = std::min<std::uint64_t>(phase_.steps, phase_.whole_chunks ? (left - 1) / model.step_tokens : 1);
      prompt = phase_.whole_chunks ? model.step_tokens : prompt_tokens_of_a_step(run);
    }
    const auto decoding = static_cast<double>(decoding_.size()), tokens = decoding + prompt;
    auto weights = model.dense_s;
    if (!run.touched.empty()) weights += model.experts_s * run.touched[static_cast<std::size_t>(tokens)];
    phase_.first = model.overhead_s + (prompt > 0 ? model.prompt_step_s : 0) + model.sequence_s * decoding + model.kv_token_s * contexts_ +
                   std::max(weights, compute_seconds(model, decoding, prompt));
    phase_.growth = model.kv_token_s * decoding;
    phase_.end = now + phase_.seconds(phase_.steps);
  }

  Phase phase_;
  Fifo waiting_, prefilling_;       ///< oldest first; of the prefilling ones only the first may be begun
  std::uint32_t head_done_ = 0;     ///< prompt tokens of that one
  std::vector<Decoding> decoding_;  ///< heap: the first to end is in front
  std::uint64_t step_ = 0;
  double contexts_ = 0;  ///< tokens that the decoding ones read in their next step
  double room_;
  std::uint32_t running_ = 0;
};

Spread spread_of(std::vector<double>& values) {
  if (values.empty()) return {};
  Spread spread;
  for (const auto value : values) spread.mean += value;
  spread.mean /= static_cast<double>(values.size());
  auto from = values.begin();
  for (const auto& [share, out] : {std::pair(0.5, &spread.p50), std::pair(0.95, &spread.p95), std::pair(0.99, &spread.p99)}) {
    const auto rank = static_cast<std::ptrdiff_t>(std::ceil(share * static_cast<double>(values.size()))) - 1;
    const auto at = values.begin() + rank;
    if (at >= from) std::nth_element(from, at, values.end());
    *out = *at;
    from = at + 1;
  }
  spread.largest = from == values.end() ? values.back() : *std::max_element(from, values.end());
  spread.largest = std::max(spread.largest, spread.p99);
  return spread;
}

class Summary {
 public:
  Summary(const Trace& trace, const Run& run, const SimulationOptions& options) : trace_(trace), run_(run), options_(options) {}

  Simulation make() {
    Simulation out{.requests = trace_.requests.size(), .largest_batch = run_.largest_batch, .largest_queue = run_.largest_queue};
    double end = run_.from, waited = 0, answered = 0, prompts = 0, outputs = 0;
    std::uint64_t met = 0;
    for (std::size_t i = 0; i < trace_.requests.size(); ++i) {
      const auto& request = trace_.requests[i];
      const auto& outcome = run_.outcomes[i];
      const auto counts = counted(i);
      out.counted += counts ? 1 : 0;
      if (refused(i)) {
        out.refused += counts ? 1 : 0;
        continue;
      }
      if (counts && meets(i)) ++met;
      end = std::max(end, std::min(outcome.done_s, run_.to));
      waited += std::max(0.0, std::min(outcome.admitted_s, run_.to) - std::max(request.arrival_s, run_.from));
      if (outcome.done_s < run_.from || outcome.done_s > run_.to) continue;
      answered += 1, prompts += request.prompt, outputs += request.output;
    }
    out.seconds = end - run_.from;
    if (out.seconds > 0) {
      out.requests_per_s = answered / out.seconds, out.prompt_tokens_per_s = prompts / out.seconds, out.output_tokens_per_s = outputs / out.seconds;
      out.utilisation = run_.busy_s / (out.seconds * options_.replicas);
      out.mean_queue = waited / out.seconds;
    }
    if (run_.busy_s > 0) out.mean_batch = run_.batch_s / run_.busy_s;
    if (out.counted > 0) out.goals_met = static_cast<double>(met) / static_cast<double>(out.counted);
    out.ttft_s = spread([&](std::size_t i) { return run_.outcomes[i].first_token_s - arrival(i); });
    out.tpot_s = spread([&](std::size_t i) { return tpot(i); });
    out.latency_s = spread([&](std::size_t i) { return run_.outcomes[i].done_s - arrival(i); });
    out.wait_s = spread([&](std::size_t i) { return run_.outcomes[i].admitted_s - arrival(i); });
    return out;
  }

 private:
  double arrival(std::size_t i) const { return trace_.requests[i].arrival_s; }
  bool counted(std::size_t i) const { return arrival(i) >= trace_.requests.front().arrival_s + options_.warmup_s; }
  bool refused(std::size_t i) const { return run_.need(static_cast<std::uint32_t>(i)) > run_.capacity; }
  double tpot(std::size_t i) const {  ///< negative: one token only
    const auto& request = trace_.requests[i];
    return request.output == 1 ? -1 : (run_.outcomes[i].done_s - run_.outcomes[i].first_token_s) / (request.output - 1);
  }
  bool meets(std::size_t i) const {
    const auto& goals = options_.goals;
    return (!goals.ttft_p95_s || run_.outcomes[i].first_token_s - arrival(i) <= *goals.ttft_p95_s) && (!goals.tpot_p95_ms || tpot(i) * 1000 <= *goals.tpot_p95_ms);
  }
  template <class F>
  Spread spread(F value) {
    values_.clear();
    for (std::size_t i = 0; i < trace_.requests.size(); ++i)
      if (counted(i) && !refused(i))
        if (const auto one = value(i); one >= 0) values_.push_back(one);
    return spread_of(values_);
  }

  const Trace& trace_;
  const Run& run_;
  const SimulationOptions& options_;
  std::vector<double> values_;
};

Status check(const Trace& trace, const ServiceModel& model, const SimulationOptions& options) {
  RETURN_IF_ERROR(check(model));
  if (options.replicas < 1 || options.replicas > kMostReplicas)
    return invalid(fmt::format("From 1 to {} replicas can be simulated; {} were asked for", kMostReplicas, options.replicas));
  if (!(options.warmup_s >= 0 && options.warmup_s < kNever)) return invalid("The warm-up must have 0 seconds or more");
  if (!(options.resident_tokens >= 0 && options.resident_tokens < model.kv_tokens))
    return invalid(fmt::format("A shared prefix of {:.0f} tokens leaves no room in a cache of {:.0f}; shorten it or give the replica more memory",
                               options.resident_tokens, model.kv_tokens));
  if (trace.requests.empty() || trace.requests.size() > kMostRequests)
    return invalid(fmt::format("A trace to simulate has from 1 to {} requests; {} has {}", kMostRequests, trace.name, trace.requests.size()));
  double last = 0;
  for (const auto& request : trace.requests) {
    const auto sound = request.arrival_s >= last && request.arrival_s < 1e12 && request.prompt >= 1 && request.output >= 1 && request.cached < request.prompt &&
                       request.prompt <= kLargestRequest && request.output <= kLargestRequest;
    if (!sound) return invalid(fmt::format("Request {} of trace {} is out of order or its tokens are out of range", &request - trace.requests.data(), trace.name));
    last = request.arrival_s;
  }
  return {};
}

}  // namespace

Status check(const ServiceModel& model) {
  const std::array times = {model.overhead_s, model.prompt_step_s, model.sequence_s, model.dense_s, model.experts_s, model.kv_token_s, model.token_s, model.output_s};
  for (const auto time : times)
    if (!(time >= 0 && time <= 1e6)) return invalid(fmt::format("Times of a replica's step must be from 0 to a million seconds; one is {}", time));
  if (!(model.expert_share >= 0 && model.expert_share <= 1))
    return invalid(fmt::format("A token's share of the experts must be from 0 to 1; {} was given", model.expert_share));
  if (model.step_tokens < 1 || model.step_tokens > kMostStepTokens)
    return invalid(fmt::format("A step must prefill from 1 to {} prompt tokens; {} was given", kMostStepTokens, model.step_tokens));
  if (model.sequences < 1 || model.sequences > kMostRunning)
    return invalid(fmt::format("A replica must run from 1 to {} sequences; {} was given", kMostRunning, model.sequences));
  if (!(model.kv_tokens >= 1 && model.kv_tokens <= 1e15))
    return invalid(fmt::format("A replica's cache must hold from 1 to 10^15 tokens; {} was given", model.kv_tokens));
  if (!(step_seconds(model, 1, 0, 1) > 0 && step_seconds(model, 0, 1, 0) > 0))
    return invalid("A replica whose steps take no time cannot be simulated; give the time of a step");
  return {};
}

Result<Simulation> simulate(const Trace& trace, const ServiceModel& model, const SimulationOptions& options) {
  RETURN_IF_ERROR(check(trace, model, options));
  Run run{.requests = trace.requests, .model = model, .outcomes = std::vector<Outcome>(trace.requests.size()), .capacity = model.kv_tokens - options.resident_tokens};
  run.from = trace.requests.front().arrival_s + (options.steady ? options.warmup_s : 0);
  if (options.steady) run.to = std::max(run.from, trace.requests.back().arrival_s);
  if (model.expert_share > 0)
    for (std::uint32_t tokens = 0; tokens <= model.sequences + model.step_tokens; ++tokens) run.touched.push_back(1 - std::pow(1 - model.expert_share, tokens));
  std::vector<Replica> replicas(options.replicas, Replica(run));
  Smallest<double> changes(options.replicas, kNever);
  Smallest<std::uint64_t> loads(options.replicas, 0);
  const auto advance = [&](double until) {
    while (changes.value() <= until && changes.value() < kNever) {
      const auto at = changes.first();
      const auto done = replicas[at].change(run);
      if (done > 0) loads.set(at, loads.value(at) - done);
      changes.set(at, replicas[at].next_change());
    }
  };
  std::uint32_t turn = 0;
  for (std::uint32_t i = 0; i < trace.requests.size(); ++i) {
    if (run.need(i) > run.capacity) continue;
    const auto now = trace.requests[i].arrival_s;
    advance(now);
    const auto at = options.dispatch == Dispatch::kLeastLoaded ? loads.first() : turn++ % options.replicas;
    replicas[at].arrive(run, i, now);
    loads.set(at, loads.value(at) + 1);
    changes.set(at, replicas[at].next_change());
  }
  advance(kNever);
  auto summary = Summary(trace, run, options).make();
  if (options.keep_outcomes) summary.outcomes = std::move(run.outcomes);
  return summary;
}

}  // namespace siyu::planner
