// One connection to a Redis server. Replies are read by hiredis; the bytes go through net, which knows TLS
// (hiredis 0.14 does not). Internal to store. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/byte_channel.h"
#include "store/cache.h"

struct redisReader;

namespace siyu::store {

struct RedisTarget {
  net::ChannelTarget channel;
  std::string database;  ///< number; empty: 0
};
Result<RedisTarget> parse_redis_address(const RedisOptions& options);

struct RedisReply {
  enum class Kind { kNothing, kText, kInteger, kList } kind = Kind::kNothing;
  std::string text;
  std::int64_t integer = 0;
  std::vector<RedisReply> list;
};

class RedisConnection {
 public:
  using Command = std::vector<std::string_view>;
  static Result<std::unique_ptr<RedisConnection>> open(const RedisTarget& target, const Sensitive<std::string>& password, Millis timeout);
  ~RedisConnection();
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  /// Sends all, then reads a reply for each. After an error of the connection it is of no more use; the server's own refusals
  /// (kInternal) end the list.
  Result<std::vector<RedisReply>> run(const std::vector<Command>& commands);

 private:
  explicit RedisConnection(std::unique_ptr<net::ByteChannel> channel);
  Result<RedisReply> next_reply();

  const std::unique_ptr<net::ByteChannel> channel_;
  struct FreeReader {
    void operator()(redisReader* reader) const;
  };
  const std::unique_ptr<redisReader, FreeReader> reader_;
};

}  // namespace siyu::store
