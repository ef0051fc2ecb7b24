#include "api/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace siyu::api {

struct Metrics::Hidden {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests =
      prometheus::BuildCounter().Name("siyu_http_requests_total").Help("Requests by operation and status").Register(registry);
  prometheus::Family<prometheus::Histogram>& seconds = prometheus::BuildHistogram()
                                                           .Name("siyu_http_request_duration_seconds")
                                                           .Help("Time in the handler; a generation goes on after it")
                                                           .Register(registry);
  prometheus::Family<prometheus::Counter>& tokens =
      prometheus::BuildCounter().Name("siyu_tokens_total").Help("Tokens by model and kind: prompt, cached, completion, embedding").Register(registry);
  prometheus::Family<prometheus::Counter>& generations =
      prometheus::BuildCounter().Name("siyu_generations_total").Help("Ended generations by model and outcome").Register(registry);

  prometheus::Family<prometheus::Gauge>& gauges(std::string_view name, std::string_view help) {
    return prometheus::BuildGauge().Name(std::string(name)).Help(std::string(help)).Register(registry);
  }
};

Metrics::Metrics() : hidden_(std::make_unique<Hidden>()) {}
Metrics::~Metrics() = default;

void Metrics::on_request(std::string_view operation, int status, double seconds) {
  static const prometheus::Histogram::BucketBoundaries kSeconds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
  hidden_->requests.Add({{"operation", std::string(operation)}, {"status", std::to_string(status)}}).Increment();
  hidden_->seconds.Add({{"operation", std::string(operation)}}, kSeconds).Observe(seconds);
}

void Metrics::on_generation(const std::string& model, const engine::Usage& usage, bool failed) {
  hidden_->generations.Add({{"model", model}, {"outcome", failed ? "failed" : "done"}}).Increment();
  hidden_->tokens.Add({{"model", model}, {"kind", "prompt"}}).Increment(usage.prompt_tokens);
  hidden_->tokens.Add({{"model", model}, {"kind", "cached"}}).Increment(usage.cached_tokens);
  hidden_->tokens.Add({{"model", model}, {"kind", "completion"}}).Increment(usage.completion_tokens);
}

void Metrics::on_embedding(const std::string& model, std::int32_t tokens) {
  hidden_->tokens.Add({{"model", model}, {"kind", "embedding"}}).Increment(tokens);
}

void Metrics::set(std::string_view name, std::string_view help, double value) { hidden_->gauges(name, help).Add({}).Set(value); }

void Metrics::set_of_model(std::string_view name, std::string_view help, const std::string& model, double value) {
  hidden_->gauges(name, help).Add({{"model", model}}).Set(value);
}

std::string Metrics::text() const { return prometheus::TextSerializer().Serialize(hidden_->registry.Collect()); }

}  // namespace siyu::api
