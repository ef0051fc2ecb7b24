#include "api/event_log.h"

#include <gtest/gtest.h>

namespace siyu::api {
namespace {

/// Everything that a reader gives without waiting; "…" when it then waits, "." at the end.
std::string drain(net::BodyStream& reader) {
  std::string all;
  for (bool more = true; more;) {
    bool answered = false;
    reader.pull([&](Result<std::optional<std::string>> piece) {
      answered = true;
      more = piece && *piece;
      all += more ? **piece : ".";
    });
    if (!answered) {
      reader.cancel();  // so that the callback does not outlive this
      return all.substr(0, all.size() - 1) + "…";
    }
  }
  return all;
}

TEST(EventLog, EveryReaderGetsEveryEventOnce) {
  ManualClock clock;
  EventLog log(clock);
  log.append("a");
  log.append("b");
  const auto early = log.read_from(0), late = log.read_from(1);
  EXPECT_EQ(drain(*early), "ab…");
  log.append("c");
  EXPECT_EQ(drain(*late), "bc…");
  log.close();
  EXPECT_EQ(drain(*log.read_from(0)), "abc.");
  EXPECT_EQ(drain(*log.read_from(3)), ".");
}

TEST(EventLog, AWaitingReaderIsToldWhatComes) {
  ManualClock clock;
  EventLog log(clock);
  const auto reader = log.read_from(1);
  std::string got;
  reader->pull([&](Result<std::optional<std::string>> piece) { got = piece->value_or("end"); });
  log.append("a");
  EXPECT_EQ(got, "");  // it asked for what follows
  log.append("b");
  EXPECT_EQ(got, "b");
  reader->pull([&](Result<std::optional<std::string>> piece) { got = piece->value_or("end"); });
  log.close();
  EXPECT_EQ(got, "end");
}

TEST(EventLog, KnowsSinceWhenNobodyReads) {
  ManualClock clock;
  EventLog log(clock);
  EXPECT_FALSE(log.unread_since());
  auto reader = log.read_from(0);
  clock.advance(std::chrono::seconds(5));
  reader.reset();
  EXPECT_EQ(log.unread_since(), clock.steady_now());
  reader = log.read_from(0);
  EXPECT_FALSE(log.unread_since());
}

}  // namespace
}  // namespace siyu::api
