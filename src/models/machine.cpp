#include "models/machine.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <numeric>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace siyu::models {
namespace {

constexpr std::size_t kMeasuredBytes = 128UL << 20;  // far more than any cache holds
constexpr auto kMeasuredTime = std::chrono::milliseconds(50);
constexpr std::size_t kMaxThreads = 64;

std::string read_text(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::optional<std::uint64_t> leading_number(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end != text.data() ? std::optional(value) : std::nullopt;
}

/// The number after `key` at the beginning of a line.
std::optional<std::uint64_t> number_after(const std::string& text, std::string_view key) {
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = std::string_view(text).substr(at, end - at);
    if (line.starts_with(key)) return leading_number(line.substr(key.size()));
    at = end + 1;
  }
  return std::nullopt;
}

/// The control group of this process; `hierarchy` is empty for version 2, else a controller of version 1.
std::optional<std::string> group_of(const std::string& cgroup, std::string_view hierarchy) {
  for (std::size_t at = 0; at < cgroup.size();) {
    const auto end = std::min(cgroup.find('\n', at), cgroup.size());
    const auto line = std::string_view(cgroup).substr(at, end - at);
    at = end + 1;
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    if (hierarchy.empty() ? controllers.empty() : controllers == hierarchy) return std::string(line.substr(second + 1));
  }
  return std::nullopt;
}

void limit_memory(MachineFacts& facts, std::optional<std::uint64_t> limit, std::uint64_t used, std::uint64_t droppable) {
  if (!limit || *limit >= facts.memory_bytes) return;  // "max", and version 1's huge number for none
  facts.memory_bytes = *limit;
  const auto held = used > droppable ? used - droppable : 0;
  facts.memory_available_bytes = std::min(facts.memory_available_bytes, *limit > held ? *limit - held : 0);
}

void apply_group(MachineFacts& facts, const std::filesystem::path& dir, bool version_2) {
  const auto stat = read_text(dir / "memory.stat");
  const auto droppable = number_after(stat, version_2 ? "inactive_file" : "total_inactive_file").value_or(0);
  const auto used = leading_number(read_text(dir / (version_2 ? "memory.current" : "memory.usage_in_bytes"))).value_or(0);
  limit_memory(facts, leading_number(read_text(dir / (version_2 ? "memory.max" : "memory.limit_in_bytes"))), used, droppable);
  const auto cpu = read_text(dir / "cpu.max");  // "QUOTA PERIOD" or "max PERIOD"
  const auto quota = leading_number(cpu);
  const auto period = quota ? leading_number(std::string_view(cpu).substr(cpu.find(' ') == std::string::npos ? cpu.size() : cpu.find(' '))) : std::nullopt;
  if (quota && period && *period > 0) facts.cores = std::min(facts.cores, static_cast<double>(*quota) / static_cast<double>(*period));
}

/// The group and all above it: the tightest limit holds. Inside a container the path may not exist; its own root then does.
void apply_groups(MachineFacts& facts, const std::filesystem::path& mount, std::string group, bool version_2) {
  for (;;) {
    apply_group(facts, mount / std::filesystem::path(group).relative_path(), version_2);
    const auto slash = group.rfind('/');
    if (group.size() <= 1 || slash == std::string::npos) return;
    group.resize(slash == 0 ? 1 : slash);
  }
}

double allowed_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

MachineFacts read_machine(const std::filesystem::path& root) {
  MachineFacts facts{.cores = allowed_cores()};
  const auto memory = read_text(root / "proc/meminfo");
  facts.memory_bytes = number_after(memory, "MemTotal:").value_or(0) * 1024;
  facts.memory_available_bytes = number_after(memory, "MemAvailable:").value_or(0) * 1024;
  const auto cgroup = read_text(root / "proc/self/cgroup");
  if (const auto group = group_of(cgroup, "")) apply_groups(facts, root / "sys/fs/cgroup", *group, true);
  if (const auto group = group_of(cgroup, "memory")) apply_groups(facts, root / "sys/fs/cgroup/memory", *group, false);
  return facts;
}

double measure_memory_speed(double cores) {
  const auto threads = std::clamp<std::size_t>(static_cast<std::size_t>(cores), 1, kMaxThreads);
  const std::vector<std::uint64_t> data(kMeasuredBytes / sizeof(std::uint64_t), 1);
  const auto share = data.size() / threads;
  std::vector<std::uint64_t> read(threads), sums(threads);
  const auto begin = std::chrono::steady_clock::now();
  const auto deadline = begin + kMeasuredTime;
  {
    std::vector<std::jthread> pool;
    for (std::size_t i = 0; i < threads; ++i) {
      pool.emplace_back([&, i] {
        const auto* from = data.data() + i * share;
        std::uint64_t sum = 0, passes = 0;
        do {
          sum = std::accumulate(from, from + share, sum);
          ++passes;
        } while (std::chrono::steady_clock::now() < deadline);
        sums[i] = sum;
        read[i] = passes * share * sizeof(std::uint64_t);
      });
    }
  }
  const auto seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const auto bytes = std::accumulate(read.begin(), read.end(), std::uint64_t{0});
  return std::ranges::count(sums, 0U) == 0 ? static_cast<double>(bytes) / seconds : 0;  // the sums keep the reading from being left out
}

}  // namespace siyu::models
