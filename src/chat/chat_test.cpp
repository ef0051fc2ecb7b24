#include <gtest/gtest.h>

#include <thread>

#include "chat/pump.h"

namespace siyu::chat {
namespace {

/// Answers each pull when told to, on whatever thread tells.
class HeldStream final : public Stream {
 public:
  void pull(Ready ready) override { ready_ = std::move(ready); }
  void cancel() noexcept override { give(fail(ErrorCode::kCancelled, "cancelled")); }
  void give(Result<std::optional<Event>> event) {
    if (auto ready = std::exchange(ready_, nullptr)) ready(std::move(event));
  }

 private:
  Ready ready_;
};

Event delta(std::string text) { return engine::Delta{.content = std::move(text)}; }

TEST(Pump, ReadsALongAnswerThatIsThereAlreadyWithoutGrowingTheStack) {
  std::deque<Event> events;
  for (int i = 0; i < 200'000; ++i) events.push_back(delta("x"));
  const auto pump = std::make_shared<Pump>(ready(std::move(events)));
  std::size_t seen = 0;
  bool ended = false;
  pump->each([&](Result<std::optional<Event>> event) {
    ended = event.has_value() && !event->has_value();
    seen += ended ? 0 : 1;
    return true;
  });
  EXPECT_EQ(seen, 200'000U);
  EXPECT_TRUE(ended);
}

TEST(Pump, StopsWhenTheTakerHasEnoughAndGoesOnWhereItStopped) {
  const auto pump = std::make_shared<Pump>(ready({delta("a"), delta("b"), delta("c")}));
  std::string text;
  const auto one = [&] {
    pump->each([&](Result<std::optional<Event>> event) {
      text += *event ? std::get<engine::Delta>(**event).content : "|";
      return false;
    });
  };
  for (int i = 0; i < 4; ++i) one();
  EXPECT_EQ(text, "abc|");
}

TEST(Pump, EventsFromOtherThreadsCarryOnThere) {
  auto held = std::make_unique<HeldStream>();
  auto& stream = *held;
  const auto pump = std::make_shared<Pump>(std::move(held));
  std::string text;
  pump->each([&](Result<std::optional<Event>> event) {
    text += !event ? "!" : *event ? std::get<engine::Delta>(**event).content : "|";
    return true;
  });
  EXPECT_EQ(text, "");
  std::thread([&] {
    for (const char* piece : {"a", "b", "c"}) stream.give(std::optional(delta(piece)));
  }).join();
  EXPECT_EQ(text, "abc");
  pump->cancel();
  EXPECT_EQ(text, "abc!");
}

TEST(Pump, AnErrorIsTheLastThingTaken) {
  auto held = std::make_unique<HeldStream>();
  auto& stream = *held;
  const auto pump = std::make_shared<Pump>(std::move(held));
  int taken = 0;
  pump->each([&](Result<std::optional<Event>>) {
    ++taken;
    return true;
  });
  stream.give(fail(ErrorCode::kUnavailable, "gone"));
  stream.give(std::optional(delta("late")));
  EXPECT_EQ(taken, 1);
}

}  // namespace
}  // namespace siyu::chat
