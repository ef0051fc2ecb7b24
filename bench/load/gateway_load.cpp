// A load generator for chat endpoints. Open loop (--rate): requests start at their appointed times whether or not earlier ones
// have been answered, and a time counts from the appointment, so that a server that stalls cannot hide the requests it kept
// from being sent. Closed loop (no --rate): every connection sends its next request when it has its answer.
//
//   gateway_load --port N [--path P] [--header "Name: value"]… [--body TEXT] [--rate R] [--connections C]
//                [--seconds S] [--warmup S] [--requests N]     prints one JSON object
#include <cmath>
#include <csignal>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "load/histogram.h"
#include "load/message_reader.h"
#include "load/sockets.h"

namespace siyu::bench {
namespace {

struct Options {
  std::uint16_t port = 0;
  std::string path = "/v1/chat/completions", headers, body = R"({"model":"echo","messages":[{"role":"user","content":"Say hello to the bench."}]})";
  double rate = 0;  ///< requests a second; 0: closed loop
  int connections = 32;
  double seconds = 10, warmup = 1;
  std::uint64_t requests = 0;  ///< stop after so many; 0: after the time
};

struct Connection {
  int fd = -1;
  MessageReader reader;
  std::int64_t appointed = 0;  ///< when its request should have been sent
  bool busy = false, answered = false;
  std::string tail;            ///< of a stream: what may be the beginning of a token
};

volatile std::sig_atomic_t stopped = 0;

class Load {
 public:
  explicit Load(const Options& options) : options_(options) {
    request_ = "POST " + options.path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" + options.headers + "Content-Length: " + std::to_string(options.body.size()) + "\r\n\r\n" + options.body;
    for (int i = 0; i < options.connections; ++i) {
      connections_.push_back(std::make_unique<Connection>());
      connect(*connections_.back());
      idle_.push_back(connections_.back().get());
    }
  }

  void run() {
    begin_ = now_nanos();
    counted_from_ = begin_ + static_cast<std::int64_t>(options_.warmup * 1e9);
    const auto end = counted_from_ + static_cast<std::int64_t>(options_.seconds * 1e9);
    while (stopped == 0 && (options_.requests == 0 ? now_nanos() < end : done_ + failed_ < options_.requests)) {
      const auto wait = options_.rate > 0 ? start_due() : start_idle();
      poller_.wait(std::min<std::int64_t>(wait, 50'000'000), [this](void* owner, std::uint32_t) { read(*static_cast<Connection*>(owner)); });
    }
    finished_ = now_nanos();
  }

  void print() const {
    const double took = static_cast<double>(finished_ - counted_from_) / 1e9;
    std::printf("{\"requests\":%llu,\"failed\":%llu,\"unanswered\":%llu,\"seconds\":%.3f,\"per_second\":%.1f", static_cast<unsigned long long>(counted_), static_cast<unsigned long long>(failed_),
                static_cast<unsigned long long>(backlog_.size() + connections_.size() - idle_.size()), took, static_cast<double>(counted_) / took);
    print("latency", whole_);
    print("first_byte", first_);
    if (token_.total() > 0) print("token", token_);
    std::printf("}\n");
  }

 private:
  static void print(const char* name, const Histogram& times) {
    std::printf(",\"%s_us\":{\"count\":%llu,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}", name, static_cast<unsigned long long>(times.total()), times.micros_at(0.5), times.micros_at(0.9), times.micros_at(0.99),
                times.micros_at(0.999), times.largest_micros());
  }

  void connect(Connection& connection) {
    connection.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(options_.port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connection.fd < 0 || ::connect(connection.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) give_up("connect");
    set_no_delay(connection.fd);
    connection.reader = {};
    poller_.watch(connection.fd, EPOLLIN, &connection);
  }

  /// Sends what is due; returns the time until the next appointment.
  std::int64_t start_due() {
    const auto now = now_nanos();
    for (;;) {
      const auto next = begin_ + static_cast<std::int64_t>(static_cast<double>(appointments_) * 1e9 / options_.rate);
      if (next > now) break;
      ++appointments_;
      backlog_.push_back(next);
    }
    while (!backlog_.empty() && !idle_.empty()) {
      start(take_idle(), backlog_.front());
      backlog_.pop_front();
    }
    const auto next = begin_ + static_cast<std::int64_t>(static_cast<double>(appointments_) * 1e9 / options_.rate);
    return std::max<std::int64_t>(next - now_nanos(), 0);
  }

  std::int64_t start_idle() {
    while (!idle_.empty()) start(take_idle(), now_nanos());
    return 50'000'000;
  }

  Connection& take_idle() {
    auto& connection = *idle_.front();
    idle_.pop_front();
    return connection;
  }

  void start(Connection& connection, std::int64_t appointed) {
    connection.appointed = appointed;
    connection.busy = true;
    connection.answered = false;
    if (!send_all(connection.fd, request_)) fail(connection);
  }

  void read(Connection& connection) {
    char piece[16384];
    const auto got = ::recv(connection.fd, piece, sizeof piece, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return fail(connection);
    const auto now = now_nanos();
    connection.reader.append({piece, static_cast<std::size_t>(got)});
    for (;;) {
      switch (connection.reader.next()) {
        case MessageReader::Step::kNeedMore: return;
        case MessageReader::Step::kHead: break;
        case MessageReader::Step::kPiece: on_piece(connection, now); break;
        case MessageReader::Step::kEnd: on_answer(connection, now); break;
        case MessageReader::Step::kBroken: return fail(connection);
      }
    }
  }

  bool counts(const Connection& connection) const { return connection.appointed >= counted_from_; }

  void on_piece(Connection& connection, std::int64_t now) {
    if (!connection.answered && counts(connection)) first_.record(now - connection.appointed);
    connection.answered = true;
    // The engine's tokens are its sending times: "content":"1234567 "
    constexpr std::string_view kKey = "\"content\":\"";
    connection.tail += connection.reader.piece;
    std::size_t at = 0;
    for (std::size_t key = 0; (key = connection.tail.find(kKey, at)) != std::string::npos;) {
      const auto end = connection.tail.find('"', key + kKey.size());
      if (end == std::string::npos) break;
      if (connection.tail[end - 1] == ' ' && now > counted_from_) token_.record(now - std::atoll(connection.tail.data() + key + kKey.size()) * 1000);
      at = end;
    }
    connection.tail.erase(0, std::max(at, connection.tail.size() - std::min<std::size_t>(connection.tail.size(), 64)));
  }

  void on_answer(Connection& connection, std::int64_t now) {
    if (connection.reader.status != 200) ++failed_;
    else ++done_;
    if (counts(connection) && connection.reader.status == 200) {
      ++counted_;
      whole_.record(now - connection.appointed);
    }
    connection.tail.clear();
    connection.busy = false;
    if (connection.reader.closes) reopen(connection);
    idle_.push_back(&connection);
  }

  void fail(Connection& connection) {
    if (connection.busy) {
      ++failed_;
      idle_.push_back(&connection);
    }
    connection.busy = false;
    reopen(connection);
  }

  void reopen(Connection& connection) {
    ::close(connection.fd);
    connect(connection);
  }

  const Options options_;
  const Poller poller_;
  std::string request_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<Connection*> idle_;
  std::deque<std::int64_t> backlog_;  // appointments that no connection was free for
  std::uint64_t appointments_ = 0, done_ = 0, failed_ = 0, counted_ = 0;
  std::int64_t begin_ = 0, counted_from_ = 0, finished_ = 0;
  Histogram whole_, first_, token_;
};

bool read_option(std::string_view name, const char* value, Options& options) {
  if (name == "--port") options.port = static_cast<std::uint16_t>(std::atoi(value));
  else if (name == "--path") options.path = value;
  else if (name == "--header") options.headers += std::string(value) + "\r\n";
  else if (name == "--body") options.body = value;
  else if (name == "--rate") options.rate = std::atof(value);
  else if (name == "--connections") options.connections = std::atoi(value);
  else if (name == "--seconds") options.seconds = std::atof(value);
  else if (name == "--warmup") options.warmup = std::atof(value);
  else if (name == "--requests") options.requests = std::strtoull(value, nullptr, 10);
  else return false;
  return true;
}

}  // namespace
}  // namespace siyu::bench

int main(int count, char** arguments) {
  siyu::bench::Options options;
  for (int i = 1; i + 1 < count; i += 2)
    if (!siyu::bench::read_option(arguments[i], arguments[i + 1], options)) return std::fprintf(stderr, "unknown option %s\n", arguments[i]), 2;
  if (options.port == 0) return std::fprintf(stderr, "--port is missing\n"), 2;
  std::signal(SIGINT, [](int) { siyu::bench::stopped = 1; });
  siyu::bench::raise_file_limit();
  siyu::bench::Load load(options);
  load.run();
  load.print();
}
