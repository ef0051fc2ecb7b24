#include "serving/deployment.h"

#include <cmath>
#include <set>

#include "models/library.h"

namespace siyu::serving {
namespace {

constexpr std::size_t kMaxVersions = 16;
constexpr std::int32_t kMaxReplicas = 64;
constexpr std::size_t kMaxAdapters = 32;  // each is held by every replica, and a step of the model computes for one
constexpr double kRounding = 0.01;

Status check_version(const VersionSpec& one) {
  RETURN_IF_ERROR(models::check_name(one.version));
  if (!one.model && one.engines.empty()) return invalid("The version " + one.version + " needs a `model` of the library or `engines`");
  if (one.replicas < 0 || one.replicas > kMaxReplicas) return invalid("`replicas` must be from 0 to 64");
  RETURN_IF_ERROR(validate(one.options));
  if (one.options.draft && !one.model) return invalid("`draft` needs a `model` of the library for which to guess");
  if (one.options.draft && one.options.draft == one.model) return invalid("The model " + *one.model + " cannot guess for itself; `draft` must be a smaller model of the same vocabulary");
  const auto adapters = one.adapters();
  if (!adapters.empty() && !one.model) return invalid("The version " + one.version + " has `adapters` and no `model` of the library to load them with");
  if (!adapters.empty() && !one.engines.empty()) return invalid("The version " + one.version + " has `adapters`, which its `engines` elsewhere would not know; make them two versions");
  if (one.shadow < 0 || one.shadow > 100) return invalid("`shadow` is a percentage, from 0 to 100");
  return {};
}

Status check_autoscale(const AutoscaleSpec& scale) {
  if (scale.min < 0 || scale.max < 1 || scale.min > scale.max || scale.max > kMaxReplicas) return invalid("`min` must be from 0 to `max`, and `max` from 1 to 64");
  if (scale.idle_seconds < 1) return invalid("`idle_seconds` must be at least 1");
  for (const auto& target : {scale.requests_per_second, scale.waiting_requests, scale.first_token_ms, scale.tokens_per_second})
    if (target && !(*target > 0)) return invalid("A target of autoscaling must be more than 0");
  return {};
}

Status check_release(const DeploymentSpec& spec, const ReleaseSpec& release) {
  if (spec.find(release.to) == nullptr) return not_found("The deployment " + spec.name + " has no version " + release.to);
  double last = 0;
  for (const double step : release.steps) {
    if (step <= last || step > 100) return invalid("`steps` must be percentages that grow, such as 10,50,100");
    last = step;
  }
  if (release.steps.empty() || last != 100) return invalid("The last of `steps` must be 100");
  if (release.step_seconds < 1 || release.min_requests < 1) return invalid("`step_seconds` and `min_requests` must be at least 1");
  return {};
}

}  // namespace

std::string adapted_name(const std::string& deployment, const std::string& adapter) { return deployment + ":" + adapter; }

std::vector<std::string> served_adapters(const DeploymentSpec& spec) {
  std::set<std::string> names;
  for (const auto& version : spec.versions) {
    if (version.weight <= 0) continue;
    for (auto& adapter : version.adapters()) names.insert(std::move(adapter));
  }
  return {names.begin(), names.end()};
}

Kind kind_of(const models::ModelFacts& facts) {
  if (facts.rerank.value_or(false)) return Kind::kRerank;
  return facts.embedding ? Kind::kEmbedding : Kind::kChat;
}

Status set_traffic(DeploymentSpec& spec, const std::map<std::string, double>& weights) {
  double sum = 0;
  for (const auto& [version, weight] : weights) {
    if (spec.find(version) == nullptr) return not_found("The deployment " + spec.name + " has no version " + version);
    if (!(weight >= 0)) return invalid("A part of the traffic is a percentage, from 0 to 100");
    sum += weight;
  }
  if (std::abs(sum - 100) > kRounding) return invalid("The parts of the traffic must add up to 100, such as v1=90 v2=10");
  for (auto& one : spec.versions) {
    const auto found = weights.find(one.version);
    one.weight = found == weights.end() ? 0 : found->second;
    if (one.weight > 0) one.rejected = false;
  }
  return {};
}

Status validate(const LoadOptions& options) {
  const auto in_range = [](const std::optional<std::int32_t>& value, std::int32_t low, std::int32_t high) { return !value || (*value >= low && *value <= high); };
  if (!in_range(options.context_length, 128, 1 << 24)) return invalid("`context_length` must be at least 128");
  if (!in_range(options.sequences, 1, 192)) return invalid("`sequences` must be from 1 to 192");
  if (!in_range(options.threads, 1, 1024)) return invalid("`threads` must be from 1 to 1024");
  if (!in_range(options.kv_tokens, 128, 1 << 26)) return invalid("`kv_tokens` must be from 128 to 67108864");
  if (!in_range(options.kv_spill_mb, 0, 1 << 24)) return invalid("`kv_spill_mb` must be from 0 to 16777216");
  if (options.draft) RETURN_IF_ERROR(models::check_name(*options.draft));
  const auto& adapters = options.adapters;
  if (adapters && adapters->size() > kMaxAdapters) return invalid("A model can be loaded with at most 32 adapters");
  if (adapters && std::set(adapters->begin(), adapters->end()).size() != adapters->size()) return invalid("An adapter is named twice in `adapters`");
  return {};
}

Status validate(const DeploymentSpec& spec) {
  RETURN_IF_ERROR(models::check_name(spec.name));
  if (spec.versions.empty() || spec.versions.size() > kMaxVersions) return invalid("A deployment has 1 to 16 versions");
  std::set<std::string> names;
  int with_traffic = 0;
  for (const auto& one : spec.versions) {
    RETURN_IF_ERROR(check_version(one));
    if (!names.insert(one.version).second) return fail(ErrorCode::kAlreadyExists, "The deployment " + spec.name + " has a version " + one.version + " already");
    with_traffic += one.weight > 0 ? 1 : 0;
    for (const auto& adapter : one.adapters())
      if (!models::check_name(adapted_name(spec.name, adapter)))
        return invalid("The name " + adapted_name(spec.name, adapter) + ", under which the adapter would be served, is longer than 128 letters; choose a shorter one");
  }
  if (with_traffic == 0) return invalid("No version of " + spec.name + " gets requests");
  // Vectors of two models cannot be compared: a knowledge base would find nothing.
  if (spec.kind == Kind::kEmbedding && with_traffic > 1) return invalid("Requests for embeddings cannot be shared among versions; give one of them 100");
  if (spec.autoscale) RETURN_IF_ERROR(check_autoscale(*spec.autoscale));
  if (spec.release) RETURN_IF_ERROR(check_release(spec, *spec.release));
  if (spec.release && spec.kind == Kind::kEmbedding) return invalid("An embedding model has no stepwise release; promote the version at once");
  if (spec.queue_limit < 0 || spec.queue_limit > 1'000'000) return invalid("`queue_limit` must be from 0 to 1000000");
  return {};
}

}  // namespace siyu::serving
