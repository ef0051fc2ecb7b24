// How the replicas that run follow what a deployment is to be.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "serving/deployments.h"

namespace siyu::serving {
namespace {

constexpr Millis kFirstReplace = std::chrono::seconds(1);   // after a failed start, doubled with each one in a row
constexpr Millis kLongestReplace = std::chrono::minutes(1);
constexpr std::size_t kMaxSlots = 128;

double gib(std::uint64_t bytes) { return static_cast<double>(bytes) / (1ULL << 30); }

Millis pause_after(int failures) { return std::min(kLongestReplace, kFirstReplace * (1 << std::clamp(failures - 1, 0, 6))); }

}  // namespace

/// Notes what has become of each replica; one that has failed is kept, so that its reason can be read, until it is replaced.
void Deployments::look_at_replicas(Live& live) {
  const auto now = parts_.clock.steady_now();
  for (auto& [name, version] : live.versions) {
    for (auto& one : version.replicas) {
      if (one.draining_since || !one.replica->local()) continue;
      const auto health = one.replica->health();
      if (health.restarts > one.restarts_noted) {
        version.restarts += health.restarts - one.restarts_noted;
        one.restarts_noted = health.restarts;
        if (one.was_ready) note(live.spec.name, name, "replica_restarted", one.replica->id() + ": its process ended and is replaced");
      }
      if (health.state == engine::EngineState::kReady && !one.was_ready) {
        one.was_ready = true;
        version.failures = 0;
        live.router->set_obstacle({});
        live.obstacle.clear();
        note(live.spec.name, name, "replica_ready", one.replica->id() + " is ready");
      }
      if (health.state != engine::EngineState::kFailed) continue;
      if (!one.failure_noted) {
        one.failure_noted = true;
        ++version.failures;
        version.not_before = now + pause_after(version.failures);
        note(live.spec.name, name, "replica_failed", one.replica->id() + ": " + health.message);
      } else if (now >= version.not_before) {
        retire(one);
      }
    }
  }
}

std::size_t Deployments::wanted_replicas(const Live& live, const VersionSpec& version) const {
  if (live.asleep) return 0;
  const bool released = live.spec.release && live.spec.release->to == version.version;
  if (version.weight <= 0 && version.shadow <= 0 && !released && !stands_by(live, version)) return 0;
  if (!live.spec.autoscale || live.scaled <= 0) return static_cast<std::size_t>(version.replicas);
  return static_cast<std::size_t>(std::max(1.0, std::ceil(live.scaled * version.weight / 100)));
}

/// It had traffic before, and goes on until all that have it now are ready.
bool Deployments::stands_by(const Live& live, const VersionSpec& version) const {
  const auto before = live.spec.previous.find(version.version);
  const auto running = live.versions.find(version.version);
  if (version.weight > 0 || version.rejected || before == live.spec.previous.end() || before->second <= 0) return false;
  if (running == live.versions.end() || std::ranges::all_of(running->second.replicas, [](const auto& one) { return one.draining_since.has_value(); })) return false;
  return !std::ranges::all_of(live.spec.versions, [&](const auto& other) { return other.weight <= 0 || all_ready(live, other); });
}

bool Deployments::all_ready(const Live& live, const VersionSpec& version) const {
  const auto running = live.versions.find(version.version);
  if (running == live.versions.end()) return false;
  std::size_t local = 0, elsewhere = 0;
  for (const auto& one : running->second.replicas) {
    if (one.draining_since || !Replica::ready(one.replica->health(), one.replica->local())) continue;
    ++(one.replica->local() ? local : elsewhere);
  }
  const std::size_t wanted = !version.model ? 0 : live.spec.autoscale && live.scaled > 0 ? 1 : static_cast<std::size_t>(version.replicas);
  return local >= wanted && elsewhere >= version.engines.size();
}

void Deployments::follow(Live& live, bool may_evict, std::vector<std::string>* evicted) {
  for (const auto& version : live.spec.versions) {
    const auto wanted = wanted_replicas(live, version);
    auto& running = live.versions[version.version];
    if (version.model) {
      retire_surplus(running, wanted);
      start_missing(live, version, wanted, may_evict, evicted);
    }
    const bool released = live.spec.release && live.spec.release->to == version.version;
    follow_engines(live, version, version.weight > 0 || version.shadow > 0 || released || stands_by(live, version));
  }
  for (auto& [name, running] : live.versions) {
    if (live.spec.find(name) != nullptr) continue;
    for (auto& one : running.replicas) retire(one);
  }
  collect_drained(live);
}

void Deployments::retire_surplus(LiveVersion& version, std::size_t wanted) {
  std::vector<LiveReplica*> serving;
  for (auto& one : version.replicas)
    if (one.replica->local() && !one.draining_since) serving.push_back(&one);
  std::ranges::sort(serving, {}, &LiveReplica::slot);
  for (std::size_t i = wanted; i < serving.size(); ++i) retire(*serving[i]);
}

void Deployments::start_missing(Live& live, const VersionSpec& version, std::size_t wanted, bool may_evict, std::vector<std::string>* evicted) {
  auto& running = live.versions[version.version];
  if (parts_.clock.steady_now() < running.not_before) return;
  const auto serving = [](const LiveReplica& one) { return one.replica->local() && !one.draining_since; };
  auto there = static_cast<std::size_t>(std::ranges::count_if(running.replicas, serving));
  for (std::size_t slot = 0; there < wanted && slot < kMaxSlots; ++slot) {
    // A replacement takes the place of the one before it, and so its part of the prompts.
    if (std::ranges::any_of(running.replicas, [&](const auto& one) { return serving(one) && one.slot == slot; })) continue;
    const bool first = there == 0;
    auto started = start_local(live, version, slot, may_evict && first, evicted);
    if (!started) {
      const bool for_good = started.error().code != ErrorCode::kUnavailable;
      live.obstacle = started.error().message;
      live.router->set_obstacle(live.obstacle, for_good);
      // Nothing waits for it, and there is no room: its next request makes some.
      if (first && !may_evict && !for_good && live.spec.traffic()[version.version] > 0 && std::ranges::none_of(live.versions, [](const auto& entry) { return !entry.second.replicas.empty(); }))
        put_to_sleep(live, "asleep", "There is no memory for it now; its next request wakes it", true);
      if (for_good) running.not_before = parts_.clock.steady_now() + kLongestReplace;
      return;
    }
    running.replicas.push_back(*std::move(started));
    ++there;
  }
}

Result<Deployments::LiveReplica> Deployments::start_local(Live& live, const VersionSpec& version, std::size_t slot, bool may_evict, std::vector<std::string>* evicted) {
  ASSIGN_OR_RETURN(const auto plan, plan_of(version));
  ASSIGN_OR_RETURN(auto need, parts_.predict(plan));
  RETURN_IF_ERROR(make_room(live, need, may_evict, evicted));
  ASSIGN_OR_RETURN(auto engine, parts_.start(plan));
  const auto id = version.version + "-" + std::to_string(slot + 1);
  return LiveReplica{.replica = std::make_shared<Replica>(id, version.version, true, std::shared_ptr(std::move(engine)), parts_.clock), .source = *version.model, .slot = slot, .need = std::move(need)};
}

void Deployments::follow_engines(Live& live, const VersionSpec& version, bool wanted) {
  auto& running = live.versions[version.version];
  for (auto& one : running.replicas)
    if (!one.replica->local() && (!wanted || !(std::ranges::find(version.engines, one.source) != version.engines.end()))) retire(one);
  if (!wanted) return;
  for (const auto& name : version.engines) {
    if (std::ranges::any_of(running.replicas, [&](const auto& one) { return !one.replica->local() && !one.draining_since && one.source == name; })) continue;
    const auto record = parts_.remotes.get(*pass_, name);
    auto key = record ? parts_.remotes.key_of(*pass_, *record) : Result<Sensitive<std::string>>(std::unexpected(record.error()));
    if (!key) {
      live.obstacle = key.error().message;
      live.router->set_obstacle(live.obstacle);
      continue;
    }
    running.replicas.push_back({.replica = std::make_shared<Replica>(version.version + "-" + name, version.version, false, std::shared_ptr(parts_.connect(*record, *std::move(key))), parts_.clock),
                                .source = name, .need = {}});
  }
}

std::vector<MemoryCharge> Deployments::charges_of(const Live& live) const {
  std::vector<MemoryCharge> charges;
  for (const auto& [name, version] : live.versions)
    for (const auto& one : version.replicas)
      if (one.replica->local()) charges.push_back({.need = one.need, .reported = static_cast<std::uint64_t>(std::max<std::int64_t>(0, one.replica->health().stats.resident_bytes))});
  return charges;
}

Status Deployments::make_room(const Live& live, const MemoryNeed& need, bool may_evict, std::vector<std::string>* evicted) {
  const auto budget = parts_.memory_bytes;
  if (need.own + need.weights > budget)
    return fail(ErrorCode::kConflict, fmt::format("{} needs about {:.2f} GiB of memory, and all models together may take {:.2f}; load it with a smaller context, or raise `worker.memory_bytes`",
                                                  live.spec.name, gib(need.own + need.weights), gib(budget)));
  std::vector<MemoryCharge> fixed;
  std::vector<EvictionCandidate> idle;
  for (const auto& [name, other] : live_) {
    auto charges = charges_of(other);
    const bool gives_way = may_evict && &other != &live && !charges.empty() && !other.spec.pinned && !other.router->busy();
    if (gives_way) idle.push_back({.name = name, .last_used = other.router->last_used(), .charges = std::move(charges)});
    else fixed.insert(fixed.end(), charges.begin(), charges.end());
  }
  const auto used = memory_in_use(fixed);
  const auto victims = choose_evictions(budget, need, std::move(idle), std::move(fixed));
  if (!victims)
    return fail(ErrorCode::kUnavailable, fmt::format("{} needs about {:.2f} GiB of memory; {:.2f} of {:.2f} are held by models that are answering or pinned", live.spec.name,
                                                     gib(need.own + need.weights), gib(used), gib(budget)));
  for (const auto& name : *victims) {
    put_to_sleep(live_.at(name), "evicted", "Put to sleep to make room for " + live.spec.name + "; its next request wakes it", true);
    if (evicted != nullptr) evicted->push_back(name);
  }
  return {};
}

void Deployments::put_to_sleep(Live& live, const std::string& kind, const std::string& why, bool at_once) {
  live.asleep = true;
  for (auto& [name, version] : live.versions)
    for (auto& one : version.replicas)
      if (one.replica->local()) retire(one);
  set_routes(live);
  if (at_once) {
    // Its memory is wanted now. A request that came in this very moment is sent again when it wakes.
    for (auto& [name, version] : live.versions) {
      for (auto& one : version.replicas)
        if (one.replica->local()) one.replica->stop();
      std::erase_if(version.replicas, [](const auto& one) { return one.replica->local(); });
    }
  }
  note(live.spec.name, "", kind, why);
}

void Deployments::retire(LiveReplica& one) {
  if (!one.draining_since) one.draining_since = parts_.clock.steady_now();
}

void Deployments::collect_drained(Live& live) {
  const auto now = parts_.clock.steady_now();
  for (auto& [name, version] : live.versions) {
    std::erase_if(version.replicas, [&](const LiveReplica& one) {
      const bool over = one.draining_since && (one.replica->running() == 0 || now - *one.draining_since > parts_.drain);
      if (over) to_stop_.push_back(one.replica);
      return over;
    });
  }
  std::erase_if(live.versions, [&](const auto& entry) { return live.spec.find(entry.first) == nullptr && entry.second.replicas.empty(); });
}

void Deployments::set_routes(Live& live) {
  std::vector<VersionRoute> routes;
  for (const auto& version : live.spec.versions) {
    auto& running = live.versions[version.version];
    VersionRoute route{.version = version.version, .weight = version.weight, .shadow = version.shadow, .standby = stands_by(live, version), .adapters = version.adapters(), .replicas = {}, .stats = running.stats};
    for (const auto& one : running.replicas)
      if (!one.draining_since) route.replicas.push_back(one.replica);
    routes.push_back(std::move(route));
  }
  if (live.router->versions() != routes) live.router->set_versions(std::move(routes));
}

DeploymentView Deployments::view(const Live& live) const {
  DeploymentView body{.spec = live.spec, .reason = live.obstacle, .waiting = live.router->waiting(), .requests = live.router->arrived(), .autoscaled = live.scaled, .versions = {}};
  bool any = false, all = true, failed = false;
  for (const auto& spec : live.spec.versions) {
    VersionView version{.spec = spec, .figures = {}, .replicas = {}};
    if (const auto running = live.versions.find(spec.version); running != live.versions.end()) {
      version.figures = running->second.stats->figures();
      for (const auto& one : running->second.replicas) {
        ReplicaView replica{.id = one.replica->id(), .source = one.source, .local = one.replica->local(), .health = one.replica->health(), .work = one.replica->work(),
                            .running = one.replica->running(), .failures = one.replica->failures(), .predicted_bytes = one.need.own + one.need.weights};
        const auto state = replica.health.state;
        const bool ready = Replica::ready(replica.health, replica.local);
        replica.state = one.draining_since ? ReplicaState::kDraining
                        : ready            ? (one.replica->breaker() == BreakerState::kClosed ? ReplicaState::kReady : ReplicaState::kResting)
                        : state == engine::EngineState::kStarting ? ReplicaState::kStarting
                        : state == engine::EngineState::kRestarting ? ReplicaState::kRestarting
                                                                    : ReplicaState::kFailed;
        if (replica.state == ReplicaState::kFailed && spec.weight > 0) {
          failed = true;
          body.reason = replica.health.message;
        }
        any = any || (ready && !one.draining_since && spec.weight > 0);
        version.replicas.push_back(std::move(replica));
      }
    }
    all = all && (spec.weight <= 0 || all_ready(live, spec));
    body.versions.push_back(std::move(version));
  }
  body.state = live.asleep ? DeploymentState::kAsleep : any && all ? DeploymentState::kReady : any ? DeploymentState::kPartial : failed ? DeploymentState::kFailed : DeploymentState::kStarting;
  return body;
}

}  // namespace siyu::serving
