#include "serving/router.h"

#include <algorithm>
#include <numeric>

#include "engine/protocol.h"
#include "serving/routed_request.h"
#include "serving/shadow_copy.h"

namespace siyu::serving {
namespace {

constexpr Millis kLookAgain = Millis(20);             // of calls that block until a replica comes
constexpr Millis kSoonestHedge = Millis(500);         // a first token that late is slow by any measure
constexpr std::uint64_t kEnoughMeasured = 50;         // first tokens, before "slow" has a meaning
constexpr double kSlowReplica = 3;                    // times the middle of its siblings' first tokens …
constexpr double kSlowByMs = 200;                     // … and later by this much: it rests for a while
constexpr Millis kSmallCallLimit = std::chrono::seconds(30);

/// What is counted adds up; how long a step has taken does not.
void add(engine::WorkerStats& sum, const engine::WorkerStats& one) {
  boost::mp11::mp_for_each<boost::describe::describe_members<engine::WorkerStats, boost::describe::mod_public>>([&](auto member) {
    if constexpr (std::is_integral_v<std::remove_cvref_t<decltype(sum.*member.pointer)>>) sum.*member.pointer += one.*member.pointer;
  });
}

}  // namespace

bool another_may_answer(const Error& error) {
  switch (error.code) {
    case ErrorCode::kUnavailable:
    case ErrorCode::kInternal:
    case ErrorCode::kCorrupted:
    case ErrorCode::kResourceExhausted: return true;
    case ErrorCode::kNotFound: return error.reason == "model_not_found";  // an engine elsewhere does not know its model
    default: return false;
  }
}

bool speaks_against_replica(const Error& error) {
  if (error.reason == engine::kOverloaded || error.code == ErrorCode::kResourceExhausted) return false;
  return error.code == ErrorCode::kDeadlineExceeded || another_may_answer(error);
}

Result<std::unique_ptr<engine::GenerationStream>> Router::generate(engine::GenerateRequest request) {
  RETURN_IF_ERROR(engine::validate(request));
  const auto facts = facts_of(request);
  ++arrived_;
  note_use();
  copy_to_shadows(request, facts);
  const auto urgency = request.priority;
  std::shared_ptr<RoutedRequest> routed;
  {
    const std::lock_guard lock(mu_);
    if (closed_) return fail(ErrorCode::kUnavailable, "The model " + name_ + " is not served any more");
    if (waiting_ >= static_cast<std::int64_t>(max_waiting_))
      return fail_because(ErrorCode::kUnavailable, engine::kOverloaded, "The queue of " + name_ + " is full; try again in a few seconds");
    ++waiting_;
    const auto number = next_request_++;
    routed = std::make_shared<RoutedRequest>(shared_from_this(), number, std::move(request), facts);
    open_.emplace(std::pair(urgency, number), routed);
  }
  routed->send();
  if (auto fault = routed->fault()) return std::unexpected(*std::move(fault));
  return std::make_unique<RoutedStream>(std::move(routed));
}

bool Router::answers_at_once() const {
  const auto now = table();
  return std::ranges::all_of(now->versions, [](const auto& version) {
    return std::ranges::all_of(version.replicas, [](const auto& replica) {
      const auto engine = replica->engine();
      return !engine || engine->answers_at_once();
    });
  });
}

void Router::note_use() {
  touch();
  const std::lock_guard lock(mu_);
  retries_.on_request();
  hedges_.on_request();
}

std::shared_ptr<const Router::Table> Router::table() const {
  const std::lock_guard lock(mu_);
  return table_;
}

std::vector<VersionRoute> Router::versions() const { return table()->versions; }

void Router::set_versions(std::vector<VersionRoute> versions) {
  auto table = std::make_shared<Table>();
  for (const auto& version : versions) {
    std::vector<std::string> ids;
    for (const auto& replica : version.replicas) ids.push_back(replica->id());
    table->rings.emplace_back(ids);
  }
  table->versions = std::move(versions);
  std::shared_ptr<const Table> before;
  {
    const std::lock_guard lock(mu_);
    before = std::exchange(table_, std::move(table));
    changed_.notify_all();
  }
  poke_();
}

void Router::set_obstacle(std::string why, bool for_good) {
  const std::lock_guard lock(mu_);
  obstacle_ = std::move(why);
  hopeless_ = for_good;
}

Error Router::gave_up_waiting() const {
  const std::lock_guard lock(mu_);
  return {ErrorCode::kUnavailable, "No replica of " + name_ + " can answer now" + (obstacle_.empty() ? std::string() : ": " + obstacle_) + "; try again in a few seconds"};
}

std::set<std::string> Router::take_wanted() {
  const std::lock_guard lock(mu_);
  return std::exchange(wanted_, {});
}

bool Router::busy() const {
  if (waiting_ > 0) return true;
  const auto now = table();
  return std::ranges::any_of(now->versions, [](const auto& version) { return std::ranges::any_of(version.replicas, [](const auto& replica) { return replica->running() > 0; }); });
}

/// The version that the conversation belongs to, then those that may stand in for it. Those without its adapter do not count.
std::vector<std::size_t> Router::versions_for(const Table& table, const RequestFacts& facts) const {
  std::vector<std::size_t> order;
  std::vector<double> weights;
  for (const auto& version : table.versions) weights.push_back(version.has(facts.adapter) ? version.weight : 0);
  double at = as_fraction(stable_hash(name_, facts.conversation)) * std::accumulate(weights.begin(), weights.end(), 0.0);
  for (std::size_t i = 0; i < table.versions.size(); ++i) {
    if (weights[i] > 0 || (table.versions[i].standby && table.versions[i].has(facts.adapter))) order.push_back(i);
  }
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return std::pair(-table.versions[a].weight, a) < std::pair(-table.versions[b].weight, b); });
  for (std::size_t i = 0; i < table.versions.size(); ++i) {
    const double weight = weights[i];
    if (weight > 0 && at < weight) {
      std::erase(order, i);
      order.insert(order.begin(), i);
      break;
    }
    at -= weight;
  }
  return order;
}

std::optional<Router::Choice> Router::choose_in(const Table& table, std::size_t version, const RequestFacts& facts, std::span<const Tried> tried) const {
  const auto& route = table.versions[version];
  struct Candidate {
    bool may = false;
    std::int32_t restarts = 0;
    std::int64_t work = 0;
  };
  std::vector<Candidate> candidates(route.replicas.size());
  const auto consider = [&](bool resting) {
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const auto& replica = *route.replicas[i];
      const auto health = replica.health();
      candidates[i] = {.may = false, .restarts = health.restarts, .work = replica.work()};
      const bool was_tried = std::ranges::any_of(tried, [&](const Tried& one) { return one.replica == &replica && one.restarts == health.restarts; });
      candidates[i].may = !was_tried && Replica::ready(health, replica.local()) && (resting || replica.allowed());
    }
    return std::ranges::any_of(candidates, &Candidate::may);
  };
  // When all that live are resting, resting would help nobody.
  if (!consider(false) && !consider(true)) return std::nullopt;
  std::int64_t total = facts.work(), able = 0;
  for (const auto& one : candidates) {
    if (!one.may) continue;
    total += one.work;
    ++able;
  }
  const double part = static_cast<double>(total) / static_cast<double>(able);
  const double most = std::max(options_.bound * part, static_cast<double>(options_.affine_work));
  auto chosen = table.rings[version].find(facts.prefix, [&](std::size_t i) { return candidates[i].may && static_cast<double>(candidates[i].work + facts.work()) <= most; });
  if (!chosen) {
    for (std::size_t i = 0; i < candidates.size(); ++i)
      if (candidates[i].may && (!chosen || candidates[i].work < candidates[*chosen].work)) chosen = i;
  }
  return Choice{.replica = route.replicas[*chosen], .stats = route.stats, .restarts = candidates[*chosen].restarts};
}

Router::Verdict Router::choose(const RequestFacts& facts, std::span<const Tried> tried) {
  const auto now = table();
  const auto order = versions_for(*now, facts);
  if (!order.empty() && now->versions[order[0]].replicas.empty()) {
    const std::lock_guard lock(mu_);
    wanted_.insert(now->versions[order[0]].version);
  }
  for (const auto version : order)
    if (auto choice = choose_in(*now, version, facts, tried)) return {.choice = std::move(choice)};
  bool may_come = false;
  std::optional<Choice> failed;
  for (const auto version : order) {
    const auto& route = now->versions[version];
    may_come = may_come || (route.weight > 0 && route.replicas.empty());
    for (const auto& replica : route.replicas) {
      const auto health = replica->health();
      may_come = may_come || (replica->local() && (health.state == engine::EngineState::kStarting || health.state == engine::EngineState::kRestarting));
      const bool was_tried = std::ranges::any_of(tried, [&](const Tried& one) { return one.replica == replica.get(); });
      if (!was_tried && health.state == engine::EngineState::kFailed) failed = Choice{.replica = replica, .stats = route.stats, .restarts = health.restarts};
    }
  }
  // An engine elsewhere that was seen failing may have come back, and otherwise it says best what is wrong.
  if (!may_come && failed) return {.choice = std::move(failed)};
  const std::lock_guard lock(mu_);
  return {.choice = std::nullopt, .may_come = may_come && !hopeless_};
}

std::optional<Router::Choice> Router::choose_beside(const RequestFacts& facts, const Replica& first) {
  const auto now = table();
  for (std::size_t version = 0; version < now->versions.size(); ++version) {
    if (now->versions[version].version != first.version()) continue;
    const Tried tried{&first, first.health().restarts};
    auto choice = choose_in(*now, version, facts, std::span(&tried, 1));
    const bool sooner = choice && choice->replica->allowed() && choice->replica->work() < first.work();
    return sooner ? choice : std::nullopt;
  }
  return std::nullopt;
}

bool Router::take_retry() {
  const std::lock_guard lock(mu_);
  return retries_.take(clock_.steady_now());
}

bool Router::take_hedge() {
  const std::lock_guard lock(mu_);
  return hedges_.take(clock_.steady_now());
}

void Router::forget(std::int32_t urgency, std::uint64_t number) {
  std::shared_ptr<RoutedRequest> gone;  // ends after the lock is given back
  const std::lock_guard lock(mu_);
  const auto found = open_.find({urgency, number});
  if (found == open_.end()) return;
  gone = std::move(found->second);
  open_.erase(found);
}

void Router::close() {
  std::vector<std::shared_ptr<RoutedRequest>> open;
  std::vector<std::weak_ptr<ShadowCopy>> shadows;
  {
    const std::lock_guard lock(mu_);
    closed_ = true;
    for (const auto& [key, request] : open_) open.push_back(request);
    shadows = std::exchange(shadows_, {});
    shadows_to_send_.clear();
    changed_.notify_all();
  }
  for (const auto& request : open) request->give_up({ErrorCode::kUnavailable, "The model " + name_ + " was taken out of service"});
  for (const auto& weak : shadows)
    if (const auto shadow = weak.lock()) shadow->cancel();
}

void Router::pump() {
  send_shadows();
  if (waiting_ <= 0) return;
  std::vector<std::shared_ptr<RoutedRequest>> open;
  {
    const std::lock_guard lock(mu_);
    for (const auto& [key, request] : open_) open.push_back(request);
  }
  const auto now = table();
  const bool siblings = std::ranges::any_of(now->versions, [](const auto& version) { return version.replicas.size() > 1; });
  if (siblings) eject_slow_replicas();
  const auto hedge_after = siblings ? hedge_delay() : std::nullopt;
  for (const auto& request : open) request->tend(hedge_after);
}

std::optional<Millis> Router::hedge_delay() const {
  double slowest = 0;
  for (const auto& version : table()->versions) {
    const auto first = version.stats->figures().first_token;
    if (first.count() >= kEnoughMeasured) slowest = std::max(slowest, first.quantile_ms(0.95));
  }
  if (slowest == 0) return std::nullopt;
  return std::max(kSoonestHedge, Millis(static_cast<std::int64_t>(2 * slowest)));
}

void Router::eject_slow_replicas() const {
  for (const auto& version : table()->versions) {
    std::vector<double> times;
    for (const auto& replica : version.replicas)
      if (const double ms = replica->first_token_ms(); ms > 0 && replica->allowed()) times.push_back(ms);
    if (times.size() < 2) continue;
    std::ranges::sort(times);
    const double middle = times[(times.size() - 1) / 2];
    for (const auto& replica : version.replicas) {
      const double ms = replica->first_token_ms();
      if (ms <= kSlowReplica * middle || ms <= middle + kSlowByMs) continue;
      replica->eject();
      break;  // one at a time, so that the others are not judged by a load that moves to them
    }
  }
}

void Router::copy_to_shadows(const engine::GenerateRequest& request, const RequestFacts& facts) {
  const auto now = table();
  bool any = false;
  for (const auto& version : now->versions) {
    if (version.shadow <= 0 || !version.has(request.adapter) || as_fraction(stable_hash(version.version, facts.conversation + arrived_)) * 100 >= version.shadow) continue;
    const std::lock_guard lock(mu_);
    if (shadows_.size() + shadows_to_send_.size() >= options_.max_shadows) return;
    shadows_to_send_.emplace_back(version.version, request);
    any = true;
  }
  if (any) poke_();
}

void Router::send_shadows() {
  std::deque<std::pair<std::string, engine::GenerateRequest>> to_send;
  {
    const std::lock_guard lock(mu_);
    std::erase_if(shadows_, [](const auto& weak) { return weak.expired(); });
    to_send = std::exchange(shadows_to_send_, {});
  }
  const auto now = table();
  for (auto& [version, request] : to_send) {
    const auto facts = facts_of(request);
    for (std::size_t i = 0; i < now->versions.size(); ++i) {
      if (now->versions[i].version != version) continue;
      const auto choice = choose_in(*now, i, facts, {});
      if (!choice) break;  // nobody waits for a copy
      const auto shadow = std::make_shared<ShadowCopy>(choice->replica, choice->stats, facts.work(), clock_);
      {
        const std::lock_guard lock(mu_);
        shadows_.push_back(shadow);
      }
      shadow->start(std::move(request));
      break;
    }
  }
}

template <class T>
Result<T> Router::call(const RequestFacts& facts, Millis limit, const std::function<Result<T>(engine::Engine&)>& ask) {
  note_use();
  if (waiting_ >= static_cast<std::int64_t>(max_waiting_))
    return fail_because(ErrorCode::kUnavailable, engine::kOverloaded, "The queue of " + name_ + " is full; try again in a few seconds");
  ++waiting_;
  const auto leave = std::shared_ptr<void>(nullptr, [this](void*) { --waiting_; });
  const auto deadline = clock_.steady_now() + limit;
  std::vector<Tried> tried;
  std::optional<Error> last;
  for (;;) {
    const auto verdict = choose(facts, tried);
    if (verdict.choice) {
      const auto& replica = *verdict.choice->replica;
      tried.push_back({&replica, verdict.choice->restarts});
      const auto engine = replica.engine();
      verdict.choice->replica->on_sent(facts.work());
      auto answer = engine ? ask(*engine) : Result<T>(fail(ErrorCode::kUnavailable, "The replica " + replica.id() + " was stopped"));
      const bool faulty = !answer && speaks_against_replica(answer.error());
      verdict.choice->replica->on_ended(facts.work(), answer ? Outcome::kSuccess : faulty ? Outcome::kFailure : Outcome::kAbandoned);
      if (faulty) verdict.choice->stats->on_failure();
      if (answer || !another_may_answer(answer.error()) || tried.size() >= static_cast<std::size_t>(options_.attempts)) return answer;
      last = std::move(answer).error();
    } else if (!verdict.may_come) {
      return std::unexpected(last.value_or(gave_up_waiting()));
    } else {
      poke_();
      std::unique_lock lock(mu_);
      if (closed_ || clock_.steady_now() > deadline) {
        lock.unlock();
        return std::unexpected(last.value_or(gave_up_waiting()));
      }
      changed_.wait_for(lock, kLookAgain);
    }
  }
}

Result<engine::EmbedResult> Router::embed(const engine::EmbedRequest& request) {
  std::int64_t bytes = 0;
  for (const auto& text : request.texts) bytes += static_cast<std::int64_t>(text.size());
  const RequestFacts facts{.prefix = stable_hash(request.texts.empty() ? std::string_view() : request.texts[0]), .prompt_work = 1 + bytes / 4};
  ++arrived_;
  return call<engine::EmbedResult>(facts, request.timeout, [&](engine::Engine& engine) { return engine.embed(request); });
}

Result<engine::RerankResult> Router::rerank(const engine::RerankRequest& request) {
  std::int64_t bytes = static_cast<std::int64_t>(request.query.size());
  for (const auto& text : request.documents) bytes += static_cast<std::int64_t>(text.size());
  const RequestFacts facts{.prefix = stable_hash(request.query), .prompt_work = 1 + bytes / 4};
  ++arrived_;
  return call<engine::RerankResult>(facts, request.timeout, [&](engine::Engine& engine) { return engine.rerank(request); });
}

Result<engine::TranscribeResult> Router::transcribe(const engine::TranscribeRequest& request) {
  ++arrived_;
  return call<engine::TranscribeResult>({.prefix = stable_hash(request.filename)}, request.timeout, [&](engine::Engine& engine) { return engine.transcribe(request); });
}

Result<std::vector<engine::Token>> Router::tokenize(const std::string& text) {
  return call<std::vector<engine::Token>>({.prefix = stable_hash(text)}, kSmallCallLimit, [&](engine::Engine& engine) { return engine.tokenize(text); });
}

Result<std::int32_t> Router::count_prompt_tokens(const engine::GenerateRequest& request) {
  return call<std::int32_t>(facts_of(request), kSmallCallLimit, [&](engine::Engine& engine) { return engine.count_prompt_tokens(request); });
}

engine::ModelInfo Router::info() const {
  const auto now = table();
  for (const auto version : versions_for(*now, {})) {
    for (const auto& replica : now->versions[version].replicas) {
      const auto engine = replica->engine();
      if (!engine || !Replica::ready(replica->health(), replica->local())) continue;
      auto info = engine->info();
      info.name = name_;
      const std::lock_guard lock(mu_);
      last_info_ = info;
      return info;
    }
  }
  const std::lock_guard lock(mu_);
  return last_info_;
}

engine::EngineHealth Router::health() const {
  engine::EngineHealth all{.state = engine::EngineState::kStopped, .message = "The model " + name_ + " sleeps until its next request", .sandbox = {}};
  // From what keeps it from answering most to what does least.
  const auto rank = [](engine::EngineState state) {
    switch (state) {
      case engine::EngineState::kStopped: return 0;
      case engine::EngineState::kFailed: return 1;
      case engine::EngineState::kStarting: return 2;
      case engine::EngineState::kRestarting: return 3;
      case engine::EngineState::kReady: return 4;
    }
    return 0;
  };
  const auto now = table();
  for (const auto& version : now->versions) {
    for (const auto& replica : version.replicas) {
      auto one = replica->health();
      if (rank(one.state) > rank(all.state)) {
        all.state = one.state;
        all.message = one.message;
        all.load_progress = one.load_progress;
      }
      if (all.pid == 0) all.pid = one.pid;
      if (all.sandbox.empty()) all.sandbox = std::move(one.sandbox);
      all.restarts += one.restarts;
      add(all.stats, one.stats);
    }
  }
  return all;
}

}  // namespace siyu::serving
