// links: siyu_net mcp/message.cpp mcp/mirror.cpp mcp/uri.cpp
// What any client may send as a message: whatever comes, it is decoded within its limits or refused in JSON-RPC's own shape, and
// URIs and mirrored headers come back as they went.
#include <cstdlib>

#include "mcp/message.h"
#include "mcp/mirror.h"
#include "mcp/uri.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace siyu;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto message = mcp::decode_message(bytes);
  if (!message) {
    const auto answer = parse_json(mcp::error_text(message.error().id, message.error().error));
    if (!answer || answer->at("error").at("code").as_int64() >= 0) std::abort();
  } else if (message->kind == mcp::Message::Kind::kRequest) {
    if (!message->id || message->method.empty() || message->method.size() > mcp::kMaxMethodBytes) std::abort();
    const auto again = mcp::decode_message(mcp::result_text(*message->id, {}));
    if (!again || again->id != message->id) std::abort();
  }
  if (const auto uri = mcp::parse_uri(bytes)) {
    const auto again = mcp::parse_uri(mcp::to_text(*uri));
    if (!again || *again != *uri || uri->base.empty()) std::abort();
  }
  net::RequestHead head;
  head.headers.add("Mcp-Name", std::string(bytes));
  if (const auto value = mcp::mirrored_header(head, "Mcp-Name")) {
    net::RequestHead mirrored;
    mirrored.headers.add("Mcp-Name", mcp::mirror_value(*value));
    if (mcp::mirrored_header(mirrored, "Mcp-Name") != value) std::abort();
  }
  return 0;
}
