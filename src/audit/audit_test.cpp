#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "audit/audit_log.h"

namespace siyu::audit {
namespace {

using ::testing::HasSubstr;

class AuditTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir = std::filesystem::path(::testing::TempDir()) / ("siyu_audit_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::remove_all(dir);
    open();
  }
  void open() { log = AuditLog::open(dir, clock, *logger).value(); }
  void add(int count) {
    for (int i = 0; i < count; ++i)
      ASSERT_TRUE(log->append({.actor = "alice", .action = i % 2 == 0 ? "a.read" : "a.write", .resource = "r\"\n中", .outcome = "allowed"}).has_value());
  }
  std::string segment() const {
    std::ifstream in(dir / "000001.jsonl");
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void rewrite(const std::string& text) const { std::ofstream(dir / "000001.jsonl") << text; }

  std::filesystem::path dir;
  ManualClock clock;
  std::unique_ptr<Logger> logger = Logger::silent();
  std::unique_ptr<AuditLog> log;
  std::uint64_t total = 0;
};

TEST_F(AuditTest, ChainHoldsAcrossRestarts) {
  add(3);
  log.reset();
  open();
  add(2);
  log.reset();
  const auto report = verify(dir).value();
  EXPECT_TRUE(report.ok) << report.reason;
  EXPECT_EQ(report.entries, 5U);
}

TEST_F(AuditTest, EveryFlippedByteIsFound) {
  add(3);
  log.reset();
  const auto whole = segment();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    auto changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    rewrite(changed);
    EXPECT_FALSE(verify(dir).value().ok) << "byte " << i;
  }
  rewrite(whole);
  EXPECT_TRUE(verify(dir).value().ok);
}

TEST_F(AuditTest, RemovedEntriesAreNamed) {
  add(4);
  log.reset();
  const auto whole = segment();
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < whole.size();) {
    const auto end = whole.find('\n', at) + 1;
    lines.push_back(whole.substr(at, end - at));
    at = end;
  }
  rewrite(lines[0] + lines[2] + lines[3]);
  EXPECT_EQ(verify(dir).value().broken_seq, 2U);
  rewrite(lines[0] + lines[1]);
  const auto cut = verify(dir).value();
  EXPECT_FALSE(cut.ok);
  EXPECT_THAT(cut.reason, HasSubstr("removed"));
}

TEST_F(AuditTest, ATornLastLineIsSetAsideAndSaid) {
  add(2);
  log.reset();
  std::ofstream(dir / "000001.jsonl", std::ios::app) << R"({"seq":3,"time":"20)";
  open();
  const auto newest = log->list({.limit = 1}).value();
  EXPECT_EQ(newest[0].action, "audit.recovered");
  log.reset();
  EXPECT_TRUE(verify(dir).value().ok);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir), {}), 4);  // segment, key, checkpoint, torn line
}

TEST_F(AuditTest, ListsNewestFirstWithFilters) {
  add(10);
  const auto writes = log->list({.limit = 3, .before = 9, .actor = "alice", .action = "a.write"}).value();
  ASSERT_EQ(writes.size(), 3U);
  EXPECT_EQ(writes[0].seq, 8U);
  EXPECT_EQ(writes[1].seq, 6U);
  EXPECT_EQ(writes[0].resource, "r\"\n中");
  EXPECT_TRUE(log->list({.limit = 3, .actor = "bob"}).value().empty());
}

TEST_F(AuditTest, ConcurrentAppendsKeepOneChain) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i)
        EXPECT_TRUE(log->append({.actor = "x", .action = "y", .resource = "z", .outcome = "done"}, i % 10 == 0 ? Durability::kNow : Durability::kSoon).has_value());
    });
  }
  for (auto& thread : threads) thread.join();
  log.reset();
  const auto report = verify(dir).value();
  EXPECT_TRUE(report.ok) << report.reason;
  EXPECT_EQ(report.entries, 200U);
}

TEST_F(AuditTest, NothingAcknowledgedIsLostToSigkill) {
  log.reset();
  for (int round = 0; round < 5; ++round) {
    int acknowledged[2];
    ASSERT_EQ(::pipe(acknowledged), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      auto mine = AuditLog::open(dir, clock, *logger);
      while (mine && (*mine)->append({.actor = "c", .action = "w", .resource = "r", .outcome = "done"}))
        if (::write(acknowledged[1], "x", 1) != 1) break;
      ::_exit(1);
    }
    ::close(acknowledged[1]);
    char buffer[64];
    std::uint64_t count = 0;
    while (count < 200) {
      const auto got = ::read(acknowledged[0], buffer, sizeof buffer);
      ASSERT_GT(got, 0);
      count += static_cast<std::uint64_t>(got);
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    for (ssize_t got = 0; (got = ::read(acknowledged[0], buffer, sizeof buffer)) > 0;) count += static_cast<std::uint64_t>(got);
    ::close(acknowledged[0]);
    const auto before = round == 0 ? 0 : total;
    open();
    log.reset();
    const auto report = verify(dir).value();
    ASSERT_TRUE(report.ok) << report.reason;
    EXPECT_GE(report.entries, before + count);
    total = report.entries;
  }
}

}  // namespace
}  // namespace siyu::audit
