// What a handler gets: the request, who calls, their pass, and the services.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "api/metrics.h"
#include "api/operation.h"
#include "api/planning.h"
#include "api/responses_runs.h"
#include "api/router.h"
#include "audit/audit_log.h"
#include "base/config.h"
#include "batches/batches.h"
#include "base/json.h"
#include "chat/chat.h"
#include "identity/identity.h"
#include "knowledge/ingest.h"
#include "knowledge/knowledge.h"
#include "mcp/endpoint.h"
#include "models/library.h"
#include "models/machine.h"
#include "models/pull.h"
#include "net/server.h"
#include "policy/policy.h"
#include "serving/gateway.h"

namespace siyu::api {

/// The machine as the handlers see it; built by apps/server/wiring.cpp.
struct Services {
  const Config& config;
  const Clock& clock;
  Logger& log;
  audit::AuditLog& audit;
  policy::Policy& policy;
  identity::Identity& identity;
  knowledge::KnowledgeService& knowledge;
  knowledge::Ingester& ingester;
  models::ModelLibrary& models;
  models::Pulls& pulls;
  std::function<models::MachineFacts()> machine;  ///< measured anew, but for the speed of memory
  serving::ModelHost& host;
  serving::Deployments& deployments;
  serving::Gateway& gateway;
  serving::Meter& meter;
  serving::AnswerCache& answers;
  serving::RemoteEngines& engines;
  chat::Chat& chat;
  mcp::Endpoint& mcp;
  chat::ResponseStore& response_store;
  responses::Runs& response_runs;
  batches::Files& files;
  batches::Batches& batches;
  Planning& planning;
  Metrics& metrics;
  std::filesystem::path spool_dir;
  SteadyTime started;
  std::function<const net::ServerStats*()> server_stats;
  std::function<bool()> ready;
};

struct Call {
  net::Request& request;
  const PathParams& params;
  Services& services;
  std::optional<Principal> principal;  ///< absent when the operation is open to anyone
  std::optional<Pass> pass;            ///< present for Access::kSignedIn and kPermission
  SteadyTime begun;                    ///< when a thread took the request up
  std::shared_ptr<serving::CallReport> report = {};  ///< of a model's call; shared with it
  bool at_once = false;                ///< on the loop thread: fail with engine::would_wait() rather than wait

  /// A path parameter; the route table guarantees that it is there.
  const std::string& param(std::string_view name) const {
    for (const auto& [key, value] : params)
      if (key == name) return value;
    static const std::string kNone;
    return kNone;
  }
  /// The JSON body as a described struct; unknown fields are refused, since they are misspelt ones.
  template <class T>
  Result<T> body() const {
    return from_json_text<T>(request.body.empty() ? "{}" : request.body, UnknownKeys::kRefuse);
  }
};

template <class T>
Reply reply_json(const T& value, int status = 200) {
  return net::json_response(status, to_json_text(value));
}
inline Reply reply_empty() { return net::Response{.status = 204, .headers = {}, .body = std::string()}; }

}  // namespace siyu::api
