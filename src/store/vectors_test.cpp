#include "store/vectors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <thread>

namespace siyu::store {
namespace {

std::vector<float> random_vector(std::mt19937& random, std::size_t dimensions) {
  std::normal_distribution<float> normal;
  std::vector<float> vector(dimensions);
  float sum = 0;
  for (auto& value : vector) {
    value = normal(random);
    sum += value * value;
  }
  for (auto& value : vector) value /= std::sqrt(sum);
  return vector;
}

TEST(VectorIndexTest, FindsTheNearestWithTheirSimilarity) {
  auto index = VectorIndex::create(3).value();
  ASSERT_TRUE(index->put(1, std::vector<float>{1, 0, 0}).has_value());
  ASSERT_TRUE(index->put(2, std::vector<float>{0, 1, 0}).has_value());
  ASSERT_TRUE(index->put(3, std::vector<float>{0.6F, 0.8F, 0}).has_value());
  const auto hits = index->search(std::vector<float>{0, 1, 0}, 2).value();
  ASSERT_EQ(hits.size(), 2U);
  EXPECT_EQ(hits[0].key, 2U);
  EXPECT_NEAR(hits[0].similarity, 1.0, 1e-3);
  EXPECT_EQ(hits[1].key, 3U);
  EXPECT_NEAR(hits[1].similarity, 0.8, 1e-3);
}

TEST(VectorIndexTest, PutReplacesAndRemoveForgets) {
  auto index = VectorIndex::create(2).value();
  ASSERT_TRUE(index->put(7, std::vector<float>{1, 0}).has_value());
  ASSERT_TRUE(index->put(7, std::vector<float>{0, 1}).has_value());
  EXPECT_EQ(index->size(), 1U);
  EXPECT_NEAR(index->search(std::vector<float>{0, 1}, 5).value().at(0).similarity, 1.0, 1e-3);
  EXPECT_TRUE(index->remove(7));
  EXPECT_FALSE(index->remove(7));
  EXPECT_TRUE(index->search(std::vector<float>{0, 1}, 5).value().empty());
}

TEST(VectorIndexTest, RefusesOtherDimensions) {
  auto index = VectorIndex::create(4).value();
  EXPECT_EQ(index->put(1, std::vector<float>{1, 0}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(index->search(std::vector<float>{1}, 1).error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(VectorIndex::create(0).has_value());
}

TEST(VectorIndexTest, TheGraphFindsNearlyAllThatAFullScanFinds) {
  constexpr std::size_t kDimensions = 64, kVectors = 4000, kTop = 10;
  std::mt19937 random(7);
  auto index = VectorIndex::create(kDimensions).value();
  std::vector<std::vector<float>> all;
  for (std::uint64_t key = 0; key < kVectors; ++key) {
    all.push_back(random_vector(random, kDimensions));
    ASSERT_TRUE(index->put(key, all.back()).has_value());
  }
  std::size_t found = 0, wanted = 0;
  for (int query = 0; query < 50; ++query) {
    auto probe = all[static_cast<std::size_t>(query) * 7];
    probe[0] += 0.3F;
    std::vector<std::pair<float, std::uint64_t>> exact;
    for (std::uint64_t key = 0; key < kVectors; ++key) {
      float dot = 0;
      for (std::size_t i = 0; i < kDimensions; ++i) dot += probe[i] * all[key][i];
      exact.emplace_back(-dot, key);
    }
    std::ranges::partial_sort(exact, exact.begin() + kTop);
    std::set<std::uint64_t> best;
    for (std::size_t i = 0; i < kTop; ++i) best.insert(exact[i].second);
    for (const auto& hit : index->search(probe, kTop).value()) found += best.count(hit.key);
    wanted += kTop;
  }
  EXPECT_GT(static_cast<double>(found) / static_cast<double>(wanted), 0.9);
}

TEST(VectorIndexTest, SearchesRunBesideAWriter) {
  std::mt19937 random(11);
  auto index = VectorIndex::create(16).value();
  const auto probe = random_vector(random, 16);
  std::vector<std::jthread> readers;
  for (int i = 0; i < 3; ++i)
    readers.emplace_back([&] {
      for (int round = 0; round < 300; ++round) EXPECT_TRUE(index->search(probe, 5).has_value());
    });
  for (std::uint64_t key = 0; key < 500; ++key) {
    EXPECT_TRUE(index->put(key, random_vector(random, 16)).has_value());
    if (key % 3 == 0) index->remove(key / 2);
  }
  readers.clear();
  EXPECT_GT(index->size(), 300U);
}

}  // namespace
}  // namespace siyu::store
