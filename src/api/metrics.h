// What /metrics tells: counters of the API, and the state of parts at the moment of asking.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/engine.h"
#include "serving/call_record.h"

namespace siyu::api {

/// Thread-safe. Metric names follow Prometheus' conventions; no label carries text of users or documents.
class Metrics final : public serving::CallObserver {
 public:
  Metrics();
  ~Metrics() override;
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// One request; seconds in its handler, which a generation outlives.
  void on_request(std::string_view operation, int status, double seconds);
  /// One ended generation.
  void on_generation(const std::string& model, const engine::Usage& usage, bool failed);
  /// One gRPC call; `status` is gRPC's code.
  void on_rpc(std::string_view method, int status, double seconds);
  /// Tokens that were embedded.
  void on_embedding(const std::string& model, std::int32_t tokens);

  /// One ended call of a model, whichever face it came from: OpenTelemetry's GenAI names.
  void on_call(const serving::CallRecord& record) override;

  /// A value at the moment of asking, such as open connections.
  void set(std::string_view name, std::string_view help, double value);
  void set_of_model(std::string_view name, std::string_view help, const std::string& model, double value);

  void set_labelled(std::string_view name, std::string_view help, const std::string& label, const std::string& label_value, double value);

  /// Prometheus' text format 0.0.4.
  std::string text() const;

 private:
  struct Hidden;
  const std::unique_ptr<Hidden> hidden_;
};

}  // namespace siyu::api
