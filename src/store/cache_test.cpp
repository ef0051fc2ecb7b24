#include "store/cache.h"

#include <gtest/gtest.h>

#include "store/redis_connection.h"

namespace siyu::store {
namespace {

class MemoryCacheTest : public ::testing::Test {
 protected:
  ManualClock clock;
  std::unique_ptr<Cache> cache = memory_cache(10'000, clock);
  void put(const std::string& key, std::size_t bytes, std::vector<std::string> tags = {}) {
    cache->put(key, {.value = std::string(bytes, 'x'), .lifetime = std::chrono::seconds(60), .tags = std::move(tags)});
  }
};

TEST_F(MemoryCacheTest, TheLeastRecentlyUsedGoFirst) {
  for (const auto* key : {"a", "b", "c"}) put(key, 3000);
  EXPECT_TRUE(cache->get("a"));
  put("d", 3000);
  EXPECT_TRUE(cache->get("a"));
  EXPECT_FALSE(cache->get("b"));
  EXPECT_TRUE(cache->get("c"));
  EXPECT_TRUE(cache->get("d"));
}

TEST_F(MemoryCacheTest, ValuesAgeAndAreReplaced) {
  cache->put("a", {.value = "one", .lifetime = std::chrono::seconds(10)});
  cache->put("a", {.value = "two", .lifetime = std::chrono::seconds(20)});
  clock.advance(std::chrono::seconds(15));
  EXPECT_EQ(cache->get("a"), "two");
  clock.advance(std::chrono::seconds(5));
  EXPECT_FALSE(cache->get("a"));
}

TEST_F(MemoryCacheTest, WhatIsLargerThanAllOfItIsNotKeptAndDrivesNothingOut) {
  put("a", 3000);
  put("b", 10'000);
  EXPECT_TRUE(cache->get("a"));
  EXPECT_FALSE(cache->get("b"));
  put("a", 20'000);
  EXPECT_FALSE(cache->get("a")) << "an old value under the name of a new one would be wrong";
}

TEST_F(MemoryCacheTest, ATagTakesOutAllThatWasMadeFromIt) {
  put("a", 10, {"user:1", "base:1"});
  put("b", 10, {"user:2", "base:1"});
  put("c", 10, {"user:1"});
  ASSERT_TRUE(cache->remove_tag("base:1"));
  EXPECT_FALSE(cache->get("a"));
  EXPECT_FALSE(cache->get("b"));
  EXPECT_TRUE(cache->get("c"));
  for (int i = 0; i < 1000; ++i) put("k" + std::to_string(i), 10, {"user:1"});
  EXPECT_TRUE(cache->get("k999"));
}

TEST(RedisAddress, IsTakenApart) {
  const auto parse = [](std::string address) { return parse_redis_address({.address = std::move(address), .password = {}, .ca_file = {}}); };
  const auto plain = parse("redis://cache.local:6380/3");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->channel.text(), "cache.local:6380");
  EXPECT_EQ(plain->database, "3");
  EXPECT_FALSE(plain->channel.tls);
  EXPECT_EQ(parse("redis://cache")->channel.port, "6379");
  EXPECT_TRUE(parse("rediss://[::1]:7000")->channel.tls);
  EXPECT_EQ(parse("rediss://[::1]:7000")->channel.host, "::1");
  EXPECT_EQ(parse("unix:///run/redis.sock")->channel.unix_path, "/run/redis.sock");
  for (const auto* wrong : {"", "cache:6379", "http://cache", "redis://", "redis://cache/x", "redis://:secret@cache", "unix://run"}) EXPECT_FALSE(parse(wrong)) << wrong;
}

TEST(RedisCache, AServerThatIsNotThereIsACacheWithNothingInIt) {
  ManualClock clock;
  const auto log = Logger::silent();
  const auto cache = redis_cache({.address = "unix:///nonexistent/redis.sock", .password = {}, .ca_file = {}}, clock, *log).value();
  EXPECT_FALSE(cache->get("a"));
  cache->put("a", {.value = "one"});
  EXPECT_FALSE(cache->get("a"));
  EXPECT_FALSE(cache->up());
}

}  // namespace
}  // namespace siyu::store
