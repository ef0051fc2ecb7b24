#include "engine/worker_supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

namespace siyu::engine {
namespace {

constexpr std::size_t kOutboxLimit = 128UL << 20;  // a worker that does not read this much is no longer served
constexpr int kLoadAttempts = 2;                   // a file that kills the loader twice will do it again
constexpr Millis kReapLimit = std::chrono::seconds(2);

Error died(const std::string& name) {
  return {ErrorCode::kUnavailable, "The model process of " + name + " stopped while it was answering; a new one is being started, "
          "please send the request again"};
}

}  // namespace

/// What belongs to one process.
struct WorkerSupervisor::Session {
  std::unique_ptr<sandbox::ChildProcess> child;
  FrameDecoder decoder;
  std::string writing;
  std::size_t written = 0;
  SteadyTime started, last_heard, last_ping;
  SessionEnd end;
  bool over = false;

  void finish(std::string reason) {
    if (!over) end.reason = std::move(reason);
    over = true;
  }
};

WorkerSupervisor::WorkerSupervisor(LocalWorkerOptions options, const Clock& clock, Logger& log, sandbox::UniqueFd wake)
    : options_(std::move(options)), clock_(clock), log_(log), wake_(std::move(wake)) {
  info_.name = options_.name;
  health_.message = "The model " + options_.name + " is being loaded";
}

WorkerSupervisor::~WorkerSupervisor() { stop(); }

void WorkerSupervisor::start() {
  thread_ = std::thread([this] { run(); });
}

void WorkerSupervisor::stop() {
  {
    const std::lock_guard lock(mu_);
    stopping_ = true;
  }
  wake();
  if (thread_.joinable()) thread_.join();
}

void WorkerSupervisor::wake() const { (void)!::eventfd_write(wake_.get(), 1); }

bool WorkerSupervisor::stopping() const {
  const std::lock_guard lock(mu_);
  return stopping_;
}

Status WorkerSupervisor::wait_ready(Millis limit) {
  std::unique_lock lock(mu_);
  const auto settled = [&] {
    return health_.state == EngineState::kReady || health_.state == EngineState::kFailed || health_.state == EngineState::kStopped;
  };
  if (!state_changed_.wait_for(lock, limit, settled))
    return fail(ErrorCode::kDeadlineExceeded, "The model " + options_.name + " is still being loaded");
  if (health_.state == EngineState::kReady) return {};
  return fail(ErrorCode::kUnavailable, health_.message);
}

Result<std::uint32_t> WorkerSupervisor::open(const MakeMessage& make, std::shared_ptr<ReplySink> sink) {
  std::uint32_t stream = 0;
  {
    const std::lock_guard lock(mu_);
    if (health_.state != EngineState::kReady && health_.state != EngineState::kRestarting)
      return fail(ErrorCode::kUnavailable, health_.message);
    if (requests_.size() >= options_.max_requests || outbox_.size() > kOutboxLimit)
      return fail_because(ErrorCode::kUnavailable, kOverloaded, "The model " + options_.name + " has too many requests open; try again in a few seconds");
    while (requests_.contains(next_stream_) || next_stream_ == 0) ++next_stream_;
    stream = next_stream_++;
    requests_.emplace(stream, Request{.sink = std::move(sink), .frame = {}, .attempts = 0, .paused_since = {}});
  }
  std::string frame = encode_frame(encode(make(stream)));  // large; not under the lock
  const std::lock_guard lock(mu_);
  const auto found = requests_.find(stream);
  if (found == requests_.end()) return stream;  // failed meanwhile, its sink knows
  if (frame.size() > kMaxFramePayload) {
    requests_.erase(found);
    return fail(ErrorCode::kTooLarge, "The request is over " + std::to_string(kMaxFramePayload >> 20) + " MiB; send less at once");
  }
  found->second.frame = std::move(frame);
  if (connected_) {
    send_locked(found->second.frame);
    ++found->second.attempts;
    wake();
  }
  return stream;
}

void WorkerSupervisor::cancel(std::uint32_t stream) noexcept {
  std::shared_ptr<ReplySink> sink;
  {
    const std::lock_guard lock(mu_);
    const auto found = requests_.find(stream);
    if (found == requests_.end()) return;
    sink = std::move(found->second.sink);
    if (connected_ && found->second.attempts > 0) send_locked(encode_frame(encode(Control{stream, StreamControl::kCancel})));
    requests_.erase(found);
  }
  wake();
  sink->on_failure({ErrorCode::kCancelled, "The generation was cancelled"});
}

void WorkerSupervisor::resume(std::uint32_t stream) {
  {
    const std::lock_guard lock(mu_);
    const auto found = requests_.find(stream);
    if (found == requests_.end() || !connected_) return;
    found->second.paused_since.reset();
    send_locked(encode_frame(encode(Control{stream, StreamControl::kResume})));
  }
  wake();
}

ModelInfo WorkerSupervisor::info() const {
  const std::lock_guard lock(mu_);
  return info_;
}

EngineHealth WorkerSupervisor::health() const {
  const std::lock_guard lock(mu_);
  return health_;
}

void WorkerSupervisor::set_state(EngineState state, std::string message) {
  const std::lock_guard lock(mu_);
  health_.state = state;
  health_.message = std::move(message);
  if (state != EngineState::kReady) {
    health_.pid = 0;
    health_.stats = {};
  }
  state_changed_.notify_all();
}

void WorkerSupervisor::run() {
  int failures = 0;
  Millis backoff = options_.first_backoff;
  for (;;) {
    const SessionEnd end = run_process();
    if (stopping()) break;
    if (end.was_ready && clock_.steady_now() - end.ready_at > options_.healthy_after) {
      failures = 0;
      backoff = options_.first_backoff;
    }
    ++failures;
    bool served_before = false;
    {
      const std::lock_guard lock(mu_);
      served_before = was_ready_;
      ++health_.restarts;
    }
    log_.warn("worker_stopped", {{"model", options_.name}, {"reason", end.reason}, {"failures", failures}});
    const bool give_up = end.hopeless || failures >= options_.max_failures || (!served_before && failures >= kLoadAttempts);
    if (give_up) {
      set_state(EngineState::kFailed, end.hopeless ? end.reason : "The model process of " + options_.name + " stopped " +
                std::to_string(failures) + " times in a row (" + end.reason + "); load the model again when the cause is found");
      settle_requests({ErrorCode::kUnavailable, health().message});
      log_.error("worker_given_up", {{"model", options_.name}, {"reason", end.reason}});
      while (wait_backoff(std::chrono::hours(1))) continue;  // until stop()
      break;
    }
    set_state(served_before ? EngineState::kRestarting : EngineState::kStarting,
              "The model process of " + options_.name + " stopped (" + end.reason + ") and is being started again");
    settle_requests(died(options_.name));
    if (!wait_backoff(backoff)) break;
    backoff = std::min(backoff * 2, options_.longest_backoff);
  }
  set_state(EngineState::kStopped, "The model " + options_.name + " is not loaded");
  settle_requests({ErrorCode::kUnavailable, "The model " + options_.name + " was unloaded while it was answering"});
}

bool WorkerSupervisor::wait_backoff(Millis delay) {
  const SteadyTime until = clock_.steady_now() + delay;
  for (;;) {
    if (stopping()) return false;
    const auto left = std::chrono::duration_cast<Millis>(until - clock_.steady_now());
    if (left.count() <= 0) return true;
    pollfd entry{.fd = wake_.get(), .events = POLLIN, .revents = 0};
    ::poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left.count() + 1, 60'000)));
    eventfd_t count = 0;
    (void)!::eventfd_read(wake_.get(), &count);
  }
}

/// Requests of a process that is gone: once more for those of which nothing was seen, an error for the others.
void WorkerSupervisor::settle_requests(const Error& error) {
  std::vector<std::shared_ptr<ReplySink>> failed;
  {
    const std::lock_guard lock(mu_);
    const bool comes_back = health_.state == EngineState::kRestarting;
    for (auto it = requests_.begin(); it != requests_.end();) {
      Request& request = it->second;
      const bool again = comes_back && request.attempts < options_.attempts && request.sink->untouched();
      if (!again) failed.push_back(std::move(request.sink));
      it = again ? std::next(it) : requests_.erase(it);
    }
  }
  for (const auto& sink : failed) sink->on_failure(error);
}

namespace {

/// The usual clean environment, and of ours what says which accelerators may be used and where their libraries lie.
std::vector<std::string> worker_environment() {
  auto environment = sandbox::SpawnOptions{}.environment;
  for (const char* name : {"CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "LD_LIBRARY_PATH"})
    if (const char* value = std::getenv(name); value != nullptr) environment.push_back(std::string(name) + "=" + value);
  return environment;
}

}  // namespace

WorkerSupervisor::SessionEnd WorkerSupervisor::run_process() {
  Session session;
  session.started = session.last_heard = session.last_ping = clock_.steady_now();
  auto child = sandbox::ChildProcess::spawn({.program = options_.program, .arguments = {}, .environment = worker_environment()});
  if (!child) {
    session.end.reason = child.error().message;
    session.end.hopeless = true;
    return session.end;
  }
  session.child = *std::move(child);
  const int flags = ::fcntl(session.child->socket(), F_GETFL);
  ::fcntl(session.child->socket(), F_SETFL, flags | O_NONBLOCK);
  LoadRequest load = options_.load;
  load.model_path = options_.model_file.string();
  load.name = options_.name;
  session.writing = encode_frame(encode(Load{std::move(load)}));
  {
    const std::lock_guard lock(mu_);
    health_.pid = session.child->pid();
    health_.load_progress = 0;
  }
  exchange_until_end(session);
  {
    const std::lock_guard lock(mu_);
    connected_ = false;
    outbox_.clear();
  }
  // Whatever the reason, it is not to go on: the answers it computes have no reader any more.
  const bool ended_itself = session.end.reason.empty() && !stopping();
  const auto status = ended_itself ? session.child->wait(kReapLimit) : std::nullopt;
  const auto exit = status ? *status : session.child->kill();
  if (session.end.reason.empty()) session.end.reason = "it ended with " + exit.text();
  return session.end;
}

void WorkerSupervisor::exchange_until_end(Session& session) {
  while (!session.over && !stopping()) {
    const bool has_output = write_outbox(session);
    std::array<pollfd, 2> entries{{{.fd = session.child->socket(), .events = static_cast<short>(has_output ? POLLIN | POLLOUT : POLLIN), .revents = 0},
                                   {.fd = wake_.get(), .events = POLLIN, .revents = 0}}};
    const auto tick = std::clamp<std::int64_t>(options_.heartbeat_interval.count() / 2, 5, 1000);
    ::poll(entries.data(), entries.size(), static_cast<int>(tick));
    if ((entries[1].revents & POLLIN) != 0) {
      eventfd_t count = 0;
      (void)!::eventfd_read(wake_.get(), &count);
    }
    if (entries[0].revents != 0) read_frames(session);
    watch(session);
  }
}

/// True when there is more to write than the socket takes now.
bool WorkerSupervisor::write_outbox(Session& session) {
  for (;;) {
    if (session.written == session.writing.size()) {
      session.writing.clear();
      session.written = 0;
      const std::lock_guard lock(mu_);
      if (!connected_ || outbox_.empty()) return false;
      session.writing.swap(outbox_);
    }
    const ssize_t sent = ::send(session.child->socket(), session.writing.data() + session.written,
                                session.writing.size() - session.written, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    if (sent < 0) return false;  // reading will see the end, after what the worker still had to say
    session.written += static_cast<std::size_t>(sent);
  }
}

void WorkerSupervisor::read_frames(Session& session) {
  std::array<char, 64 << 10> buffer;
  const ssize_t got = ::recv(session.child->socket(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (got <= 0) return session.finish({});  // the reason is how the process ended
  session.last_heard = clock_.steady_now();
  session.decoder.feed(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
  while (!session.over) {
    auto frame = session.decoder.next();
    if (!frame) return session.finish(frame.error().message);
    if (!*frame) return;
    auto message = decode_worker_message(**frame);
    if (!message) return session.finish("it broke the protocol: " + message.error().message);
    handle(session, *std::move(message));
  }
}

void WorkerSupervisor::handle(Session& session, WorkerMessage message) {
  if (const auto* progress = std::get_if<Progress>(&message)) {
    const std::lock_guard lock(mu_);
    health_.load_progress = std::clamp(progress->fraction, 0.0, 1.0);
  } else if (auto* ready = std::get_if<Ready>(&message)) {
    on_ready(session, std::move(ready->report));
  } else if (auto* error = std::get_if<ErrorMessage>(&message); error != nullptr && error->stream == 0) {
    session.end.hopeless = true;
    log_.warn("worker_refused_model", {{"model", options_.name}, {"reason", error->error.message}, {"detail", error->error.detail}});
    session.finish(error->error.message);
  } else if (const auto* pong = std::get_if<Pong>(&message)) {
    const std::lock_guard lock(mu_);
    health_.stats = pong->stats;
    if (health_.stats.busy_ms > static_cast<double>(options_.stall_timeout.count())) session.finish("it was stuck in one step of the model");
  } else {
    const auto stream = std::visit([](const auto& one) -> std::uint32_t {
      if constexpr (requires { one.stream; }) return one.stream;
      return 0;
    }, message);
    deliver(stream, std::move(message));
  }
}

void WorkerSupervisor::deliver(std::uint32_t stream, WorkerMessage message) {
  std::shared_ptr<ReplySink> sink;
  {
    const std::lock_guard lock(mu_);
    const auto found = requests_.find(stream);
    if (found == requests_.end()) return;  // cancelled; the worker has not heard yet
    sink = found->second.sink;
    if (!std::holds_alternative<Vectors>(message)) found->second.frame = {};
  }
  const auto reaction = sink->on_message(std::move(message));
  if (reaction == ReplySink::Reaction::kMore) return;
  const std::lock_guard lock(mu_);
  const auto found = requests_.find(stream);
  if (found == requests_.end()) return;
  if (reaction == ReplySink::Reaction::kDone) {
    requests_.erase(found);
    return;
  }
  if (!sink->wants_pause()) return;
  found->second.paused_since = clock_.steady_now();
  send_locked(encode_frame(encode(Control{stream, StreamControl::kPause})));
}

void WorkerSupervisor::on_ready(Session& session, ReadyReport report) {
  session.end.was_ready = true;
  session.end.ready_at = clock_.steady_now();
  log_.info("worker_ready", {{"model", options_.name}, {"pid", static_cast<int>(session.child->pid())},
                             {"load_ms", static_cast<std::int64_t>(std::chrono::duration_cast<Millis>(session.end.ready_at - session.started).count())},
                             {"context_tokens", report.info.context_tokens}});
  const std::lock_guard lock(mu_);
  info_ = std::move(report.info);
  health_.state = EngineState::kReady;
  health_.message.clear();
  health_.load_progress = 1;
  health_.pid = session.child->pid();
  health_.sandbox = std::move(report.sandbox);
  health_.stats = report.stats;
  was_ready_ = true;
  connected_ = true;
  for (auto& [stream, request] : requests_) {
    if (request.frame.empty()) continue;  // still being encoded; open() sends it
    send_locked(request.frame);
    ++request.attempts;
  }
  state_changed_.notify_all();
}

void WorkerSupervisor::watch(Session& session) {
  const SteadyTime now = clock_.steady_now();
  if (!session.end.was_ready) {
    if (now - session.started > options_.load_timeout)
      session.finish("the model was not loaded within " + std::to_string(options_.load_timeout.count() / 1000) + " seconds");
    return;
  }
  if (now - session.last_heard > options_.heartbeat_timeout) return session.finish("it stopped answering");
  if (now - session.last_ping < options_.heartbeat_interval) return;
  session.last_ping = now;
  {
    const std::lock_guard lock(mu_);
    if (connected_ && outbox_.size() < kOutboxLimit) send_locked(encode_frame(encode(Ping{})));
  }
  drop_slow_readers();
}

void WorkerSupervisor::drop_slow_readers() {
  const SteadyTime now = clock_.steady_now();
  std::vector<std::shared_ptr<ReplySink>> dropped;
  {
    const std::lock_guard lock(mu_);
    for (auto it = requests_.begin(); it != requests_.end();) {
      const auto& since = it->second.paused_since;
      if (!since || now - *since < options_.slow_reader_limit) {
        ++it;
        continue;
      }
      send_locked(encode_frame(encode(Control{it->first, StreamControl::kCancel})));
      dropped.push_back(std::move(it->second.sink));
      it = requests_.erase(it);
    }
  }
  for (const auto& sink : dropped)
    sink->on_failure({ErrorCode::kDeadlineExceeded, "The answer was not read for too long and was ended"});
}

}  // namespace siyu::engine
