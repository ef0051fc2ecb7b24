#include "models/pull.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "models/gguf_fixture.h"
#include "net/server.h"
#include "policy/room_fixture.h"

namespace siyu::models {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kPiece = 4096;
constexpr auto kPatience = std::chrono::seconds(20);

/// Gives `bytes` piece by piece; once `until` of the file has been given, it waits to be cancelled.
class Trickle final : public net::BodyStream {
 public:
  Trickle(std::string bytes, std::size_t until) : bytes_(std::move(bytes)), until_(until) {}
  void pull(Ready ready) override {
    std::unique_lock lock(mu_);
    if (cancelled_ || at_ == bytes_.size()) {
      lock.unlock();
      return ready(std::optional<std::string>());
    }
    if (at_ >= until_) {
      waiting_ = std::move(ready);
      return;
    }
    auto piece = bytes_.substr(at_, kPiece);
    at_ += piece.size();
    lock.unlock();
    ready(std::optional(std::move(piece)));
  }
  void cancel() noexcept override {
    Ready ready;
    {
      const std::lock_guard lock(mu_);
      cancelled_ = true;
      ready = std::exchange(waiting_, nullptr);
    }
    if (ready) ready(std::optional<std::string>());
  }

 private:
  std::mutex mu_;
  const std::string bytes_;
  const std::size_t until_;
  std::size_t at_ = 0;
  bool cancelled_ = false;
  Ready waiting_;
};

/// A content server with ranges and validators.
class ContentServer final : public net::Handler {
 public:
  std::string bytes;
  std::atomic<std::size_t> step{~0UL};  ///< bytes that one connection gives before it stalls
  std::atomic<int> status{200};
  std::atomic<int> requests{0};

  net::BodyPlan plan(const net::RequestHead&) override { return {}; }
  net::Response handle(net::Request& request) override {
    ++requests;
    net::Response response{.status = status, .headers = {}, .body = std::string()};
    if (status != 200) return response;
    std::size_t begin = 0;
    if (const auto range = request.headers.get("Range"); range && request.headers.get("If-Range") == "\"v1\"") begin = std::stoul(std::string(range->substr(6)));
    if (begin > 0) {
      response.status = 206;
      response.headers.add("Content-Range", "bytes " + std::to_string(begin) + "-" + std::to_string(bytes.size() - 1) + "/" + std::to_string(bytes.size()));
    }
    response.headers.add("ETag", "\"v1\"");
    response.body = std::make_unique<Trickle>(bytes.substr(begin), step.load());
    return response;
  }
};

class PullsTest : public RoomTest {
 protected:
  PullsTest() : RoomTest({migrations()}) {}
  void SetUp() override {
    library = ModelLibrary::open(*db, dir / "models", clock).value();
    content.bytes = small_model() + std::string(300'000, '\7');
    server = net::Server::start({.spool_dir = dir}, content, random, *logger).value();
    source = "http://127.0.0.1:" + std::to_string(server->port()) + "/m.gguf?signature=secret";
    options.limits = {.give_up = std::chrono::seconds(0), .first_wait = std::chrono::milliseconds(1), .longest_wait = std::chrono::milliseconds(5), .disk_reserve = 0};
    reopen();
  }
  void reopen() {
    pulls.reset();
    const auto start_model = [this](const Pass&, const std::string& name) -> Status {
      started = name;
      return {};
    };
    pulls = std::make_unique<Pulls>(*db, *library, *policy, options, start_model, clock, random, *logger);
    ASSERT_TRUE(pulls->start().has_value());
  }
  template <class Test>
  Pull wait_for(const std::string& id, const Test& test) {
    const auto deadline = clock.steady_now() + kPatience;
    for (;;) {
      auto pull = pulls->get(*pass, id).value();
      if (test(pull)) return pull;
      if (clock.steady_now() > deadline) {
        ADD_FAILURE() << "still " << pull.bytes_done << " bytes, " << pull.reason;
        return pull;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  Pull wait_end(const std::string& id) {
    return wait_for(id, [](const Pull& pull) { return pull.state != PullState::kQueued && pull.state != PullState::kRunning && pull.state != PullState::kVerifying; });
  }
  std::string stored() {
    std::ifstream in(dir / "models" / "m.gguf", std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::unique_ptr<ModelLibrary> library;
  ContentServer content;
  std::unique_ptr<net::Server> server;
  std::string source, started;
  PullOptions options;
  std::unique_ptr<Pulls> pulls;
};

TEST_F(PullsTest, StoppedAgainAndAgainItEndsWhole) {
  content.step = 40'000;
  const auto id = pulls->create(*pass, {.reference = source, .name = {}, .sha256 = {}, .load = true}).value().id;
  std::uint64_t before = 0;
  for (int round = 0; round < 5; ++round) {
    before = wait_for(id, [&](const Pull& pull) { return pull.bytes_done > before; }).bytes_done;
    reopen();
  }
  EXPECT_GE(before, 5U);
  content.step = ~0UL;
  reopen();
  EXPECT_EQ(wait_end(id).state, PullState::kDone);
  EXPECT_TRUE(stored() == content.bytes);
  EXPECT_EQ(started, "m");
}

TEST_F(PullsTest, ManyMayLookOrderAndCancelAtOnce) {
  content.step = 20'000;
  {
    std::vector<std::jthread> people;
    for (int person = 0; person < 4; ++person) {
      people.emplace_back([this] {
        for (int i = 0; i < 25; ++i) {
          const auto pull = pulls->create(*pass, {.reference = source, .name = {}, .sha256 = {}});
          if (pull) (void)pulls->get(*pass, pull->id);
          EXPECT_TRUE(pulls->list(*pass).has_value());
          if (pull && i % 3 == 0) (void)pulls->remove(*pass, pull->id);
        }
      });
    }
  }
  content.step = ~0UL;
  reopen();
  // Whatever the last of them left, one more order brings the model.
  const auto id = pulls->create(*pass, {.reference = source, .name = {}, .sha256 = {}}).value().id;
  EXPECT_EQ(wait_end(id).state, PullState::kDone);
  EXPECT_TRUE(stored() == content.bytes);
}

TEST_F(PullsTest, AFaultThatPassesCostsNothingThatHasArrived) {
  content.step = 40'000;
  const auto order = NewPull{.reference = source, .name = {}, .sha256 = {}};
  const auto id = pulls->create(*pass, order).value().id;
  wait_for(id, [](const Pull& pull) { return pull.bytes_done >= 40'000; });
  content.status = 503;
  ASSERT_TRUE(pulls->remove(*pass, id).has_value());
  wait_for(id, [&](const Pull&) { return pulls->create(*pass, order).has_value(); });
  const auto failed = wait_end(id);
  EXPECT_EQ(failed.state, PullState::kFailed);
  EXPECT_THAT(failed.reason, HasSubstr("503"));
  EXPECT_GE(failed.bytes_done, 40'000U);
  content.status = 200;
  content.step = ~0UL;
  ASSERT_EQ(pulls->create(*pass, order).value().id, id);
  EXPECT_EQ(wait_end(id).state, PullState::kDone);
  EXPECT_TRUE(stored() == content.bytes);
}

TEST_F(PullsTest, TheDisksReserveIsKept) {
  options.limits.disk_reserve = 1ULL << 60;
  reopen();
  const auto pull = wait_end(pulls->create(*pass, {.reference = source, .name = {}, .sha256 = {}}).value().id);
  EXPECT_EQ(pull.state, PullState::kFailed);
  EXPECT_THAT(pull.reason, HasSubstr("free space"));
  EXPECT_EQ(pull.bytes_done, 0U);
}

TEST_F(PullsTest, SignaturesInAddressesAreNotShown) {
  content.status = 404;
  const auto pull = wait_end(pulls->create(*pass, {.reference = source, .name = {}, .sha256 = {}}).value().id);
  EXPECT_EQ(pull.reference.find("secret"), std::string::npos);
  EXPECT_EQ(pull.reason.find("secret"), std::string::npos);
}

TEST_F(PullsTest, OnlySoManyMayWait) {
  content.step = 0;
  Error last;
  int taken = 0;
  for (; taken < 80; ++taken) {
    const auto pull = pulls->create(*pass, {.reference = source, .name = "m" + std::to_string(taken), .sha256 = std::string(62, 'a') + std::to_string(10 + taken)});
    if (pull) continue;
    last = pull.error();
    break;
  }
  EXPECT_EQ(last.code, ErrorCode::kResourceExhausted);
  EXPECT_LE(taken, 34);
}

}  // namespace
}  // namespace siyu::models
