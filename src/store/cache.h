// Values that may be lost: kept for a while under a key, given back or computed anew. In memory, or in a Redis server.
//
// A cache never fails: what it cannot give is not there. Tags name what a value was made from, so that all of it can be
// taken out when that is deleted.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/sensitive.h"

namespace siyu::store {

struct CacheEntry {
  std::string value;
  Millis lifetime = std::chrono::hours(1);
  std::vector<std::string> tags;
};

/// Thread-safe.
class Cache {
 public:
  virtual ~Cache() = default;
  /// Nothing when it is not there, is too old, or the cache cannot be asked now.
  virtual std::optional<std::string> get(const std::string& key) = 0;
  /// Does not wait; may be dropped.
  virtual void put(const std::string& key, CacheEntry entry) = 0;
  /// Everything kept under the tag is gone when this returns a value. kUnavailable: it goes as soon as the cache can be reached.
  virtual Status remove_tag(const std::string& tag) = 0;
  /// False: it gives and takes nothing at present.
  virtual bool up() const = 0;
};

/// At most so many bytes; the least recently used go first.
std::unique_ptr<Cache> memory_cache(std::size_t bytes, const Clock& clock);

struct RedisOptions {
  std::string address;     ///< redis://HOST:PORT/DB, rediss:// with TLS, or unix:///PATH
  Sensitive<std::string> password;
  std::string ca_file;     ///< PEM of the authority of its certificate; empty: the system's
};
/// Checks the address only; the server is looked for when it is needed, and again when it comes back after it was away.
Result<std::unique_ptr<Cache>> redis_cache(RedisOptions options, const Clock& clock, Logger& log);

}  // namespace siyu::store
