// What /metrics tells: counters of the API, and the state of parts at the moment of asking.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/engine.h"

namespace siyu::api {

/// Thread-safe. Metric names follow Prometheus' conventions; no label carries text of users or documents.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// One request; seconds in its handler, which a generation outlives.
  void on_request(std::string_view operation, int status, double seconds);
  /// One ended generation.
  void on_generation(const std::string& model, const engine::Usage& usage, bool failed);
  /// Tokens that were embedded.
  void on_embedding(const std::string& model, std::int32_t tokens);

  /// A value at the moment of asking, such as open connections.
  void set(std::string_view name, std::string_view help, double value);
  void set_of_model(std::string_view name, std::string_view help, const std::string& model, double value);

  /// Prometheus' text format 0.0.4.
  std::string text() const;

 private:
  struct Hidden;
  const std::unique_ptr<Hidden> hidden_;
};

}  // namespace siyu::api
