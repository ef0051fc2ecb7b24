#include "api/deployment_metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>

namespace siyu::api {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

class Families {
 public:
  void gauge(const std::string& name, const std::string& help, const Labels& labels, double value) { at(name, help, MetricType::Gauge, labels).gauge.value = value; }
  void counter(const std::string& name, const std::string& help, const Labels& labels, double value) { at(name, help, MetricType::Counter, labels).counter.value = value; }
  void histogram(const std::string& name, const std::string& help, const Labels& labels, const serving::DurationHistogram& times) {
    auto& histogram = at(name, help, MetricType::Histogram, labels).histogram;
    std::uint64_t so_far = 0;
    for (std::size_t i = 0; i < times.buckets().size(); ++i) {
      so_far += times.buckets()[i];
      const bool last = i + 1 == times.buckets().size();
      histogram.bucket.push_back({.cumulative_count = so_far, .upper_bound = last ? std::numeric_limits<double>::infinity() : serving::DurationHistogram::bound_ms(i) / 1000});
    }
    histogram.sample_count = so_far;
    histogram.sample_sum = times.sum_ms() / 1000;
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  ClientMetric& at(const std::string& name, const std::string& help, MetricType type, const Labels& labels) {
    auto found = std::ranges::find(families_, name, &prometheus::MetricFamily::name);
    if (found == families_.end()) found = families_.insert(families_.end(), {.name = name, .help = help, .type = type, .metric = {}});
    found->metric.emplace_back().label = labels;
    return found->metric.back();
  }
  std::vector<prometheus::MetricFamily> families_;
};

void add_version(Families& out, const std::string& deployment, const serving::VersionView& version) {
  const auto& figures = version.figures;
  const Labels labels{{.name = "model_name", .value = deployment}, {.name = "version", .value = version.spec.version}};
  const auto count = [](std::uint64_t value) { return static_cast<double>(value); };
  out.gauge("siyu_deployment_traffic_percent", "Part of the requests that a version gets", labels, version.spec.weight);
  out.counter("siyu_requests_total", "Attempts at a version's replicas that ended, copies included", labels, count(figures.requests));
  out.counter("siyu_requests_failed_total", "Of them, those that failed by a fault of the replica", labels, count(figures.failures));
  out.counter("siyu_request_retries_total", "Attempts that followed a failed one", labels, count(figures.retries));
  out.counter("siyu_request_hedges_total", "Second attempts beside a slow first one", labels, count(figures.hedges));
  out.counter("siyu_prompt_tokens_total", "Tokens of prompts", labels, count(figures.prompt_tokens));
  out.counter("siyu_generation_tokens_total", "Generated tokens", labels, count(figures.generated_tokens));
  out.histogram("siyu_time_to_first_token_seconds", "From sending a request to a replica to its first token", labels, figures.first_token);
  out.histogram("siyu_e2e_request_latency_seconds", "From sending a request to a replica to the end of its answer", labels, figures.whole);
  for (const auto& replica : version.replicas) {
    auto own = labels;
    own.push_back({.name = "replica", .value = replica.id});
    const auto& health = replica.health;
    out.gauge("siyu_replica_ready", "1 when it gets requests", own, replica.state == serving::ReplicaState::kReady ? 1 : 0);
    out.gauge("siyu_num_requests_running", "Requests that a replica is answering", own, replica.running);
    out.gauge("siyu_replica_work_tokens", "Estimated tokens that a replica still has to do", own, static_cast<double>(replica.work));
    out.counter("siyu_replica_restarts_total", "Processes of a replica that ended and were replaced", own, health.restarts);
    out.gauge("siyu_replica_resident_memory_bytes", "Resident memory of a replica's process", own, static_cast<double>(health.stats.resident_bytes));
    if (health.stats.kv_total_tokens > 0)
      out.gauge("siyu_kv_cache_usage_perc", "Part of the KV cache in use, 0 to 1", own, static_cast<double>(health.stats.kv_used_tokens) / health.stats.kv_total_tokens);
    out.counter("siyu_prefix_cache_queries_total", "Prompt tokens looked up in the prefix cache", own, static_cast<double>(health.stats.prefix_queried_tokens));
    out.counter("siyu_prefix_cache_hits_total", "Prompt tokens found there", own, static_cast<double>(health.stats.prefix_hit_tokens));
    out.counter("siyu_kv_cache_spilled_tokens_total", "Tokens that left the KV cache for host memory", own, static_cast<double>(health.stats.spilled_tokens));
    out.counter("siyu_kv_cache_restored_tokens_total", "Tokens that came back from there instead of being computed", own, static_cast<double>(health.stats.restored_tokens));
    out.gauge("siyu_kv_cache_spill_bytes", "Host memory in use for them", own, static_cast<double>(health.stats.spill_bytes));
    const auto guesses = [&](const char* source, std::int64_t drafted, std::int64_t right) {
      auto labels_of_source = own;
      labels_of_source.push_back({.name = "source", .value = source});
      out.counter("siyu_spec_decode_num_draft_tokens_total", "Tokens guessed ahead, by prompt lookup or a draft model", labels_of_source, static_cast<double>(drafted));
      out.counter("siyu_spec_decode_num_accepted_tokens_total", "Of them, those that the model agreed with", labels_of_source, static_cast<double>(right));
    };
    guesses("lookup", health.stats.guessed_tokens, health.stats.guessed_right_tokens);
    guesses("draft", health.stats.drafted_tokens, health.stats.drafted_right_tokens);
  }
}

}  // namespace

std::string deployment_metrics(const std::vector<serving::DeploymentView>& deployments, const serving::MemoryView& memory) {
  Families out;
  out.gauge("siyu_model_memory_budget_bytes", "Memory that all local models together may take", {}, static_cast<double>(memory.budget));
  out.gauge("siyu_model_memory_used_bytes", "Memory that they take, as predicted or as reported when that is more", {}, static_cast<double>(memory.used));
  for (const auto& deployment : deployments) {
    const Labels labels{{.name = "model_name", .value = deployment.spec.name}};
    out.gauge("siyu_num_requests_waiting", "Requests without a first token", labels, static_cast<double>(deployment.waiting));
    out.gauge("siyu_deployment_asleep", "1 while it sleeps until its next request", labels, deployment.state == serving::DeploymentState::kAsleep ? 1 : 0);
    for (const auto& version : deployment.versions) add_version(out, deployment.spec.name, version);
  }
  return out.text();
}

}  // namespace siyu::api
