// Responses on their way. Each is pulled from its engine by itself, whoever reads it: a client may lose its connection and
// come back for the events it missed, and a background response needs no reader at all.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "api/event_log.h"
#include "api/metrics.h"
#include "api/responses_writer.h"
#include "base/bounded_pool.h"
#include "base/log.h"
#include "chat/response_store.h"

namespace siyu::api::responses {

/// What a run is to be.
struct RunOptions {
  Pass pass;
  std::string request_id;  ///< of the request that made it
  std::string model;
  std::string previous, input;  ///< as stored
  std::string request = {};     ///< as it came: stored for one in the background, which a restart then begins anew
  std::int64_t created = 0;     ///< Unix seconds
  bool store = true, background = false, stream = false;
};

class Run;

/// Thread-safe.
class Runs {
 public:
  static constexpr auto kComeBackWithin = std::chrono::seconds(60);  ///< an unread stream goes on for so long
  static constexpr auto kKeepEvents = std::chrono::minutes(10);      ///< after the end
  static constexpr std::size_t kMaxEventBytes = 16UL << 20;          ///< of one response
  static constexpr std::size_t kMaxKeptBytes = 128UL << 20;          ///< of all that have ended
  static constexpr std::size_t kMaxBackground = 64;                  ///< of one owner, under way

  Runs(chat::ResponseStore& store, Metrics& metrics, const Clock& clock, Logger& log, std::chrono::seconds limit);
  ~Runs();
  Runs(const Runs&) = delete;
  Runs& operator=(const Runs&) = delete;

  /// Begins to pull. A background response is stored before this returns.
  Result<std::shared_ptr<Run>> start(RunOptions options, std::unique_ptr<chat::Stream> stream, ResponseWriter writer);
  /// One of the caller's that is under way, or whose events are still kept; null when there is none.
  std::shared_ptr<Run> find(const Pass& pass, const std::string& id) const;
  /// Ends it, if it is under way, and forgets its events.
  void drop(const Pass& pass, const std::string& id);
  /// Refuses when the owner has too many in the background.
  Status check_background(const Pass& pass) const;

 private:
  friend class Run;
  bool stopping() const;
  void sweep();
  void keep_sweeping();
  void retire(const std::shared_ptr<Run>& run);

  chat::ResponseStore& store_;
  Metrics& metrics_;
  const Clock& clock_;
  Logger& log_;
  const std::chrono::seconds limit_;
  BoundedPool savers_;  // the database is not written on engines' threads
  mutable std::mutex mu_;
  std::condition_variable changed_;
  std::map<std::string, std::shared_ptr<Run>> runs_;  // guarded by mu_; shared with the answers that show them
  bool stopping_ = false;
  std::thread sweeper_;
};

class Run : public std::enable_shared_from_this<Run> {
 public:
  Run(Runs& runs, RunOptions options, std::unique_ptr<chat::Stream> stream, ResponseWriter writer);

  const RunOptions& options() const { return options_; }
  /// As it is. One that may begin anew shows nothing of its answer before the end: the next attempt would say something else.
  json::object body() const;
  EventLog& log() { return log_; }
  bool ended() const;
  /// Ends it: as cancelled, or as failed for a reason.
  void cancel(std::optional<Error> why = {});

  /// The HTTP answer of the request that made it: whole at the end, or as events. A fault before the first event becomes
  /// an error answer.
  net::Response reply();

 private:
  friend class Runs;
  class Reply;
  using Waiter = std::move_only_function<void(std::optional<Error> failed_at_once)>;

  void begin();
  void pull();
  void take(Result<std::optional<chat::Event>> event);
  void publish();
  void end(std::optional<Error> error);
  void settle(std::optional<Error> error);
  void when_ready(Waiter waiter);
  void wake(std::optional<Error> error);

  Runs& runs_;
  const RunOptions options_;
  const SteadyTime deadline_;
  EventLog log_;
  mutable std::mutex mu_;
  // guarded by mu_
  std::shared_ptr<chat::Stream> stream_;  // shared with a cancel() under way; goes at the end, so that it holds no model
  ResponseWriter writer_;
  bool begun_ = false, ending_ = false, ended_ = false, cancelled_ = false;
  std::optional<Error> failed_at_once_, why_;
  SteadyTime ended_at_;
  std::vector<Waiter> waiters_;
};

}  // namespace siyu::api::responses
