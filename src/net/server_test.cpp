#include "net/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

namespace siyu::net {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A raw client: what it sends is exactly what the test wrote.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port, int receive_buffer = 0) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~RawClient() { close(); }
  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }
  void send(std::string_view bytes) const { EXPECT_EQ(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size())); }
  /// Reads until `mark` has arrived, or the end.
  std::string read_until(std::string_view mark) {
    char piece[4096];
    while (got_.find(mark) == std::string::npos) {
      const auto count = ::recv(socket_, piece, sizeof piece, 0);
      if (count <= 0) break;
      got_.append(piece, static_cast<std::size_t>(count));
    }
    return std::exchange(got_, {});
  }
  std::string read_all() { return read_until("\xff\xff impossible"); }

 private:
  int socket_;
  std::string got_;
};

/// Chunks come when the test gives them.
class ScriptedStream final : public BodyStream {
 public:
  struct Control {
    std::mutex mu;
    std::condition_variable changed;
    Ready waiting;
    bool cancelled = false;
    std::string endless;  ///< when set, every pull is answered with it at once
    void give(std::optional<std::string> chunk) {
      Ready ready;
      {
        std::unique_lock lock(mu);
        changed.wait_for(lock, std::chrono::seconds(10), [this] { return waiting != nullptr; });
        ready = std::exchange(waiting, nullptr);
      }
      ready(std::move(chunk));
    }
    bool wait_cancelled() {
      std::unique_lock lock(mu);
      return changed.wait_for(lock, std::chrono::seconds(10), [this] { return cancelled; });
    }
  };
  explicit ScriptedStream(Control& control) : control_(control) {}
  void pull(Ready ready) override {
    std::unique_lock lock(control_.mu);
    if (control_.cancelled || !control_.endless.empty()) {
      auto answer = control_.cancelled ? std::optional<std::string>() : control_.endless;
      lock.unlock();
      return ready(std::move(answer));
    }
    control_.waiting = std::move(ready);
    control_.changed.notify_all();
  }
  void cancel() noexcept override {
    Ready ready;
    {
      const std::lock_guard lock(control_.mu);
      control_.cancelled = true;
      ready = std::exchange(control_.waiting, nullptr);
      control_.changed.notify_all();
    }
    if (ready) ready(std::optional<std::string>());
  }

 private:
  Control& control_;
};

class EchoHandler final : public Handler {
 public:
  BodyPlan plan(const RequestHead& head) override {
    return {.limit = head.path == "/none" ? 0U : 4U << 20, .spool = head.path == "/spool", .on_loop = head.path == "/loop"};
  }
  Response handle(Request& request) override {
    if (request.path == "/stream") return {.status = 200, .headers = {}, .body = std::make_unique<ScriptedStream>(control)};
    if (request.path == "/throw") throw std::runtime_error("secret detail");
    if (request.path == "/block") {
      std::unique_lock lock(gate_mu);
      ++blocked;
      gate.notify_all();
      gate.wait(lock, [this] { return open; });
    }
    std::string body = request.body;
    if (const auto* begun = std::any_cast<std::string>(&request.begun)) body = *begun;
    if (!request.body_file.empty()) body = "file of " + std::to_string(std::filesystem::file_size(request.body_file));
    return json_response(200, request.method + " " + request.path + " " + body);
  }
  std::optional<Response> handle_now(Request& request) override {
    if (request.query.empty()) return handle(request);
    request.begun = std::string("begun on the loop");
    return std::nullopt;
  }
  ScriptedStream::Control control;
  std::mutex gate_mu;
  std::condition_variable gate;
  bool open = false;
  int blocked = 0;
};

class ServerTest : public ::testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    options.spool_dir = ::testing::TempDir();
    server = Server::start(options, handler, random, *log).value();
  }
  EchoHandler handler;
  OsRandom random;
  std::unique_ptr<Logger> log = Logger::silent();
  std::unique_ptr<Server> server;
};

TEST_F(ServerTest, AnswersPipelinedRequestsInOrderOnOneConnection) {
  start();
  RawClient client(server->port());
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\noneGET /loop HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto got = client.read_all();
  EXPECT_THAT(got, StartsWith("HTTP/1.1 200"));
  EXPECT_LT(got.find("POST /a one"), got.find("GET /loop "));
  EXPECT_THAT(got, HasSubstr("X-Request-Id: req_"));
}

TEST_F(ServerTest, ReadsChunkedBodiesAndSpoolsLargeOnes) {
  start();
  RawClient client(server->port());
  client.send("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_THAT(client.read_until("abcde"), HasSubstr("POST /a abcde"));
  client.send("POST /spool HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2097152\r\n\r\n" + std::string(2097152, 'x'));
  EXPECT_THAT(client.read_all(), HasSubstr("file of 2097152"));
}

TEST_F(ServerTest, RefusesOversizeBodiesByLengthAndByCount) {
  start();
  RawClient by_length(server->port());
  by_length.send("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n");
  const auto refused = by_length.read_all();
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(refused, HasSubstr("4194304 bytes"));
  RawClient none(server->port());
  none.send("POST /none HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n");
  EXPECT_THAT(none.read_all(), StartsWith("HTTP/1.1 413"));
}

TEST_F(ServerTest, AnswersMalformedAndOversizedHeaders) {
  start();
  RawClient garbage(server->port());
  garbage.send("\x16\x03\x01 not http\r\n\r\n");
  EXPECT_THAT(garbage.read_all(), StartsWith("HTTP/1.1 400"));
  RawClient large(server->port());
  large.send("GET / HTTP/1.1\r\nX: " + std::string(40000, 'a'));
  EXPECT_THAT(large.read_all(), StartsWith("HTTP/1.1 431"));
}

TEST_F(ServerTest, DropsAClientThatDribblesItsHeader) {
  start({.idle_timeout = std::chrono::milliseconds(5000), .header_timeout = std::chrono::milliseconds(50)});
  RawClient slow(server->port());
  slow.send("GET / HT");
  EXPECT_EQ(slow.read_all(), "");
}

TEST_F(ServerTest, ExceptionsBecome500WithoutTheirText) {
  start();
  RawClient client(server->port());
  client.send("GET /throw HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const auto got = client.read_all();
  EXPECT_THAT(got, StartsWith("HTTP/1.1 500"));
  EXPECT_THAT(got, ::testing::Not(HasSubstr("secret")));
}

TEST_F(ServerTest, StreamsChunksAsTheyCome) {
  start();
  RawClient client(server->port());
  client.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  handler.control.give("one");
  EXPECT_THAT(client.read_until("one"), HasSubstr("Transfer-Encoding: chunked"));
  handler.control.give("two");
  EXPECT_THAT(client.read_until("two"), HasSubstr("3\r\ntwo"));
  handler.control.give(std::nullopt);
  EXPECT_THAT(client.read_until("0\r\n\r\n"), HasSubstr("0\r\n\r\n"));
  client.send("GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.read_all(), HasSubstr("GET /next"));
}

TEST_F(ServerTest, CancelsTheStreamOfAClientThatLeaves) {
  start();
  RawClient client(server->port());
  client.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  handler.control.give("one");
  client.read_until("one");
  client.close();
  EXPECT_TRUE(handler.control.wait_cancelled());
}

TEST_F(ServerTest, DropsAClientThatStopsReadingWithoutHarmToOthers) {
  start({.write_timeout = std::chrono::milliseconds(100)});
  handler.control.endless = std::string(256UL << 10, 'x');
  RawClient stalled(server->port(), 4096);
  stalled.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(handler.control.wait_cancelled());
  EXPECT_EQ(server->stats().stalled_clients, 1U);
  RawClient other(server->port());
  other.send("GET /fine HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(other.read_all(), HasSubstr("GET /fine"));
}

TEST_F(ServerTest, FullPoolAnswers503WithRetryAfterWhileTheLoopStillAnswers) {
  start({.handler_threads = 1, .queue = 1});
  RawClient first(server->port()), second(server->port());
  first.send("GET /block HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  {
    std::unique_lock lock(handler.gate_mu);
    handler.gate.wait(lock, [&] { return handler.blocked == 1; });
  }
  second.send("GET /block HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  std::string third_answer;
  for (int tries = 0; tries < 100 && third_answer.find("503") == std::string::npos; ++tries) {
    RawClient probe(server->port());
    probe.send("GET /loop HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(probe.read_all(), StartsWith("HTTP/1.1 200"));
    if (server->stats().requests_running < 2) continue;  // the second one is not queued yet
    RawClient third(server->port());
    third.send("GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    third_answer = third.read_all();
  }
  EXPECT_THAT(third_answer, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(third_answer, HasSubstr("Retry-After: 1"));
  {
    const std::lock_guard lock(handler.gate_mu);
    handler.open = true;
  }
  handler.gate.notify_all();
  EXPECT_THAT(first.read_all(), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(second.read_all(), StartsWith("HTTP/1.1 200"));
}

TEST_F(ServerTest, WhatCannotBeAnsweredOnTheLoopIsTakenUpAgainByThePool) {
  start();
  RawClient client(server->port());
  client.send("GET /loop?wait HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.read_all(), HasSubstr("GET /loop begun on the loop"));
}

TEST_F(ServerTest, DrainLetsARunningStreamFinish) {
  start();
  RawClient client(server->port());
  client.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  handler.control.give("one");
  client.read_until("one");
  std::thread drain([this] { server->drain(std::chrono::seconds(10)); });
  handler.control.give("two");
  handler.control.give(std::nullopt);
  EXPECT_THAT(client.read_until("0\r\n\r\n"), HasSubstr("two"));
  drain.join();
}

TEST(Form, FindsFilesAndFieldsIncludingChineseNames) {
  const std::string body =
      "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"报告 \\\"1\\\".txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\nworld\r\n"
      "--B\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\n\r\n--B--\r\n";
  const auto parts = parse_form("multipart/form-data; boundary=B", body).value();
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0].filename, "报告 \"1\".txt");
  EXPECT_EQ(body.substr(parts[0].begin, parts[0].end - parts[0].begin), "hello\r\nworld");
  EXPECT_EQ(parts[1].name, "note");
  EXPECT_EQ(parts[1].begin, parts[1].end);
  EXPECT_FALSE(parse_form("multipart/form-data; boundary=B", body.substr(0, 60)).has_value());
  EXPECT_FALSE(parse_form("text/plain", body).has_value());
}

TEST(Sse, EventsArriveHoweverTheBytesAreCut) {
  SseParser parser;
  std::vector<std::string> events;
  for (const char c : std::string(": comment\r\ndata: {\"a\":1}\r\n\r\nevent: x\ndata: b\ndata: c\n\ndata: [DONE]\n\n")) {
    for (auto& event : parser.feed({&c, 1}).value()) events.push_back(event);
  }
  EXPECT_THAT(events, ::testing::ElementsAre("{\"a\":1}", "b\nc", "[DONE]"));
}

TEST(Http, DecodesQueriesAndCookies) {
  RequestHead head;
  head.query = "a=1&%E5%90%8D=%E5%BC%A0+%E4%B8%89&bad=%zz&flag";
  head.headers.add("cookie", "x=1; siyu_session=tok=en");
  EXPECT_EQ(head.query_param("名"), "张 三");
  EXPECT_EQ(head.query_param("bad"), "%zz");
  EXPECT_EQ(head.query_param("flag"), "");
  EXPECT_EQ(head.query_param("none"), std::nullopt);
  EXPECT_EQ(head.cookie("siyu_session"), "tok=en");
  EXPECT_EQ(percent_decode(percent_encode("a/b 中")), "a/b 中");
}

}  // namespace
}  // namespace siyu::net
