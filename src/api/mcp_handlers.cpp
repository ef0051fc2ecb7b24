// The Model Context Protocol's endpoint: a delegate, for MCP has shapes of its own.
#include "api/call.h"
#include "routes.gen.h"

namespace siyu::api::handlers {

Reply post_mcp_message(Call& call) { return call.services.mcp.post(call.request, *call.principal); }
Reply end_mcp_session(Call& call) { return call.services.mcp.remove(call.request, *call.principal); }

}  // namespace siyu::api::handlers
