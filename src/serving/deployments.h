// All deployments: what they are to be (the database), what runs for them (replicas behind a router each), and the loop that
// makes the second follow the first. Whatever is interrupted, by a crash or a kill, is taken up again by that loop.
//
// Requests never wait for this class: they find their router in a published map.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "models/library.h"
#include "policy/policy.h"
#include "serving/autoscale.h"
#include "serving/bell.h"
#include "serving/deployment.h"
#include "serving/deployment_store.h"
#include "serving/memory_budget.h"
#include "serving/release.h"
#include "serving/router.h"
#include "serving/served.h"

namespace siyu::serving {

/// Makes the engine of a model and returns before it is ready.
using StartEngine = std::function<Result<std::unique_ptr<engine::Engine>>(const models::Model& model, const LoadOptions& options)>;
/// Makes the engine of an endpoint and returns before anything was sent there.
using ConnectEngine = std::function<std::unique_ptr<engine::Engine>(const RemoteRecord& record, Sensitive<std::string> key)>;
/// What a worker of the model would need.
using PredictNeed = std::function<Result<MemoryNeed>(const models::Model& model, const LoadOptions& options)>;

struct DeploymentParts {
  models::ModelLibrary& library;
  RemoteEngines& remotes;
  store::Database& db;
  policy::Policy& policy;
  StartEngine start;
  ConnectEngine connect;
  PredictNeed predict;
  const Clock& clock;
  Logger& log;
  std::uint64_t memory_bytes = 0;  ///< for all local workers together
  Millis drain = std::chrono::minutes(10);  ///< answers under way at a replica that goes may take so long
};

enum class ReplicaState { kStarting, kReady, kResting, kRestarting, kDraining, kFailed };
BOOST_DESCRIBE_ENUM(ReplicaState, kStarting, kReady, kResting, kRestarting, kDraining, kFailed)

struct ReplicaView {
  std::string id, source;  ///< source: the model, or the engine elsewhere
  bool local = true;
  ReplicaState state = ReplicaState::kStarting;
  engine::EngineHealth health;
  std::int64_t work = 0;
  std::int32_t running = 0;
  std::uint64_t failures = 0;
  std::uint64_t predicted_bytes = 0;
};

struct VersionView {
  VersionSpec spec;
  VersionFigures figures;
  std::vector<ReplicaView> replicas;
};

/// asleep: its next request wakes it. partial: it answers, with fewer replicas than it is to have.
enum class DeploymentState { kStarting, kReady, kPartial, kAsleep, kFailed };
BOOST_DESCRIBE_ENUM(DeploymentState, kStarting, kReady, kPartial, kAsleep, kFailed)

struct DeploymentView {
  DeploymentSpec spec;
  DeploymentState state = DeploymentState::kStarting;
  std::string reason;  ///< why it is not ready
  std::int64_t waiting = 0;
  std::uint64_t requests = 0;
  std::int32_t autoscaled = 0;  ///< replicas that the load asks for; 0 without autoscaling
  std::vector<VersionView> versions;
};

struct MemoryView {
  std::uint64_t budget = 0, used = 0;
};

struct ScaleChange {
  std::string version;  ///< empty: the one with the most traffic
  std::optional<std::int32_t> replicas, queue_limit;
  std::optional<bool> pinned;
  std::optional<AutoscaleSpec> autoscale;
  bool no_autoscale = false;
};

/// Thread-safe.
class Deployments {
 public:
  /// Reads the deployments and begins to start them, without waiting.
  static Result<std::unique_ptr<Deployments>> open(DeploymentParts parts);
  ~Deployments();

  /// Starts the two threads; a test calls tick() and pump() itself.
  void run();
  void stop();

  /// A new deployment; its first version gets all requests. Names of models that had to make room are added to `evicted`.
  Status create(const Pass& pass, DeploymentSpec spec, std::vector<std::string>* evicted = nullptr);
  /// One more version, which gets no requests yet.
  Status add_version(const Pass& pass, const std::string& name, VersionSpec version);
  Status remove_version(const Pass& pass, const std::string& name, const std::string& version);
  Status remove(const Pass& pass, const std::string& name);
  /// Parts of the traffic, and of how many requests versions get copies. Ends a release that is under way.
  Status set_traffic(const Pass& pass, const std::string& name, const std::map<std::string, double>& weights, const std::map<std::string, double>& shadows);
  Status scale(const Pass& pass, const std::string& name, const ScaleChange& change);
  /// Gives a version more and more of the traffic while it does as well as the others, and takes it back when it does not.
  Status release(const Pass& pass, const std::string& name, ReleaseSpec release);
  /// All of the traffic, as soon as its replicas are ready; those of the other versions go then.
  Status promote(const Pass& pass, const std::string& name, const std::string& version);
  /// The traffic as it was before the last change.
  Status rollback(const Pass& pass, const std::string& name);
  /// Starts a deployment that sleeps, without waiting.
  Status wake(const Pass& pass, const std::string& name, std::vector<std::string>* evicted);

  std::vector<DeploymentView> list(const Pass&) const { return snapshot(); }
  Result<DeploymentView> get(const Pass& pass, const std::string& name) const;
  Result<std::vector<DeploymentEvent>> events(const Pass& pass, const std::string& name, std::size_t limit, std::int64_t before);
  /// Without a pass for /metrics, which an operator's scraper reads every few seconds and which tells nothing of anyone.
  std::vector<DeploymentView> snapshot() const;
  MemoryView memory() const;

  std::shared_ptr<const ServedNames> served() const;
  std::optional<Origin> origin_of(const std::string& name) const;
  bool uses_model(const std::string& model) const;
  bool uses_engine(const std::string& engine, const std::string& except) const;
  /// The engines of its replicas, for waiting until they are ready.
  std::vector<std::shared_ptr<engine::Engine>> engines_of(const std::string& name) const;

  void tick();
  void pump();

 private:
  struct LiveReplica {
    std::shared_ptr<Replica> replica;
    std::string source;
    std::size_t slot = 0;
    MemoryNeed need;
    bool was_ready = false, failure_noted = false;
    std::int32_t restarts_noted = 0;
    std::optional<SteadyTime> draining_since;
  };
  struct LiveVersion {
    std::shared_ptr<VersionStats> stats = std::make_shared<VersionStats>();
    std::vector<LiveReplica> replicas;
    int failures = 0;  ///< of its replicas, since one was ready
    int restarts = 0;  ///< of its processes, since the release's step began
    SteadyTime not_before{};
  };
  struct Sample {
    SteadyTime at;
    std::uint64_t arrived = 0;
    VersionFigures figures;
  };
  /// Of what answers, versions together.
  struct Identity {
    std::string sha256;
    bool vision = false;
  };
  struct Live {
    DeploymentSpec spec;
    std::shared_ptr<Router> router;
    std::map<std::string, LiveVersion> versions;
    bool asleep = false;
    std::string obstacle;
    SteadyTime step_began{};
    std::map<std::string, VersionFigures> at_step;
    Autoscaler autoscaler;
    std::int32_t scaled = 0;
    std::deque<Sample> samples;
    Identity identity;
  };
  using Change = std::function<Status(DeploymentSpec& spec)>;

  explicit Deployments(DeploymentParts parts) : parts_(std::move(parts)), store_(parts_.db) {}
  Status load_all();
  Status adopt_earlier();

  // deployments.cpp: with mu_ held
  Live& emplace(DeploymentSpec spec);
  Result<Live*> find(const std::string& name);
  Status check_sources(DeploymentSpec& spec) const;
  Status change(const Pass& pass, const std::string& name, const std::string& kind, const std::string& version, const std::string& text, const Change& apply);
  DeploymentView view(const Live& live) const;
  void publish();
  Identity identify(const DeploymentSpec& spec) const;

  // deployment_replicas.cpp: with mu_ held
  void look_at_replicas(Live& live);
  void follow(Live& live, bool may_evict, std::vector<std::string>* evicted);
  void start_missing(Live& live, const VersionSpec& version, std::size_t wanted, bool may_evict, std::vector<std::string>* evicted);
  void retire_surplus(LiveVersion& version, std::size_t wanted);
  void follow_engines(Live& live, const VersionSpec& version, bool wanted);
  Result<LiveReplica> start_local(Live& live, const VersionSpec& version, std::size_t slot, bool may_evict, std::vector<std::string>* evicted);
  Status make_room(const Live& live, const MemoryNeed& need, bool may_evict, std::vector<std::string>* evicted);
  void put_to_sleep(Live& live, const std::string& kind, const std::string& why, bool at_once);
  void retire(LiveReplica& replica);
  void collect_drained(Live& live);
  void set_routes(Live& live);
  bool stands_by(const Live& live, const VersionSpec& version) const;
  bool all_ready(const Live& live, const VersionSpec& version) const;
  std::size_t wanted_replicas(const Live& live, const VersionSpec& version) const;
  std::vector<MemoryCharge> charges_of(const Live& live) const;

  // deployment_steps.cpp: with mu_ held
  void advance_release(Live& live);
  void begin_step(Live& live, std::int32_t step, const std::string& text);
  void roll_back(Live& live, const std::string& why);
  void watch_load(Live& live);
  void note(const std::string& name, const std::string& version, const std::string& kind, const std::string& text);
  bool save(Live& live, DeploymentSpec spec, const std::string& version, const std::string& kind, const std::string& text);
  DeploymentEvent event(const std::string& name, const std::string& version, std::string actor, std::string kind, std::string text) const;

  DeploymentParts parts_;
  DeploymentStore store_;
  std::optional<Pass> pass_;  ///< for what the server does by itself

  mutable std::mutex mu_;
  std::map<std::string, Live> live_;                 // guarded by mu_
  std::vector<std::shared_ptr<Replica>> to_stop_;    // guarded by mu_: removed from all routes, answering nothing

  mutable std::mutex published_mu_;
  std::shared_ptr<const ServedNames> published_ = std::make_shared<ServedNames>();  // guarded by published_mu_
  std::vector<std::shared_ptr<Router>> routers_;                                    // guarded by published_mu_

  const std::shared_ptr<Bell> tick_bell_ = std::make_shared<Bell>(), pump_bell_ = std::make_shared<Bell>();
  std::thread ticker_, pumper_;
};

}  // namespace siyu::serving
