#include "engine/remote_peer.h"

#include <future>

#include "base/text.h"
#include "engine/remote_wire.h"
#include "net/url.h"

namespace siyu::engine {
namespace {

constexpr std::size_t kMaxAnswerBytes = 64UL << 20;  // embeddings of one batch take a tenth of it
constexpr std::size_t kMaxPeerMessage = 500;         // characters of a peer's words that a client gets to see
constexpr std::size_t kMaxUrl = 2000;

bool ends_in_version(std::string_view url) {
  const auto slash = url.rfind('/');
  return slash != std::string_view::npos && url.size() == slash + 3 && url[slash + 1] == 'v' && url[slash + 2] >= '1' && url[slash + 2] <= '9';
}

std::string said(std::string_view body) {
  auto message = read_fault(body).message;
  if (message.empty()) return "";
  if (message.size() > kMaxPeerMessage) message = repair_utf8(message.substr(0, kMaxPeerMessage)) + "…";
  return ": " + message;
}

}  // namespace

Result<std::string> parse_engine_url(std::string_view url) {
  const auto wrong = [](std::string why) { return invalid("`url` " + std::move(why) + "; give the address of the engine's API, such as http://10.0.0.5:8000/v1"); };
  if (url.size() > kMaxUrl) return wrong("is longer than " + std::to_string(kMaxUrl) + " characters");
  for (const char c : url)
    if (static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f || c == '\\') return wrong("holds characters that no address has");
  if (url.find_first_of("?#") != std::string_view::npos) return wrong("must end before `?` and `#`");
  if (!url.starts_with("http://") && !url.starts_with("https://")) return wrong("does not begin with http:// or https://");
  if (const auto parsed = net::parse_url(url); !parsed) return wrong("is refused: " + parsed.error().message + " (a key is given by `api_key`)");
  while (url.ends_with('/')) url.remove_suffix(1);
  return std::string(url);
}

RemotePeer::RemotePeer(std::string name, std::string url, Sensitive<std::string> key, std::string model, net::StreamClient& client)
    : name_(std::move(name)),
      api_(ends_in_version(url) ? url : url + "/v1"),
      server_(ends_in_version(url) ? url.substr(0, url.rfind('/')) : url),
      key_(std::move(key)),
      client_(client),
      state_{.message = "it has not been looked at yet", .model = std::move(model)} {}

net::ClientRequest RemotePeer::request(std::string url, std::string body, std::chrono::milliseconds timeout) const {
  net::ClientRequest out{.method = body.empty() ? "GET" : "POST", .url = std::move(url), .body = std::move(body), .timeout = timeout};
  if (!key_.reveal().empty()) out.headers.emplace_back("Authorization", "Bearer " + key_.reveal());
  return out;
}

net::ClientRequest RemotePeer::api_request(std::string_view path, std::string body, std::chrono::milliseconds timeout) const {
  return request(api_ + std::string(path), std::move(body), timeout);
}
net::ClientRequest RemotePeer::server_request(std::string_view path, std::string body, std::chrono::milliseconds timeout) const {
  return request(server_ + std::string(path), std::move(body), timeout);
}

Result<RemotePeer::Answer> RemotePeer::fetch(const net::ClientRequest& request, const std::function<void(net::ClientStream*)>& watch) const {
  ASSIGN_OR_RETURN(const auto stream, client_.open(request));
  // The request's own timeouts bound every wait below: it ends with an error when they strike.
  if (watch) watch(stream.get());
  const auto result = [&]() -> Result<Answer> {
    ASSIGN_OR_RETURN(auto head, stream->wait_head());
    Answer answer{.status = head.status, .headers = std::move(head.headers), .body = {}};
    for (;;) {
      std::promise<Result<std::optional<std::string>>> promise;
      auto arrived = promise.get_future();
      stream->pull([&promise](Result<std::optional<std::string>> piece) { promise.set_value(std::move(piece)); });
      ASSIGN_OR_RETURN(const auto piece, arrived.get());
      if (!piece) return answer;
      answer.body += *piece;
      if (answer.body.size() > kMaxAnswerBytes) return fail(ErrorCode::kUnavailable, "its answer is larger than 64 MiB");
    }
  }();
  if (watch) watch(nullptr);
  return result;
}

Result<std::string> RemotePeer::fetch_ok(const net::ClientRequest& request) const {
  auto answer = fetch(request);
  if (!answer) return std::unexpected(lost(answer.error(), false));
  if (answer->status < 200 || answer->status >= 300) return std::unexpected(refusal(answer->status, answer->headers, answer->body));
  return std::move(answer->body);
}

Error RemotePeer::refusal(int status, const net::Headers& headers, std::string_view body) const {
  const std::string engine = "The engine " + name_;
  const auto code = " (" + std::to_string(status) + ")" + said(body);
  if (read_fault(body).too_long) return {ErrorCode::kInvalidArgument, engine + " refused the request" + code, "", "context_length_exceeded"};
  switch (status) {
    case 400:
    case 413:
    case 422: return {ErrorCode::kInvalidArgument, engine + " refused the request" + code, "", ""};
    case 401:
    case 403:
      return {ErrorCode::kUnavailable, "The key of the engine " + name_ + " was refused" + code + "; remove the engine and add it again with a valid key", "", ""};
    case 404:
      return {ErrorCode::kNotFound, engine + " does not offer this, or not under this model's name" + code + "; check its address and model with `siyu engine list`", "",
              "model_not_found"};
    case 429: {
      const auto later = headers.get("Retry-After");
      return {ErrorCode::kResourceExhausted, engine + " takes no more requests now" + code + "; try again " + (later ? "after " + std::string(*later) + " s" : "later"), "", ""};
    }
    case 408:
    case 504: return {ErrorCode::kDeadlineExceeded, engine + " did not finish in time" + code, "", ""};
    default: return {ErrorCode::kUnavailable, engine + (status >= 500 ? " failed" : " answered unexpectedly") + code + "; try again, or look at its log", "", ""};
  }
}

Error RemotePeer::lost(const Error& transport, bool begun) const {
  if (transport.code == ErrorCode::kCancelled) return transport;
  const bool slow = transport.code == ErrorCode::kDeadlineExceeded;
  const std::string what = begun ? slow ? " fell silent in the middle of its answer" : " ended the connection in the middle of its answer" : slow ? " did not answer" : " is down";
  return {transport.code, "The engine " + name_ + what + ": " + transport.message, transport.detail, transport.reason};
}

Error RemotePeer::malformed(const Error& why) const {
  return {ErrorCode::kUnavailable, "The engine " + name_ + " sent what is not an OpenAI-compatible answer: " + why.message + "; check its address", "", ""};
}

PeerState RemotePeer::state() const {
  const std::lock_guard lock(mu_);
  return state_;
}

void RemotePeer::set_state(PeerState state) {
  const std::lock_guard lock(mu_);
  state_ = std::move(state);
  looked_ = true;
  changed_.notify_all();
}

void RemotePeer::suspect() {
  const std::lock_guard lock(mu_);
  suspected_ = true;
  changed_.notify_all();
}

bool RemotePeer::wait_for_cause(std::chrono::milliseconds longest) {
  std::unique_lock lock(mu_);
  changed_.wait_for(lock, longest, [this] { return suspected_ || stopping_; });
  suspected_ = false;
  return !stopping_;
}

void RemotePeer::stop() {
  const std::lock_guard lock(mu_);
  stopping_ = true;
  changed_.notify_all();
}

bool RemotePeer::stopped() const {
  const std::lock_guard lock(mu_);
  return stopping_;
}

bool RemotePeer::wait_first_look(std::chrono::milliseconds limit) {
  std::unique_lock lock(mu_);
  return changed_.wait_for(lock, limit, [this] { return looked_ || stopping_; });
}

}  // namespace siyu::engine
