#include "batches/batches.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "base/json.h"

namespace siyu::batches {
namespace {

constexpr std::int64_t kWindowSeconds = 24 * 3600;
constexpr std::size_t kMaxFaults = 100;
constexpr auto kFirstHold = std::chrono::seconds(1);
constexpr auto kLongestHold = std::chrono::seconds(60);
constexpr auto kIdleWait = std::chrono::seconds(1);
constexpr auto kPurgeEvery = std::chrono::hours(1);
constexpr std::string_view kEndpoints[] = {"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses"};

bool has_ended(BatchState state) {
  return state == BatchState::kCompleted || state == BatchState::kFailed || state == BatchState::kExpired || state == BatchState::kCancelled;
}

/// Overload, or a limit that time lifts.
bool worth_trying_again(int status) { return status == 429 || status == 503; }

Status append_whole(int file, const std::string& text) {
  const auto written = ::write(file, text.data(), text.size());
  if (written == static_cast<ssize_t>(text.size())) return {};
  return fail(ErrorCode::kStorageFull, "The results of a batch cannot be written; is there room on the server's disk?");
}

}  // namespace

/// One batch under way. Its members are guarded by the Batches' lock, but for what `preparing` and `finalizing` keep to one thread.
struct Batches::Live {
  Batch batch;
  std::filesystem::path input_path;
  bool prepared = false, preparing = false, finalizing = false, at_end = false;
  std::ifstream input;
  std::set<std::string> done;       // from before a restart; taken out as their lines come by
  std::deque<Line> again;           // lines that met an overload
  std::size_t under_way = 0;
  int output = -1, errors = -1;
  SteadyTime not_before{};          // overloaded: nothing begins before
  std::chrono::seconds hold = kFirstHold;
  std::stop_source stop;

  ~Live() {
    if (output >= 0) ::close(output);
    if (errors >= 0) ::close(errors);
  }
};

struct Batches::Task {
  enum class Kind { kPrepare, kLine, kFinalize } kind = Kind::kLine;
  std::shared_ptr<Live> live;
  Line line = {};
};

Batches::Batches(store::Database& db, Files& files, FindPrincipal find_principal, ExecuteLine execute, const Clock& clock, Random& random, Logger& log)
    : db_(db), files_(files), find_principal_(std::move(find_principal)), execute_(std::move(execute)), clock_(clock), random_(random), log_(log) {}

Status Batches::start() {
  ASSIGN_OR_RETURN(const auto rows, db_.read([](store::Transaction& tx) { return tx.query("SELECT record FROM api_batches WHERE ended = 0 ORDER BY id"); }));
  for (const auto& row : rows) {
    ASSIGN_OR_RETURN(auto batch, from_json_text<Batch>(row.text(0)));
    auto live = std::make_shared<Live>();
    live->input_path = files_.path_of(batch.input_file);
    live->batch = std::move(batch);
    live_.push_back(std::move(live));
  }
  for (std::size_t i = 0; i < kLanes; ++i) threads_.emplace_back([this] { work(); });
  return {};
}

void Batches::stop() {
  {
    const std::lock_guard lock(mu_);
    stopping_ = true;
    stop_.request_stop();
    for (const auto& live : live_) live->stop.request_stop();
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

Result<Batch> Batches::create(const Pass& pass, const NewBatch& order) {
  if (std::ranges::find(kEndpoints, order.endpoint) == std::end(kEndpoints))
    return invalid_field("endpoint", "must be /v1/chat/completions, /v1/completions, /v1/embeddings or /v1/responses");
  if (order.completion_window != "24h") return invalid_field("completion_window", "must be 24h");
  if (order.metadata.size() > 16) return invalid_field("metadata", "may hold at most 16 entries");
  auto file = files_.get(pass, order.input_file);
  if (!file) return invalid_field("input_file_id", "names no file of yours");
  if (file->purpose != "batch") return invalid_field("input_file_id", "must name a file uploaded with the purpose batch");
  Batch batch{.id = new_id_text("batch", clock_, random_), .owner = pass.principal().user.str(), .endpoint = order.endpoint, .input_file = file->id,
              .completion_window = order.completion_window, .created_at = now(), .expires_at = now() + kWindowSeconds, .metadata = order.metadata};
  if (pass.principal().key) batch.key = pass.principal().key->str();
  RETURN_IF_ERROR(db_.write([&](store::Transaction& tx) -> Status {
    ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT COUNT(*) FROM api_batches WHERE owner = ? AND ended = 0", batch.owner));
    if (rows[0].integer(0) >= kMaxUnfinished) return fail(ErrorCode::kResourceExhausted, "You have 100 unfinished batches; wait for some of them, or cancel some");
    RETURN_IF_ERROR(tx.execute("INSERT INTO api_batches (id, owner, input_file, ended, record, created_at) VALUES (?, ?, ?, 0, ?, ?)", batch.id, batch.owner,
                               batch.input_file, to_json_text(batch), clock_.now()));
    return {};
  }));
  auto live = std::make_shared<Live>();
  live->input_path = files_.path_of(file->place);
  live->batch = batch;
  {
    const std::lock_guard lock(mu_);
    live_.push_back(std::move(live));
  }
  changed_.notify_all();
  return batch;
}

Status Batches::save(const Batch& batch) {
  return db_.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("UPDATE api_batches SET record = ?, ended = ? WHERE id = ?", to_json_text(batch), has_ended(batch.state), batch.id));
    return {};
  });
}

/// Of one under way the counts in memory are newer.
Batch Batches::snapshot(const Batch& stored) const {
  const std::lock_guard lock(mu_);
  for (const auto& live : live_)
    if (live->batch.id == stored.id && !has_ended(stored.state)) return live->batch;
  return stored;
}

Result<BatchPage> Batches::list(const Pass& pass, const std::string& after, std::size_t limit) {
  ASSIGN_OR_RETURN(const auto rows, db_.read([&](store::Transaction& tx) {
    return tx.query("SELECT record FROM api_batches WHERE owner = ? AND (? = '' OR id < ?) ORDER BY id DESC LIMIT ?", pass.principal().user, after, after,
                    static_cast<std::int64_t>(limit + 1));
  }));
  BatchPage page{.batches = {}, .more = rows.size() > limit};
  for (const auto& row : rows) {
    if (page.batches.size() == limit) break;
    ASSIGN_OR_RETURN(const auto batch, from_json_text<Batch>(row.text(0)));
    page.batches.push_back(snapshot(batch));
  }
  return page;
}

Result<Batch> Batches::get(const Pass& pass, const std::string& id) {
  ASSIGN_OR_RETURN(const auto rows, db_.read([&](store::Transaction& tx) {
    return tx.query("SELECT record FROM api_batches WHERE id = ? AND owner = ?", id, pass.principal().user);
  }));
  if (rows.empty()) return not_found("There is no batch " + id.substr(0, 64) + " of yours");
  ASSIGN_OR_RETURN(const auto batch, from_json_text<Batch>(rows[0].text(0)));
  return snapshot(batch);
}

Result<Batch> Batches::cancel(const Pass& pass, const std::string& id) {
  ASSIGN_OR_RETURN(auto batch, get(pass, id));
  if (has_ended(batch.state)) return fail(ErrorCode::kConflict, "The batch " + id + " has ended already");
  {
    const std::lock_guard lock(mu_);
    for (const auto& live : live_) {
      if (live->batch.id != id || live->batch.state == BatchState::kCancelling || live->finalizing) continue;
      live->batch.state = BatchState::kCancelling;
      live->batch.cancelling_at = now();
      live->not_before = {};
      live->stop.request_stop();
      batch = live->batch;
    }
  }
  RETURN_IF_ERROR(save(batch));
  changed_.notify_all();
  return batch;
}

void Batches::work() {
  auto purged = clock_.steady_now();
  for (;;) {
    auto task = next_task();
    if (!task) {
      std::unique_lock lock(mu_);
      if (stopping_) return;
      changed_.wait_for(lock, kIdleWait);
      lock.unlock();
      if (clock_.steady_now() - purged < kPurgeEvery) continue;
      purged = clock_.steady_now();
      if (const auto done = files_.purge(); !done) log_.error("files_not_purged", {{"detail", done.error().message}});
      continue;
    }
    switch (task->kind) {
      case Task::Kind::kPrepare: prepare(*task->live); break;
      case Task::Kind::kLine: perform(*task); break;
      case Task::Kind::kFinalize: finalize(*task->live); break;
    }
    changed_.notify_all();
  }
}

std::optional<Batches::Task> Batches::next_task() {
  const std::lock_guard lock(mu_);
  if (stopping_) return std::nullopt;
  for (std::size_t turn = 0; turn < live_.size(); ++turn) {
    auto live = live_.front();
    live_.pop_front();
    live_.push_back(live);
    if (live->preparing || live->finalizing) continue;
    Task task{.live = live};
    if (!live->prepared) {
      live->preparing = true;
      task.kind = Task::Kind::kPrepare;
      return task;
    }
    expire(*live);
    const bool going = live->batch.state == BatchState::kInProgress;
    if (clock_.steady_now() < live->not_before) continue;
    if (going && read_line(*live, task)) {
      ++live->under_way;
      return task;
    }
    if (live->under_way > 0 || (going && !live->again.empty())) continue;
    live->finalizing = true;
    task.kind = Task::Kind::kFinalize;
    return task;
  }
  return std::nullopt;
}

void Batches::expire(Live& live) {
  if (live.batch.state != BatchState::kInProgress || now() < live.batch.expires_at) return;
  live.batch.state = BatchState::kFinalizing;
  live.batch.expired_at = now();
  live.not_before = {};
  live.stop.request_stop();
}

/// Checks the input, or reads back how far it had come.
void Batches::prepare(Live& live) {
  auto ready = live.batch.state == BatchState::kValidating ? validate(live) : Status();
  if (ready) ready = open_results(live);
  if (ready && live.batch.state == BatchState::kValidating) {
    auto batch = live.batch;
    batch.state = BatchState::kInProgress;
    batch.in_progress_at = now();
    ready = save(batch);
    const std::lock_guard lock(mu_);
    if (ready && live.batch.state == BatchState::kValidating) live.batch = std::move(batch);
  }
  const std::lock_guard lock(mu_);
  live.preparing = false;
  live.prepared = true;
  if (ready) return;
  live.batch.state = BatchState::kFinalizing;
  live.batch.failed_at = now();
  if (live.batch.faults.empty()) live.batch.faults.push_back({.code = "server_error", .message = ready.error().message, .line = {}, .param = {}});
}

Status Batches::validate(Live& live) {
  std::ifstream in(live.input_path, std::ios::binary);
  std::set<std::string> seen;
  std::int64_t number = 0, total = 0;
  std::vector<InputFault> faults;
  const auto add = [&](const std::string& code, const Error& error) {
    if (faults.size() < kMaxFaults) faults.push_back({.code = code, .message = error.message, .line = number, .param = error.param.empty() ? std::nullopt : std::optional(error.param)});
  };
  for (std::string text; std::getline(in, text);) {
    ++number;
    if (text.empty() || text == "\r") continue;
    ++total;
    auto line = parse_line(text, live.batch.endpoint);
    if (!line) add("invalid_request", line.error());
    else if (!seen.insert(line->custom_id).second) add("duplicate_custom_id", {.message = "`custom_id` stands twice: " + line->custom_id.substr(0, 64), .param = "custom_id"});
  }
  if (total == 0) faults.push_back({.code = "empty_file", .message = "The input file holds no requests", .line = {}, .param = {}});
  if (total > static_cast<std::int64_t>(kMaxLines)) faults.push_back({.code = "too_many_requests", .message = "A batch may hold at most 50,000 requests; split the file", .line = {}, .param = {}});
  const std::lock_guard lock(mu_);
  live.batch.total = total;
  live.batch.faults = std::move(faults);
  return live.batch.faults.empty() ? Status() : invalid("The input file has faults");
}

Status Batches::open_results(Live& live) {
  ASSIGN_OR_RETURN(auto completed, heal_results(results(live.batch, "output")));
  ASSIGN_OR_RETURN(auto failed, heal_results(results(live.batch, "errors")));
  const auto open = [&](std::string_view kind) { return ::open(results(live.batch, kind).c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600); };
  live.output = open("output");
  live.errors = open("errors");
  live.input.open(live.input_path, std::ios::binary);
  if (live.output < 0 || live.errors < 0 || !live.input) return fail(ErrorCode::kUnavailable, "The files of the batch cannot be opened");
  const std::lock_guard lock(mu_);
  live.batch.completed = static_cast<std::int64_t>(completed.size());
  live.batch.failed = static_cast<std::int64_t>(failed.size());
  live.done = std::move(completed);
  live.done.merge(failed);
  return {};
}

/// The next line that is not done. Needs the lock.
bool Batches::read_line(Live& live, Task& task) {
  if (!live.again.empty()) {
    task.line = std::move(live.again.front());
    live.again.pop_front();
    return true;
  }
  for (std::string text; !live.at_end;) {
    if (!std::getline(live.input, text)) {
      live.at_end = true;
      break;
    }
    auto line = parse_line(text, live.batch.endpoint);
    if (!line || live.done.erase(line->custom_id) > 0) continue;
    task.line = *std::move(line);
    return true;
  }
  return false;
}

void Batches::perform(Task& task) {
  auto& live = *task.live;
  const auto& batch = live.batch;  // owner, key and endpoint never change
  const auto principal = find_principal_(UserId(batch.owner), batch.key ? std::optional(ApiKeyId(*batch.key)) : std::nullopt);
  LineReply reply;
  if (principal) {
    reply = execute_(*principal, batch.endpoint, task.line.body, live.stop.get_token());
  } else {
    reply = {.status = 401, .body = json::serialize(json::object{{"error", {{"message", principal.error().message}, {"type", "authentication_error"}, {"param", nullptr}, {"code", "unauthenticated"}}}}),
             .request_id = new_id_text("req", clock_, random_)};
  }
  if (live.stop.stop_requested() && reply.status != 200) return give_back(std::move(task));  // the end of the batch says what becomes of it
  if (worth_trying_again(reply.status)) {
    {
      const std::lock_guard lock(mu_);
      live.not_before = clock_.steady_now() + live.hold;
      live.hold = std::min(live.hold * 2, kLongestHold);
    }
    return give_back(std::move(task));
  }
  write_result(live, task.line.custom_id, reply);
}

void Batches::give_back(Task task) {
  const std::lock_guard lock(mu_);
  --task.live->under_way;
  task.live->again.push_back(std::move(task.line));
}

void Batches::write_result(Live& live, const std::string& custom_id, const LineReply& reply) {
  const bool good = reply.status == 200;
  const auto text = result_line(custom_id, reply, new_id_text("batch_req", clock_, random_));
  const std::lock_guard lock(mu_);
  --live.under_way;
  live.hold = kFirstHold;
  const auto written = append_whole(good ? live.output : live.errors, text);
  if (written) {
    ++(good ? live.batch.completed : live.batch.failed);
    return;
  }
  live.batch.state = BatchState::kFinalizing;
  live.batch.failed_at = now();
  live.batch.faults.push_back({.code = "server_error", .message = written.error().message, .line = {}, .param = {}});
  live.stop.request_stop();
}

void Batches::finalize(Live& live) {
  {
    const std::lock_guard lock(mu_);
    live.batch.finalizing_at = now();
  }
  // What a window that closed left undone is told line by line.
  if (live.batch.expired_at) {
    for (Task task; read_line(live, task);)
      if (append_whole(live.errors, undone_line(task.line.custom_id, "batch_expired", "The batch ended before this request was done", new_id_text("batch_req", clock_, random_)))) ++live.batch.failed;
  }
  const auto ended = end(live);
  const std::lock_guard lock(mu_);
  if (!ended) {
    log_.error("batch_not_ended", {{"batch", live.batch.id}, {"detail", ended.error().message}});
    live.finalizing = false;
    live.not_before = clock_.steady_now() + kLongestHold;
    // Its owner is gone, and its row with them.
    if (ended.error().code != ErrorCode::kNotFound) return;
  }
  std::erase_if(live_, [&](const auto& one) { return one.get() == &live; });
}

/// The result files become files of the owner together with the end of the batch.
Status Batches::end(Live& live) {
  Batch batch;
  {
    const std::lock_guard lock(mu_);
    batch = live.batch;
  }
  if (batch.expired_at) batch.state = BatchState::kExpired;
  else if (batch.failed_at) batch.state = BatchState::kFailed;
  else if (batch.state == BatchState::kCancelling) batch.state = BatchState::kCancelled;
  else batch.state = BatchState::kCompleted;
  if (batch.state == BatchState::kCompleted) batch.completed_at = now();
  if (batch.state == BatchState::kCancelled) batch.cancelled_at = now();
  if (live.output >= 0) ::fsync(live.output);
  if (live.errors >= 0) ::fsync(live.errors);
  struct Made {
    std::string id, place, filename;
    std::int64_t bytes = 0;
  };
  std::vector<Made> made;
  const auto add = [&](std::string_view kind, std::optional<std::string>& id) {
    std::error_code error;
    const auto bytes = std::filesystem::file_size(results(batch, kind), error);
    if (error || bytes == 0) return;
    id = new_id_text("file", clock_, random_);
    made.push_back({.id = *id, .place = batch.id + "." + std::string(kind), .filename = batch.id + "_" + std::string(kind) + ".jsonl", .bytes = static_cast<std::int64_t>(bytes)});
  };
  add("output", batch.output_file);
  add("errors", batch.error_file);
  RETURN_IF_ERROR(db_.write([&](store::Transaction& tx) -> Status {
    ASSIGN_OR_RETURN(const auto changed, tx.execute("UPDATE api_batches SET record = ?, ended = 1 WHERE id = ?", to_json_text(batch), batch.id));
    if (changed == 0) return not_found("The batch " + batch.id + " is gone with its owner");
    for (const auto& file : made)
      RETURN_IF_ERROR(tx.execute("INSERT INTO api_files (id, owner, filename, purpose, place, bytes, created_at, expires_at) VALUES (?, ?, ?, 'batch_output', ?, ?, ?, NULL)",
                                 file.id, batch.owner, file.filename, file.place, file.bytes, clock_.now()));
    return {};
  }));
  log_.info("batch_ended", {{"batch", batch.id}, {"state", enum_spelling(boost::describe::enum_to_string(batch.state, ""))}, {"completed", batch.completed}, {"failed", batch.failed}});
  return {};
}

}  // namespace siyu::batches
