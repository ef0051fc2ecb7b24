#include "store/redis_connection.h"

#include <hiredis/hiredis.h>

#include <array>

namespace siyu::store {
namespace {

constexpr std::size_t kMaxReplyBytes = 64UL << 20;  // far over any answer; what is longer is no server of ours

RedisReply to_reply(const redisReply& reply) {
  RedisReply out;
  switch (reply.type) {
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      out.kind = RedisReply::Kind::kText;
      out.text.assign(reply.str, static_cast<std::size_t>(reply.len));
      break;
    case REDIS_REPLY_INTEGER:
      out.kind = RedisReply::Kind::kInteger;
      out.integer = reply.integer;
      break;
    case REDIS_REPLY_ARRAY:
      out.kind = RedisReply::Kind::kList;
      for (std::size_t i = 0; i < reply.elements; ++i) out.list.push_back(to_reply(*reply.element[i]));
      break;
    default: break;
  }
  return out;
}

}  // namespace

Result<RedisTarget> parse_redis_address(const RedisOptions& options) {
  const auto wrong = [&] { return invalid("`cache.redis` must be redis://HOST:PORT/DATABASE, rediss:// for TLS, or unix:///PATH; the password goes into the file `cache.redis_password_file`"); };
  std::string_view rest = options.address;
  const auto take = [&](std::string_view scheme) {
    const bool is = rest.starts_with(scheme);
    if (is) rest.remove_prefix(scheme.size());
    return is;
  };
  RedisTarget target;
  target.channel.ca_file = options.ca_file;
  if (take("unix://")) {
    target.channel.unix_path = rest;
    if (!rest.starts_with('/')) return wrong();
    return target;
  }
  target.channel.tls = take("rediss://");
  if (!target.channel.tls && !take("redis://")) return wrong();
  if (rest.find('@') != std::string_view::npos) return wrong();
  if (const auto slash = rest.find('/'); slash != std::string_view::npos) {
    target.database = rest.substr(slash + 1);
    rest = rest.substr(0, slash);
    if (target.database.size() > 4 || target.database.find_first_not_of("0123456789") != std::string::npos) return wrong();
  }
  const auto bracket = rest.find(']');
  const auto colon = rest.find(':', bracket == std::string_view::npos ? 0 : bracket);
  target.channel.host = rest.substr(0, colon);
  target.channel.port = colon == std::string_view::npos ? "6379" : std::string(rest.substr(colon + 1));
  if (target.channel.host.starts_with('[')) target.channel.host = target.channel.host.substr(1, target.channel.host.size() - 2);
  if (target.channel.host.empty() || target.channel.port.empty()) return wrong();
  return target;
}

void RedisConnection::FreeReader::operator()(redisReader* reader) const { redisReaderFree(reader); }

RedisConnection::RedisConnection(std::unique_ptr<net::ByteChannel> channel) : channel_(std::move(channel)), reader_(redisReaderCreate()) {}
RedisConnection::~RedisConnection() = default;

Result<std::unique_ptr<RedisConnection>> RedisConnection::open(const RedisTarget& target, const Sensitive<std::string>& password, Millis timeout) {
  ASSIGN_OR_RETURN(auto channel, net::ByteChannel::connect(target.channel, timeout));
  std::unique_ptr<RedisConnection> connection(new RedisConnection(std::move(channel)));
  std::vector<Command> greeting;
  if (!password.reveal().empty()) greeting.push_back({"AUTH", password.reveal()});
  greeting.push_back({"SELECT", target.database.empty() ? std::string_view("0") : std::string_view(target.database)});
  RETURN_IF_ERROR(connection->run(greeting));
  return connection;
}

Result<std::vector<RedisReply>> RedisConnection::run(const std::vector<Command>& commands) {
  std::string bytes;
  for (const auto& command : commands) {
    bytes += "*" + std::to_string(command.size()) + "\r\n";
    for (const auto& part : command) {
      bytes += "$" + std::to_string(part.size()) + "\r\n";
      bytes += part;
      bytes += "\r\n";
    }
  }
  RETURN_IF_ERROR(channel_->write(bytes));
  std::vector<RedisReply> replies;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    ASSIGN_OR_RETURN(auto reply, next_reply());
    replies.push_back(std::move(reply));
  }
  return replies;
}

Result<RedisReply> RedisConnection::next_reply() {
  std::array<char, 16384> buffer;
  std::size_t bytes = 0;
  for (;;) {
    void* found = nullptr;
    if (redisReaderGetReply(reader_.get(), &found) != REDIS_OK) return fail(ErrorCode::kUnavailable, std::string("its answer is no Redis protocol: ") + reader_->errstr);
    if (found != nullptr) {
      const std::unique_ptr<void, void (*)(void*)> owner(found, freeReplyObject);
      const auto& reply = *static_cast<redisReply*>(found);
      if (reply.type == REDIS_REPLY_ERROR) return fail(ErrorCode::kInternal, std::string(reply.str, static_cast<std::size_t>(reply.len)));
      return to_reply(reply);
    }
    ASSIGN_OR_RETURN(const auto got, channel_->read(buffer));
    if ((bytes += got) > kMaxReplyBytes) return fail(ErrorCode::kUnavailable, "its answer has no end");
    redisReaderFeed(reader_.get(), buffer.data(), got);
  }
}

}  // namespace siyu::store
