// Engines elsewhere: add, list, remove.
#include "api/call.h"
#include "routes.gen.h"

namespace siyu::api {
namespace {

enum class EngineStateBody { kStarting, kReady, kFailed };
BOOST_DESCRIBE_ENUM(EngineStateBody, kStarting, kReady, kFailed)

struct EngineBody {
  std::string name, url;
  std::optional<std::string> model;
  serving::Kind kind = serving::Kind::kChat;
  EngineStateBody state = EngineStateBody::kFailed;
  std::optional<std::string> reason;
  std::optional<std::int32_t> context_length;
  std::int32_t requests_running = 0;
  std::string added_at;
};
BOOST_DESCRIBE_STRUCT(EngineBody, (), (name, url, model, kind, state, reason, context_length, requests_running, added_at))
struct EngineListBody {
  std::vector<EngineBody> engines;
};
BOOST_DESCRIBE_STRUCT(EngineListBody, (), (engines))

struct NewEngineBody {
  std::string name, url;
  std::optional<std::string> api_key, model;
  std::optional<serving::Kind> kind;
};
BOOST_DESCRIBE_STRUCT(NewEngineBody, (), (name, url, api_key, model, kind))

EngineBody to_body(const Call& call, const serving::RemoteRecord& record) {
  EngineBody body{.name = record.name, .url = record.url, .model = {}, .kind = record.kind, .reason = {}, .context_length = {}, .added_at = to_rfc3339(record.added_at)};
  if (!record.model.empty()) body.model = record.model;
  const auto served = call.services.host.find(record.name);
  if (!served || !served->remote) {
    body.reason = "a model of the library is loaded under this name; unload it and restart, or add the engine under another name";
    return body;
  }
  const auto health = served->engine->health();
  const bool ready = health.state == engine::EngineState::kReady;
  body.state = ready ? EngineStateBody::kReady : health.state == engine::EngineState::kFailed ? EngineStateBody::kFailed : EngineStateBody::kStarting;
  if (!ready) body.reason = health.message;
  body.requests_running = health.stats.active_sequences;
  if (const auto context = served->engine->info().context_tokens; context > 0) body.context_length = context;
  return body;
}

}  // namespace

namespace handlers {

Reply list_engines(Call& call) {
  ASSIGN_OR_RETURN(const auto records, call.services.engines.list(*call.pass));
  EngineListBody body;
  for (const auto& record : records) body.engines.push_back(to_body(call, record));
  return reply_json(body);
}

Reply get_engine(Call& call) {
  ASSIGN_OR_RETURN(const auto record, call.services.engines.get(*call.pass, call.param("engine")));
  return reply_json(to_body(call, record));
}

Reply create_engine(Call& call) {
  ASSIGN_OR_RETURN(auto body, call.body<NewEngineBody>());
  const serving::RemoteRecord record{.name = body.name, .url = std::move(body.url), .model = body.model.value_or(""), .kind = body.kind.value_or(serving::Kind::kChat), .added_at = {}};
  RETURN_IF_ERROR(call.services.host.add_engine(*call.pass, record, Sensitive(std::move(body.api_key).value_or(""))));
  ASSIGN_OR_RETURN(const auto added, call.services.engines.get(*call.pass, body.name));
  return reply_json(to_body(call, added), 201);
}

Reply delete_engine(Call& call) {
  RETURN_IF_ERROR(call.services.host.remove_engine(*call.pass, call.param("engine")));
  return reply_empty();
}

}  // namespace handlers
}  // namespace siyu::api
