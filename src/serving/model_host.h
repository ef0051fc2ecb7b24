// Which engine answers under which name: deployments, of which a loaded model and an engine elsewhere are the simplest.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "serving/deployments.h"
#include "serving/served.h"

namespace siyu::serving {

/// Waits until a worker can answer, or until it is known whether an engine elsewhere does.
using WaitReady = std::function<Status(engine::Engine& engine)>;

/// Thread-safe.
class ModelHost {
 public:
  ModelHost(models::ModelLibrary& library, RemoteEngines& remotes, Deployments& deployments, WaitReady wait)
      : library_(library), remotes_(remotes), deployments_(deployments), wait_(std::move(wait)) {}

  /// Returns when the model can answer, or has failed to load. Loading a loaded model changes nothing but wakes it. The names
  /// are those of models that were put to sleep to make room.
  Result<std::vector<std::string>> load(const Pass& pass, const std::string& name, const LoadOptions& options);
  /// Starts a model without waiting; it is started again after a restart of the server.
  Status begin_load(const Pass& pass, const std::string& name);
  Status unload(const Pass& pass, const std::string& name);
  /// Gives a model its projector; refused while it is loaded.
  Result<models::Model> add_projector(const Pass& pass, const std::string& name, const models::ModelFile& file, const std::string& origin);
  /// Deletes it; refused while it is loaded.
  Status remove(const Pass& pass, const std::string& name);

  /// Adds an engine elsewhere; it need not be reachable. Its name must be no model's.
  Result<Served> add_engine(const Pass& pass, RemoteRecord record, Sensitive<std::string> key);
  /// Refused while a deployment of another name uses it.
  Status remove_engine(const Pass& pass, const std::string& name);

  std::vector<Served> served() const;
  std::optional<Served> find(const std::string& name) const;
  bool serves(Kind kind) const;
  /// The engine for a request; without a name the only one of its kind. Errors name what is loaded.
  Result<Served> route(const std::string& name, Kind kind) const;

 private:
  Status check_unused(const std::string& name) const;
  Result<std::vector<std::string>> start(const Pass& pass, const models::Model& model, const LoadOptions& options, bool& fresh);

  models::ModelLibrary& library_;
  RemoteEngines& remotes_;
  Deployments& deployments_;
  const WaitReady wait_;
};

}  // namespace siyu::serving
