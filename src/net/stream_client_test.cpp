#include "net/stream_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <mutex>

#include "net/server.h"

namespace siyu::net {
namespace {

/// Counts how much it was asked for.
class CountingStream final : public BodyStream {
 public:
  CountingStream(std::size_t pieces, std::atomic<std::size_t>& given, std::atomic<bool>& cancelled) : pieces_(pieces), given_(given), cancelled_(cancelled) {}
  void pull(Ready ready) override {
    if (given_ >= pieces_) return ready(std::optional<std::string>());
    ++given_;
    ready(std::optional(std::string(64UL << 10, 'x')));
  }
  void cancel() noexcept override { cancelled_ = true; }

 private:
  const std::size_t pieces_;
  std::atomic<std::size_t>& given_;
  std::atomic<bool>& cancelled_;
};

/// Gives nothing until it is cancelled.
class SilentStream final : public BodyStream {
 public:
  void pull(Ready ready) override {
    const std::lock_guard lock(mu_);
    waiting_ = std::move(ready);
  }
  void cancel() noexcept override {
    Ready ready;
    {
      const std::lock_guard lock(mu_);
      ready = std::exchange(waiting_, nullptr);
    }
    if (ready) ready(std::optional<std::string>());
  }

 private:
  std::mutex mu_;
  Ready waiting_;
};

class StreamHandler final : public Handler {
 public:
  BodyPlan plan(const RequestHead&) override { return {.limit = 1UL << 20}; }
  Response handle(Request& request) override {
    if (request.path == "/echo") return json_response(201, request.body);
    if (request.path == "/silent") return {.status = 200, .headers = {}, .body = std::make_unique<SilentStream>()};
    return {.status = 200, .headers = {}, .body = std::make_unique<CountingStream>(request.path == "/long" ? 10'000 : 10, given, cancelled)};
  }
  std::atomic<std::size_t> given = 0;
  std::atomic<bool> cancelled = false;
};

/// By libcurl, and on an event loop directly.
class StreamClientTest : public ::testing::TestWithParam<bool> {
 protected:
  Result<std::optional<std::string>> pull(ClientStream& stream) {
    std::promise<Result<std::optional<std::string>>> promise;
    auto future = promise.get_future();
    stream.pull([&](Result<std::optional<std::string>> piece) { promise.set_value(std::move(piece)); });
    return future.get();
  }
  std::string url(const std::string& path) const { return "http://127.0.0.1:" + std::to_string(server->port()) + path; }

  StreamHandler handler;
  OsRandom random;
  std::unique_ptr<Logger> log = Logger::silent();
  std::unique_ptr<Server> start(std::uint16_t port = 0) {
    return Server::start({.port = port, .write_timeout = std::chrono::milliseconds(60'000), .spool_dir = ::testing::TempDir()}, handler, random, *log).value();
  }
  std::unique_ptr<Server> server = start();
  EventLoop loop;
  StreamClient client{{}, std::chrono::seconds(30), GetParam() ? &loop : nullptr};
};
INSTANTIATE_TEST_SUITE_P(Ways, StreamClientTest, ::testing::Bool(), [](const auto& info) { return std::string(info.param ? "OnTheLoop" : "ByCurl"); });

TEST_P(StreamClientTest, GivesStatusHeadersAndTheWholeBody) {
  const auto stream = client.open({.method = "POST", .url = url("/echo"), .body = "{\"a\":1}"}).value();
  const auto head = stream->wait_head().value();
  EXPECT_EQ(head.status, 201);
  EXPECT_EQ(head.headers.get("content-type"), "application/json");
  EXPECT_EQ(pull(*stream).value(), "{\"a\":1}");
  EXPECT_EQ(pull(*stream).value(), std::nullopt);
}

TEST_P(StreamClientTest, ManyStreamsAtOnce) {
  std::vector<std::unique_ptr<ClientStream>> streams;
  for (int i = 0; i < 50; ++i) streams.push_back(client.open({.method = "POST", .url = url("/echo"), .body = std::to_string(i)}).value());
  for (int i = 0; i < 50; ++i) EXPECT_EQ(pull(*streams[static_cast<std::size_t>(i)]).value(), std::to_string(i));
}

TEST_P(StreamClientTest, AnUnpulledStreamStopsReadingAndGoesOnWhenPulled) {
  const auto stream = client.open({.url = url("/long")}).value();
  ASSERT_TRUE(stream->wait_head().has_value());
  // The sender stalls once the buffers between are full; until then its count grows.
  std::size_t before = 0;
  for (int quiet = 0; quiet < 20;) {
    const auto now = handler.given.load();
    quiet = now == before ? quiet + 1 : 0;
    before = now;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_LT(handler.given, 1000U);
  std::size_t bytes = 0;
  while (auto piece = pull(*stream).value()) bytes += piece->size();
  EXPECT_EQ(bytes, 10'000U * (64UL << 10));
}

TEST_P(StreamClientTest, CancellingReachesTheServer) {
  auto stream = client.open({.url = url("/long")}).value();
  ASSERT_TRUE(pull(*stream).has_value());
  stream.reset();
  for (int i = 0; i < 1000 && !handler.cancelled; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_TRUE(handler.cancelled);
}

TEST_P(StreamClientTest, AConnectionTheServerHasLeftIsReplacedWithoutAWord) {
  ASSERT_EQ(pull(*client.open({.method = "POST", .url = url("/echo"), .body = "one"}).value()).value(), "one");
  const auto port = server->port();
  server.reset();
  server = start(port);
  EXPECT_EQ(pull(*client.open({.method = "POST", .url = url("/echo"), .body = "two"}).value()).value(), "two");
}

TEST_P(StreamClientTest, AKeptConnectionServesOtherPathsToo) {
  ASSERT_EQ(pull(*client.open({.method = "POST", .url = url("/echo"), .body = "one"}).value()).value(), "one");
  const auto stream = client.open({.url = url("/ten")}).value();
  std::size_t bytes = 0;
  while (auto piece = pull(*stream).value()) bytes += piece->size();
  EXPECT_EQ(bytes, 10U * (64UL << 10));
}

TEST_P(StreamClientTest, SilenceEndsAfterTheRequestsOwnLimit) {
  const auto stream = client.open({.url = url("/silent"), .idle = std::chrono::milliseconds(50)}).value();
  const auto piece = pull(*stream);
  ASSERT_FALSE(piece.has_value());
  EXPECT_EQ(piece.error().code, ErrorCode::kDeadlineExceeded);
}

TEST_P(StreamClientTest, NobodyListeningIsSaidClearly) {
  const auto free_port = server->port();
  server.reset();
  const auto stream = client.open({.url = "http://127.0.0.1:" + std::to_string(free_port) + "/"}).value();
  const auto head = stream->wait_head();
  ASSERT_FALSE(head.has_value());
  EXPECT_EQ(head.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(head.error().message, ::testing::HasSubstr("Cannot reach http://127.0.0.1"));
}

}  // namespace
}  // namespace siyu::net
