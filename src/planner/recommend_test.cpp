#include "planner/recommend.h"

#include <gmock/gmock.h>

#include "models/source.h"

namespace siyu::planner {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kGiB = 1ULL << 30;
constexpr std::uint32_t kContext = 8192;

const Catalogue kCatalogue = builtin_catalogue().value();

std::string best(std::uint64_t memory_gib, double cores, double gib_per_second = 0, std::uint64_t disk_gib = 1000) {
  const auto result = recommend(kCatalogue, {.memory_bytes = memory_gib * kGiB, .memory_available_bytes = memory_gib * kGiB, .cores = cores,
                                 .memory_bytes_per_second = gib_per_second * static_cast<double>(kGiB)}, disk_gib * kGiB, kContext);
  for (const auto& one : result.models)
    if (!one.embedding && one.fits) return one.reference + (one.comfortable ? "" : " slow");
  return "none";
}

TEST(Recommend, GrowsWithTheMachine) {
  EXPECT_EQ(best(1, 2), "none");
  EXPECT_EQ(best(3, 2), "hf:Qwen/Qwen3-0.6B-GGUF:Q8_0");
  EXPECT_EQ(best(22, 2), "hf:Qwen/Qwen3-1.7B-GGUF:Q8_0");
  EXPECT_EQ(best(8, 8), "hf:Qwen/Qwen3-8B-GGUF:Q4_K_M");
  EXPECT_EQ(best(32, 8), "hf:Qwen/Qwen3-30B-A3B-GGUF:Q4_K_M");
  EXPECT_EQ(best(128, 64), "hf:Qwen/Qwen3-32B-GGUF:Q8_0");
}

TEST(Recommend, FewCoresAndSlowMemoryMeanASmallerModel) {
  EXPECT_EQ(best(16, 8), "hf:Qwen/Qwen3-8B-GGUF:Q8_0");
  EXPECT_EQ(best(16, 4), "hf:Qwen/Qwen3-4B-GGUF:Q8_0");
  EXPECT_EQ(best(16, 8, 45), "hf:Qwen/Qwen3-8B-GGUF:Q4_K_M");
  EXPECT_EQ(best(4, 0.25), "hf:Qwen/Qwen3-0.6B-GGUF:Q8_0 slow");
}

TEST(Recommend, OnACardItsMemoryCountsAndItsSpeed) {
  const auto with_card = [](std::uint64_t gib, double bytes_per_second) {
    const models::MachineFacts machine{.memory_bytes = 16 * kGiB, .memory_available_bytes = 4 * kGiB, .cores = 2, .cards = {{.name = "Card", .memory_bytes = gib * kGiB, .memory_free_bytes = gib * kGiB, .memory_bytes_per_second = bytes_per_second}}};
    const auto result = recommend(kCatalogue, machine, 1000 * kGiB, kContext);
    return *std::ranges::find_if(result.models, [](const auto& one) { return !one.embedding && one.fits; });
  };
  EXPECT_EQ(with_card(80, 3e12).reference, "hf:Qwen/Qwen3-32B-GGUF:Q8_0");
  EXPECT_THAT(with_card(80, 3e12).reason, HasSubstr("on Card"));
  EXPECT_EQ(with_card(12, 4e11).reference, "hf:Qwen/Qwen3-14B-GGUF:Q4_K_M");
}

TEST(Recommend, AFullDiskIsARefusalWithAReason) {
  EXPECT_EQ(best(64, 64, 0, 2), "hf:Qwen/Qwen3-1.7B-GGUF:Q8_0");
  const auto result = recommend(kCatalogue, {.memory_bytes = kGiB, .memory_available_bytes = kGiB / 2, .cores = 4}, 0, kContext);
  for (const auto& one : result.models) {
    EXPECT_FALSE(one.fits);
    EXPECT_THAT(one.reason, HasSubstr("needs"));
  }
}

TEST(Recommend, WhatItNamesCanBePulled) {
  for (const auto& one : recommend(kCatalogue, {.memory_bytes = kGiB, .memory_available_bytes = kGiB, .cores = 1}, kGiB, kContext).models) {
    EXPECT_TRUE(models::parse_source(one.reference).has_value()) << one.reference;
    EXPECT_EQ(models::parse_source(one.mirror).value().kind, models::SourceKind::kModelScope);
  }
}

}  // namespace
}  // namespace siyu::planner
