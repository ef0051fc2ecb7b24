// A cache in a Redis server. Reads go through a few connections and do not wait for a free one; writes go through a thread of
// their own. A server that is away is left alone for a while, longer each time, and meanwhile nothing is in the cache.
#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

#include "store/redis_connection.h"

namespace siyu::store {
namespace {

constexpr std::size_t kReaders = 8;              // connections for reads; more at once go without the cache
constexpr std::size_t kMaxQueue = 1024;          // writes that may wait; later ones are dropped
constexpr std::size_t kMaxQueuedBytes = 64UL << 20;
constexpr Millis kTimeout(250);                  // a cache that is slower than this is none
constexpr Millis kFirstPause(500), kLongestPause(15'000);
constexpr Millis kPurgeWait(2000);
constexpr std::string_view kPrefix = "siyu:answer:", kTagPrefix = "siyu:tag:";

class RedisCache final : public Cache {
 public:
  RedisCache(RedisTarget target, Sensitive<std::string> password, const Clock& clock, Logger& log)
      : target_(std::move(target)), password_(std::move(password)), clock_(clock), log_(log), writer_([this] { write_loop(); }) {}

  ~RedisCache() override {
    {
      const std::lock_guard lock(mu_);
      stopping_ = true;
    }
    changed_.notify_all();
    writer_.join();
  }

  std::optional<std::string> get(const std::string& key) override {
    auto connection = take_reader();
    if (!connection) return std::nullopt;
    const auto full = std::string(kPrefix) + key;
    auto replies = connection->run({{"GET", full}});
    if (!replies) {
      went_away(replies.error());
      release_reader(nullptr);
      return std::nullopt;
    }
    release_reader(std::move(connection));
    auto& reply = replies->front();
    return reply.kind == RedisReply::Kind::kText ? std::optional(std::move(reply.text)) : std::nullopt;
  }

  void put(const std::string& key, CacheEntry entry) override {
    {
      const std::lock_guard lock(mu_);
      const auto size = key.size() + entry.value.size();
      if (away_until_ || queue_.size() >= kMaxQueue || queued_bytes_ + size > kMaxQueuedBytes) return;
      queued_bytes_ += size;
      queue_.push_back({.key = key, .entry = std::move(entry), .purge = {}, .number = 0});
    }
    changed_.notify_all();
  }

  Status remove_tag(const std::string& tag) override {
    std::unique_lock lock(mu_);
    const auto number = ++purges_asked_;
    queue_.push_back({.key = {}, .entry = {}, .purge = tag, .number = number});
    changed_.notify_all();
    if (changed_.wait_for(lock, kPurgeWait, [&] { return purges_done_ >= number || stopping_; }) && purges_done_ >= number) return {};
    return fail(ErrorCode::kUnavailable, "The cache cannot be reached; what it kept of this is taken out as soon as it can");
  }

  bool up() const override {
    const std::lock_guard lock(mu_);
    return !away_until_;
  }

 private:
  struct Job {
    std::string key;
    CacheEntry entry;
    std::string purge;         // a tag; empty: it is a value to be kept
    std::uint64_t number = 0;  // of a purge
  };

  std::unique_ptr<RedisConnection> take_reader() {
    {
      const std::lock_guard lock(mu_);
      if (away_until_ && clock_.steady_now() < *away_until_) return nullptr;
      if (!idle_.empty()) {
        auto connection = std::move(idle_.back());
        idle_.pop_back();
        return connection;
      }
      // One looks whether it is back; the others go on without it.
      if (open_ >= kReaders || (away_until_ && std::exchange(probing_, true))) return nullptr;
      ++open_;
    }
    auto opened = RedisConnection::open(target_, password_, kTimeout);
    if (opened) {
      came_back();
      return *std::move(opened);
    }
    went_away(opened.error());
    release_reader(nullptr);
    return nullptr;
  }

  void release_reader(std::unique_ptr<RedisConnection> connection) {
    const std::lock_guard lock(mu_);
    if (connection && !away_until_) idle_.push_back(std::move(connection));
    else --open_;
  }

  void went_away(const Error& error) {
    bool first = false;
    {
      const std::lock_guard lock(mu_);
      first = !away_until_;
      pause_ = first ? kFirstPause : std::min(pause_ * 2, kLongestPause);
      away_until_ = clock_.steady_now() + pause_;
      probing_ = false;
      open_ -= idle_.size();
      idle_.clear();
      // Values that wait would be old when it is back; purges are not forgotten.
      std::erase_if(queue_, [](const Job& job) { return job.purge.empty(); });
      queued_bytes_ = 0;
    }
    if (first) log_.warn("cache_away", {{"redis", target_.channel.text()}, {"detail", error.message}});
  }

  void came_back() {
    {
      const std::lock_guard lock(mu_);
      probing_ = false;
      if (!away_until_) return;
      away_until_.reset();
    }
    changed_.notify_all();
    log_.info("cache_back", {{"redis", target_.channel.text()}});
  }

  void write_loop() {
    std::unique_ptr<RedisConnection> connection;
    std::unique_lock lock(mu_);
    while (!stopping_) {
      if (queue_.empty()) {
        changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
        continue;
      }
      if (away_until_ && clock_.steady_now() < *away_until_) {
        changed_.wait_for(lock, kFirstPause, [this] { return stopping_ || !away_until_; });
        continue;
      }
      Job job = std::move(queue_.front());
      queue_.pop_front();
      queued_bytes_ -= std::min(queued_bytes_, job.key.size() + job.entry.value.size());
      lock.unlock();
      const bool done = write(connection, job);
      lock.lock();
      if (!done && !job.purge.empty()) queue_.push_front(std::move(job));
      if (done && job.number > 0) {
        purges_done_ = job.number;
        changed_.notify_all();
      }
    }
  }

  bool write(std::unique_ptr<RedisConnection>& connection, const Job& job) {
    if (!connection) {
      auto opened = RedisConnection::open(target_, password_, kTimeout);
      if (!opened) {
        went_away(opened.error());
        return false;
      }
      connection = *std::move(opened);
      came_back();
    }
    const auto written = job.purge.empty() ? keep(*connection, job) : purge(*connection, job.purge);
    if (written) return true;
    connection.reset();
    went_away(written.error());
    return false;
  }

  static Status keep(RedisConnection& connection, const Job& job) {
    const auto key = std::string(kPrefix) + job.key;
    const auto lifetime = std::to_string(job.entry.lifetime.count());
    std::vector<std::string> tags;
    for (const auto& tag : job.entry.tags) tags.push_back(std::string(kTagPrefix) + tag);
    std::vector<RedisConnection::Command> commands;
    // The tag first: a value without its tag could not be taken out.
    for (const auto& tag : tags) {
      commands.push_back({"SADD", tag, key});
      commands.push_back({"PEXPIRE", tag, lifetime});
    }
    commands.push_back({"SET", key, job.entry.value, "PX", lifetime});
    RETURN_IF_ERROR(connection.run(commands));
    return {};
  }

  static Status purge(RedisConnection& connection, const std::string& tag) {
    const auto set = std::string(kTagPrefix) + tag;
    ASSIGN_OR_RETURN(const auto members, connection.run({{"SMEMBERS", set}}));
    RedisConnection::Command command{"UNLINK", set};
    for (const auto& member : members.front().list) command.push_back(member.text);
    RETURN_IF_ERROR(connection.run({command}));
    return {};
  }

  const RedisTarget target_;
  const Sensitive<std::string> password_;
  const Clock& clock_;
  Logger& log_;

  mutable std::mutex mu_;  // guards the rest
  std::condition_variable changed_;
  std::vector<std::unique_ptr<RedisConnection>> idle_;
  std::size_t open_ = 0;
  std::optional<SteadyTime> away_until_;
  Millis pause_ = kFirstPause;
  bool probing_ = false, stopping_ = false;
  std::deque<Job> queue_;
  std::size_t queued_bytes_ = 0;
  std::uint64_t purges_asked_ = 0, purges_done_ = 0;
  std::thread writer_;  // last: it uses all of the above
};

}  // namespace

Result<std::unique_ptr<Cache>> redis_cache(RedisOptions options, const Clock& clock, Logger& log) {
  ASSIGN_OR_RETURN(auto target, parse_redis_address(options));
  return std::make_unique<RedisCache>(std::move(target), std::move(options.password), clock, log);
}

}  // namespace siyu::store
