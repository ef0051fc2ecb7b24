#include "api/responses_runs.h"

#include <algorithm>

#include "api/error_reply.h"

namespace siyu::api::responses {
namespace {

constexpr auto kSweepEvery = std::chrono::seconds(1);
constexpr int kSweepsPerPurge = 3600;
constexpr auto kStopWithin = std::chrono::seconds(5);
constexpr std::size_t kSaveQueue = 4096;

void add_stream_headers(net::Headers& headers) {
  headers.add("Content-Type", "text/event-stream; charset=utf-8");
  headers.add("Cache-Control", "no-cache");
  headers.add("X-Accel-Buffering", "no");  // nginx would hold the events back
}

}  // namespace

// --- Run ---

Run::Run(Runs& runs, RunOptions options, std::unique_ptr<chat::Stream> stream, ResponseWriter writer)
    : runs_(runs), options_(std::move(options)), deadline_(runs.clock_.steady_now() + runs.limit_), log_(runs.clock_), stream_(std::move(stream)),
      writer_(std::move(writer)) {}

json::object Run::body() const {
  const std::lock_guard lock(mu_);
  auto body = writer_.body();
  if (ended_ || !options_.background || options_.stream) return body;
  body["output"] = json::array();
  if (!begun_) return body;
  body["status"] = "in_progress";  // also while its end is being stored
  for (const auto* field : {"usage", "error", "incomplete_details", "completed_at"})
    if (body.contains(field)) body[field] = nullptr;
  return body;
}

bool Run::ended() const {
  const std::lock_guard lock(mu_);
  return ended_;
}

void Run::cancel(std::optional<Error> why) {
  std::shared_ptr<chat::Stream> stream;
  {
    const std::lock_guard lock(mu_);
    if (ending_ || cancelled_ || why_) return;
    cancelled_ = !why;
    why_ = std::move(why);
    stream = stream_;
  }
  stream->cancel();  // the pull under way ends with an error; a new one would as well
}

/// What runs in the background shows itself at once; the others when their first event says that they work.
void Run::begin() {
  if (options_.background) {
    const std::lock_guard lock(mu_);
    begun_ = true;
    writer_.begin(/*queued=*/true);
  }
  publish();
  pull();
}

/// One pull at a time; one that is answered at once does not nest, however many follow.
void Run::pull() {
  const auto stream = stream_;  // nobody takes it away while events come
  struct Step {
    std::mutex mu;
    bool inside = true, answered = false;
  };
  for (;;) {
    const auto step = std::make_shared<Step>();
    stream->pull([self = shared_from_this(), step](Result<std::optional<chat::Event>> event) {
      const bool last = !event || !*event;
      self->take(std::move(event));
      if (last) return;
      {
        const std::lock_guard lock(step->mu);
        step->answered = true;
        if (step->inside) return;  // the loop goes on
      }
      self->pull();
    });
    const std::lock_guard lock(step->mu);
    step->inside = false;
    if (!step->answered) return;
  }
}

void Run::take(Result<std::optional<chat::Event>> event) {
  if (event && *event) {
    std::unique_lock lock(mu_);
    if (!std::exchange(begun_, true)) writer_.begin(/*queued=*/false);
    writer_.event(**std::move(event));
    lock.unlock();
    publish();
    if (log_.bytes() > Runs::kMaxEventBytes)
      cancel(Error{.code = ErrorCode::kTooLarge, .message = "The events of the response are over 16 MiB; ask for fewer log probabilities, or do not stream"});
    return wake({});
  }
  end(event ? std::nullopt : std::optional(std::move(event).error()));
}

void Run::publish() {
  std::vector<std::string> events;
  {
    const std::lock_guard lock(mu_);
    events = writer_.take_events();
  }
  for (auto& one : events) log_.append(std::move(one));
}

void Run::end(std::optional<Error> error) {
  {
    const std::lock_guard lock(mu_);
    if (std::exchange(ending_, true)) return;
  }
  BoundedPool::Task task = [self = shared_from_this(), error]() mutable { self->settle(std::move(error)); };
  if (!runs_.savers_.try_submit(task)) task();
}

/// Stores what there is, then tells: who has seen the last event finds the response stored.
void Run::settle(std::optional<Error> error) {
  const bool begins_anew = error && options_.background && !options_.stream && runs_.stopping();  // after the next start
  std::optional<chat::StoredResponse> stored;
  std::optional<Error> failed_at_once;
  {
    const std::lock_guard lock(mu_);
    if (error && why_) error = why_;
    if (error && !begun_) {
      failed_at_once = failed_at_once_ = error;
    } else {
      if (!std::exchange(begun_, true)) writer_.begin(/*queued=*/false);
      if (error) writer_.fail(*error, cancelled_);
      else writer_.finish(to_unix_millis(runs_.clock_.now()) / 1000);
      if (options_.store && !begins_anew)
        stored = chat::StoredResponse{.id = writer_.id(), .previous = options_.previous, .input = options_.input, .body = json::serialize(writer_.body()),
                                      .ended = true, .created_at = from_unix_millis(options_.created * 1000)};
    }
  }
  if (stored) {
    if (const auto saved = runs_.store_.save(options_.pass, *stored); !saved)
      runs_.log_.error("response_not_stored", {{"response", stored->id}, {"detail", saved.error().message}});
  }
  publish();
  log_.close();
  {
    const std::lock_guard lock(mu_);
    stream_.reset();
    runs_.metrics_.on_generation(options_.model, writer_.usage(), error.has_value());
    ended_ = true;
    ended_at_ = runs_.clock_.steady_now();
  }
  wake(std::move(failed_at_once));
  runs_.retire(shared_from_this());
}

/// `waiter` is called when the answer of the making request can begin: at its first event, or at its end if it is whole.
void Run::when_ready(Waiter waiter) {
  std::optional<Error> error;
  {
    const std::lock_guard lock(mu_);
    const bool ready = ended_ || (options_.stream && begun_);
    if (!ready) {
      waiters_.push_back(std::move(waiter));
      return;
    }
    error = failed_at_once_;
  }
  waiter(std::move(error));
}

void Run::wake(std::optional<Error> error) {
  std::vector<Waiter> waiters;
  {
    const std::lock_guard lock(mu_);
    if (!ended_ && !options_.stream) return;
    waiters.swap(waiters_);
  }
  for (auto& waiter : waiters) waiter(error);
}

class Run::Reply final : public net::DeferredResponse {
 public:
  explicit Reply(std::shared_ptr<Run> run) : run_(std::move(run)) {}
  void start(Ready ready) override {
    run_->when_ready([run = run_, ready = std::move(ready)](std::optional<Error> error) mutable {
      if (error) return ready(error_reply(*error, run->options().request_id, run->runs_.log_));
      if (!run->options().stream) return ready(net::json_response(200, json::serialize(run->body())));
      net::Response response{.status = 200, .headers = {}, .body = run->log_.read_from(0)};
      add_stream_headers(response.headers);
      ready(std::move(response));
    });
  }
  /// Before its first event nobody can know its id, so nobody can come back.
  void cancel() noexcept override { run_->cancel(); }

 private:
  const std::shared_ptr<Run> run_;
};

net::Response Run::reply() {
  if (options_.background && !options_.stream) return net::json_response(200, json::serialize(body()));
  return {.status = 200, .headers = {}, .body = std::make_unique<Reply>(shared_from_this())};
}

// --- Runs ---

Runs::Runs(chat::ResponseStore& store, Metrics& metrics, const Clock& clock, Logger& log, std::chrono::seconds limit)
    : store_(store), metrics_(metrics), clock_(clock), log_(log), limit_(limit), savers_(1, kSaveQueue), sweeper_([this] { keep_sweeping(); }) {}

Runs::~Runs() {
  std::vector<std::shared_ptr<Run>> all;
  {
    const std::lock_guard lock(mu_);
    stopping_ = true;
    for (const auto& [id, run] : runs_) all.push_back(run);
  }
  changed_.notify_all();
  sweeper_.join();
  for (const auto& run : all) run->cancel();
  {
    std::unique_lock lock(mu_);
    changed_.wait_for(lock, kStopWithin, [&] { return std::ranges::all_of(all, [](const auto& run) { return run->ended(); }); });
  }
  savers_.stop();
}

Result<std::shared_ptr<Run>> Runs::start(RunOptions options, std::unique_ptr<chat::Stream> stream, ResponseWriter writer) {
  const auto id = writer.id();
  if (options.background)
    RETURN_IF_ERROR(store_.save(options.pass, {.id = id, .previous = options.previous, .input = options.input, .body = json::serialize(writer.body()), .ended = false,
                                               .created_at = from_unix_millis(options.created * 1000), .request = options.stream ? "" : options.request,
                                               .key = options.pass.principal().key.value_or(ApiKeyId())}));
  auto run = std::make_shared<Run>(*this, std::move(options), std::move(stream), std::move(writer));
  {
    const std::lock_guard lock(mu_);
    if (stopping_) return fail(ErrorCode::kUnavailable, "The server is stopping");
    runs_.emplace(id, run);
  }
  run->begin();
  return run;
}

std::shared_ptr<Run> Runs::find(const Pass& pass, const std::string& id) const {
  const std::lock_guard lock(mu_);
  const auto found = runs_.find(id);
  const bool own = found != runs_.end() && found->second->options().store && found->second->options().pass.principal().user == pass.principal().user;
  return own ? found->second : nullptr;
}

bool Runs::stopping() const {
  const std::lock_guard lock(mu_);
  return stopping_;
}

void Runs::drop(const Pass& pass, const std::string& id) {
  const auto run = find(pass, id);
  if (!run) return;
  run->cancel();
  const std::lock_guard lock(mu_);
  runs_.erase(id);
}

Status Runs::check_background(const Pass& pass) const {
  const std::lock_guard lock(mu_);
  const auto count = std::ranges::count_if(runs_, [&](const auto& entry) {
    const auto& options = entry.second->options();
    return options.background && options.pass.principal().user == pass.principal().user && !entry.second->ended();
  });
  if (static_cast<std::size_t>(count) < kMaxBackground) return {};
  return fail(ErrorCode::kResourceExhausted, "You have " + std::to_string(count) + " responses in the background; wait for some of them, or cancel some");
}

/// Only stored streams are kept for those who come back.
void Runs::retire(const std::shared_ptr<Run>& run) {
  const std::lock_guard lock(mu_);
  if (!run->options_.store || !run->options_.stream) runs_.erase(run->writer_.id());
  changed_.notify_all();
}

void Runs::sweep() {
  const auto now = clock_.steady_now();
  std::vector<std::shared_ptr<Run>> unread_runs, late_runs;
  {
    const std::lock_guard lock(mu_);
    std::multimap<SteadyTime, std::string> kept;
    std::size_t bytes = 0;
    std::erase_if(runs_, [&](const auto& entry) {
      const auto& [id, run] = entry;
      const std::lock_guard run_lock(run->mu_);
      if (run->ended_) {
        if (now - run->ended_at_ > kKeepEvents) return true;
        kept.emplace(run->ended_at_, id);
        bytes += run->log_.bytes();
        return false;
      }
      const auto unread = run->log_.unread_since();
      const bool given_up = !run->options_.background && unread && now - *unread > (run->options_.store ? kComeBackWithin : std::chrono::seconds(0));
      if (given_up) unread_runs.push_back(run);
      if (now > run->deadline_) late_runs.push_back(run);
      return false;
    });
    for (const auto& [when, id] : kept) {
      if (bytes <= kMaxKeptBytes) break;
      bytes -= runs_.at(id)->log_.bytes();
      runs_.erase(id);
    }
  }
  for (const auto& run : unread_runs) run->cancel();
  for (const auto& run : late_runs)
    run->cancel(Error{.code = ErrorCode::kDeadlineExceeded, .message = "The response took longer than " + std::to_string(limit_.count()) + " seconds and was stopped"});
}

void Runs::keep_sweeping() {
  for (int sweeps = 1;; ++sweeps) {
    {
      std::unique_lock lock(mu_);
      changed_.wait_for(lock, kSweepEvery, [&] { return stopping_; });
      if (stopping_) return;
    }
    sweep();
    if (sweeps % kSweepsPerPurge != 0) continue;
    if (const auto purged = store_.purge(); !purged) log_.error("responses_not_purged", {{"detail", purged.error().message}});
  }
}

}  // namespace siyu::api::responses
