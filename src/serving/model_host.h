// Which engine answers under which name: starts and stops workers for models of the library.
#pragma once

#include <boost/describe.hpp>

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

namespace siyu::serving {

/// What a load may set; the rest comes from the configuration.
struct LoadOptions {
  std::optional<std::int32_t> context_length, sequences, threads;
};

/// Makes the engine of a model and returns before it is ready.
using StartEngine = std::function<Result<std::unique_ptr<engine::Engine>>(const models::Model& model, const LoadOptions& options)>;
/// Waits until an engine made by StartEngine can answer.
using WaitReady = std::function<Status(engine::Engine& engine)>;

enum class Kind { kChat, kEmbedding };
BOOST_DESCRIBE_ENUM(Kind, kChat, kEmbedding)

struct Served {
  std::string name;
  Kind kind = Kind::kChat;
  Timestamp loaded_at;
  std::string sha256;  ///< of its file; empty for a remote engine
  std::shared_ptr<engine::Engine> engine;  // shared with the requests under way
};

/// Thread-safe.
class ModelHost {
 public:
  ModelHost(models::ModelLibrary& library, StartEngine start, WaitReady wait, const Clock& clock, Logger& log)
      : library_(library), start_(std::move(start)), wait_(std::move(wait)), clock_(clock), log_(log) {}

  /// Starts what was loaded when the server last ran, without waiting.
  Status resume(const Pass& pass);
  /// Returns when the model can answer, or has failed to load. Loading a loaded model changes nothing.
  Status load(const Pass& pass, const std::string& name, const LoadOptions& options);
  Status unload(const Pass& pass, const std::string& name);
  /// Deletes it; refused while it is loaded.
  Status remove(const Pass& pass, const std::string& name);

  std::vector<Served> served() const;
  std::optional<Served> find(const std::string& name) const;
  bool serves(Kind kind) const;
  /// The engine for a request; without a name the only one of its kind. Errors name what is loaded.
  Result<Served> route(const std::string& name, Kind kind) const;

 private:
  Result<Served> start(const models::Model& model, const LoadOptions& options);

  models::ModelLibrary& library_;
  const StartEngine start_;
  const WaitReady wait_;
  const Clock& clock_;
  Logger& log_;
  mutable std::mutex mu_;
  std::map<std::string, Served> served_;
};

}  // namespace siyu::serving
