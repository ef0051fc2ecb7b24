// Downloads of models, as jobs of the server: they outlive the request that asked for them, and a restart.
#pragma once

#include <boost/describe.hpp>

#include <atomic>
#include <condition_variable>
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
#include "base/random.h"
#include "models/download.h"
#include "models/library.h"
#include "policy/policy.h"

namespace siyu::models {

enum class PullState { kQueued, kRunning, kVerifying, kDone, kFailed, kCancelled };
BOOST_DESCRIBE_ENUM(PullState, kQueued, kRunning, kVerifying, kDone, kFailed, kCancelled)

struct Pull {
  std::string id, reference, name;
  PullState state = PullState::kQueued;
  std::string reason;  ///< why it failed, or why it is trying again
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total = 0;  ///< 0: not known yet
  double bytes_per_second = 0;
  Timestamp created_at;
};

struct NewPull {
  std::string reference;
  std::optional<std::string> name, sha256;
  bool load = false;  ///< start it when it has arrived
};

/// Starts a model without waiting until it answers.
using StartModel = std::function<Status(const Pass& pass, const std::string& name)>;

struct PullOptions {
  HubOptions hubs;
  std::chrono::seconds stall{60};  ///< a connection on which nothing arrives for so long is given up
  DownloadLimits limits;
};

/// Thread-safe. Nothing is asked of any hub but for a pull that somebody ordered.
class Pulls {
 public:
  Pulls(store::Database& db, ModelLibrary& library, policy::Policy& policy, PullOptions options, StartModel start_model, const Clock& clock, Random& random,
        Logger& log);
  ~Pulls() { stop(); }
  Pulls(const Pulls&) = delete;
  Pulls& operator=(const Pulls&) = delete;

  /// Goes on with what a stop or a kill interrupted.
  Status start();
  /// Ends the connections and joins; what has arrived stays for the next start().
  void stop();

  /// Orders a download. The same source once more goes on with what failed or was cancelled, or names the one that runs.
  Result<Pull> create(const Pass& pass, const NewPull& order);
  /// Newest first.
  Result<std::vector<Pull>> list(const Pass& pass);
  Result<Pull> get(const Pass& pass, const std::string& id);
  /// Cancels one that runs, and keeps what has arrived; forgets one that has ended, with what it left on the disk.
  Status remove(const Pass& pass, const std::string& id);

 private:
  struct Job;
  struct Live;
  void work();
  void run(const std::string& id);
  Status perform(Job& job, Live& live);
  Status plan(Job& job, Live& live);
  Status fetch_all(Job& job, Live& live);
  Status import(const Pass& pass, const Job& job);
  Status import_projector(const Pass& pass, const Job& job);
  ModelFile arrived(const Job& job, std::size_t file) const;
  bool has_arrived(const Job& job, const Model& model) const;
  Status end(const Job& job, PullState state, const std::string& reason);
  Result<Job> load(const std::string& id);
  Status save_plan(const Job& job);
  Status prune();
  static Pull head_of(const Job& job);
  Pull show(const Job& job);
  std::filesystem::path dir_of(const std::string& id) const { return library_.staging_dir() / id; }

  store::Database& db_;
  ModelLibrary& library_;
  policy::Policy& policy_;
  const PullOptions options_;
  const StartModel start_model_;
  const Clock& clock_;
  Random& random_;
  Logger& log_;
  Fetcher fetcher_;

  std::mutex mu_;
  std::condition_variable changed_;
  std::deque<std::string> queue_;
  std::map<std::string, std::shared_ptr<Live>> running_;  // shared by the worker and whoever looks or cancels
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace siyu::models
