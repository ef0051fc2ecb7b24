#include "models/pull.h"

#include <algorithm>

#include "base/json.h"
#include "net/url.h"
#include "store/blobs.h"

namespace siyu::models {

namespace {

constexpr std::size_t kThreads = 2;        // downloads at once; more only share the same line
constexpr std::size_t kMaxWaiting = 32;
constexpr std::size_t kMaxEnded = 100;     // ended ones that are remembered
constexpr int kPlanAttempts = 3;           // a hub that cannot be reached at all is told at once
constexpr auto kPlanWait = std::chrono::milliseconds(500);
constexpr auto kRateWindow = std::chrono::milliseconds(500);
constexpr double kRateSmoothing = 0.3;
constexpr std::string_view kColumns = "id, reference, name, named, sha256, load, actor, state, reason, plan, created_at";

std::string state_text(PullState state) { return enum_spelling(boost::describe::enum_to_string(state, "")); }

PullState state_of(const std::string& text) {
  for (const auto state : {PullState::kQueued, PullState::kRunning, PullState::kVerifying, PullState::kDone, PullState::kFailed})
    if (state_text(state) == text) return state;
  return PullState::kCancelled;
}

bool has_ended(PullState state) { return state == PullState::kDone || state == PullState::kFailed || state == PullState::kCancelled; }


std::unexpected<Error> no_pull(const std::string& id) { return not_found("There is no pull " + id + "; `siyu model pulls` shows those there are"); }

/// The name until the hub has said which file it is.
std::string first_name(const Source& source) {
  if (source.kind == SourceKind::kUrl) return model_name_of(net::without_query(source.url));
  return model_name_of(source.selector.ends_with(".gguf") ? source.selector : source.repo);
}

/// Faults that lie in what was asked for: what has arrived is of no use then.
bool spoils(const Error& error) {
  return error.code == ErrorCode::kInvalidArgument || error.code == ErrorCode::kNotFound || error.code == ErrorCode::kTooLarge || error.code == ErrorCode::kUnsupported;
}

}  // namespace

/// A row of model_pulls.
struct Pulls::Job {
  std::string id, reference, name;
  bool named = false;  ///< the caller chose the name
  std::string sha256;
  bool load = false;
  std::string actor;
  PullState state = PullState::kQueued;
  std::string reason;
  std::vector<PlannedFile> plan;
  Timestamp created_at;

  static Result<Job> from(const store::Row& row) {
    ASSIGN_OR_RETURN(auto plan, from_json_text<std::vector<PlannedFile>>(row.text(9)));
    return Job{.id = row.text(0), .reference = row.text(1), .name = row.text(2), .named = row.integer(3) != 0, .sha256 = row.text(4), .load = row.integer(5) != 0,
               .actor = row.text(6), .state = state_of(row.text(7)), .reason = row.text(8), .plan = std::move(plan), .created_at = row.time(10)};
  }
};

/// What is known of a job only while it runs.
struct Pulls::Live {
  Stop stop;
  std::atomic<bool> cancelled = false;  ///< by a caller, not by the server's end
  std::atomic<std::uint64_t> bytes_done = 0, bytes_total = 0;
  std::atomic<double> rate = 0;
  std::atomic<bool> verifying = false;
  std::mutex mu;
  std::string retrying;
  // worker's thread only
  SteadyTime measured_at{};
  std::uint64_t measured_bytes = 0;

  void measure(const Clock& clock, std::uint64_t done) {
    bytes_done = done;
    const auto now = clock.steady_now();
    if (now - measured_at < kRateWindow) return;
    const auto seconds = std::chrono::duration<double>(now - measured_at).count();
    const auto current = done > measured_bytes ? static_cast<double>(done - measured_bytes) / seconds : 0;
    rate = rate > 0 ? rate * (1 - kRateSmoothing) + current * kRateSmoothing : current;
    measured_at = now;
    measured_bytes = done;
  }
};

Pulls::Pulls(store::Database& db, ModelLibrary& library, policy::Policy& policy, PullOptions options, StartModel start_model, const Clock& clock, Random& random,
             Logger& log)
    : db_(db), library_(library), policy_(policy), options_(std::move(options)), start_model_(std::move(start_model)), clock_(clock), random_(random), log_(log),
      fetcher_(options_.stall, credentials_of(options_.hubs)) {}

Status Pulls::start() {
  ASSIGN_OR_RETURN(const auto rows, db_.read([](store::Transaction& tx) { return tx.query("SELECT id, state FROM model_pulls ORDER BY created_at, id"); }));
  std::error_code error;
  std::filesystem::create_directories(library_.staging_dir(), error);
  if (error) return fail(ErrorCode::kUnavailable, "The folder " + library_.staging_dir().string() + " cannot be made", error.message());
  std::map<std::string, bool> known;
  for (const auto& row : rows) {
    known[row.text(0)] = true;
    if (!has_ended(state_of(row.text(1)))) queue_.push_back(row.text(0));
  }
  for (const auto& entry : std::filesystem::directory_iterator(library_.staging_dir(), error))
    if (!known.contains(entry.path().filename().string())) std::filesystem::remove_all(entry.path(), error);
  for (std::size_t i = 0; i < kThreads; ++i) threads_.emplace_back([this] { work(); });
  return {};
}

void Pulls::stop() {
  {
    const std::lock_guard lock(mu_);
    stopping_ = true;
    for (const auto& [id, live] : running_) live->stop.request();
  }
  changed_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void Pulls::work() {
  for (;;) {
    std::string id;
    {
      std::unique_lock lock(mu_);
      changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      id = queue_.front();
      queue_.pop_front();
      running_[id] = std::make_shared<Live>();
    }
    run(id);
  }
}

void Pulls::run(const std::string& id) {
  std::shared_ptr<Live> live;
  {
    const std::lock_guard lock(mu_);
    live = running_.at(id);
  }
  auto job = load(id);
  if (job) {
    live->measured_at = clock_.steady_now();
    const auto status = perform(*job, *live);
    const std::lock_guard lock(mu_);
    // An end by the server's own stop leaves the row as it is: the next start goes on.
    const bool stopped = !status && live->stop.requested() && !live->cancelled;
    std::error_code ignored;
    if (status || (!live->cancelled && !stopped && spoils(status.error()))) {
      std::filesystem::remove_all(dir_of(id), ignored);
      if (!status) job->plan.clear();
    }
    if (!stopped) {
      const auto state = status ? PullState::kDone : live->cancelled ? PullState::kCancelled : PullState::kFailed;
      const auto ended = end(*job, state, status || live->cancelled ? "" : status.error().message);
      log_.info("model_pull_ended", {{"pull", id}, {"model", job->name}, {"state", state_text(state)}, {"bytes", live->bytes_done.load()},
                                     {"reason", status ? "" : status.error().message}, {"recorded", ended.has_value()}});
    }
  }
  const std::lock_guard lock(mu_);
  running_.erase(id);
}

Status Pulls::perform(Job& job, Live& live) {
  log_.info("model_pull_started", {{"pull", job.id}, {"source", net::without_query(job.reference)}});
  ASSIGN_OR_RETURN(const auto pass, policy_.internal("model pull " + job.id + " of " + net::without_query(job.reference) + " ordered by " + job.actor));
  const bool planned = !job.plan.empty();
  if (!planned) RETURN_IF_ERROR(plan(job, live));
  const auto present = library_.get(pass, job.name);
  if (present && planned && has_arrived(job, *present)) {
    if (!present->projector) RETURN_IF_ERROR(import_projector(pass, job));
    return job.load ? start_model_(pass, job.name) : Status();
  }
  if (present)
    return fail(ErrorCode::kAlreadyExists, "A model named " + job.name + " exists already; remove it first, or pull under another name with --name");
  RETURN_IF_ERROR(fetch_all(job, live));
  live.verifying = true;
  RETURN_IF_ERROR(import(pass, job));
  return job.load ? start_model_(pass, job.name) : Status();
}

/// Whether a kill came between the model's arrival in the library and the record of it.
bool Pulls::has_arrived(const Job& job, const Model& model) const {
  std::uint64_t expected = 0;
  for (std::size_t i = 0; i < model_files(job.plan); ++i) expected += job.plan[i].bytes.value_or(0);
  return model.origin == net::without_query(job.reference) && model.bytes == expected && !std::filesystem::exists(dir_of(job.id) / "0");
}

Status Pulls::plan(Job& job, Live& live) {
  ASSIGN_OR_RETURN(const auto source, parse_source(job.reference));
  auto files = plan_files(source, options_.hubs, fetcher_, live.stop);
  for (int attempt = 1; attempt < kPlanAttempts && !files && files.error().code == ErrorCode::kUnavailable && live.stop.sleep(kPlanWait * attempt); ++attempt)
    files = plan_files(source, options_.hubs, fetcher_, live.stop);
  if (!files) {
    auto error = std::move(files).error();
    if (error.code == ErrorCode::kUnavailable) error.message += " Check the server's network (https_proxy); without one, copy the file there and use `siyu model import`";
    return std::unexpected(std::move(error));
  }
  if (!job.sha256.empty() && model_files(*files) > 1) return invalid("A checksum is for one file, and this model has several parts; leave it out: the hub's own are checked");
  if (!job.sha256.empty()) files->front().sha256 = job.sha256;
  if (!job.named) job.name = model_name_of(files->front().path);
  job.plan = std::move(*files);
  const std::lock_guard lock(mu_);  // of two that want one name the first gets it, before any byte is downloaded
  ASSIGN_OR_RETURN(const auto rivals, db_.read([&](store::Transaction& tx) {
    return tx.query("SELECT id FROM model_pulls WHERE name = ? AND id <> ? AND state = 'queued' AND plan <> '[]'", job.name, job.id);
  }));
  if (!rivals.empty()) return fail(ErrorCode::kConflict, "Another pull is bringing a model named " + job.name + "; choose another name with --name");
  return save_plan(job);
}

Status Pulls::fetch_all(Job& job, Live& live) {
  const auto dir = dir_of(job.id);
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  const auto add_up = [&] {
    std::uint64_t total = 0;
    for (const auto& file : job.plan) total += file.bytes.value_or(0);
    live.bytes_total = total;
    return total;
  };
  std::uint64_t present = 0;
  for (std::size_t i = 0; i < job.plan.size(); ++i)
    if (const auto size = std::filesystem::file_size(dir / std::to_string(i), error); !error) present += size;
  live.measured_bytes = present;
  if (const auto total = add_up(); total > present) RETURN_IF_ERROR(check_disk_space(dir, total - present, options_.limits.disk_reserve));

  std::uint64_t before = 0;
  for (std::size_t i = 0; i < job.plan.size(); ++i) {
    const DownloadEvents events{.progress = [&](std::uint64_t bytes) {
                                  live.measure(clock_, before + bytes);
                                  const std::lock_guard lock(live.mu);
                                  live.retrying.clear();
                                },
                                .plan_changed = [&] {
                                  add_up();
                                  return save_plan(job);
                                },
                                .retrying = [&](const std::string& why) {
                                  const std::lock_guard lock(live.mu);
                                  live.retrying = "Trying again: " + why;
                                }};
    RETURN_IF_ERROR(download(fetcher_, options_.hubs, job.plan[i], dir / std::to_string(i), options_.limits, clock_, live.stop, events));
    before += job.plan[i].bytes.value_or(0);
  }
  RETURN_IF_ERROR(save_plan(job));
  return store::sync_directory(dir);
}

Status Pulls::import(const Pass& pass, const Job& job) {
  const auto models = model_files(job.plan);
  if (models < job.plan.size()) RETURN_IF_ERROR(ModelLibrary::check_projector(dir_of(job.id) / std::to_string(models)));
  std::vector<ModelFile> files;
  for (std::size_t i = 0; i < models; ++i) files.push_back(arrived(job, i));
  RETURN_IF_ERROR(library_.import_files(pass, job.name, files, net::without_query(job.reference)));
  return import_projector(pass, job);
}

Status Pulls::import_projector(const Pass& pass, const Job& job) {
  const auto at = model_files(job.plan);
  if (at == job.plan.size()) return {};
  RETURN_IF_ERROR(library_.add_projector(pass, job.name, arrived(job, at), job.plan[at].path));
  return {};
}

ModelFile Pulls::arrived(const Job& job, std::size_t file) const {
  const auto& sha256 = job.plan[file].sha256;
  return {.path = dir_of(job.id) / std::to_string(file), .sha256 = sha256.empty() ? std::nullopt : std::optional(sha256)};
}

Status Pulls::end(const Job& job, PullState state, const std::string& reason) {
  return db_.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("UPDATE model_pulls SET state = ?, reason = ?, name = ?, plan = ?, ended_at = ? WHERE id = ?", state_text(state), reason, job.name,
                               to_json_text(job.plan), clock_.now(), job.id));
    return {};
  });
}

Status Pulls::save_plan(const Job& job) {
  return db_.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("UPDATE model_pulls SET plan = ?, name = ? WHERE id = ?", to_json_text(job.plan), job.name, job.id));
    return {};
  });
}

Result<Pulls::Job> Pulls::load(const std::string& id) {
  ASSIGN_OR_RETURN(const auto rows, db_.read([&](store::Transaction& tx) { return tx.query("SELECT " + std::string(kColumns) + " FROM model_pulls WHERE id = ?", id); }));
  if (rows.empty()) return no_pull(id);
  return Job::from(rows[0]);
}

Pull Pulls::head_of(const Job& job) {
  return {.id = job.id, .reference = net::without_query(job.reference), .name = job.name, .state = job.state, .reason = job.reason, .created_at = job.created_at};
}

Pull Pulls::show(const Job& job) {
  auto pull = head_of(job);
  for (const auto& file : job.plan) pull.bytes_total += file.bytes.value_or(0);
  std::shared_ptr<Live> live;
  {
    const std::lock_guard lock(mu_);
    if (const auto found = running_.find(job.id); found != running_.end()) live = found->second;
  }
  if (live && !has_ended(job.state)) {
    pull.state = live->cancelled ? PullState::kCancelled : live->verifying ? PullState::kVerifying : PullState::kRunning;
    pull.bytes_done = live->bytes_done;
    pull.bytes_total = std::max(pull.bytes_total, live->bytes_total.load());
    pull.bytes_per_second = live->rate;
    const std::lock_guard lock(live->mu);
    pull.reason = live->retrying;
    return pull;
  }
  if (job.state == PullState::kDone) {
    pull.bytes_done = pull.bytes_total;
    return pull;
  }
  std::error_code error;
  for (std::size_t i = 0; i < job.plan.size(); ++i)
    if (const auto size = std::filesystem::file_size(dir_of(job.id) / std::to_string(i), error); !error) pull.bytes_done += size;
  return pull;
}

Result<Pull> Pulls::create(const Pass& pass, const NewPull& order) {
  ASSIGN_OR_RETURN(const auto source, parse_source(order.reference));
  RETURN_IF_ERROR(check_online(source, options_.hubs));
  if (order.name) RETURN_IF_ERROR(check_name(*order.name));
  const auto sha256 = read_sha256(order.sha256.value_or(""));
  if (order.sha256 && sha256.empty()) return invalid("A SHA-256 checksum has 64 digits from 0 to 9 and a to f");
  if (order.name && library_.get(pass, *order.name))
    return fail(ErrorCode::kAlreadyExists, "A model named " + *order.name + " exists already; remove it first or choose another name");

  const std::lock_guard lock(mu_);
  if (queue_.size() >= kMaxWaiting) return fail(ErrorCode::kResourceExhausted, "Too many pulls are waiting; cancel some or try again when they are done");
  ASSIGN_OR_RETURN(const auto rows, db_.read([&](store::Transaction& tx) {
    return tx.query("SELECT " + std::string(kColumns) + " FROM model_pulls WHERE reference = ? AND sha256 = ? AND state <> 'done' ORDER BY created_at DESC", order.reference, sha256);
  }));
  Job job{.id = new_id_text("pull", clock_, random_), .reference = order.reference, .name = order.name.value_or(first_name(source)), .named = order.name.has_value(),
          .sha256 = sha256, .load = order.load, .actor = pass.principal().username, .created_at = clock_.now()};
  if (!rows.empty()) {
    ASSIGN_OR_RETURN(auto earlier, Job::from(rows[0]));
    const auto live = running_.find(earlier.id);
    if (live != running_.end() && live->second->cancelled) return fail(ErrorCode::kConflict, "The earlier pull of this source is just being cancelled; try again in a moment");
    if (!has_ended(earlier.state) && order.name && *order.name != earlier.name)
      return fail(ErrorCode::kConflict, "This source is being pulled already, under the name " + earlier.name);
    if (!has_ended(earlier.state)) return head_of(earlier);
    job.id = earlier.id;
    job.plan = std::move(earlier.plan);
    if (!order.name && !job.plan.empty()) job.name = model_name_of(job.plan.front().path);
  }
  RETURN_IF_ERROR(db_.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("INSERT INTO model_pulls (id, reference, name, named, sha256, load, actor, state, plan, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?) "
                               "ON CONFLICT (id) DO UPDATE SET name = excluded.name, named = excluded.named, load = excluded.load, actor = excluded.actor, state = 'queued', reason = ''",
                               job.id, job.reference, job.name, job.named, job.sha256, job.load, job.actor, to_json_text(job.plan), job.created_at));
    return {};
  }));
  RETURN_IF_ERROR(prune());
  queue_.push_back(job.id);
  changed_.notify_one();
  return head_of(job);
}

Result<std::vector<Pull>> Pulls::list(const Pass&) {
  ASSIGN_OR_RETURN(const auto rows,
                   db_.read([](store::Transaction& tx) { return tx.query("SELECT " + std::string(kColumns) + " FROM model_pulls ORDER BY created_at DESC, id DESC"); }));
  std::vector<Pull> pulls;
  for (const auto& row : rows) {
    ASSIGN_OR_RETURN(const auto job, Job::from(row));
    pulls.push_back(show(job));
  }
  return pulls;
}

Result<Pull> Pulls::get(const Pass&, const std::string& id) {
  ASSIGN_OR_RETURN(const auto job, load(id));
  return show(job);
}

Status Pulls::remove(const Pass&, const std::string& id) {
  const std::lock_guard lock(mu_);
  ASSIGN_OR_RETURN(const auto job, load(id));
  if (const auto found = running_.find(id); found != running_.end()) {
    if (found->second->verifying) return fail(ErrorCode::kConflict, "All of it has arrived and is being checked; remove the model afterwards");
    found->second->cancelled = true;
    found->second->stop.request();
    return {};
  }
  if (std::erase(queue_, id) > 0) return end(job, PullState::kCancelled, "");
  RETURN_IF_ERROR(db_.write([&](store::Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("DELETE FROM model_pulls WHERE id = ?", id));
    return {};
  }));
  std::error_code ignored;
  std::filesystem::remove_all(dir_of(id), ignored);
  return {};
}

/// Forgets the oldest ended pulls, with what they left.
Status Pulls::prune() {
  ASSIGN_OR_RETURN(const auto rows, db_.write([&](store::Transaction& tx) {
    return tx.query("DELETE FROM model_pulls WHERE id IN (SELECT id FROM model_pulls WHERE state IN ('done', 'failed', 'cancelled') "
                    "ORDER BY ended_at DESC LIMIT -1 OFFSET ?) RETURNING id", kMaxEnded);
  }));
  std::error_code ignored;
  for (const auto& row : rows) std::filesystem::remove_all(dir_of(row.text(0)), ignored);
  return {};
}

}  // namespace siyu::models
