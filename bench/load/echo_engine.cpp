// An OpenAI-compatible engine without a model, so that a bench measures what stands before it: it answers a chat with the
// last message's own text, whole at once or token by token. Tokens of streams carry the moment they were sent (microseconds
// of CLOCK_MONOTONIC), so that the other end can tell how long each was on its way.
//
//   echo_engine [--port N] [--interval-ms N]      prints its port
#include <csignal>
#include <cstring>
#include <memory>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "load/message_reader.h"
#include "load/sockets.h"

namespace siyu::bench {
namespace {

constexpr std::string_view kModels = R"({"object":"list","data":[{"id":"echo","object":"model","created":0,"owned_by":"bench"}]})";
constexpr int kDefaultTokens = 16;

struct Options {
  std::uint16_t port = 0;
  std::int64_t interval_nanos = 0;  ///< between the tokens of a stream; 0: all at once
};

struct Client {
  int fd = -1;
  std::uint64_t id = 0;
  MessageReader reader;
  std::string head, body;
  int tokens_left = 0, tokens = 0;
};

/// The JSON text, without quotes, of the last "content" of a request; it goes back as it came.
std::string_view last_content(std::string_view body) {
  constexpr std::string_view kKey = "\"content\":";
  const auto key = body.rfind(kKey);
  if (key == std::string_view::npos) return "";
  auto begin = body.find('"', key + kKey.size());
  if (begin == std::string_view::npos) return "";
  auto end = ++begin;
  while (end < body.size() && body[end] != '"') end += body[end] == '\\' ? 2 : 1;
  return body.substr(begin, end - begin);
}

bool wants_stream(std::string_view body) { return body.find("\"stream\":true") != std::string_view::npos || body.find("\"stream\": true") != std::string_view::npos; }

int tokens_wanted(std::string_view body) {
  const auto key = body.find("\"max_tokens\":");
  return key == std::string_view::npos ? kDefaultTokens : std::max(1, std::atoi(body.data() + key + std::strlen("\"max_tokens\":")));
}

void append_chunk(std::string& out, std::string_view data) {
  char size[16];
  std::snprintf(size, sizeof size, "%zx\r\n", data.size());
  out += size;
  out += data;
  out += "\r\n";
}

class Engine {
 public:
  explicit Engine(const Options& options) : options_(options) { listen(); }

  [[noreturn]] void run() {
    std::printf("%u\n", port_);
    std::fflush(stdout);
    for (;;) {
      const auto wait = due_.empty() ? -1 : std::max<std::int64_t>(due_.top().at - now_nanos(), 0);
      poller_.wait(wait, [this](void* owner, std::uint32_t) { owner == nullptr ? accept_all() : read(*static_cast<Client*>(owner)); });
      send_due_tokens();
      closed_.clear();
    }
  }

 private:
  struct Due {
    std::int64_t at;
    std::uint64_t client;
    bool operator<(const Due& other) const { return at > other.at; }
  };

  void listen() {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options_.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 4096) != 0) give_up("listen");
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    poller_.watch(listener_, EPOLLIN, nullptr);
  }

  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      set_no_delay(fd);
      auto client = std::make_unique<Client>();
      client->fd = fd;
      client->id = ++last_id_;
      poller_.watch(fd, EPOLLIN | EPOLLRDHUP, client.get());
      clients_[client->id] = std::move(client);
    }
  }

  void close(Client& client) {
    ::close(client.fd);
    const auto found = clients_.find(client.id);
    closed_.push_back(std::move(found->second));  // an event of this round may still name it
    clients_.erase(found);
  }

  void read(Client& client) {
    if (!clients_.contains(client.id)) return;
    char piece[16384];
    const auto got = ::recv(client.fd, piece, sizeof piece, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return close(client);
    client.reader.append({piece, static_cast<std::size_t>(got)});
    for (;;) {
      switch (client.reader.next()) {
        case MessageReader::Step::kNeedMore: return;
        case MessageReader::Step::kHead:
          client.head = client.reader.head;
          client.body.clear();
          if (starts_like(client.head.substr(client.head.find("\r\n") + 2), "expect") || client.head.find("100-continue") != std::string::npos) (void)send_all(client.fd, "HTTP/1.1 100 Continue\r\n\r\n");
          break;
        case MessageReader::Step::kPiece: client.body += client.reader.piece; break;
        case MessageReader::Step::kEnd:
          if (!answer(client)) return close(client);
          break;
        case MessageReader::Step::kBroken: return close(client);
      }
    }
  }

  bool answer(Client& client) {
    if (client.head.starts_with("GET")) return send_whole(client, kModels);
    client.tokens = client.tokens_left = tokens_wanted(client.body);
    if (!wants_stream(client.body)) {
      body_.assign(R"({"id":"chatcmpl-0","object":"chat.completion","created":1700000000,"model":"echo","choices":[{"index":0,"message":{"role":"assistant","content":")");
      body_ += last_content(client.body);
      body_ += R"("},"logprobs":null,"finish_reason":"stop"}],"usage":)";
      append_usage(body_, client);
      body_ += '}';
      return send_whole(client, body_);
    }
    out_.assign("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    if (options_.interval_nanos > 0) {
      due_.push({now_nanos() + options_.interval_nanos, client.id});
      return send_all(client.fd, out_);
    }
    while (client.tokens_left > 0) append_token(client);
    return send_all(client.fd, out_);
  }

  static void append_usage(std::string& out, const Client& client) {
    char usage[128];
    std::snprintf(usage, sizeof usage, R"({"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d})", kDefaultTokens, client.tokens, kDefaultTokens + client.tokens);
    out += usage;
  }

  bool send_whole(const Client& client, std::string_view body) {
    char head[128];
    std::snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", body.size());
    out_.assign(head);
    out_ += body;
    return send_all(client.fd, out_);
  }

  /// The next token and, after the last one, the end, into out_.
  void append_token(Client& client) {
    char event[256];
    std::snprintf(event, sizeof event,
                  "data: {\"id\":\"chatcmpl-0\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"echo\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%lld \"},\"finish_reason\":null}]}\n\n",
                  static_cast<long long>(now_nanos() / 1000));
    append_chunk(out_, event);
    if (--client.tokens_left > 0) return;
    std::string end = "data: {\"id\":\"chatcmpl-0\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"echo\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":";
    append_usage(end, client);
    end += "}\n\ndata: [DONE]\n\n";
    append_chunk(out_, end);
    out_ += "0\r\n\r\n";
  }

  void send_due_tokens() {
    const auto now = now_nanos();
    while (!due_.empty() && due_.top().at <= now) {
      const auto due = due_.top();
      due_.pop();
      const auto found = clients_.find(due.client);
      if (found == clients_.end()) continue;
      auto& client = *found->second;
      out_.clear();
      append_token(client);
      if (!send_all(client.fd, out_)) close(client);
      else if (client.tokens_left > 0) due_.push({due.at + options_.interval_nanos, client.id});
    }
  }

  const Options options_;
  const Poller poller_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::uint64_t last_id_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<Client>> closed_;
  std::priority_queue<Due> due_;
  std::string out_, body_;  // kept for their memory
};

}  // namespace
}  // namespace siyu::bench

int main(int count, char** arguments) {
  siyu::bench::Options options;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view name = arguments[i];
    if (name == "--port") options.port = static_cast<std::uint16_t>(std::atoi(arguments[i + 1]));
    else if (name == "--interval-ms") options.interval_nanos = std::atoll(arguments[i + 1]) * 1'000'000;
    else return std::fprintf(stderr, "unknown option %s\n", arguments[i]), 2;
  }
  siyu::bench::raise_file_limit();
  siyu::bench::Engine(options).run();
}
