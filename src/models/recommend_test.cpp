#include "models/recommend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "models/source.h"

namespace siyu::models {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kGiB = 1ULL << 30;
constexpr std::uint32_t kContext = 8192;

std::string best(std::uint64_t memory_gib, double cores, double gib_per_second = 0, std::uint64_t disk_gib = 1000) {
  const auto result = recommend({.memory_bytes = memory_gib * kGiB, .memory_available_bytes = memory_gib * kGiB, .cores = cores,
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

TEST(Recommend, AFullDiskIsARefusalWithAReason) {
  EXPECT_EQ(best(64, 64, 0, 2), "hf:Qwen/Qwen3-1.7B-GGUF:Q8_0");
  const auto result = recommend({.memory_bytes = kGiB, .memory_available_bytes = kGiB / 2, .cores = 4}, 0, kContext);
  for (const auto& one : result.models) {
    EXPECT_FALSE(one.fits);
    EXPECT_THAT(one.reason, HasSubstr("needs"));
  }
}

TEST(Recommend, WhatItNamesCanBePulled) {
  for (const auto& one : recommend({.memory_bytes = kGiB, .memory_available_bytes = kGiB, .cores = 1}, kGiB, kContext).models) {
    EXPECT_TRUE(parse_source(one.reference).has_value()) << one.reference;
    EXPECT_EQ(parse_source(one.mirror).value().kind, SourceKind::kModelScope);
  }
}

class MachineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root = std::filesystem::path(::testing::TempDir()) / ("siyu_machine_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::remove_all(root);
    put("proc/meminfo", "MemTotal:       16777216 kB\nMemFree: 1 kB\nMemAvailable:    8388608 kB\n");
  }
  void put(const std::string& file, const std::string& text) {
    std::filesystem::create_directories((root / file).parent_path());
    std::ofstream(root / file) << text;
  }
  std::filesystem::path root;
};

TEST_F(MachineTest, WithoutGroupsTheMachineCounts) {
  const auto facts = read_machine(root);
  EXPECT_EQ(facts.memory_bytes, 16 * kGiB);
  EXPECT_EQ(facts.memory_available_bytes, 8 * kGiB);
  EXPECT_GE(facts.cores, 1);
}

TEST_F(MachineTest, TheTightestGroupAboveIsTheLimit) {
  put("proc/self/cgroup", "0::/pod/box\n");
  put("sys/fs/cgroup/pod/box/memory.max", "max\n");
  put("sys/fs/cgroup/pod/memory.max", "4294967296\n");
  put("sys/fs/cgroup/pod/memory.current", "3221225472\n");
  put("sys/fs/cgroup/pod/memory.stat", "anon 1\ninactive_file 1073741824\n");
  put("sys/fs/cgroup/pod/box/cpu.max", "50000 100000\n");
  const auto facts = read_machine(root);
  EXPECT_EQ(facts.memory_bytes, 4 * kGiB);
  EXPECT_EQ(facts.memory_available_bytes, 2 * kGiB);
  EXPECT_DOUBLE_EQ(facts.cores, 0.5);
}

TEST_F(MachineTest, TheOldHierarchyIsReadToo) {
  put("proc/self/cgroup", "5:cpu,cpuacct:/box\n4:memory:/box\n");
  put("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "2147483648\n");
  put("sys/fs/cgroup/memory/box/memory.usage_in_bytes", "1073741824\n");
  EXPECT_EQ(read_machine(root).memory_available_bytes, kGiB);
}

TEST_F(MachineTest, NonsenseCountsAsAbsent) {
  put("proc/self/cgroup", "x\n0:\n::\n0::/a\n");
  put("sys/fs/cgroup/a/memory.max", "lots\n");
  put("sys/fs/cgroup/a/cpu.max", "100 0\n");
  EXPECT_EQ(read_machine(root).memory_bytes, 16 * kGiB);
  EXPECT_EQ(read_machine(root / "nowhere").memory_bytes, 0U);
}

TEST(MemorySpeed, IsMeasuredQuickly) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_GT(measure_memory_speed(2), 1e8);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

}  // namespace
}  // namespace siyu::models
