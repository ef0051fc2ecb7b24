// What a deployment is to be: a served name, its versions with their replicas, and how requests are shared among them. This is
// what the database keeps; Deployments makes the machine follow it. A member that is added to these structs later must be a
// std::optional: the rows of earlier versions lack it.
#pragma once

#include <boost/describe.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "models/gguf_file.h"
#include "serving/remote_engines.h"

namespace siyu::serving {

/// What a load may set; the rest comes from the configuration.
struct LoadOptions {
  std::optional<std::int32_t> context_length, sequences, threads, kv_tokens;
  std::optional<std::string> kv_type;  ///< f16, q8_0 or f32
  std::optional<std::int32_t> kv_spill_mb;  ///< MiB of host memory for beginnings that leave the KV cache; 0: none
  std::optional<std::string> draft;         ///< a small model of the library that guesses ahead
  std::optional<std::vector<std::string>> adapters;  ///< of the library: each is served beside the model, as NAME:ADAPTER
};
BOOST_DESCRIBE_STRUCT(LoadOptions, (), (context_length, sequences, threads, kv_tokens, kv_type, kv_spill_mb, draft, adapters))

/// How the number of local replicas follows the load. A target is what one replica is to carry; absent: it does not count.
struct AutoscaleSpec {
  std::int32_t min = 1, max = 1;    ///< min 0: it sleeps when idle, and its next request wakes it
  std::int32_t idle_seconds = 300;  ///< without a request, before it sleeps
  std::optional<double> requests_per_second, waiting_requests, first_token_ms, tokens_per_second;
};
BOOST_DESCRIBE_STRUCT(AutoscaleSpec, (), (min, max, idle_seconds, requests_per_second, waiting_requests, first_token_ms, tokens_per_second))

struct VersionSpec {
  std::string version;
  std::optional<std::string> model;  ///< of the library: runs in `replicas` local workers
  std::vector<std::string> engines;  ///< engines elsewhere, each one replica
  std::int32_t replicas = 1;
  LoadOptions options;
  double weight = 0;   ///< percent of the requests
  double shadow = 0;   ///< percent of the requests of which it gets a copy
  bool rejected = false;  ///< a release rolled it back: it answers nothing until it is given traffic again
  std::int64_t created_at = 0;  ///< Unix milliseconds

  std::vector<std::string> adapters() const { return options.adapters.value_or(std::vector<std::string>()); }
};
BOOST_DESCRIBE_STRUCT(VersionSpec, (), (version, model, engines, replicas, options, weight, shadow, rejected, created_at))

/// A version on its way to all requests, step by step.
struct ReleaseSpec {
  std::string to;
  std::vector<double> steps{10, 50, 100};  ///< percent of the requests
  std::int32_t step = -1;                  ///< −1: its replicas are being started
  std::int32_t step_seconds = 60;          ///< each step lasts at least so long …
  std::int32_t min_requests = 20;          ///< … and until it has answered so many
  std::map<std::string, double> from;      ///< the traffic before
};
BOOST_DESCRIBE_STRUCT(ReleaseSpec, (), (to, steps, step, step_seconds, min_requests, from))

/// A plain loaded model and an engine elsewhere are deployments of one version too.
enum class Origin { kModel, kEngine, kDeploy };
BOOST_DESCRIBE_ENUM(Origin, kModel, kEngine, kDeploy)

struct DeploymentSpec {
  std::string name;
  Origin origin = Origin::kDeploy;
  Kind kind = Kind::kChat;
  std::vector<VersionSpec> versions;
  std::map<std::string, double> previous;  ///< the traffic before the last change; a rollback restores it
  std::optional<AutoscaleSpec> autoscale;
  std::optional<ReleaseSpec> release;
  bool pinned = false;                     ///< never put to sleep to make room
  std::int32_t queue_limit = 0;            ///< requests without a first token; 0: the default
  std::int64_t created_at = 0;

  VersionSpec* find(const std::string& version) {
    const auto found = std::ranges::find(versions, version, &VersionSpec::version);
    return found == versions.end() ? nullptr : &*found;
  }
  const VersionSpec* find(const std::string& version) const { return const_cast<DeploymentSpec*>(this)->find(version); }
  /// The version with the most traffic.
  const VersionSpec& primary() const { return *std::ranges::max_element(versions, {}, &VersionSpec::weight); }
  std::map<std::string, double> traffic() const {
    std::map<std::string, double> weights;
    for (const auto& one : versions) weights[one.version] = one.weight;
    return weights;
  }
};
BOOST_DESCRIBE_STRUCT(DeploymentSpec, (), (name, origin, kind, versions, previous, autoscale, release, pinned, queue_limit, created_at))

/// A deployment's model with one of its adapters is served under this name.
std::string adapted_name(const std::string& deployment, const std::string& adapter);
/// The adapters that requests can name: those of versions that get some of the traffic.
std::vector<std::string> served_adapters(const DeploymentSpec& spec);
/// What a model of the library is served for.
Kind kind_of(const models::ModelFacts& facts);

/// Gives each version its part; versions that are not named get none. The parts must add up to 100 and name known versions; a
/// version that gets requests is no longer rejected.
Status set_traffic(DeploymentSpec& spec, const std::map<std::string, double>& weights);
Status validate(const LoadOptions& options);
/// Everything a spec must hold to, whoever wrote it.
Status validate(const DeploymentSpec& spec);

}  // namespace siyu::serving
