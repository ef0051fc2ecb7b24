#include "cli/mcp_bridge.h"

#include <future>

#include "mcp/mirror.h"
#include "mcp/revision.h"

namespace siyu::cli {
namespace {

constexpr std::size_t kAtOnce = 16;     // a client rarely has more than a few requests open
constexpr std::size_t kWaiting = 256;
constexpr auto kIdle = std::chrono::minutes(10);  // a long prompt on a slow machine
constexpr auto kWhole = std::chrono::hours(1);
constexpr auto kLastWords = std::chrono::seconds(5);  // after the client has closed its end
constexpr std::size_t kMaxBody = 16UL << 20;

std::optional<std::string> stateless_revision(const mcp::Message& message) {
  const auto* meta = message.params.if_contains("_meta");
  const auto* object = meta == nullptr ? nullptr : meta->if_object();
  const auto* revision = object == nullptr ? nullptr : object->if_contains(mcp::kRevisionKey);
  if (revision == nullptr || !revision->is_string()) return std::nullopt;
  return std::string(revision->get_string());
}

/// The headers that repeat what the body says.
void add_mirrors(const mcp::Message& message, const std::string& revision, net::ClientRequest& request) {
  request.headers.emplace_back("MCP-Protocol-Version", mcp::mirror_value(revision));
  request.headers.emplace_back("Mcp-Method", mcp::mirror_value(message.method));
  for (const char* field : {"name", "uri"})
    if (const auto* value = message.params.if_contains(field); value != nullptr && value->is_string())
      return void(request.headers.emplace_back("Mcp-Name", mcp::mirror_value(std::string_view(value->get_string()))));
}

/// Whether a body is one of MCP's messages, or the plain error of a server that did not come so far.
bool is_message(std::string_view body) {
  const auto value = parse_json(body);
  return value && value->is_object() && value->get_object().contains("jsonrpc");
}

std::string message_of(const std::string& body, int status) {
  std::string text = "The server answered " + std::to_string(status);
  const auto value = parse_json(body);
  const auto* error = value && value->is_object() ? value->get_object().if_contains("error") : nullptr;
  const auto* message = error == nullptr || !error->is_object() ? nullptr : error->get_object().if_contains("message");
  return message != nullptr && message->is_string() ? std::string(message->get_string()) : text;
}

}  // namespace

McpBridge::McpBridge(const Client& client, std::FILE* out)
    : url_(client.server() + "/mcp"), api_key_(client.api_key()), out_(out), http_(client.options(), kIdle), pool_(kAtOnce, kWaiting) {}
McpBridge::~McpBridge() { pool_.stop(); }

void McpBridge::write_line(const std::string& text) {
  const std::lock_guard lock(out_mu_);
  std::fwrite(text.data(), 1, text.size(), out_);
  std::fputc('\n', out_);
  std::fflush(out_);
}

std::string McpBridge::session() const {
  const std::lock_guard lock(mu_);
  return session_;
}

void McpBridge::take(std::string line) {
  auto message = mcp::decode_message(line);
  if (!message) return write_line(mcp::error_text(message.error().id, message.error().error));
  if (message->kind == mcp::Message::Kind::kNotification && message->method == "notifications/cancelled" && cancel_here(*message)) return;
  // What comes after a handshake needs its session, and notifications are quickly told.
  if (message->method == "initialize" || message->kind != mcp::Message::Kind::kRequest) return carry(line, *message);
  {
    const std::lock_guard lock(mu_);
    ++running_;
  }
  const auto id = message->id;
  auto task = [this, line = std::move(line), message = *std::move(message)] {
    carry(line, message);
    const std::lock_guard lock(mu_);
    if (--running_ == 0) idle_.notify_all();
  };
  if (pool_.try_submit(std::move(task))) return;
  {
    const std::lock_guard lock(mu_);
    --running_;
  }
  write_line(mcp::error_text(id, {.code = 503, .message = "Too many requests are waiting; try again when some have been answered"}));
}

/// In the revision without sessions a request is cancelled by closing its answer.
bool McpBridge::cancel_here(const mcp::Message& message) {
  const auto* id = message.params.if_contains("requestId");
  std::optional<mcp::RequestId> wanted;
  if (id != nullptr && id->is_int64()) wanted = id->get_int64();
  if (id != nullptr && id->is_string()) wanted = std::string(id->get_string());
  std::shared_ptr<net::ClientStream> stream;
  {
    const std::lock_guard lock(mu_);
    const auto found = wanted ? under_way_.find(*wanted) : under_way_.end();
    if (found == under_way_.end() || !found->second.stateless) return session_.empty();
    stream = found->second.stream;
  }
  stream->cancel();
  return true;
}

void McpBridge::carry(const std::string& line, const mcp::Message& message) {
  const auto before = session();
  auto answer = post(line, message);
  if (answer && answer->status == 404 && !before.empty() && !stateless_revision(message) && begin_session_again(before)) answer = post(line, message);
  if (message.kind != mcp::Message::Kind::kRequest) return;
  if (!answer) {
    if (answer.error().code == ErrorCode::kCancelled) return;  // nothing more may be said of a cancelled request
    return write_line(mcp::error_text(message.id, {.code = mcp::kInternalError, .message = answer.error().message}));
  }
  if (message.method == "initialize" && answer->status == 200) {
    const std::lock_guard lock(mu_);
    session_ = answer->session;
    initialize_ = line;
  }
  if (answer->body.empty() && answer->status == 200) return;  // events, written already
  if (is_message(answer->body)) return write_line(answer->body);
  write_line(mcp::error_text(message.id, {.code = answer->status == 401 ? 401 : mcp::kInternalError, .message = message_of(answer->body, answer->status)}));
}

/// After the server was restarted. Only the first of those that found out does it.
bool McpBridge::begin_session_again(const std::string& ended) {
  const std::lock_guard one_at_a_time(renewing_);
  if (session() != ended) return true;
  std::string initialize;
  {
    const std::lock_guard lock(mu_);
    session_.clear();
    initialize = initialize_;
  }
  const auto message = mcp::decode_message(initialize);
  if (!message) return false;
  const auto answer = post(initialize, *message);
  if (!answer || answer->session.empty()) return false;
  {
    const std::lock_guard lock(mu_);
    session_ = answer->session;
  }
  (void)post(R"({"jsonrpc":"2.0","method":"notifications/initialized"})", {.kind = mcp::Message::Kind::kNotification, .id = {}, .method = "notifications/initialized", .params = {}});
  return true;
}

Result<McpBridge::Answer> McpBridge::post(const std::string& line, const mcp::Message& message) {
  net::ClientRequest request{.method = "POST", .url = url_, .headers = {{"Authorization", "Bearer " + api_key_}, {"Accept", "application/json, text/event-stream"}}, .body = line,
                             .timeout = kWhole};
  const auto revision = stateless_revision(message);
  if (revision) add_mirrors(message, *revision, request);
  else if (const auto id = session(); !id.empty() && message.method != "initialize") request.headers.emplace_back("Mcp-Session-Id", id);
  ASSIGN_OR_RETURN(auto opened, http_.open(request));
  const std::shared_ptr<net::ClientStream> stream = std::move(opened);
  if (!message.id) return read(*stream);
  {
    const std::lock_guard lock(mu_);
    if (closing_) return fail(ErrorCode::kCancelled, "The client has gone");
    under_way_[*message.id] = {.stream = stream, .stateless = revision.has_value()};
  }
  auto answer = read(*stream);
  const std::lock_guard lock(mu_);
  under_way_.erase(*message.id);
  return answer;
}

Result<McpBridge::Answer> McpBridge::read(net::ClientStream& stream) {
  ASSIGN_OR_RETURN(const auto head, stream.wait_head());
  Answer answer{.status = head.status, .session = std::string(head.headers.get("Mcp-Session-Id").value_or("")), .body = {}};
  const bool events = head.status == 200 && head.headers.get("Content-Type").value_or("").starts_with("text/event-stream");
  net::SseParser parser;
  for (;;) {
    std::promise<Result<std::optional<std::string>>> piece;
    auto arrived = piece.get_future();
    stream.pull([&piece](Result<std::optional<std::string>> chunk) { piece.set_value(std::move(chunk)); });
    ASSIGN_OR_RETURN(const auto chunk, arrived.get());
    if (!chunk) return answer;
    if (events) {
      ASSIGN_OR_RETURN(const auto messages, parser.feed(*chunk));
      for (const auto& text : messages) write_line(text);
    } else if ((answer.body += *chunk).size() > kMaxBody) {
      return fail(ErrorCode::kTooLarge, "The server's answer is larger than 16 MiB");
    }
  }
}

void McpBridge::finish() {
  std::string session;
  {
    std::unique_lock lock(mu_);
    idle_.wait_for(lock, kLastWords, [this] { return running_ == 0; });
    closing_ = true;
    for (const auto& [id, one] : under_way_) one.stream->cancel();
    session = std::exchange(session_, {});
  }
  if (session.empty()) return;
  const auto stream = http_.open({.method = "DELETE", .url = url_, .headers = {{"Authorization", "Bearer " + api_key_}, {"Mcp-Session-Id", session}}, .timeout = kLastWords});
  if (stream) (void)(*stream)->wait_head();
}

}  // namespace siyu::cli
