// Randomness as an injected part. OsRandom is the kernel's generator and fit for keys.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>

namespace siyu {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> out) = 0;
  std::uint64_t next_u64() {
    std::uint64_t value = 0;
    fill(std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
};

/// getrandom(2). Thread-safe. Aborts the process when the kernel refuses: there is no safe fallback.
class OsRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override;
};

/// Repeatable bytes for tests. Not thread-safe.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(std::span<std::byte> out) override {
    for (auto& byte : out) byte = static_cast<std::byte>(engine_() & 0xff);
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace siyu
