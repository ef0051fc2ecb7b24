// Which engine answers under which name: workers for models of the library, and engines elsewhere.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/config.h"
#include "base/log.h"
#include "engine/engine.h"
#include "models/library.h"
#include "serving/remote_engines.h"

namespace siyu::serving {

/// What a load may set; the rest comes from the configuration.
struct LoadOptions {
  std::optional<std::int32_t> context_length, sequences, threads, kv_tokens;
  std::string kv_type;  ///< f16, q8_0 or f32; empty: the worker's default
};

/// Makes the engine of a model and returns before it is ready.
using StartEngine = std::function<Result<std::unique_ptr<engine::Engine>>(const models::Model& model, const LoadOptions& options)>;
/// Waits until a worker can answer, or until it is known whether an engine elsewhere does.
using WaitReady = std::function<Status(engine::Engine& engine)>;

/// Makes the engine of an endpoint and returns before anything was sent there.
using ConnectEngine = std::function<std::unique_ptr<engine::Engine>(const RemoteRecord& record, Sensitive<std::string> key)>;

struct Served {
  std::string name;
  Kind kind = Kind::kChat;
  Timestamp loaded_at;
  std::string sha256;  ///< of its file; of address and model for an engine elsewhere
  bool remote = false;
  std::shared_ptr<engine::Engine> engine;  // shared with the requests under way
};

/// What a model of the library is served for.
Kind kind_of(const models::ModelFacts& facts);

/// Thread-safe.
class ModelHost {
 public:
  ModelHost(models::ModelLibrary& library, RemoteEngines& remotes, StartEngine start, WaitReady wait, ConnectEngine connect, const Clock& clock, Logger& log)
      : library_(library), remotes_(remotes), start_(std::move(start)), wait_(std::move(wait)), connect_(std::move(connect)), clock_(clock), log_(log) {}

  /// Starts what was loaded and connects what was added when the server last ran, without waiting.
  Status resume(const Pass& pass);
  /// Returns when the model can answer, or has failed to load. Loading a loaded model changes nothing.
  Status load(const Pass& pass, const std::string& name, const LoadOptions& options);
  /// Starts a model without waiting; it is started again after a restart of the server.
  Status begin_load(const Pass& pass, const std::string& name);
  Status unload(const Pass& pass, const std::string& name);
  /// Deletes it; refused while it is loaded.
  Status remove(const Pass& pass, const std::string& name);

  /// Adds an engine elsewhere; it need not be reachable. Its name must be no model's.
  Result<Served> add_engine(const Pass& pass, RemoteRecord record, Sensitive<std::string> key);
  /// Answers under way go on.
  Status remove_engine(const Pass& pass, const std::string& name);

  std::vector<Served> served() const;
  std::optional<Served> find(const std::string& name) const;
  bool serves(Kind kind) const;
  /// The engine for a request; without a name the only one of its kind. Errors name what is loaded.
  Result<Served> route(const std::string& name, Kind kind) const;

 private:
  Result<Served> start(const models::Model& model, const LoadOptions& options);

  Result<Served> connect(const Pass& pass, const RemoteRecord& record);

  models::ModelLibrary& library_;
  RemoteEngines& remotes_;
  const StartEngine start_;
  const WaitReady wait_;
  const ConnectEngine connect_;
  const Clock& clock_;
  Logger& log_;
  mutable std::mutex mu_;
  std::map<std::string, Served> served_;
};

}  // namespace siyu::serving
