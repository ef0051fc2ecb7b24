// Time as an injected part, so that tests never sleep.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

namespace siyu {

using Millis = std::chrono::milliseconds;
/// A point in civil time, milliseconds since 1970-01-01 UTC.
using Timestamp = std::chrono::time_point<std::chrono::system_clock, Millis>;
using SteadyTime = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() const = 0;          ///< civil time; may jump
  virtual SteadyTime steady_now() const = 0;  ///< for durations and deadlines
};

class SystemClock final : public Clock {
 public:
  Timestamp now() const override { return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now()); }
  SteadyTime steady_now() const override { return std::chrono::steady_clock::now(); }
};

/// A clock that stands still until a test moves it. Thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start = Timestamp(Millis(1'700'000'000'000))) : millis_(start.time_since_epoch().count()) {}
  Timestamp now() const override { return Timestamp(Millis(millis_.load())); }
  SteadyTime steady_now() const override { return SteadyTime(Millis(millis_.load())); }
  void advance(Millis by) { millis_ += by.count(); }

 private:
  std::atomic<std::int64_t> millis_;
};

/// RFC 3339 in UTC with milliseconds: 2026-11-23T08:00:00.000Z
std::string to_rfc3339(Timestamp time);
inline std::int64_t to_unix_millis(Timestamp time) { return time.time_since_epoch().count(); }
inline Timestamp from_unix_millis(std::int64_t millis) { return Timestamp(Millis(millis)); }

}  // namespace siyu
