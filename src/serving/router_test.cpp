#include "serving/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "serving/fake_engine.h"

namespace siyu::serving {
namespace {

using namespace std::chrono_literals;

/// What a caller sees of one answer: events as they come, or the fault.
struct Reader {
  explicit Reader(Result<std::unique_ptr<engine::GenerationStream>> opened) {
    if (opened) stream = *std::move(opened);
    else error = std::move(opened).error();
    pull();
  }
  ~Reader() { stream.reset(); }  // what is still asked for is answered now, while there is somewhere to write it
  void pull() {
    if (!stream) return;
    stream->pull([this](Result<std::optional<engine::Event>> event) {
      if (!event) {
        error = std::move(event).error();
      } else if (!*event) {
        ended = true;
      } else {
        if (const auto* delta = std::get_if<engine::Delta>(&**event)) text += delta->content;
        pull();
      }
    });
  }
  std::unique_ptr<engine::GenerationStream> stream;
  std::string text;
  std::optional<Error> error;
  bool ended = false;
};

class RouterTest : public ::testing::Test {
 protected:
  /// `count` fake replicas of one version with some of the traffic.
  VersionRoute version(const std::string& name, double weight, std::size_t count) {
    VersionRoute route{.version = name, .weight = weight, .replicas = {}, .stats = std::make_shared<VersionStats>()};
    for (std::size_t i = 0; i < count; ++i) {
      auto engine = std::make_shared<FakeEngine>();
      engines[name].push_back(engine);
      route.replicas.push_back(std::make_shared<Replica>(name + "-" + std::to_string(i + 1), name, true, engine, clock));
    }
    return route;
  }
  engine::GenerateRequest request(const std::string& text, bool whole = false) {
    engine::GenerateRequest made{.restartable = whole};
    made.messages.push_back({.role = engine::Role::kUser, .content = text});
    return made;
  }
  /// Index of the replica that has a generation it had not before, −1 for none.
  int holder(const std::string& name = "v1") {
    for (std::size_t i = 0; i < engines[name].size(); ++i)
      if (!engines[name][i]->generations().empty()) return static_cast<int>(i);
    return -1;
  }
  std::shared_ptr<FakeGeneration> generation(int at, const std::string& name = "v1") { return engines[name].at(static_cast<std::size_t>(at))->generations().back(); }

  ManualClock clock;
  int pokes = 0;
  std::map<std::string, std::vector<std::shared_ptr<FakeEngine>>> engines;
  std::shared_ptr<Router> router = std::make_shared<Router>("chat", RouterOptions{.wait = 60s}, clock, [this] { ++pokes; });
};

TEST_F(RouterTest, StreamsAnAnswerAndCountsIt) {
  router->set_versions({version("v1", 100, 1)});
  Reader reader(router->generate(request("Hi")));
  EXPECT_EQ(router->waiting(), 1);
  generation(0)->say("one ");
  EXPECT_EQ(reader.text, "one ");
  EXPECT_EQ(router->waiting(), 0);
  generation(0)->say("two");
  generation(0)->finish();
  EXPECT_TRUE(reader.ended);
  EXPECT_EQ(reader.text, "one two");
  EXPECT_FALSE(router->busy());
  EXPECT_EQ(router->versions()[0].stats->figures().requests, 1U);
}

TEST_F(RouterTest, AnswersAtOnceWhenAllItsReplicasDo) {
  router->set_versions({version("v1", 90, 2), version("v2", 10, 1)});
  EXPECT_TRUE(router->answers_at_once());
  engines["v2"][0]->at_once = false;
  EXPECT_FALSE(router->answers_at_once());
}

TEST_F(RouterTest, EqualBeginningsMeetTheSameReplica) {
  router->set_versions({version("v1", 100, 4)});
  std::set<int> seen;
  for (int i = 0; i < 10; ++i) {
    Reader reader(router->generate(request("the same question")));
    for (int at = 0; at < 4; ++at)
      if (!engines["v1"][static_cast<std::size_t>(at)]->generations().empty()) seen.insert(at);
    generation(holder())->finish();
  }
  EXPECT_EQ(seen.size(), 1U);
}

TEST_F(RouterTest, AHotBeginningSpreadsOnceItsReplicaHasMoreThanItsPart) {
  router->set_versions({version("v1", 100, 4)});
  std::vector<std::unique_ptr<Reader>> readers;
  for (int i = 0; i < 200; ++i) readers.push_back(std::make_unique<Reader>(router->generate(request("the same question"))));
  std::size_t most = 0;
  for (const auto& engine : engines["v1"]) {
    EXPECT_GT(engine->generations().size(), 10U);
    most = std::max(most, engine->generations().size());
  }
  EXPECT_LE(most, 65U);  // 1.25 × 50, and the one that meets the bound
}

TEST_F(RouterTest, AReplicaThatDiesBeforeTheFirstTokenIsNotSeen) {
  router->set_versions({version("v1", 100, 2)});
  Reader reader(router->generate(request("Hi")));
  const int first = holder();
  engines["v1"][static_cast<std::size_t>(first)]->die();
  EXPECT_FALSE(reader.error);
  router->pump();
  ASSERT_EQ(holder(), 1 - first);
  generation(1 - first)->say("saved");
  generation(1 - first)->finish();
  EXPECT_EQ(reader.text, "saved");
  EXPECT_TRUE(reader.ended);
  EXPECT_EQ(router->versions()[0].stats->figures().retries, 1U);
}

TEST_F(RouterTest, AReplicaThatDiesInTheMiddleOfAStreamIsSeen) {
  router->set_versions({version("v1", 100, 2)});
  Reader reader(router->generate(request("Hi")));
  const int first = holder();
  generation(first)->say("half");
  engines["v1"][static_cast<std::size_t>(first)]->die();
  router->pump();
  ASSERT_TRUE(reader.error);
  EXPECT_EQ(reader.error->code, ErrorCode::kUnavailable);
  EXPECT_FALSE(router->busy());
}

TEST_F(RouterTest, AWholeAnswerBeginsAnewOnAnotherReplica) {
  router->set_versions({version("v1", 100, 2)});
  Reader reader(router->generate(request("Hi", true)));
  const int first = holder();
  generation(first)->say("half");
  EXPECT_EQ(reader.text, "") << "nothing is handed on before it is whole";
  engines["v1"][static_cast<std::size_t>(first)]->die();
  EXPECT_EQ(router->waiting(), 1);
  router->pump();
  generation(1 - first)->say("whole");
  generation(1 - first)->finish();
  EXPECT_EQ(reader.text, "whole");
  EXPECT_TRUE(reader.ended);
  EXPECT_EQ(router->waiting(), 0);
}

TEST_F(RouterTest, WithoutAnotherReplicaItWaitsForTheSameOneToComeBack) {
  router->set_versions({version("v1", 100, 1)});
  Reader reader(router->generate(request("Hi")));
  engines["v1"][0]->die();
  router->pump();
  clock.advance(5s);
  router->pump();
  EXPECT_FALSE(reader.error);
  EXPECT_EQ(holder(), -1);
  engines["v1"][0]->set_state(engine::EngineState::kReady);
  router->pump();
  ASSERT_EQ(holder(), 0);
  generation(0)->finish();
  EXPECT_TRUE(reader.ended);
}

TEST_F(RouterTest, WaitingHasADeadline) {
  router->set_versions({version("v1", 100, 1)});
  engines["v1"][0]->set_state(engine::EngineState::kStarting);
  Reader reader(router->generate(request("Hi")));
  clock.advance(59s);
  router->pump();
  EXPECT_FALSE(reader.error);
  clock.advance(2s);
  router->pump();
  ASSERT_TRUE(reader.error);
  EXPECT_EQ(reader.error->code, ErrorCode::kUnavailable);
  EXPECT_EQ(router->waiting(), 0);
}

TEST_F(RouterTest, TheQueueHasABound) {
  router->set_versions({version("v1", 100, 1)});
  router->set_max_waiting(2);
  Reader one(router->generate(request("1"))), two(router->generate(request("2"))), three(router->generate(request("3")));
  ASSERT_TRUE(three.error);
  EXPECT_EQ(three.error->reason, engine::kOverloaded);
  engines["v1"][0]->generations()[0]->say("x");
  Reader four(router->generate(request("4")));
  EXPECT_FALSE(four.error);
}

TEST_F(RouterTest, FaultsOfTheRequestAreNotRetriedAndNotHeldAgainstTheReplica) {
  router->set_versions({version("v1", 100, 2)});
  for (int i = 0; i < 10; ++i) {
    Reader reader(router->generate(request("Hi")));
    generation(holder())->fail_with({ErrorCode::kInvalidArgument, "too long"});
    ASSERT_TRUE(reader.error);
    EXPECT_EQ(reader.error->message, "too long");
  }
  EXPECT_EQ(router->versions()[0].stats->figures().failures, 0U);
  EXPECT_EQ(router->versions()[0].replicas[0]->breaker(), BreakerState::kClosed);
}

TEST_F(RouterTest, AReplicaThatKeepsFailingRestsUntilATrialSucceeds) {
  router->set_versions({version("v1", 100, 2)});
  engines["v1"][0]->refuse(Error{ErrorCode::kUnavailable, "broken"});
  for (int i = 0; i < 40; ++i) {
    Reader reader(router->generate(request("question " + std::to_string(i))));
    router->pump();
    ASSERT_FALSE(reader.error) << "the other one answers";
    generation(1)->finish();
  }
  const auto& broken = *router->versions()[0].replicas[0];
  EXPECT_EQ(broken.failures(), 5U) << "five in a row are enough";
  EXPECT_EQ(broken.breaker(), BreakerState::kOpen);
  engines["v1"][0]->refuse({});
  clock.advance(5s);
  for (int i = 0; i < 40 && broken.breaker() != BreakerState::kClosed; ++i) {
    Reader reader(router->generate(request("again " + std::to_string(i))));
    for (const auto& engine : engines["v1"])
      for (const auto& one : engine->generations()) one->finish();
  }
  EXPECT_EQ(broken.breaker(), BreakerState::kClosed);
}

TEST_F(RouterTest, WhenAllRestTheyAnswerAllTheSame) {
  router->set_versions({version("v1", 100, 1)});
  router->versions()[0].replicas[0]->eject();
  Reader reader(router->generate(request("Hi")));
  EXPECT_EQ(holder(), 0);
}

TEST_F(RouterTest, AStormOfFailuresIsSlowedDownNotMultiplied) {
  router->set_versions({version("v1", 100, 3)});
  for (const auto& engine : engines["v1"]) engine->refuse(Error{ErrorCode::kUnavailable, "down"});
  std::vector<std::unique_ptr<Reader>> readers;
  for (int i = 0; i < 1000; ++i) readers.push_back(std::make_unique<Reader>(router->generate(request("q" + std::to_string(i)))));
  for (int i = 0; i < 50; ++i) router->pump();
  const auto figures = router->versions()[0].stats->figures();
  EXPECT_LT(figures.retries, 120U) << "without a budget there would be two for each request";
}

TEST_F(RouterTest, TheSplitIsHonouredAndAConversationStays) {
  router->set_versions({version("v1", 90, 1), version("v2", 10, 1)});
  for (const auto& [name, all] : engines) all[0]->answer_all();
  for (int i = 0; i < 2000; ++i) Reader(router->generate(request("conversation " + std::to_string(i))));
  const auto second = engines["v2"][0]->generations().size();
  EXPECT_NEAR(static_cast<double>(second), 200, 60);
  const auto before = engines["v1"][0]->generations().size();
  for (int i = 0; i < 10; ++i) {
    auto turn = request("conversation 1");
    turn.messages.push_back({.role = engine::Role::kAssistant, .content = "yes"});
    turn.messages.push_back({.role = engine::Role::kUser, .content = "turn " + std::to_string(i)});
    Reader(router->generate(std::move(turn)));
  }
  const auto moved = engines["v1"][0]->generations().size() - before;
  EXPECT_TRUE(moved == 0 || moved == 10);
}

TEST_F(RouterTest, ABadVersionsRequestsGoToTheGoodOne) {
  router->set_versions({version("v1", 50, 1), version("v2", 50, 1)});
  engines["v1"][0]->answer_all();
  engines["v2"][0]->refuse(Error{ErrorCode::kUnavailable, "bad build"});
  int failed = 0;
  for (int i = 0; i < 40; ++i) {
    Reader reader(router->generate(request("q" + std::to_string(i))));
    router->pump();
    failed += reader.error ? 1 : 0;
  }
  EXPECT_EQ(failed, 0);
  EXPECT_GE(router->versions()[1].stats->figures().failures, 5U);
}

TEST_F(RouterTest, ASleepingVersionIsAskedForAndItsRequestWaits) {
  router->set_versions({version("v1", 100, 0)});
  Reader reader(router->generate(request("Hi")));
  EXPECT_EQ(router->take_wanted(), std::set<std::string>{"v1"});
  EXPECT_FALSE(reader.error);
  router->set_versions({version("v1", 100, 1)});
  router->pump();
  generation(0)->finish();
  EXPECT_TRUE(reader.ended);
}

TEST_F(RouterTest, AnObstacleForGoodIsToldAtOnce) {
  router->set_versions({version("v1", 100, 0)});
  router->set_obstacle("it needs more memory than there is", true);
  Reader reader(router->generate(request("Hi")));
  ASSERT_TRUE(reader.error);
  EXPECT_THAT(reader.error->message, testing::HasSubstr("more memory than there is"));
}

TEST_F(RouterTest, BeforeFirstTokensWereMeasuredNobodyIsAskedTwice) {
  router->set_versions({version("v1", 100, 2)});
  Reader reader(router->generate(request("Hi")));
  for (int i = 0; i < 5; ++i) {
    clock.advance(1s);
    router->pump();
  }
  EXPECT_EQ(engines["v1"][0]->generations().size() + engines["v1"][1]->generations().size(), 1U);
}

TEST_F(RouterTest, ASlowFirstTokenGetsASecondAttemptAndTheFirstAnswerWins) {
  router->set_versions({version("v1", 100, 2)});
  for (const auto& engine : engines["v1"]) engine->answer_all();
  for (int i = 0; i < 100; ++i) Reader(router->generate(request("warm " + std::to_string(i))));
  auto fresh = version("v1", 100, 2);
  fresh.stats = router->versions()[0].stats;
  const std::vector<std::shared_ptr<FakeEngine>> now(engines["v1"].begin() + 2, engines["v1"].end());
  router->set_versions({fresh});
  Reader reader(router->generate(request("Hi")));
  const std::size_t slow = now[0]->generations().empty() ? 1 : 0;
  clock.advance(400ms);
  router->pump();
  EXPECT_TRUE(now[1 - slow]->generations().empty());
  clock.advance(200ms);
  router->pump();
  ASSERT_EQ(now[1 - slow]->generations().size(), 1U);
  now[1 - slow]->generations()[0]->say("quick");
  EXPECT_EQ(reader.text, "quick");
  EXPECT_TRUE(now[slow]->generations()[0]->cancelled());
  now[1 - slow]->generations()[0]->finish();
  EXPECT_TRUE(reader.ended);
  EXPECT_FALSE(router->busy());
}

TEST_F(RouterTest, ACallerWhoLeavesEndsTheGeneration) {
  router->set_versions({version("v1", 100, 1)});
  auto reader = std::make_unique<Reader>(router->generate(request("Hi")));
  const auto running = generation(0);
  reader.reset();
  EXPECT_TRUE(running->cancelled());
  EXPECT_EQ(router->waiting(), 0);
  EXPECT_FALSE(router->busy());
  EXPECT_EQ(router->versions()[0].replicas[0]->work(), 0);
}

TEST_F(RouterTest, ShadowsGetCopiesAndNobodySeesTheirFaults) {
  auto shadow = version("v2", 0, 1);
  shadow.shadow = 100;
  router->set_versions({version("v1", 100, 1), shadow});
  Reader reader(router->generate(request("Hi")));
  EXPECT_TRUE(engines["v2"][0]->generations().empty()) << "the caller's thread only notes it";
  router->pump();
  ASSERT_EQ(engines["v2"][0]->generations().size(), 1U);
  EXPECT_EQ(generation(0, "v2")->request.priority, engine::kLeastUrgent);
  generation(0, "v2")->fail_with({ErrorCode::kInternal, "bad build"});
  generation(0)->say("fine");
  generation(0)->finish();
  EXPECT_EQ(reader.text, "fine");
  EXPECT_EQ(router->versions()[1].stats->figures().failures, 1U);
}

TEST_F(RouterTest, ShadowsThatAnswerSlowlyAreBounded) {
  auto shadow = version("v2", 0, 1);
  shadow.shadow = 100;
  router->set_versions({version("v1", 100, 1), shadow});
  engines["v1"][0]->answer_all();
  for (int i = 0; i < 500; ++i) {
    Reader(router->generate(request("q" + std::to_string(i))));
    router->pump();
  }
  EXPECT_EQ(engines["v2"][0]->generations().size(), RouterOptions{}.max_shadows);
  router->close();
  for (const auto& one : engines["v2"][0]->generations()) EXPECT_TRUE(one->cancelled());
}

TEST_F(RouterTest, EmbeddingsGoToAnotherReplicaToo) {
  router->set_versions({version("v1", 100, 2)});
  engines["v1"][0]->refuse(Error{ErrorCode::kUnavailable, "down"});
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(router->embed({.texts = {"text " + std::to_string(i)}, .tokens = {}}).has_value());
  EXPECT_EQ(engines["v1"][1]->embeds(), 8);
}

TEST_F(RouterTest, ClosingFailsWhatWaits) {
  router->set_versions({version("v1", 100, 0)});
  Reader reader(router->generate(request("Hi")));
  router->close();
  EXPECT_TRUE(reader.error);
  EXPECT_TRUE(Reader(router->generate(request("Hi"))).error);
}

/// Replicas die, come back, refuse and answer at random under threads; each request ends exactly once and nothing is left over.
TEST_F(RouterTest, NothingIsLostOrLeftOverUnderThreads) {
  router->set_versions({version("v1", 60, 3), version("v2", 40, 2)});
  for (const auto& [name, all] : engines)
    for (const auto& engine : all) engine->answer_all();
  std::atomic<bool> stop = false;
  std::atomic<int> ended = 0, failed = 0;
  std::thread pump([&] {
    while (!stop) router->pump();
  });
  std::thread chaos([&] {
    for (unsigned i = 0; !stop; ++i) {
      auto& engine = *engines[i % 2 ? "v1" : "v2"][i % 2];
      engine.die();
      std::this_thread::yield();
      engine.set_state(engine::EngineState::kReady);
      clock.advance(1ms);
    }
  });
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t) {
    callers.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        auto stream = router->generate(request(std::to_string(t) + "/" + std::to_string(i), i % 2 == 0));
        if (!stream) {
          ++failed;
          continue;
        }
        const auto whole = engine::collect(**stream, 20s);
        whole ? ++ended : ++failed;
      }
    });
  }
  for (auto& caller : callers) caller.join();
  stop = true;
  pump.join();
  chaos.join();
  EXPECT_EQ(ended + failed, 2000);
  EXPECT_GT(ended, 1000);
  EXPECT_EQ(router->waiting(), 0);
  for (const auto& route : router->versions())
    for (const auto& replica : route.replicas) {
      EXPECT_EQ(replica->running(), 0);
      EXPECT_EQ(replica->work(), 0);
    }
}

}  // namespace
}  // namespace siyu::serving
