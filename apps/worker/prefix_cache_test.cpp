#include "prefix_cache.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace siyu::worker {
namespace {

using Tokens = std::vector<std::int32_t>;

/// A memory as llama.cpp has it: cells with a position and the ids that claim them; a cell nobody claims is free.
class FakeMemory final : public KvMemory {
 public:
  struct Cell {
    std::size_t position;
    std::int32_t token;
    std::set<Id> ids;
  };
  void copy(Id from, Id to, std::size_t begin, std::size_t end) override {
    for (auto& cell : cells)
      if (cell.ids.contains(from) && cell.position >= begin && cell.position < end) cell.ids.insert(to);
  }
  void remove(Id id, std::size_t begin, std::size_t end) override {
    for (auto& cell : cells)
      if (cell.position >= begin && cell.position < end) cell.ids.erase(id);
    std::erase_if(cells, [](const Cell& cell) { return cell.ids.empty(); });
  }
  void compute(Id id, std::size_t position, std::int32_t token) { cells.push_back({position, token, {id}}); }
  /// What attention would see; a gap or a doubled position gives a wrong text.
  Tokens seen_by(Id id) const {
    std::multimap<std::size_t, std::int32_t> found;
    for (const auto& cell : cells)
      if (cell.ids.contains(id)) found.emplace(cell.position, cell.token);
    Tokens tokens;
    for (const auto& [position, token] : found) {
      if (position != tokens.size()) return {-1};
      tokens.push_back(token);
    }
    return tokens;
  }
  std::vector<Cell> cells;
};

struct PrefixCacheTest : testing::Test {
  /// Computes up to `count` tokens, as a step of the model would.
  void compute(PrefixCache::Lease& lease, const Tokens& tokens, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) memory.compute(lease.id, lease.computed + i, tokens[lease.computed + i]);
    cache.advance(lease, count);
  }
  PrefixCache::Lease run(const Tokens& tokens) {
    auto lease = cache.lease(tokens);
    compute(lease, tokens, tokens.size() - lease.computed);
    return lease;
  }
  void finish(const Tokens& tokens) {
    auto lease = run(tokens);
    cache.release(lease, tokens);
  }
  FakeMemory memory;
  PrefixCache cache{memory, 400, 6, true};
};

Tokens text(std::int32_t first, std::size_t count) {
  Tokens tokens;
  for (std::size_t i = 0; i < count; ++i) tokens.push_back(first + static_cast<std::int32_t>(i));
  return tokens;
}

Tokens operator+(Tokens a, const Tokens& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST_F(PrefixCacheTest, SecondRequestStartsWhereTheFirstOnesPathEnds) {
  finish(text(100, 50) + text(200, 10));
  const auto question = text(100, 50) + text(300, 10);
  auto lease = cache.lease(question);
  EXPECT_EQ(lease.computed, 50U);
  EXPECT_EQ(memory.seen_by(lease.id), text(100, 50));
  EXPECT_EQ(cache.used(), 60U);
}

TEST_F(PrefixCacheTest, LastTokenIsAlwaysComputedForItsLogits) {
  finish(text(100, 20));
  EXPECT_EQ(cache.lease(text(100, 20)).computed, 19U);
}

TEST_F(PrefixCacheTest, PublishedPromptIsSharedWhileItsOwnerStillRuns) {
  const auto first = text(100, 40) + text(200, 5);
  auto owner = run(first);
  cache.publish(owner, first);
  const auto second = text(100, 40) + text(300, 5);
  auto other = cache.lease(second);
  EXPECT_EQ(other.computed, 40U);
  compute(other, second, 5);
  cache.release(owner, first);
  EXPECT_EQ(memory.seen_by(other.id), second);
}

TEST_F(PrefixCacheTest, WaitingRequestCatchesUpWithWhatOthersComputed) {
  const auto first = text(100, 60);
  auto leader = cache.lease(first);
  const auto second = text(100, 50) + text(300, 10);
  auto follower = cache.lease(second);
  for (const std::size_t piece : {20, 40}) {
    compute(leader, first, piece);
    cache.publish(leader, first);
    cache.catch_up(follower, second);
  }
  EXPECT_EQ(follower.computed, 50U);
  EXPECT_EQ(memory.seen_by(follower.id), text(100, 50));
}

TEST_F(PrefixCacheTest, SameTextComputedTwiceIsKeptOnce) {
  const auto same = text(100, 30);
  auto one = run(same);
  auto two = run(same);
  EXPECT_EQ(cache.used(), 60U);
  cache.release(one, same);
  cache.release(two, same);
  EXPECT_EQ(cache.used(), 30U);
  EXPECT_EQ(memory.cells.size(), 30U);
}

TEST_F(PrefixCacheTest, EvictionTakesTheLongestUnusedAndNothingThatRuns) {
  finish(text(1000, 100));
  finish(text(2000, 100));
  finish(text(3000, 100));
  auto running = cache.lease(text(1000, 101));  // used again, and held
  ASSERT_TRUE(cache.make_room(150));
  EXPECT_EQ(cache.matched(text(2000, 101)), 36U);  // a piece of 64 at once
  EXPECT_EQ(cache.matched(text(3000, 101)), 100U);
  ASSERT_TRUE(cache.make_room(300));
  EXPECT_EQ(memory.seen_by(running.id), text(1000, 100));
  EXPECT_FALSE(cache.make_room(301));
}

TEST_F(PrefixCacheTest, IdsAreWonBackFromWhatNobodyUses) {
  for (std::int32_t i = 1; i <= 20; ++i) finish(text(100 * i, 5));
  std::vector<PrefixCache::Lease> leases;
  for (std::int32_t i = 1; i <= 6; ++i) leases.push_back(cache.lease(text(10'000 * i, 5)));
  for (const auto& lease : leases) EXPECT_TRUE(lease);
  EXPECT_FALSE(cache.lease(text(5, 5)));
}

TEST_F(PrefixCacheTest, WithoutSharingNothingIsKept) {
  PrefixCache plain(memory, 400, 4, false);
  auto lease = plain.lease(text(1, 10));
  for (std::size_t i = 0; i < 10; ++i) memory.compute(lease.id, i, static_cast<std::int32_t>(i));
  plain.advance(lease, 10);
  plain.release(lease, text(1, 10));
  EXPECT_EQ(plain.used(), 0U);
  EXPECT_TRUE(memory.cells.empty());
  EXPECT_EQ(plain.lease(text(1, 10)).computed, 0U);
}

/// Many small random lives: whatever happens, every lease sees exactly its own text, and every cell is counted once.
TEST_F(PrefixCacheTest, RandomLivesNeverMixTexts) {
  std::mt19937 random(7);
  const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
  struct Life {
    Tokens tokens;
    PrefixCache::Lease lease;
  };
  std::vector<Life> lives;
  for (int step = 0; step < 20'000; ++step) {
    const auto action = below(10);
    if (action < 3) {
      Life life;
      for (std::size_t i = 0, count = 1 + below(40); i < count; ++i) life.tokens.push_back(static_cast<std::int32_t>(below(2)));
      life.lease = cache.lease(life.tokens);
      ASSERT_EQ(static_cast<bool>(life.lease), lives.size() < 6);
      if (life.lease) lives.push_back(std::move(life));
    } else if (!lives.empty()) {
      auto& life = lives[below(lives.size())];
      if (action < 6) {
        const auto count = std::min(1 + below(10), life.tokens.size() - life.lease.computed);
        if (!cache.make_room(count)) continue;
        compute(life.lease, life.tokens, count);
        if (life.lease.computed == life.tokens.size()) life.tokens.push_back(static_cast<std::int32_t>(below(2)));
      } else if (action == 6) {
        cache.publish(life.lease, life.tokens);
      } else if (action == 7) {
        cache.catch_up(life.lease, life.tokens);
      } else if (action == 8) {
        cache.release(life.lease, life.tokens);
        std::swap(life, lives.back());
        lives.pop_back();
      } else {
        cache.make_room(below(400));
      }
    }
    ASSERT_EQ(memory.cells.size(), cache.used());
    for (const auto& life : lives)
      ASSERT_EQ(memory.seen_by(life.lease.id), Tokens(life.tokens.begin(), life.tokens.begin() + static_cast<std::ptrdiff_t>(life.lease.computed))) << step;
  }
  for (auto& life : lives) cache.release(life.lease, life.tokens);
  EXPECT_EQ(cache.reclaimable(), cache.used());
  EXPECT_TRUE(cache.make_room(400));
  EXPECT_TRUE(memory.cells.empty());
}

TEST_F(PrefixCacheTest, PicturesAreKeptWholeOrNotAtAll) {
  const Tokens picture = Tokens{-2} + Tokens(299, PrefixCache::kInsidePicture);
  const auto question = text(100, 20) + picture + text(200, 30);
  finish(question);
  EXPECT_EQ(cache.matched(question), 349U);
  EXPECT_EQ(cache.matched(text(100, 20) + Tokens{-3} + Tokens(299, PrefixCache::kInsidePicture) + text(200, 30)), 20U);  // another picture
  ASSERT_TRUE(cache.make_room(60));  // the cut would fall into the picture
  EXPECT_EQ(cache.matched(question), 20U);
  EXPECT_EQ(cache.used(), 20U);
}

}  // namespace
}  // namespace siyu::worker
