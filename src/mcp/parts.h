// What the room works with, and what becomes of an error in it. Internal to mcp but for Parts, which wiring fills.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "chat/chat.h"
#include "knowledge/knowledge.h"
#include "mcp/message.h"
#include "mcp/revision.h"
#include "policy/policy.h"

namespace siyu::mcp {

struct Parts {
  policy::Policy& policy;
  knowledge::KnowledgeService& knowledge;
  chat::Chat& chat;
  const Clock& clock;
  Random& random;
  Logger& log;
  std::chrono::seconds answer_limit;  ///< one answer of a model may take this long
  /// Told once for each generation that ended in any way.
  std::function<void(const std::string& model, const engine::Usage& usage, bool failed)> generated;
  std::vector<std::string> hosts;  ///< our own names: pages of other origins are turned away
};

/// On whose behalf a message is answered.
struct Caller {
  const Principal& principal;
  const std::string& request;  ///< request id: in the audit log, and the error id that clients see
};

/// `resource` as the HTTP API names it, such as knowledge-bases/handbook/search.
Result<Pass> obtain(const Parts& parts, const Caller& caller, std::string_view action, std::string resource);

/// What the client may read of an error; the rest goes to the log under the request id.
std::string told(const Parts& parts, const std::string& request, const Error& error);
/// For methods; tools report errors inside their results.
RpcError to_rpc_error(const Parts& parts, const Caller& caller, Revision revision, const Error& error);

}  // namespace siyu::mcp
