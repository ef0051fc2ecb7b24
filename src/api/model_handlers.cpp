// The model library: import, load, unload, delete.
#include <fstream>

#include "api/call.h"
#include "routes.gen.h"

namespace siyu::api {
namespace {

struct WorkerBody {
  std::int32_t pid = 0, context_length = 0, sequences = 0;
  std::int64_t resident_bytes = 0, accelerator_bytes = 0;
  std::int32_t restarts = 0, requests_running = 0, requests_waiting = 0;
  std::vector<std::string> accelerators, sandbox;
};
BOOST_DESCRIBE_STRUCT(WorkerBody, (), (pid, context_length, sequences, resident_bytes, accelerator_bytes, restarts, requests_running, requests_waiting, accelerators, sandbox))

enum class ModelState { kStopped, kLoading, kReady, kFailed };
BOOST_DESCRIBE_ENUM(ModelState, kStopped, kLoading, kReady, kFailed)

struct AdapterBody {
  std::uint64_t rank = 0;
  double alpha = 0;
  std::optional<std::string> base_model;
};
BOOST_DESCRIBE_STRUCT(AdapterBody, (), (rank, alpha, base_model))
struct ProjectorBody {
  std::uint64_t bytes = 0;
  std::string sha256, origin;
};
BOOST_DESCRIBE_STRUCT(ProjectorBody, (), (bytes, sha256, origin))

struct ModelBody {
  std::string name, source = "library";
  ModelState state = ModelState::kStopped;
  std::optional<std::string> reason;
  std::string kind;
  std::string architecture, quantization, license, sha256, origin, added_at;
  std::uint64_t parameters = 0, context_length = 0, bytes = 0;
  bool vision = false;
  std::optional<ProjectorBody> projector = {};
  std::optional<double> load_progress;
  std::optional<WorkerBody> worker;
  std::optional<AdapterBody> adapter;
  std::optional<std::vector<std::string>> served_as, evicted;
};
BOOST_DESCRIBE_STRUCT(ModelBody, (),
                      (name, source, state, reason, kind, architecture, quantization, license, sha256, origin, added_at, parameters, context_length,
                       bytes, vision, projector, load_progress, worker, adapter, served_as, evicted))
struct ModelListBody {
  std::vector<ModelBody> models;
};
BOOST_DESCRIBE_STRUCT(ModelListBody, (), (models))

void add_engine(const engine::Engine& engine, ModelBody& body) {
  const auto health = engine.health();
  const auto info = engine.info();
  switch (health.state) {
    case engine::EngineState::kReady: body.state = ModelState::kReady; break;
    case engine::EngineState::kStarting:
    case engine::EngineState::kRestarting: body.state = ModelState::kLoading; break;
    case engine::EngineState::kFailed: body.state = ModelState::kFailed; break;
    case engine::EngineState::kStopped: body.state = ModelState::kStopped; break;
  }
  if (body.state == ModelState::kFailed) body.reason = health.message;
  if (body.state == ModelState::kLoading) body.load_progress = health.load_progress;
  if (health.pid != 0)
    body.worker = WorkerBody{.pid = health.pid, .context_length = info.context_tokens, .sequences = info.parallel_sequences,
                             .resident_bytes = health.stats.resident_bytes, .accelerator_bytes = health.stats.accelerator_bytes, .restarts = health.restarts, .requests_running = health.stats.active_sequences,
                             .requests_waiting = health.stats.waiting_requests, .accelerators = info.accelerators, .sandbox = health.sandbox};
}

std::string kind_text(serving::Kind kind) { return std::string(to_json(kind).as_string()); }

/// An adapter runs where models were loaded with it, under other names than its own.
void add_adapter(const Call& call, const models::AdapterFacts& facts, ModelBody& body) {
  body.adapter = AdapterBody{.rank = facts.rank, .alpha = facts.alpha, .base_model = {}};
  if (!facts.base_model.empty()) body.adapter->base_model = facts.base_model;
  for (const auto& served : call.services.host.served()) {
    if (served.base.empty() || served.name != serving::adapted_name(served.base, body.name)) continue;
    if (!body.served_as) body.served_as.emplace();
    body.served_as->push_back(served.name);
    if (served.engine->health().state == engine::EngineState::kReady) body.state = ModelState::kReady;
  }
}

ModelBody to_body(const Call& call, const models::Model& model) {
  ModelBody body{.name = model.name, .kind = model.facts.adapter ? "adapter" : kind_text(serving::kind_of(model.facts)),
                 .architecture = model.facts.architecture, .quantization = model.facts.quantization, .license = model.facts.license,
                 .sha256 = model.sha256, .origin = model.origin, .added_at = to_rfc3339(model.added_at), .parameters = model.facts.parameters,
                 .context_length = model.facts.context_length, .bytes = model.bytes, .vision = model.projector.has_value(), .projector = {}, .load_progress = {}, .worker = {}, .adapter = {},
                 .served_as = {}, .evicted = {}};
  if (model.facts.adapter) {
    add_adapter(call, *model.facts.adapter, body);
    return body;
  }
  if (model.projector) body.projector = ProjectorBody{model.projector->bytes, model.projector->sha256, model.projector->origin};
  if (const auto served = call.services.host.find(model.name)) add_engine(*served->engine, body);
  return body;
}

/// An engine elsewhere stands among the models by what it tells of itself.
ModelBody to_body(const serving::Served& served) {
  const auto info = served.engine->info();
  ModelBody body{.name = served.name, .source = "remote", .kind = kind_text(served.kind), .added_at = to_rfc3339(served.loaded_at),
                 .parameters = static_cast<std::uint64_t>(info.parameters), .context_length = static_cast<std::uint64_t>(info.context_tokens)};
  add_engine(*served.engine, body);
  return body;
}

Reply model_reply(Call& call, int status = 200, std::vector<std::string> evicted = {}) {
  if (const auto served = call.services.host.find(call.param("model")); served && served->remote) return reply_json(to_body(*served), status);
  ASSIGN_OR_RETURN(const auto model, call.services.models.get(*call.pass, call.param("model")));
  auto body = to_body(call, model);
  if (!evicted.empty()) body.evicted = std::move(evicted);
  return reply_json(body, status);
}

/// An import small enough to have come in memory still has to be a file.
Result<std::filesystem::path> body_as_file(Call& call) {
  if (!call.request.body_file.empty()) return call.request.body_file;
  const auto path = call.services.spool_dir / ("model-" + call.request.id);
  std::ofstream out(path, std::ios::binary);
  out << call.request.body;
  out.close();
  if (!out) return fail(ErrorCode::kStorageFull, "There is no room on the server's disk for this model; free space and try again");
  return path;
}

}  // namespace

namespace handlers {

Reply list_models(Call& call) {
  ASSIGN_OR_RETURN(const auto models, call.services.models.list(*call.pass));
  ModelListBody body;
  for (const auto& model : models) body.models.push_back(to_body(call, model));
  for (const auto& served : call.services.host.served())
    if (served.remote) body.models.push_back(to_body(served));
  return reply_json(body);
}

Reply get_model(Call& call) { return model_reply(call); }

Reply import_model(Call& call) {
  ASSIGN_OR_RETURN(const auto file, body_as_file(call));
  const auto origin = call.request.query_param("origin").value_or("upload");
  auto imported = call.services.models.import_file(*call.pass, call.param("model"), file, origin, call.request.query_param("sha256"));
  std::error_code ignored;
  std::filesystem::remove(file, ignored);  // still there only when it was refused
  if (!imported) return std::unexpected(std::move(imported).error());
  return reply_json(to_body(call, *imported), 201);
}

Reply add_model_projector(Call& call) {
  ASSIGN_OR_RETURN(const auto file, body_as_file(call));
  const auto origin = call.request.query_param("origin").value_or("upload");
  auto model = call.services.host.add_projector(*call.pass, call.param("model"), {.path = file, .sha256 = call.request.query_param("sha256")}, origin);
  std::error_code ignored;
  std::filesystem::remove(file, ignored);  // still there only when it was refused
  if (!model) return std::unexpected(std::move(model).error());
  return reply_json(to_body(call, *model));
}

Reply delete_model(Call& call) {
  RETURN_IF_ERROR(call.services.host.remove(*call.pass, call.param("model")));
  return reply_empty();
}

Reply load_model(Call& call) {
  ASSIGN_OR_RETURN(const auto options, call.body<serving::LoadOptions>());
  RETURN_IF_ERROR(serving::validate(options));
  ASSIGN_OR_RETURN(auto evicted, call.services.host.load(*call.pass, call.param("model"), options));
  return model_reply(call, 200, std::move(evicted));
}

Reply unload_model(Call& call) {
  RETURN_IF_ERROR(call.services.host.unload(*call.pass, call.param("model")));
  return model_reply(call);
}

}  // namespace handlers
}  // namespace siyu::api
