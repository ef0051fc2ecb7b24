// The engine of a served name. Behind it stand versions, and behind each version replicas; a request goes to a version by the
// traffic split and to a replica by the beginning of its prompt, so that equal beginnings meet the same prefix cache, unless
// that replica has much more to do than its siblings.
//
// Until its first token has been handed on, a request outlives its replica: it is sent to another one, or waits for one to come.
// Retries and second attempts beside a slow first one have budgets, waiting has a bound and a deadline.
//
// Requests are first sent on the caller's thread. Whatever happens to them later happens in pump(), on the thread of its owner:
// an engine's own callback never calls another engine.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <span>

#include "engine/engine.h"
#include "serving/hash_ring.h"
#include "serving/replica.h"
#include "serving/request_facts.h"
#include "serving/retry_budget.h"
#include "serving/version_stats.h"

namespace siyu::serving {

class RoutedRequest;
class ShadowCopy;

struct VersionRoute {
  std::string version;
  double weight = 0;     ///< its part of the traffic, relative to the other versions'
  double shadow = 0;     ///< percent of the requests of which it gets a copy
  bool standby = false;  ///< without a part, it still answers when those that have one cannot
  std::vector<std::string> adapters = {};  ///< with which its replicas are loaded
  std::vector<std::shared_ptr<Replica>> replicas;
  std::shared_ptr<VersionStats> stats;
  /// Whether it can answer requests for this adapter; empty: none.
  bool has(const std::string& adapter) const { return adapter.empty() || std::ranges::find(adapters, adapter) != adapters.end(); }
  bool operator==(const VersionRoute&) const = default;
};

struct RouterOptions {
  double bound = 1.25;              ///< no replica gets more than this times its part of the work …
  std::int64_t affine_work = 4096;  ///< … once it has this many tokens to do: with less, its prefix cache is worth more
  std::size_t max_waiting = 8192;   ///< requests without a first token; more are refused, to be sent again later
  int attempts = 8;                 ///< of one request; each has its own replica or its own incarnation of one
  Millis wait = std::chrono::minutes(10);  ///< for a replica to come up
  std::size_t max_shadows = 32;     ///< copies under way or waiting to be sent; more are left out
};

/// Thread-safe.
class Router final : public engine::Engine, public std::enable_shared_from_this<Router> {
 public:
  /// `poke` asks the owner to call pump() soon; it must not block.
  Router(std::string name, RouterOptions options, const Clock& clock, std::function<void()> poke)
      : name_(std::move(name)), options_(options), clock_(clock), poke_(std::move(poke)) {
    touch();
  }

  Result<std::unique_ptr<engine::GenerationStream>> generate(engine::GenerateRequest request) override;
  /// When the engines of all replicas do.
  bool answers_at_once() const override;
  Result<engine::EmbedResult> embed(const engine::EmbedRequest& request) override;
  Result<engine::RerankResult> rerank(const engine::RerankRequest& request) override;
  Result<engine::TranscribeResult> transcribe(const engine::TranscribeRequest& request) override;
  Result<std::vector<engine::Token>> tokenize(const std::string& text) override;
  Result<std::int32_t> count_prompt_tokens(const engine::GenerateRequest& request) override;
  /// Of the version with the most traffic; as last known while none of its replicas runs.
  engine::ModelInfo info() const override;
  /// Sums over the replicas; ready when one of them is.
  engine::EngineHealth health() const override;

  void set_versions(std::vector<VersionRoute> versions);
  void set_max_waiting(std::size_t most) { max_waiting_ = most; }
  /// Why no replica comes up; those who wait in vain are told, and when it is for good nobody waits. Empty: nothing is in the way.
  void set_obstacle(std::string why, bool for_good = false);
  /// Fails what waits; nothing is sent any more.
  void close();
  /// Sends what waits, and second attempts beside first ones that are slow; fails what has waited too long.
  void pump();

  std::vector<VersionRoute> versions() const;
  std::int64_t waiting() const { return waiting_; }
  bool busy() const;  ///< something waits or is under way
  std::uint64_t arrived() const { return arrived_; }  ///< requests so far
  /// Versions that were to answer a request and had no replica, since the last call.
  std::set<std::string> take_wanted();
  /// It counts as used now.
  void touch() { last_used_ = clock_.steady_now().time_since_epoch().count(); }
  SteadyTime last_used() const { return SteadyTime(SteadyTime::duration(last_used_.load())); }

  // --- for RoutedRequest ---
  /// A replica that was tried, in the life of its process then: after a restart it may be tried again.
  struct Tried {
    const Replica* replica;
    std::int32_t restarts;
  };
  struct Choice {
    std::shared_ptr<Replica> replica;
    std::shared_ptr<VersionStats> stats;
    std::int32_t restarts = 0;
  };
  struct Verdict {
    std::optional<Choice> choice;
    bool may_come = false;  ///< without a choice: a replica is being started, or will be
  };
  Verdict choose(const RequestFacts& facts, std::span<const Tried> tried);
  /// A sibling of `first` that could answer sooner.
  std::optional<Choice> choose_beside(const RequestFacts& facts, const Replica& first);
  bool take_retry();
  bool take_hedge();
  /// Its answer has begun (or must begin anew); it has ended.
  void on_begun() { --waiting_; }
  void on_begins_anew() { ++waiting_; }
  void forget(std::int32_t urgency, std::uint64_t number);
  void poke() const { poke_(); }
  const RouterOptions& options() const { return options_; }
  const Clock& clock() const { return clock_; }
  Error gave_up_waiting() const;

 private:
  struct Table {
    std::vector<VersionRoute> versions;
    std::vector<HashRing> rings;
  };
  std::shared_ptr<const Table> table() const;
  std::vector<std::size_t> versions_for(const Table& table, const RequestFacts& facts) const;
  std::optional<Choice> choose_in(const Table& table, std::size_t version, const RequestFacts& facts, std::span<const Tried> tried) const;
  /// Calls a replica and waits for its answer; the next one when the first cannot.
  template <class T>
  Result<T> call(const RequestFacts& facts, Millis limit, const std::function<Result<T>(engine::Engine&)>& ask);
  void note_use();
  void copy_to_shadows(const engine::GenerateRequest& request, const RequestFacts& facts);
  void send_shadows();
  void eject_slow_replicas() const;
  std::optional<Millis> hedge_delay() const;  ///< nothing before enough was measured

  const std::string name_;
  const RouterOptions options_;
  const Clock& clock_;
  const std::function<void()> poke_;
  std::atomic<std::uint64_t> arrived_ = 0;
  std::atomic<SteadyTime::rep> last_used_ = 0;
  std::atomic<std::size_t> max_waiting_{options_.max_waiting};
  std::atomic<std::int64_t> waiting_ = 0;  ///< requests and calls without a first token

  mutable std::mutex mu_;
  std::condition_variable changed_;  ///< for call(): versions were set
  // guarded by mu_
  std::shared_ptr<const Table> table_ = std::make_shared<Table>();
  std::map<std::pair<std::int32_t, std::uint64_t>, std::shared_ptr<RoutedRequest>> open_;  // by urgency, then by arrival
  std::uint64_t next_request_ = 1;
  std::set<std::string> wanted_;
  std::string obstacle_;
  bool hopeless_ = false, closed_ = false;
  RetryBudget retries_{0.2, 10, 100};  // a fifth of the requests, and a few more while there are few requests
  RetryBudget hedges_{0.05, 0, 20};
  mutable engine::ModelInfo last_info_;
  std::deque<std::pair<std::string, engine::GenerateRequest>> shadows_to_send_;
  std::vector<std::weak_ptr<ShadowCopy>> shadows_;
};

/// Whether another replica might answer what this one could not.
bool another_may_answer(const Error& error);
/// Whether it tells against the replica that gave it, rather than against the request.
bool speaks_against_replica(const Error& error);

}  // namespace siyu::serving
