#include "serving/deployments.h"

#include <cmath>
#include <set>

#include "crypto/hash.h"

namespace siyu::serving {
namespace {

constexpr Millis kTick = Millis(100);      // how soon the loop sees that a replica is ready or has failed
constexpr Millis kPumpBusy = Millis(20);   // while requests wait for a replica
constexpr Millis kPumpIdle = std::chrono::seconds(1);
constexpr std::size_t kMaxDeployments = 256;

}  // namespace

Result<std::unique_ptr<Deployments>> Deployments::open(DeploymentParts parts) {
  std::unique_ptr<Deployments> all(new Deployments(std::move(parts)));
  ASSIGN_OR_RETURN(auto pass, all->parts_.policy.internal("deployments: replicas are started, replaced, scaled and released as they were told to be"));
  all->pass_.emplace(std::move(pass));
  RETURN_IF_ERROR(all->load_all());
  return all;
}

Deployments::~Deployments() { stop(); }

Status Deployments::load_all() {
  ASSIGN_OR_RETURN(auto specs, store_.list());
  const std::lock_guard lock(mu_);
  for (auto& spec : specs) emplace(std::move(spec));
  RETURN_IF_ERROR(adopt_earlier());
  for (auto& [name, live] : live_) {
    follow(live, /*may_evict=*/false, nullptr);
    set_routes(live);
  }
  publish();
  return {};
}

/// Models and engines of a data folder from before there were deployments, and an engine whose adding was cut short.
Status Deployments::adopt_earlier() {
  const auto adopt = [&](DeploymentSpec spec) -> Status {
    if (live_.contains(spec.name)) return {};
    spec.created_at = spec.versions[0].created_at = to_unix_millis(parts_.clock.now());
    RETURN_IF_ERROR(store_.put(spec, event(spec.name, "", "system", "created", "Taken over as it was served before")));
    emplace(std::move(spec));
    return {};
  };
  ASSIGN_OR_RETURN(const auto models, parts_.library.list(*pass_));
  for (const auto& model : models) {
    if (!model.wanted) continue;
    RETURN_IF_ERROR(adopt({.name = model.name, .origin = Origin::kModel, .kind = kind_of(model.facts),
                           .versions = {{.version = "v1", .model = model.name, .weight = 100}}}));
    RETURN_IF_ERROR(parts_.library.set_wanted(*pass_, model.name, false));
  }
  ASSIGN_OR_RETURN(const auto remotes, parts_.remotes.list(*pass_));
  for (const auto& record : remotes)
    RETURN_IF_ERROR(adopt({.name = record.name, .origin = Origin::kEngine, .kind = record.kind,
                           .versions = {{.version = "v1", .model = {}, .engines = {record.name}, .replicas = 0, .weight = 100}}}));
  return {};
}

void Deployments::run() {
  ticker_ = std::thread([this] {
    while (tick_bell_->wait(kTick)) tick();
  });
  pumper_ = std::thread([this] {
    bool waiting = false;
    while (pump_bell_->wait(waiting ? kPumpBusy : kPumpIdle)) {
      pump();
      const std::lock_guard lock(published_mu_);
      waiting = std::ranges::any_of(routers_, [](const auto& router) { return router->waiting() > 0; });
    }
  });
}

void Deployments::stop() {
  tick_bell_->stop();
  pump_bell_->stop();
  if (ticker_.joinable()) ticker_.join();
  if (pumper_.joinable()) pumper_.join();
  std::vector<std::shared_ptr<Replica>> replicas;
  {
    const std::lock_guard lock(mu_);
    replicas = std::exchange(to_stop_, {});
    for (auto& [name, live] : live_) {
      live.router->close();
      for (auto& [version, running] : live.versions)
        for (auto& one : running.replicas) replicas.push_back(one.replica);
    }
    live_.clear();
  }
  for (const auto& replica : replicas) replica->stop();
}

void Deployments::tick() {
  std::vector<std::shared_ptr<Replica>> stopped;
  {
    const std::lock_guard lock(mu_);
    for (auto& [name, live] : live_) {
      look_at_replicas(live);
      advance_release(live);
      watch_load(live);
      const bool asked = live.router->waiting() > 0;
      follow(live, /*may_evict=*/asked, nullptr);
      set_routes(live);
    }
    stopped = std::exchange(to_stop_, {});
  }
  // A process may take a moment to end; nobody has to wait for it.
  for (const auto& replica : stopped) replica->stop();
}

void Deployments::pump() {
  std::vector<std::shared_ptr<Router>> routers;
  {
    const std::lock_guard lock(published_mu_);
    routers = routers_;
  }
  for (const auto& router : routers) {
    router->pump();
    const auto versions = router->versions();
    if (router->waiting() > 0 && std::ranges::any_of(versions, [](const auto& version) { return version.weight > 0 && version.replicas.empty(); })) tick_bell_->ring();
  }
}

std::shared_ptr<const ServedNames> Deployments::served() const {
  const std::lock_guard lock(published_mu_);
  return published_;
}

void Deployments::publish() {
  auto names = std::make_shared<ServedNames>();
  std::vector<std::shared_ptr<Router>> routers;
  for (auto& [name, live] : live_) {
    const auto& primary = live.spec.primary();
    names->emplace(name, Served{.name = name, .kind = live.spec.kind, .loaded_at = from_unix_millis(live.spec.created_at), .sha256 = live.identity.sha256, .vision = live.identity.vision, .remote = !primary.model, .engine = live.router});
    routers.push_back(live.router);
  }
  const std::lock_guard lock(published_mu_);
  published_ = std::move(names);
  routers_ = std::move(routers);
}

/// Of what answers: when several models do, of all of them, so that a kept answer of one is not taken for one of another.
Deployments::Identity Deployments::identify(const DeploymentSpec& spec) const {
  std::set<std::string> models;
  bool vision = true;
  for (const auto& version : spec.versions) {
    if (version.weight <= 0) continue;
    if (version.model) {
      const auto model = parts_.library.get(*pass_, *version.model);
      if (model) models.insert(model->sha256 + (model->projector ? model->projector->sha256 : ""));
      vision = vision && model && model->projector;
    }
    for (const auto& engine : version.engines)
      if (const auto record = parts_.remotes.get(*pass_, engine)) models.insert(crypto::sha256_hex(as_bytes(record->url + "\n" + record->model)));
  }
  if (models.size() == 1) return {*models.begin(), vision};
  std::string all;
  for (const auto& one : models) all += one + "\n";
  return {crypto::sha256_hex(as_bytes(all)), vision};
}

Deployments::Live& Deployments::emplace(DeploymentSpec spec) {
  const auto name = spec.name;
  Live live;
  live.router = std::make_shared<Router>(name, RouterOptions{}, parts_.clock, [bell = pump_bell_] { bell->ring(); });
  if (spec.queue_limit > 0) live.router->set_max_waiting(static_cast<std::size_t>(spec.queue_limit));
  live.step_began = parts_.clock.steady_now();
  live.identity = identify(spec);
  live.spec = std::move(spec);
  return live_.insert_or_assign(name, std::move(live)).first->second;
}

Result<Deployments::Live*> Deployments::find(const std::string& name) {
  const auto found = live_.find(name);
  if (found == live_.end()) return not_found("There is no deployment named " + name + "; `siyu deploy list` shows those there are");
  return &found->second;
}

/// Models and engines must exist and be of one kind, which is then the deployment's.
Status Deployments::check_sources(DeploymentSpec& spec) const {
  std::set<Kind> kinds;
  for (const auto& version : spec.versions) {
    if (version.model) {
      ASSIGN_OR_RETURN(const auto model, parts_.library.get(*pass_, *version.model));
      kinds.insert(kind_of(model.facts));
    }
    for (const auto& engine : version.engines) {
      ASSIGN_OR_RETURN(const auto record, parts_.remotes.get(*pass_, engine));
      kinds.insert(record.kind);
    }
  }
  if (kinds.size() > 1) return invalid("A deployment either chats or makes embeddings; its models must be of one kind");
  if (!kinds.empty()) spec.kind = *kinds.begin();
  return {};
}

Status Deployments::create(const Pass& pass, DeploymentSpec spec, std::vector<std::string>* evicted) {
  const std::lock_guard lock(mu_);
  if (live_.contains(spec.name)) return fail(ErrorCode::kAlreadyExists, "The name " + spec.name + " is served already; add a version to it, or choose another name");
  if (live_.size() >= kMaxDeployments) return fail(ErrorCode::kConflict, "There are 256 deployments already; remove one with `siyu deploy rm NAME`");
  spec.created_at = to_unix_millis(parts_.clock.now());
  for (auto& version : spec.versions) version.created_at = spec.created_at;
  if (!spec.versions.empty() && spec.versions[0].weight == 0) spec.versions[0].weight = 100;
  RETURN_IF_ERROR(validate(spec));
  RETURN_IF_ERROR(check_sources(spec));
  auto& live = emplace(spec);
  std::vector<std::string> moved;
  follow(live, /*may_evict=*/true, &moved);
  // Nothing could be started: the reason is the answer, and nothing is left.
  if (live.versions[spec.versions[0].version].replicas.empty() && spec.versions[0].replicas > 0 && !live.obstacle.empty()) {
    const auto why = live.obstacle;
    live_.erase(spec.name);
    publish();
    return fail(ErrorCode::kConflict, why);
  }
  const auto written = store_.put(spec, event(spec.name, "", pass.principal().username, "created", "Created with " + spec.versions[0].version));
  if (!written) {
    for (auto& [version, running] : live.versions)
      for (auto& one : running.replicas) to_stop_.push_back(one.replica);
    live.router->close();
    live_.erase(spec.name);
    return written;
  }
  set_routes(live);
  publish();
  if (evicted != nullptr) evicted->insert(evicted->end(), moved.begin(), moved.end());
  return {};
}

Status Deployments::change(const Pass& pass, const std::string& name, const std::string& kind, const std::string& version, const std::string& text, const Change& apply) {
  const std::lock_guard lock(mu_);
  ASSIGN_OR_RETURN(auto* live, find(name));
  auto spec = live->spec;
  RETURN_IF_ERROR(apply(spec));
  RETURN_IF_ERROR(validate(spec));
  RETURN_IF_ERROR(check_sources(spec));
  RETURN_IF_ERROR(store_.put(spec, event(name, version, pass.principal().username, kind, text)));
  live->spec = std::move(spec);
  live->identity = identify(live->spec);
  live->step_began = parts_.clock.steady_now();
  live->router->set_max_waiting(live->spec.queue_limit > 0 ? static_cast<std::size_t>(live->spec.queue_limit) : RouterOptions{}.max_waiting);
  for (auto& [one, running] : live->versions) {  // told anew, tried anew
    running.failures = running.restarts = 0;
    running.not_before = {};
  }
  live->obstacle.clear();
  live->router->set_obstacle({});
  follow(*live, /*may_evict=*/true, nullptr);
  set_routes(*live);
  publish();
  return {};
}

Status Deployments::add_version(const Pass& pass, const std::string& name, VersionSpec version) {
  version.weight = 0;
  version.created_at = to_unix_millis(parts_.clock.now());
  const auto id = version.version;
  return change(pass, name, "version_added", id, "Added; it gets no requests yet", [&](DeploymentSpec& spec) -> Status {
    if (spec.origin == Origin::kModel || spec.origin == Origin::kEngine) spec.origin = Origin::kDeploy;
    spec.versions.push_back(std::move(version));
    return {};
  });
}

Status Deployments::remove_version(const Pass& pass, const std::string& name, const std::string& version) {
  return change(pass, name, "version_removed", version, "Removed", [&](DeploymentSpec& spec) -> Status {
    const auto* found = spec.find(version);
    if (found == nullptr) return not_found("The deployment " + name + " has no version " + version);
    if (found->weight > 0) return fail(ErrorCode::kConflict, "The version " + version + " gets requests; give its traffic to another version first");
    if (spec.release && spec.release->to == version) return fail(ErrorCode::kConflict, "The version " + version + " is being released; roll back first");
    std::erase_if(spec.versions, [&](const auto& one) { return one.version == version; });
    spec.previous.erase(version);
    return {};
  });
}

Status Deployments::remove(const Pass& pass, const std::string& name) {
  std::shared_ptr<Router> router;
  const std::lock_guard lock(mu_);
  ASSIGN_OR_RETURN(auto* live, find(name));
  RETURN_IF_ERROR(store_.remove(name, event(name, "", pass.principal().username, "removed", "Removed")));
  router = live->router;
  router->set_versions({});
  router->close();
  for (auto& [version, running] : live->versions)
    for (auto& one : running.replicas) to_stop_.push_back(one.replica);
  live_.erase(name);
  publish();
  // Removed means gone: whoever asked may want the memory, or the model's file, at once.
  for (const auto& replica : std::exchange(to_stop_, {})) replica->stop();
  return {};
}

Status Deployments::set_traffic(const Pass& pass, const std::string& name, const std::map<std::string, double>& weights, const std::map<std::string, double>& shadows) {
  std::string text = "Requests go to";
  for (const auto& [version, weight] : weights) text += " " + version + " " + std::to_string(static_cast<int>(std::lround(weight))) + " %";
  for (const auto& [version, part] : shadows) text += ", copies of " + std::to_string(static_cast<int>(std::lround(part))) + " % to " + version;
  return change(pass, name, "traffic", "", text, [&](DeploymentSpec& spec) -> Status {
    const auto before = spec.traffic();
    if (!weights.empty()) {
      RETURN_IF_ERROR(serving::set_traffic(spec, weights));
      spec.previous = before;
      spec.release.reset();
    }
    for (const auto& [version, part] : shadows) {
      auto* found = spec.find(version);
      if (found == nullptr) return not_found("The deployment " + name + " has no version " + version);
      found->shadow = part;
    }
    return {};
  });
}

Status Deployments::scale(const Pass& pass, const std::string& name, const ScaleChange& wanted) {
  return change(pass, name, "scaled", wanted.version, wanted.replicas ? std::to_string(*wanted.replicas) + " replicas" : "New limits", [&](DeploymentSpec& spec) -> Status {
    if (wanted.replicas) {
      auto* version = spec.find(wanted.version.empty() ? spec.primary().version : wanted.version);
      if (version == nullptr) return not_found("The deployment " + name + " has no version " + wanted.version);
      if (!version->model) return invalid("The version " + version->version + " has no model of the library; its engines elsewhere are scaled there");
      version->replicas = *wanted.replicas;
    }
    if (wanted.queue_limit) spec.queue_limit = *wanted.queue_limit;
    if (wanted.pinned) spec.pinned = *wanted.pinned;
    if (wanted.autoscale) spec.autoscale = wanted.autoscale;
    if (wanted.no_autoscale) spec.autoscale.reset();
    return {};
  });
}

Status Deployments::release(const Pass& pass, const std::string& name, ReleaseSpec release) {
  const auto to = release.to;
  return change(pass, name, "release_started", to, "Its replicas are being started", [&](DeploymentSpec& spec) -> Status {
    if (spec.release) return fail(ErrorCode::kConflict, "The version " + spec.release->to + " is being released; promote it or roll back first");
    auto* version = spec.find(to);
    if (version == nullptr) return not_found("The deployment " + name + " has no version " + to);
    if (version->weight > 0) return fail(ErrorCode::kConflict, "The version " + to + " gets requests already; change its part with `siyu deploy traffic`");
    version->rejected = false;
    release.step = -1;
    release.from = spec.traffic();
    spec.release = std::move(release);
    return {};
  });
}

Status Deployments::promote(const Pass& pass, const std::string& name, const std::string& version) {
  return change(pass, name, "promoted", version, "Gets all requests as soon as its replicas are ready", [&](DeploymentSpec& spec) -> Status {
    const auto before = spec.release && spec.release->to == version ? spec.release->from : spec.traffic();
    RETURN_IF_ERROR(serving::set_traffic(spec, {{version, 100}}));
    spec.previous = before;
    spec.release.reset();
    return {};
  });
}

Status Deployments::rollback(const Pass& pass, const std::string& name) {
  return change(pass, name, "rolled_back", "", "The traffic is as it was before the last change", [&](DeploymentSpec& spec) -> Status {
    const auto now = spec.traffic();
    const auto back = spec.release ? spec.release->from : spec.previous;
    if (back.empty()) return fail(ErrorCode::kConflict, "The traffic of " + name + " has not been changed; there is nothing to roll back to");
    if (auto* released = spec.release ? spec.find(spec.release->to) : nullptr) released->rejected = true;
    const auto rejected = spec.release ? spec.release->to : std::string();
    RETURN_IF_ERROR(serving::set_traffic(spec, back));
    if (auto* released = spec.find(rejected)) released->rejected = released->weight == 0;
    spec.previous = now;
    spec.release.reset();
    return {};
  });
}

Status Deployments::wake(const Pass&, const std::string& name, std::vector<std::string>* evicted) {
  const std::lock_guard lock(mu_);
  ASSIGN_OR_RETURN(auto* live, find(name));
  live->asleep = false;
  live->router->touch();
  follow(*live, /*may_evict=*/true, evicted);
  set_routes(*live);
  if (!live->obstacle.empty() && live->versions[live->spec.primary().version].replicas.empty()) return fail(ErrorCode::kUnavailable, live->obstacle);
  return {};
}

std::vector<DeploymentView> Deployments::snapshot() const {
  const std::lock_guard lock(mu_);
  std::vector<DeploymentView> all;
  for (const auto& [name, live] : live_) all.push_back(view(live));
  return all;
}

Result<DeploymentView> Deployments::get(const Pass&, const std::string& name) const {
  const std::lock_guard lock(mu_);
  const auto found = live_.find(name);
  if (found == live_.end()) return not_found("There is no deployment named " + name + "; `siyu deploy list` shows those there are");
  return view(found->second);
}

Result<std::vector<DeploymentEvent>> Deployments::events(const Pass&, const std::string& name, std::size_t limit, std::int64_t before) { return store_.events(name, limit, before); }

MemoryView Deployments::memory() const {
  const std::lock_guard lock(mu_);
  std::vector<MemoryCharge> running;
  for (const auto& [name, live] : live_) {
    const auto charges = charges_of(live);
    running.insert(running.end(), charges.begin(), charges.end());
  }
  return {.budget = parts_.memory_bytes, .used = memory_in_use(running)};
}

std::optional<Origin> Deployments::origin_of(const std::string& name) const {
  const std::lock_guard lock(mu_);
  const auto found = live_.find(name);
  return found == live_.end() ? std::nullopt : std::optional(found->second.spec.origin);
}

bool Deployments::uses_model(const std::string& model) const {
  const std::lock_guard lock(mu_);
  return std::ranges::any_of(live_, [&](const auto& entry) { return std::ranges::any_of(entry.second.spec.versions, [&](const auto& version) { return version.model == model; }); });
}

bool Deployments::uses_engine(const std::string& engine, const std::string& except) const {
  const std::lock_guard lock(mu_);
  return std::ranges::any_of(live_, [&](const auto& entry) {
    return entry.first != except && std::ranges::any_of(entry.second.spec.versions, [&](const auto& version) { return (std::ranges::find(version.engines, engine) != version.engines.end()); });
  });
}

std::vector<std::shared_ptr<engine::Engine>> Deployments::engines_of(const std::string& name) const {
  const std::lock_guard lock(mu_);
  std::vector<std::shared_ptr<engine::Engine>> engines;
  const auto found = live_.find(name);
  if (found == live_.end()) return engines;
  for (const auto& [version, running] : found->second.versions)
    for (const auto& one : running.replicas)
      if (auto engine = one.replica->engine()) engines.push_back(std::move(engine));
  return engines;
}

}  // namespace siyu::serving
