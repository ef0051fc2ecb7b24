#include "models/machine.h"

#include <gtest/gtest.h>

#include <fstream>

namespace siyu::models {
namespace {

constexpr std::uint64_t kGiB = 1ULL << 30;

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
