// Deployments and their events in the database. A deployment is one row, so each step of its life is one atomic write.
#pragma once

#include <string>
#include <vector>

#include "serving/deployment.h"
#include "store/database.h"

namespace siyu::serving {

struct DeploymentEvent {
  std::int64_t seq = 0;
  Timestamp at;
  std::string deployment, version;  ///< version: empty when it is about all
  std::string actor;                ///< who caused it; "system" for what the server did by itself
  std::string kind;                 ///< snake_case, such as release_step
  std::string text;                 ///< for people
};

/// Thread-safe.
class DeploymentStore {
 public:
  explicit DeploymentStore(store::Database& db) : db_(db) {}

  Result<std::vector<DeploymentSpec>> list();
  /// Writes the deployment and what happened to it together.
  Status put(const DeploymentSpec& spec, const DeploymentEvent& event);
  Status remove(const std::string& name, const DeploymentEvent& event);
  Status add(const DeploymentEvent& event);
  /// The newest first; of all deployments when `deployment` is empty.
  Result<std::vector<DeploymentEvent>> events(const std::string& deployment, std::size_t limit, std::int64_t before);

 private:
  store::Database& db_;
};

}  // namespace siyu::serving
