// Batches: the requests of a file, done in the background with the rights that their owner has when each is done.
//
// What is done is in the result files: a line is written there whole, by one write, and counted when it stands there. After a kill
// they are read back, a cut last line is dropped, and what is missing is done; so no line is twice in the results.
#pragma once

#include <boost/describe.hpp>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/log.h"
#include "batches/files.h"
#include "batches/line.h"

namespace siyu::batches {

enum class BatchState { kValidating, kInProgress, kFinalizing, kCompleted, kFailed, kExpired, kCancelling, kCancelled };
BOOST_DESCRIBE_ENUM(BatchState, kValidating, kInProgress, kFinalizing, kCompleted, kFailed, kExpired, kCancelling, kCancelled)

/// Why a batch could not begin.
struct InputFault {
  std::string code, message;
  std::optional<std::int64_t> line;  ///< from 1
  std::optional<std::string> param;
};
BOOST_DESCRIBE_STRUCT(InputFault, (), (code, message, line, param))

/// As it is stored; times are Unix seconds.
struct Batch {
  std::string id, owner, endpoint, input_file, completion_window;
  std::optional<std::string> key;  ///< the API key it was made with: its limits count, and it must still be there
  BatchState state = BatchState::kValidating;
  std::int64_t created_at = 0, expires_at = 0;
  std::optional<std::int64_t> in_progress_at, finalizing_at, completed_at, failed_at, expired_at, cancelling_at, cancelled_at;
  std::optional<std::string> output_file, error_file;
  std::int64_t total = 0, completed = 0, failed = 0;
  std::vector<InputFault> faults;
  std::map<std::string, std::string> metadata;
};
BOOST_DESCRIBE_STRUCT(Batch, (), (id, owner, endpoint, input_file, completion_window, key, state, created_at, expires_at, in_progress_at, finalizing_at, completed_at,
                                  failed_at, expired_at, cancelling_at, cancelled_at, output_file, error_file, total, completed, failed, faults, metadata))

struct NewBatch {
  std::string input_file, endpoint, completion_window;
  std::map<std::string, std::string> metadata;
};

struct BatchPage {
  std::vector<Batch> batches;
  bool more = false;
};

/// Who the batch's owner is now, with today's role; an error when they, or the key, are gone.
using FindPrincipal = std::function<Result<Principal>(const UserId& owner, const std::optional<ApiKeyId>& key)>;
/// Does one request and waits for its answer. Ends soon when `stop` asks for it.
using ExecuteLine = std::function<LineReply(const Principal& owner, const std::string& endpoint, const std::string& body, std::stop_token stop)>;

/// Thread-safe.
class Batches {
 public:
  static constexpr std::int64_t kMaxUnfinished = 100;  ///< of one owner
  static constexpr std::size_t kLanes = 8;             ///< lines at once; engines batch what is under way together

  Batches(store::Database& db, Files& files, FindPrincipal find_principal, ExecuteLine execute, const Clock& clock, Random& random, Logger& log);
  ~Batches() { stop(); }
  Batches(const Batches&) = delete;
  Batches& operator=(const Batches&) = delete;

  /// Goes on with what a stop or a kill interrupted.
  Status start();
  /// Lines under way are given up and done again after the next start().
  void stop();

  Result<Batch> create(const Pass& pass, const NewBatch& order);
  Result<BatchPage> list(const Pass& pass, const std::string& after, std::size_t limit);
  Result<Batch> get(const Pass& pass, const std::string& id);
  Result<Batch> cancel(const Pass& pass, const std::string& id);

 private:
  struct Live;
  struct Task;

  void work();
  std::optional<Task> next_task();
  void expire(Live& live);
  void prepare(Live& live);
  Status validate(Live& live);
  Status open_results(Live& live);
  bool read_line(Live& live, Task& task);
  void perform(Task& task);
  void write_result(Live& live, const std::string& custom_id, const LineReply& reply);
  void give_back(Task task);
  void finalize(Live& live);
  Status end(Live& live);
  Status save(const Batch& batch);
  Batch snapshot(const Batch& stored) const;
  std::filesystem::path results(const Batch& batch, std::string_view kind) const { return files_.path_of(batch.id + "." + std::string(kind)); }
  std::int64_t now() const { return to_unix_millis(clock_.now()) / 1000; }

  store::Database& db_;
  Files& files_;
  const FindPrincipal find_principal_;
  const ExecuteLine execute_;
  const Clock& clock_;
  Random& random_;
  Logger& log_;

  mutable std::mutex mu_;
  std::condition_variable changed_;
  // guarded by mu_
  std::deque<std::shared_ptr<Live>> live_;  // the first is asked first, then goes to the end: every batch gets its turn
  bool stopping_ = false;
  std::stop_source stop_;
  std::vector<std::thread> threads_;
};

}  // namespace siyu::batches
