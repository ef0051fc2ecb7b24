// What the room works with; wiring fills it.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/log.h"
#include "base/random.h"
#include "chat/chat.h"
#include "identity/identity.h"
#include "knowledge/knowledge.h"
#include "policy/policy.h"
#include "serving/gateway.h"

namespace siyu::rpc {

struct Parts {
  identity::Identity& identity;
  policy::Policy& policy;
  knowledge::KnowledgeService& knowledge;
  serving::Gateway& gateway;
  chat::Chat& chat;
  const Clock& clock;
  Random& random;
  Logger& log;
  std::chrono::seconds answer_limit;  ///< one generation may take this long, whatever a caller's deadline says
  /// Told once for each generation that ended in any way, for each embedding, and for each call (grpc's status code).
  std::function<void(const std::string& model, const engine::Usage& usage, bool failed)> generated;
  std::function<void(const std::string& model, std::int32_t tokens)> embedded;
  std::function<void(std::string_view method, int status, double seconds)> called;
};

}  // namespace siyu::rpc
