#include "api/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

namespace siyu::api {

namespace {
const prometheus::Histogram::BucketBoundaries kSeconds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
}  // namespace

struct Metrics::Hidden {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests =
      prometheus::BuildCounter().Name("siyu_http_requests_total").Help("Requests by operation and status").Register(registry);
  prometheus::Family<prometheus::Histogram>& seconds = prometheus::BuildHistogram()
                                                           .Name("siyu_http_request_duration_seconds")
                                                           .Help("Time in the handler; a generation goes on after it")
                                                           .Register(registry);
  prometheus::Family<prometheus::Counter>& rpcs =
      prometheus::BuildCounter().Name("siyu_grpc_requests_total").Help("gRPC calls by method and status code").Register(registry);
  prometheus::Family<prometheus::Histogram>& rpc_seconds =
      prometheus::BuildHistogram().Name("siyu_grpc_request_duration_seconds").Help("gRPC calls from begin to end, streams included").Register(registry);
  prometheus::Family<prometheus::Counter>& tokens =
      prometheus::BuildCounter().Name("siyu_tokens_total").Help("Tokens by model and kind: prompt, cached, completion, embedding").Register(registry);
  prometheus::Family<prometheus::Counter>& generations =
      prometheus::BuildCounter().Name("siyu_generations_total").Help("Ended generations by model and outcome").Register(registry);

  /// The series of one model, looked up once.
  struct OfModel {
    prometheus::Histogram &input, &output, &cached, &seconds, &first_token, &per_token;
    prometheus::Counter &done, &failed, &abandoned, &missed, &exact, &semantic, &saved_prompt, &saved_completion;
    prometheus::Counter &ended_well, &ended_badly, &prompt_tokens, &cached_tokens, &completion_tokens;
  };
  std::shared_mutex mu;
  std::unordered_map<std::string, OfModel> models;  // guarded by mu

  prometheus::Histogram& histogram(const std::string& name, const std::string& help, const std::map<std::string, std::string>& labels,
                                   const prometheus::Histogram::BucketBoundaries& buckets) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add(labels, buckets);
  }
  prometheus::Counter& counter(const std::string& name, const std::string& help, const std::map<std::string, std::string>& labels) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add(labels);
  }
  OfModel& of_model(const std::string& model) {
    {
      const std::shared_lock lock(mu);
      if (const auto found = models.find(model); found != models.end()) return found->second;
    }
    const std::unique_lock lock(mu);
    if (const auto found = models.find(model); found != models.end()) return found->second;
    return models.emplace(model, make_series(model)).first->second;
  }
  OfModel make_series(const std::string& model);

  // A family looks its members up by maps of labels, which costs a microsecond each; these are known already.
  struct OfRequest {
    prometheus::Counter& count;
    prometheus::Histogram& seconds;
  };
  std::mutex requests_mu;
  std::map<std::string, std::map<int, OfRequest>, std::less<>> by_request;  // by operation and status; guarded by requests_mu

  OfRequest& of_request(std::string_view operation, int status) {
    const std::lock_guard lock(requests_mu);
    auto of_operation = by_request.find(operation);
    if (of_operation == by_request.end()) of_operation = by_request.try_emplace(std::string(operation)).first;
    if (const auto found = of_operation->second.find(status); found != of_operation->second.end()) return found->second;
    const auto& name = of_operation->first;
    return of_operation->second
        .try_emplace(status, OfRequest{requests.Add({{"operation", name}, {"status", std::to_string(status)}}), seconds.Add({{"operation", name}}, kSeconds)})
        .first->second;
  }

  prometheus::Family<prometheus::Gauge>& gauges(std::string_view name, std::string_view help) {
    return prometheus::BuildGauge().Name(std::string(name)).Help(std::string(help)).Register(registry);
  }
};

Metrics::Hidden::OfModel Metrics::Hidden::make_series(const std::string& model) {
  const prometheus::Histogram::BucketBoundaries counts{1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144};
  const prometheus::Histogram::BucketBoundaries wait{0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 120, 300, 600};
  const std::string usage = "gen_ai_client_token_usage", usage_help = "Tokens of a call";
  const auto of = [&](const char* label, const char* value) { return std::map<std::string, std::string>{{"gen_ai_request_model", model}, {label, value}}; };
  const std::map<std::string, std::string> plain{{"gen_ai_request_model", model}};
  const std::string calls = "siyu_calls_total", calls_help = "Ended calls by model and outcome";
  const std::string cache = "siyu_answer_cache_requests_total", cache_help = "Requests that the answer cache was asked for, by what it found";
  const std::string saved = "siyu_answer_cache_saved_tokens_total", saved_help = "Tokens that answers from the cache did not compute";
  const auto labelled = [&](const char* label, const char* value) { return std::map<std::string, std::string>{{"model_name", model}, {label, value}}; };
  return {.input = histogram(usage, usage_help, of("gen_ai_token_type", "input"), counts),
          .output = histogram(usage, usage_help, of("gen_ai_token_type", "output"), counts),
          .cached = histogram(usage, usage_help, of("gen_ai_token_type", "cached_input"), counts),
          .seconds = histogram("gen_ai_server_request_duration_seconds", "From the call to the end of its answer", plain, wait),
          .first_token = histogram("gen_ai_server_time_to_first_token_seconds", "From the call to its first token", plain, wait),
          .per_token = histogram("gen_ai_server_time_per_output_token_seconds", "Time of the tokens after the first, each", plain, wait),
          .done = counter(calls, calls_help, labelled("outcome", "done")),
          .failed = counter(calls, calls_help, labelled("outcome", "failed")),
          .abandoned = counter(calls, calls_help, labelled("outcome", "abandoned")),
          .missed = counter(cache, cache_help, labelled("found", "nothing")),
          .exact = counter(cache, cache_help, labelled("found", "exact")),
          .semantic = counter(cache, cache_help, labelled("found", "semantic")),
          .saved_prompt = counter(saved, saved_help, labelled("kind", "prompt")),
          .saved_completion = counter(saved, saved_help, labelled("kind", "completion")),
          .ended_well = generations.Add({{"model", model}, {"outcome", "done"}}),
          .ended_badly = generations.Add({{"model", model}, {"outcome", "failed"}}),
          .prompt_tokens = tokens.Add({{"model", model}, {"kind", "prompt"}}),
          .cached_tokens = tokens.Add({{"model", model}, {"kind", "cached"}}),
          .completion_tokens = tokens.Add({{"model", model}, {"kind", "completion"}})};
}

Metrics::Metrics() : hidden_(std::make_unique<Hidden>()) {}
Metrics::~Metrics() = default;

void Metrics::on_request(std::string_view operation, int status, double seconds) {
  auto& of = hidden_->of_request(operation, status);
  of.count.Increment();
  of.seconds.Observe(seconds);
}

void Metrics::on_rpc(std::string_view method, int status, double seconds) {
  hidden_->rpcs.Add({{"method", std::string(method)}, {"code", std::to_string(status)}}).Increment();
  hidden_->rpc_seconds.Add({{"method", std::string(method)}}, kSeconds).Observe(seconds);
}

void Metrics::on_generation(const std::string& model, const engine::Usage& usage, bool failed) {
  auto& of = hidden_->of_model(model);
  (failed ? of.ended_badly : of.ended_well).Increment();
  of.prompt_tokens.Increment(usage.prompt_tokens);
  of.cached_tokens.Increment(usage.cached_tokens);
  of.completion_tokens.Increment(usage.completion_tokens);
}

void Metrics::on_embedding(const std::string& model, std::int32_t tokens) {
  hidden_->tokens.Add({{"model", model}, {"kind", "embedding"}}).Increment(tokens);
}

void Metrics::on_call(const serving::CallRecord& record) {
  auto& series = hidden_->of_model(record.model);
  using enum serving::CacheUse;
  if (record.cache == kExact || record.cache == kSemantic) {
    (record.cache == kExact ? series.exact : series.semantic).Increment();
    series.saved_prompt.Increment(record.usage.prompt_tokens);
    series.saved_completion.Increment(record.usage.completion_tokens);
    series.seconds.Observe(record.seconds);
    return;
  }
  if (record.cache == kMiss) series.missed.Increment();
  (record.outcome == serving::CallOutcome::kDone ? series.done : record.outcome == serving::CallOutcome::kFailed ? series.failed : series.abandoned).Increment();
  series.input.Observe(record.usage.prompt_tokens);
  series.cached.Observe(record.usage.cached_tokens);
  series.output.Observe(record.usage.completion_tokens);
  series.seconds.Observe(record.seconds);
  if (record.first_token_seconds > 0) series.first_token.Observe(record.first_token_seconds);
  if (record.first_token_seconds > 0 && record.usage.completion_tokens > 1)
    series.per_token.Observe((record.seconds - record.first_token_seconds) / (record.usage.completion_tokens - 1));
}

void Metrics::set_labelled(std::string_view name, std::string_view help, const std::string& label, const std::string& label_value, double value) {
  hidden_->gauges(name, help).Add({{label, label_value}}).Set(value);
}

void Metrics::set(std::string_view name, std::string_view help, double value) { hidden_->gauges(name, help).Add({}).Set(value); }

void Metrics::set_of_model(std::string_view name, std::string_view help, const std::string& model, double value) {
  hidden_->gauges(name, help).Add({{"model", model}}).Set(value);
}

std::string Metrics::text() const { return prometheus::TextSerializer().Serialize(hidden_->registry.Collect()); }

}  // namespace siyu::api
