// Deployments: served names with versions and replicas, and their life.
#include "api/call.h"
#include "api/query.h"
#include "routes.gen.h"

namespace siyu::api {
namespace {

using serving::LoadOptions;

struct AutoscaleBody {
  std::optional<std::int32_t> min, max, idle_seconds;
  std::optional<double> requests_per_second, waiting_requests, first_token_ms, tokens_per_second;
};
BOOST_DESCRIBE_STRUCT(AutoscaleBody, (), (min, max, idle_seconds, requests_per_second, waiting_requests, first_token_ms, tokens_per_second))

struct NewVersionBody {
  std::string version;
  std::optional<std::string> model;
  std::optional<std::vector<std::string>> engines;
  std::optional<std::int32_t> replicas;
  std::optional<LoadOptions> options;
};
BOOST_DESCRIBE_STRUCT(NewVersionBody, (), (version, model, engines, replicas, options))

struct NewDeploymentBody {
  std::string name;
  std::optional<std::string> version, model;
  std::optional<std::vector<std::string>> engines;
  std::optional<std::int32_t> replicas;
  std::optional<LoadOptions> options;
  std::optional<AutoscaleBody> autoscale;
  std::optional<bool> pinned;
  std::optional<std::int32_t> queue_limit;
};
BOOST_DESCRIBE_STRUCT(NewDeploymentBody, (), (name, version, model, engines, replicas, options, autoscale, pinned, queue_limit))

struct TrafficBody {
  std::optional<std::map<std::string, double>> traffic, shadow;
};
BOOST_DESCRIBE_STRUCT(TrafficBody, (), (traffic, shadow))

struct ScaleBody {
  std::optional<std::string> version;
  std::optional<std::int32_t> replicas, queue_limit;
  std::optional<AutoscaleBody> autoscale;
  std::optional<bool> fixed, pinned;
};
BOOST_DESCRIBE_STRUCT(ScaleBody, (), (version, replicas, queue_limit, autoscale, fixed, pinned))

struct ReleaseBody {
  std::string version;
  std::optional<std::vector<double>> steps;
  std::optional<std::int32_t> step, step_seconds, min_requests;
};
BOOST_DESCRIBE_STRUCT(ReleaseBody, (), (version, steps, step, step_seconds, min_requests))

struct PromoteBody {
  std::string version;
};
BOOST_DESCRIBE_STRUCT(PromoteBody, (), (version))

struct ReplicaBody {
  std::string id, source;
  bool local = true;
  serving::ReplicaState state = serving::ReplicaState::kStarting;
  std::optional<std::string> reason;
  std::optional<std::int32_t> pid;
  std::int32_t restarts = 0, requests_running = 0;
  std::int64_t work_tokens = 0;
  std::uint64_t failures = 0;
  std::int64_t resident_bytes = 0;
  std::uint64_t predicted_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(ReplicaBody, (), (id, source, local, state, reason, pid, restarts, requests_running, work_tokens, failures, resident_bytes, predicted_bytes))

struct FiguresBody {
  std::uint64_t requests = 0, failures = 0, retries = 0, hedges = 0, prompt_tokens = 0, cached_tokens = 0, generated_tokens = 0;
  double first_token_p50_ms = 0, first_token_p95_ms = 0, tokens_per_second = 0;
  std::uint64_t timed_tokens = 0;
  double decode_ms = 0;
  std::vector<std::uint64_t> first_token_counts;
};
BOOST_DESCRIBE_STRUCT(FiguresBody, (), (requests, failures, retries, hedges, prompt_tokens, cached_tokens, generated_tokens, first_token_p50_ms, first_token_p95_ms, tokens_per_second, timed_tokens,
                                        decode_ms, first_token_counts))

struct VersionBody {
  std::string version;
  std::optional<std::string> model;
  std::vector<std::string> engines;
  double traffic = 0, shadow = 0;
  bool rejected = false;
  std::int32_t replicas_wanted = 0;
  LoadOptions options;
  std::vector<ReplicaBody> replicas;
  FiguresBody figures;
  std::string created_at;
};
BOOST_DESCRIBE_STRUCT(VersionBody, (), (version, model, engines, traffic, shadow, rejected, replicas_wanted, options, replicas, figures, created_at))

struct DeploymentBody {
  std::string name;
  serving::Origin origin = serving::Origin::kDeploy;
  serving::Kind kind = serving::Kind::kChat;
  serving::DeploymentState state = serving::DeploymentState::kStarting;
  std::optional<std::string> reason;
  bool pinned = false;
  std::optional<std::int32_t> queue_limit;
  std::uint64_t requests = 0;
  std::int64_t requests_waiting = 0;
  std::optional<serving::AutoscaleSpec> autoscale;
  std::optional<std::int32_t> autoscaled;
  std::optional<ReleaseBody> release;
  std::optional<std::map<std::string, double>> rollback_to;
  std::vector<VersionBody> versions;
  std::optional<std::vector<std::string>> evicted;
  std::string created_at;
};
BOOST_DESCRIBE_STRUCT(DeploymentBody, (), (name, origin, kind, state, reason, pinned, queue_limit, requests, requests_waiting, autoscale, autoscaled, release, rollback_to,
                                           versions, evicted, created_at))

struct MemoryBody {
  std::uint64_t budget_bytes = 0, used_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(MemoryBody, (), (budget_bytes, used_bytes))
struct DeploymentListBody {
  std::vector<DeploymentBody> deployments;
  MemoryBody memory;
};
BOOST_DESCRIBE_STRUCT(DeploymentListBody, (), (deployments, memory))

struct EventBody {
  std::int64_t seq = 0;
  std::string time, deployment;
  std::optional<std::string> version;
  std::string actor, kind, text;
};
BOOST_DESCRIBE_STRUCT(EventBody, (), (seq, time, deployment, version, actor, kind, text))
struct EventListBody {
  std::vector<EventBody> events;
};
BOOST_DESCRIBE_STRUCT(EventListBody, (), (events))

serving::AutoscaleSpec to_spec(const AutoscaleBody& body) {
  serving::AutoscaleSpec spec{.requests_per_second = body.requests_per_second, .waiting_requests = body.waiting_requests, .first_token_ms = body.first_token_ms,
                              .tokens_per_second = body.tokens_per_second};
  spec.max = body.max.value_or(std::max(1, body.min.value_or(1)));
  spec.min = body.min.value_or(1);
  spec.idle_seconds = body.idle_seconds.value_or(spec.idle_seconds);
  return spec;
}

ReplicaBody to_body(const serving::ReplicaView& view) {
  ReplicaBody body{.id = view.id, .source = view.source, .local = view.local, .state = view.state, .reason = {}, .pid = {}, .restarts = view.health.restarts,
                   .requests_running = view.running, .work_tokens = view.work, .failures = view.failures, .resident_bytes = view.health.stats.resident_bytes,
                   .predicted_bytes = view.predicted_bytes};
  if (!view.health.message.empty()) body.reason = view.health.message;
  if (view.health.pid != 0) body.pid = view.health.pid;
  return body;
}

VersionBody to_body(const serving::VersionView& view) {
  const auto& figures = view.figures;
  VersionBody body{.version = view.spec.version, .model = view.spec.model, .engines = view.spec.engines, .traffic = view.spec.weight, .shadow = view.spec.shadow,
                   .rejected = view.spec.rejected, .replicas_wanted = view.spec.model ? view.spec.replicas : 0, .options = view.spec.options, .replicas = {}, .figures = {},
                   .created_at = to_rfc3339(from_unix_millis(view.spec.created_at))};
  body.figures = {.requests = figures.requests, .failures = figures.failures, .retries = figures.retries, .hedges = figures.hedges, .prompt_tokens = figures.prompt_tokens,
                  .cached_tokens = figures.cached_tokens, .generated_tokens = figures.generated_tokens, .first_token_p50_ms = figures.first_token.quantile_ms(0.5),
                  .first_token_p95_ms = figures.first_token.quantile_ms(0.95), .tokens_per_second = figures.tokens_per_second(),
                  .timed_tokens = figures.timed_tokens, .decode_ms = figures.decode_ms,
                  .first_token_counts = {figures.first_token.buckets().begin(), figures.first_token.buckets().end()}};
  for (const auto& replica : view.replicas) body.replicas.push_back(to_body(replica));
  return body;
}

DeploymentBody to_body(const serving::DeploymentView& view) {
  const auto& spec = view.spec;
  DeploymentBody body{.name = spec.name, .origin = spec.origin, .kind = spec.kind, .state = view.state, .reason = {}, .pinned = spec.pinned, .queue_limit = {},
                      .requests = view.requests, .requests_waiting = view.waiting, .autoscale = spec.autoscale, .autoscaled = {}, .release = {}, .rollback_to = {}, .versions = {},
                      .evicted = {}, .created_at = to_rfc3339(from_unix_millis(spec.created_at))};
  if (!view.reason.empty()) body.reason = view.reason;
  if (spec.queue_limit > 0) body.queue_limit = spec.queue_limit;
  if (view.autoscaled > 0) body.autoscaled = view.autoscaled;
  if (spec.release)
    body.release = ReleaseBody{.version = spec.release->to, .steps = spec.release->steps, .step = spec.release->step, .step_seconds = spec.release->step_seconds,
                               .min_requests = spec.release->min_requests};
  const auto& back = spec.release ? spec.release->from : spec.previous;
  if (!back.empty()) body.rollback_to = back;
  for (const auto& version : view.versions) body.versions.push_back(to_body(version));
  return body;
}

Reply deployment_reply(Call& call, int status = 200, const std::string* name = nullptr, std::vector<std::string> evicted = {}) {
  ASSIGN_OR_RETURN(const auto view, call.services.deployments.get(*call.pass, name != nullptr ? *name : call.param("deployment")));
  auto body = to_body(view);
  if (!evicted.empty()) body.evicted = std::move(evicted);
  return reply_json(body, status);
}

}  // namespace

namespace handlers {

Reply list_deployments(Call& call) {
  DeploymentListBody body;
  for (const auto& view : call.services.deployments.list(*call.pass)) body.deployments.push_back(to_body(view));
  const auto memory = call.services.deployments.memory();
  body.memory = {.budget_bytes = memory.budget, .used_bytes = memory.used};
  return reply_json(body);
}

Reply get_deployment(Call& call) { return deployment_reply(call); }

Reply create_deployment(Call& call) {
  ASSIGN_OR_RETURN(auto body, call.body<NewDeploymentBody>());
  serving::DeploymentSpec spec{.name = body.name, .pinned = body.pinned.value_or(false), .queue_limit = body.queue_limit.value_or(0)};
  spec.versions.push_back({.version = body.version.value_or("v1"), .model = body.model, .engines = body.engines.value_or(std::vector<std::string>{}),
                           .replicas = body.replicas.value_or(body.model ? 1 : 0), .options = body.options.value_or(LoadOptions{}), .weight = 100});
  if (body.autoscale) spec.autoscale = to_spec(*body.autoscale);
  std::vector<std::string> evicted;
  RETURN_IF_ERROR(call.services.deployments.create(*call.pass, std::move(spec), &evicted));
  return deployment_reply(call, 201, &body.name, std::move(evicted));
}

Reply delete_deployment(Call& call) {
  const auto& name = call.param("deployment");
  if (call.services.deployments.origin_of(name) == serving::Origin::kEngine)
    return fail(ErrorCode::kConflict, name + " is an engine elsewhere; remove it with `siyu engine rm " + name + "`");
  RETURN_IF_ERROR(call.services.deployments.remove(*call.pass, name));
  return reply_empty();
}

Reply add_deployment_version(Call& call) {
  ASSIGN_OR_RETURN(auto body, call.body<NewVersionBody>());
  RETURN_IF_ERROR(call.services.deployments.add_version(*call.pass, call.param("deployment"),
                                                        {.version = body.version, .model = body.model, .engines = body.engines.value_or(std::vector<std::string>{}),
                                                         .replicas = body.replicas.value_or(body.model ? 1 : 0), .options = body.options.value_or(LoadOptions{})}));
  return deployment_reply(call, 201);
}

Reply delete_deployment_version(Call& call) {
  RETURN_IF_ERROR(call.services.deployments.remove_version(*call.pass, call.param("deployment"), call.param("version")));
  return reply_empty();
}

Reply set_deployment_traffic(Call& call) {
  ASSIGN_OR_RETURN(const auto body, call.body<TrafficBody>());
  const std::map<std::string, double> none;
  if (!body.traffic && !body.shadow) return invalid("Give `traffic`, `shadow` or both");
  RETURN_IF_ERROR(call.services.deployments.set_traffic(*call.pass, call.param("deployment"), body.traffic.value_or(none), body.shadow.value_or(none)));
  return deployment_reply(call);
}

Reply scale_deployment(Call& call) {
  ASSIGN_OR_RETURN(const auto body, call.body<ScaleBody>());
  serving::ScaleChange change{.version = body.version.value_or(""), .replicas = body.replicas, .queue_limit = body.queue_limit, .pinned = body.pinned, .autoscale = {},
                              .no_autoscale = body.fixed.value_or(false)};
  if (body.autoscale) change.autoscale = to_spec(*body.autoscale);
  RETURN_IF_ERROR(call.services.deployments.scale(*call.pass, call.param("deployment"), change));
  return deployment_reply(call);
}

Reply release_deployment(Call& call) {
  ASSIGN_OR_RETURN(const auto body, call.body<ReleaseBody>());
  serving::ReleaseSpec release{.to = body.version};
  if (body.steps) release.steps = *body.steps;
  release.step_seconds = body.step_seconds.value_or(release.step_seconds);
  release.min_requests = body.min_requests.value_or(release.min_requests);
  RETURN_IF_ERROR(call.services.deployments.release(*call.pass, call.param("deployment"), std::move(release)));
  return deployment_reply(call);
}

Reply promote_deployment(Call& call) {
  ASSIGN_OR_RETURN(const auto body, call.body<PromoteBody>());
  RETURN_IF_ERROR(call.services.deployments.promote(*call.pass, call.param("deployment"), body.version));
  return deployment_reply(call);
}

Reply rollback_deployment(Call& call) {
  RETURN_IF_ERROR(call.services.deployments.rollback(*call.pass, call.param("deployment")));
  return deployment_reply(call);
}

Reply list_deployment_events(Call& call) {
  ASSIGN_OR_RETURN(const auto limit, count_param(call.request, "limit", 100, 1000));
  ASSIGN_OR_RETURN(const auto before, count_param(call.request, "before", 0, std::numeric_limits<std::int64_t>::max()));
  ASSIGN_OR_RETURN(const auto events, call.services.deployments.events(*call.pass, call.param("deployment"), limit, static_cast<std::int64_t>(before)));
  // Of a deployment that was removed the events stay; one that never was has none.
  if (events.empty()) RETURN_IF_ERROR(call.services.deployments.get(*call.pass, call.param("deployment")));
  EventListBody body;
  for (const auto& event : events) {
    body.events.push_back({.seq = event.seq, .time = to_rfc3339(event.at), .deployment = event.deployment, .version = {}, .actor = event.actor, .kind = event.kind, .text = event.text});
    if (!event.version.empty()) body.events.back().version = event.version;
  }
  return reply_json(body);
}

}  // namespace handlers
}  // namespace siyu::api
