#include "prefix_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <set>
#include <span>
#include <utility>

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
  /// With a window: an id's cells that lie before its last `window` may have been let go of.
  bool holds(Id id, std::size_t end) const override {
    if (window == 0) return true;
    std::size_t lowest = SIZE_MAX;
    for (const auto& cell : cells)
      if (cell.ids.contains(id)) lowest = std::min(lowest, cell.position);
    return lowest != SIZE_MAX && lowest + window <= std::max(end, window);
  }
  std::vector<std::uint8_t> save(Id id, std::size_t begin, std::size_t end) override {
    std::vector<std::uint8_t> saved;
    for (const std::int32_t value : range(id, begin, end)) saved.insert(saved.end(), reinterpret_cast<const std::uint8_t*>(&value), reinterpret_cast<const std::uint8_t*>(&value + 1));
    return saved;
  }
  bool restore(Id id, std::size_t begin, std::size_t end, const std::vector<std::uint8_t>& saved) override {
    std::vector<std::int32_t> values(saved.size() / sizeof(std::int32_t));
    std::memcpy(values.data(), saved.data(), saved.size());
    if (values.empty() || cells.size() + values.size() / 2 > room) return false;
    for (std::size_t i = 0; i < values.size(); i += 2)
      if (const auto position = static_cast<std::size_t>(values[i]); position >= begin && position < end) compute(id, position, values[i + 1]);
    return true;
  }
  /// Positions and tokens of a range, one after the other.
  std::vector<std::int32_t> range(Id id, std::size_t begin, std::size_t end) const {
    std::map<std::size_t, std::int32_t> found;
    for (const auto& cell : cells)
      if (cell.ids.contains(id) && cell.position >= begin && cell.position < end) found.emplace(cell.position, cell.token);
    std::vector<std::int32_t> values;
    for (const auto& [position, token] : found) {
      values.push_back(static_cast<std::int32_t>(position));
      values.push_back(token);
    }
    return values;
  }
  /// Somebody else's answer takes cells that the window has left behind.
  void let_go(Id id) {
    std::size_t end = 0;
    for (const auto& cell : cells)
      if (cell.ids.contains(id)) end = std::max(end, cell.position + 1);
    if (end > window) remove(id, 0, end - window);
  }
  /// All that attention looks at is there, and right.
  bool sees_in_window(Id id, std::span<const std::int32_t> tokens) const {
    std::map<std::size_t, std::int32_t> found;
    for (const auto& cell : cells)
      if (cell.ids.contains(id) && (cell.position >= tokens.size() || cell.token != tokens[cell.position] || !found.emplace(cell.position, cell.token).second)) return false;
    for (std::size_t at = tokens.size() > window ? tokens.size() - window : 0; at < tokens.size(); ++at)
      if (!found.contains(at)) return false;
    return true;
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
  std::size_t room = 400;
  std::size_t window = 0;
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

constexpr std::size_t kBlockBytes = HostStore::kBlock * 8 + 512;  // of the fake memory, with what a block takes besides

struct SpillTest : testing::Test {
  PrefixCache::Lease run(PrefixCache& in, const Tokens& tokens, std::int32_t world = PrefixCache::kPlainWorld) {
    auto lease = in.lease(tokens, world);
    bring_back(in, lease, tokens);
    const auto missing = tokens.size() - lease.computed;
    EXPECT_TRUE(in.make_room(missing));
    for (std::size_t i = 0; i < missing; ++i) memory.compute(lease.id, lease.computed + i, tokens[lease.computed + i]);
    in.advance(lease, missing);
    EXPECT_EQ(memory.seen_by(lease.id), tokens);
    return lease;
  }
  void bring_back(PrefixCache& in, PrefixCache::Lease& lease, const Tokens& tokens) {
    for (const auto& block : in.held_beyond(lease, tokens))
      if (!in.make_room(HostStore::kBlock) || in.restore(lease, tokens, block) == 0) break;
    in.publish(lease, tokens);
  }
  void finish(PrefixCache& in, const Tokens& tokens, std::int32_t world = PrefixCache::kPlainWorld) {
    auto lease = run(in, tokens, world);
    in.release(lease, tokens);
  }
  FakeMemory memory;
  HostStore store{100 * kBlockBytes, 7};
  PrefixCache cache{memory, 400, 6, true, &store, 1};
};

TEST_F(SpillTest, WhatWasEvictedComesBackInWholeBlocks) {
  finish(cache, text(1000, 300));
  finish(cache, text(2000, 300));
  EXPECT_GT(cache.spilled(), 0);
  auto lease = cache.lease(text(1000, 300));
  const auto left = lease.computed;
  bring_back(cache, lease, text(1000, 300));
  EXPECT_EQ(lease.computed, 256U);
  EXPECT_EQ(cache.restored(), static_cast<std::int64_t>(256 - left));
  EXPECT_EQ(memory.seen_by(lease.id), text(1000, 256));
}

TEST_F(SpillTest, LastTokenIsComputedEvenAtTheEndOfABlock) {
  finish(cache, text(1000, 256));
  finish(cache, text(2000, 390));
  auto lease = cache.lease(text(1000, 256));
  bring_back(cache, lease, text(1000, 256));
  EXPECT_EQ(lease.computed, 255U);
}

TEST_F(SpillTest, BranchesThatLeaveABlockInTheMiddleFindTheirOwn) {
  const auto common = text(1, 100);
  const auto one = common + text(1000, 100), two = common + text(2000, 100);
  finish(cache, one);
  finish(cache, two);
  finish(cache, text(5000, 380));
  for (const auto& each : {one, two}) {
    auto lease = cache.lease(each);
    bring_back(cache, lease, each);
    EXPECT_EQ(lease.computed, 192U);
    EXPECT_EQ(memory.seen_by(lease.id), Tokens(each.begin(), each.begin() + 192));
    cache.release(lease, each);
  }
}

TEST_F(SpillTest, WorldsAreKeptApart) {
  finish(cache, text(1000, 200), 0);
  finish(cache, text(5000, 390), 0);
  auto other = cache.lease(text(1000, 200), 1);
  EXPECT_TRUE(cache.held_beyond(other, text(1000, 200)).empty());
  cache.release(other, text(1000, 200));
  auto same = cache.lease(text(1000, 200), 0);
  EXPECT_FALSE(cache.held_beyond(same, text(1000, 200)).empty());
}

TEST_F(SpillTest, AStoreSmallerThanOneBlockKeepsNothing) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, HostStore::kBlock * 8}) {
    FakeMemory own;
    HostStore small(bytes, 1);
    PrefixCache one(own, 400, 6, true, &small, 1);
    for (int i = 0; i < 5; ++i) {
      auto lease = one.lease(text(1000 * i, 300));
      ASSERT_TRUE(one.make_room(300 - lease.computed));
      for (std::size_t at = lease.computed; at < 300; ++at) own.compute(lease.id, at, static_cast<std::int32_t>(at));
      one.advance(lease, 300 - lease.computed);
      one.release(lease, text(1000 * i, 300));
    }
    EXPECT_EQ(small.bytes(), 0U);
    auto lease = one.lease(text(1000, 300));
    EXPECT_TRUE(one.held_beyond(lease, text(1000, 300)).empty());
  }
}

TEST_F(SpillTest, TheLeastRecentlyUsedLeaveAFullStore) {
  const auto tokens = text(1, 10 * HostStore::kBlock);
  const auto put = [&](HostStore& to, std::size_t i) {
    to.put(to.keys(tokens, -1)[i], PrefixCache::Tokens(tokens).subspan(i * HostStore::kBlock, HostStore::kBlock), std::vector<std::uint8_t>(500));
  };
  HostStore one(1 << 20, 1);
  put(one, 0);
  HostStore small(4 * one.bytes(), 1);
  const auto keys = small.keys(tokens, -1);
  for (std::size_t i = 0; i < 4; ++i) put(small, i);
  EXPECT_TRUE(small.renew(keys[0]));
  put(small, 4);
  put(small, 5);
  EXPECT_TRUE(small.holds(keys[0]) && !small.holds(keys[1]) && !small.holds(keys[2]) && small.holds(keys[5]));
  EXPECT_EQ(small.bytes(), 4 * one.bytes());
  EXPECT_EQ(small.take(keys[5], text(7, HostStore::kBlock)), nullptr) << "another block's tokens";
  ASSERT_NE(small.take(keys[5], PrefixCache::Tokens(tokens).subspan(5 * HostStore::kBlock, HostStore::kBlock)), nullptr);
  put(small, 6);
  EXPECT_FALSE(small.holds(keys[5])) << "what is in use lies in the KV cache too";
}

/// Random lives with few kinds of long texts, in little room and with stores of all sizes: every lease sees its own text.
TEST_F(SpillTest, RandomLivesWithSpillNeverMixTexts) {
  std::int64_t restored = 0;
  for (unsigned seed = 1; seed <= 12; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
    FakeMemory own;
    HostStore any(below(12) * kBlockBytes, seed);
    PrefixCache one(own, 400, 6, true, &any, 1);
    for (int step = 0; step < 400; ++step) {
      Tokens tokens = text(static_cast<std::int32_t>(1000 * below(3)), 1 + below(150)) + text(static_cast<std::int32_t>(10'000 + 1000 * below(3)), 1 + below(200));
      const auto world = static_cast<std::int32_t>(below(2));
      tokens.front() = world;  // a mixture of worlds would show
      auto lease = one.lease(tokens, world);
      ASSERT_TRUE(lease);
      one.spill_evicted(below(8) != 0);
      for (const auto& block : one.held_beyond(lease, tokens))
        if (!one.make_room(HostStore::kBlock) || one.restore(lease, tokens, block) == 0) break;
      ASSERT_EQ(own.seen_by(lease.id), Tokens(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(lease.computed)));
      ASSERT_LT(lease.computed, tokens.size());
      const auto missing = tokens.size() - lease.computed;
      ASSERT_TRUE(one.make_room(missing));
      for (std::size_t i = 0; i < missing; ++i) own.compute(lease.id, lease.computed + i, tokens[lease.computed + i]);
      one.advance(lease, missing);
      ASSERT_EQ(own.seen_by(lease.id), tokens);
      one.release(lease, tokens);
      ASSERT_EQ(own.cells.size(), one.used());
    }
    restored += one.restored();
  }
  EXPECT_GT(restored, 1000);
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

TEST_F(PrefixCacheTest, WhatASlidingWindowLetGoOfIsComputedAgain) {
  memory.window = 10;
  const auto first = text(100, 60);
  auto lease = run(first);
  const auto id = lease.id;
  cache.release(lease, first);
  memory.let_go(id);
  auto goes_on = cache.lease(first + text(500, 5));
  EXPECT_EQ(goes_on.computed, 60U);
  cache.release(goes_on, first);
  auto branch = cache.lease(text(100, 30) + text(300, 10));
  EXPECT_EQ(branch.computed, 0U);
}

TEST_F(PrefixCacheTest, WhoComputesWhatARunningAnswerLetGoOfKeepsItForItself) {
  memory.window = 10;
  const auto first = text(100, 60);
  auto runs = run(first);
  cache.publish(runs, first);
  memory.let_go(runs.id);
  const auto second = text(100, 30) + text(300, 10);
  auto other = cache.lease(second);
  EXPECT_EQ(other.computed, 0U);
  compute(other, second, 40);
  cache.publish(other, second);
  EXPECT_TRUE(memory.sees_in_window(other.id, second));
  cache.release(other, second);
  EXPECT_EQ(cache.used(), 60U);
}

TEST_F(PrefixCacheTest, RandomLivesWithASlidingWindowAlwaysSeeAllOfIt) {
  memory.window = 4;
  std::mt19937 random(11);
  const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
  std::vector<std::pair<Tokens, PrefixCache::Lease>> lives;
  for (int step = 0; step < 20'000; ++step) {
    const auto action = below(10);
    if (action < 3 && lives.size() < 6) {
      Tokens tokens;
      for (std::size_t i = 0, count = 1 + below(30); i < count; ++i) tokens.push_back(static_cast<std::int32_t>(below(2)));
      auto lease = cache.lease(tokens);
      ASSERT_TRUE(lease);
      lives.emplace_back(std::move(tokens), std::move(lease));
    } else if (action == 9) {
      memory.let_go(static_cast<KvMemory::Id>(below(6)));
    } else if (!lives.empty()) {
      auto& [tokens, lease] = lives[below(lives.size())];
      const auto count = std::min(1 + below(10), tokens.size() - lease.computed);
      if (action < 6 && cache.make_room(count)) compute(lease, tokens, count);
      else if (action == 6) cache.publish(lease, tokens);
      else if (action == 7) cache.catch_up(lease, tokens);
      else if (action == 8) {
        cache.release(lease, tokens);
        lives.erase(std::ranges::find(lives, &lease, [](auto& life) { return &life.second; }));
      }
    }
    for (const auto& [tokens, lease] : lives) ASSERT_TRUE(memory.sees_in_window(lease.id, std::span(tokens).first(lease.computed))) << step;
  }
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
