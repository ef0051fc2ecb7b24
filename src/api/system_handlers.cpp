// Health, the API document, status, configuration, audit.
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <limits>

#include "api/call.h"
#include "api/deployment_metrics.h"
#include "api/query.h"
#include "routes.gen.h"

namespace siyu::api {
namespace {

struct SystemBody {
  std::string version;
  double uptime_seconds = 0;
  std::uint64_t resident_bytes = 0;
  std::string data_dir;
  std::uint64_t disk_free_bytes = 0;
  std::int64_t knowledge_bases = 0, documents = 0, ingest_queue = 0, models_ready = 0, connections = 0, streams = 0;
};
BOOST_DESCRIBE_STRUCT(SystemBody, (),
                      (version, uptime_seconds, resident_bytes, data_dir, disk_free_bytes, knowledge_bases, documents, ingest_queue, models_ready, connections,
                       streams))

struct AuditEntryBody {
  std::uint64_t seq = 0;
  std::string time, actor, action, resource, outcome, detail, request, hash;
};
BOOST_DESCRIBE_STRUCT(AuditEntryBody, (), (seq, time, actor, action, resource, outcome, detail, request, hash))
struct AuditListBody {
  std::vector<AuditEntryBody> entries;
};
BOOST_DESCRIBE_STRUCT(AuditListBody, (), (entries))
struct AuditReportBody {
  bool ok = false;
  std::uint64_t entries = 0;
  std::optional<std::uint64_t> broken_seq;
  std::optional<std::string> reason;
};
BOOST_DESCRIBE_STRUCT(AuditReportBody, (), (ok, entries, broken_seq, reason))

std::uint64_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  std::uint64_t pages = 0;
  in >> pages >> pages;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

Result<std::size_t> count_param(const net::Request& request, std::string_view name, std::size_t fallback, std::size_t most) {
  const auto text = request.query_param(name);
  if (!text) return fallback;
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value < 1 || value > most)
    return invalid("`" + std::string(name) + "` must be a whole number from 1 to " + std::to_string(most));
  return value;
}

namespace handlers {

Reply health(Call&) { return net::json_response(200, R"({"status":"ok"})"); }

Reply ready(Call& call) {
  if (!call.services.ready()) return fail(ErrorCode::kUnavailable, "The server is starting or stopping");
  return net::json_response(200, R"({"status":"ready"})");
}

Reply openapi(Call&) { return net::json_response(200, std::string(openapi_json())); }

Reply get_system(Call& call) {
  auto& services = call.services;
  ASSIGN_OR_RETURN(const auto bases, services.knowledge.list(*call.pass));
  SystemBody body{.version = SIYU_VERSION,
                  .uptime_seconds = std::chrono::duration<double>(services.clock.steady_now() - services.started).count(),
                  .resident_bytes = resident_bytes(),
                  .data_dir = services.config.data};
  std::error_code ignored;
  body.disk_free_bytes = std::filesystem::space(services.config.data, ignored).available;
  body.knowledge_bases = static_cast<std::int64_t>(bases.size());
  for (const auto& base : bases) {
    body.documents += base.documents;
    body.ingest_queue += base.queued;
  }
  for (const auto& served : services.host.served()) body.models_ready += served.engine->health().state == engine::EngineState::kReady ? 1 : 0;
  if (const auto* stats = services.server_stats()) {
    body.connections = stats->connections;
    body.streams = stats->streams;
  }
  return reply_json(body);
}

Reply metrics(Call& call) {
  auto& services = call.services;
  // A scraper on this machine needs no key; the figures carry no text of anyone.
  if (!call.request.peer_is_loopback) {
    const auto header = call.request.headers.get("Authorization").value_or("");
    if (!header.starts_with("Bearer ")) return fail(ErrorCode::kUnauthenticated, "An API key is needed: send `Authorization: Bearer sk-…`");
    ASSIGN_OR_RETURN(const auto principal, services.identity.authenticate_key(header.substr(7)));
    RETURN_IF_ERROR(services.policy.obtain(principal, Permission::kSystemRead, {.action = "", .resource = "metrics", .request = call.request.id}));
  }
  auto& out = services.metrics;
  out.set("process_resident_memory_bytes", "Resident memory of the server", static_cast<double>(resident_bytes()));
  out.set("siyu_uptime_seconds", "Since the server started", std::chrono::duration<double>(services.clock.steady_now() - services.started).count());
  if (const auto* stats = services.server_stats()) {
    out.set("siyu_connections", "Open connections", static_cast<double>(stats->connections));
    out.set("siyu_streams", "Streamed answers under way", static_cast<double>(stats->streams));
  }
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<serving::LimitKind>>([&](auto limit) {
    out.set_labelled("siyu_refused_requests", "Requests refused by a limit since the server started", "limit", enum_spelling(limit.name),
                     static_cast<double>(services.meter.refused(limit.value)));
  });
  out.set("siyu_answer_cache_up", "1 when the answer cache can be asked", services.answers.up() ? 1 : 0);
  for (const auto& served : services.host.served()) {
    const auto health = served.engine->health();
    out.set_of_model("siyu_model_ready", "1 when the model can answer", served.name, health.state == engine::EngineState::kReady ? 1 : 0);
    out.set_of_model("siyu_model_requests_running", "Requests being computed", served.name, health.stats.active_sequences);
    out.set_of_model("siyu_model_requests_waiting", "Requests waiting for a place", served.name, health.stats.waiting_requests);
    out.set_of_model("siyu_model_restarts", "Replaced model processes since the model was loaded", served.name, health.restarts);
    out.set_of_model("siyu_model_resident_memory_bytes", "Resident memory of the model process", served.name, static_cast<double>(health.stats.resident_bytes));
    out.set_of_model("siyu_model_kv_used_tokens", "Tokens in the KV cache", served.name, health.stats.kv_used_tokens);
    out.set_of_model("siyu_model_kv_total_tokens", "Tokens the KV cache holds at most", served.name, health.stats.kv_total_tokens);
  }
  auto text = out.text() + deployment_metrics(services.deployments.snapshot(), services.deployments.memory());
  net::Response response{.status = 200, .headers = {}, .body = std::move(text)};
  response.headers.add("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  return response;
}

Reply get_config(Call& call) { return reply_json(call.services.config); }

Reply list_audit(Call& call) {
  audit::Filter filter;
  ASSIGN_OR_RETURN(filter.limit, count_param(call.request, "limit", 100, 1000));
  if (call.request.query_param("before")) {
    ASSIGN_OR_RETURN(filter.before, count_param(call.request, "before", 0, std::numeric_limits<std::size_t>::max()));
  }
  filter.actor = call.request.query_param("actor").value_or("");
  filter.action = call.request.query_param("action").value_or("");
  ASSIGN_OR_RETURN(const auto entries, call.services.audit.list(filter));
  AuditListBody body;
  for (const auto& entry : entries)
    body.entries.push_back({.seq = entry.seq, .time = entry.time, .actor = entry.actor, .action = entry.action, .resource = entry.resource, .outcome = entry.outcome,
                            .detail = entry.detail, .request = entry.request, .hash = entry.hash});
  return reply_json(body);
}

Reply verify_audit(Call& call) {
  ASSIGN_OR_RETURN(const auto report, audit::verify(call.services.audit.dir()));
  AuditReportBody body{.ok = report.ok, .entries = report.entries, .broken_seq = report.broken_seq, .reason = {}};
  if (!report.ok) body.reason = report.reason;
  return reply_json(body);
}

}  // namespace handlers
}  // namespace siyu::api
