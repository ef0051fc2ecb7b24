// The thread behind LocalWorker: starts the process, moves frames, watches the heart beat, replaces it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "engine/local_worker.h"
#include "engine/reply_sink.h"
#include "sandbox/process.h"

namespace siyu::engine {

/// Thread-safe, but for the parts marked otherwise.
class WorkerSupervisor {
 public:
  WorkerSupervisor(LocalWorkerOptions options, const Clock& clock, Logger& log, sandbox::UniqueFd wake);
  ~WorkerSupervisor();

  void start();
  void stop();
  Status wait_ready(Millis limit);

  /// Makes the request's message once its stream number is known.
  using MakeMessage = std::function<HostMessage(std::uint32_t stream)>;
  /// Queues a request; its replies go to `sink`. Fails when the engine cannot take it now.
  Result<std::uint32_t> open(const MakeMessage& make, std::shared_ptr<ReplySink> sink);
  /// Forgets a request; the worker stops computing it.
  void cancel(std::uint32_t stream) noexcept;
  void resume(std::uint32_t stream);

  const LocalWorkerOptions& options() const { return options_; }
  ModelInfo info() const;
  EngineHealth health() const;

 private:
  struct Request {
    std::shared_ptr<ReplySink> sink;
    std::string frame;  // for sending (again); dropped when the first reply arrives
    int attempts = 0;
    std::optional<SteadyTime> paused_since;
  };
  /// How one process's life ended.
  struct SessionEnd {
    std::string reason;
    bool was_ready = false;
    bool hopeless = false;  // the worker itself said that the model cannot be loaded
    SteadyTime ready_at{};
  };
  // --- supervisor thread only ---
  struct Session;
  void run();
  SessionEnd run_process();
  void exchange_until_end(Session& session);
  void read_frames(Session& session);
  void handle(Session& session, WorkerMessage message);
  void deliver(std::uint32_t stream, WorkerMessage message);
  void on_ready(Session& session, ReadyReport report);
  bool write_outbox(Session& session);
  void watch(Session& session);
  void drop_slow_readers();
  bool wait_backoff(Millis delay);
  void settle_requests(const Error& error);
  void set_state(EngineState state, std::string message);

  void send_locked(std::string_view bytes) { outbox_ += bytes; }
  void wake() const;
  bool stopping() const;

  const LocalWorkerOptions options_;
  const Clock& clock_;
  Logger& log_;
  const sandbox::UniqueFd wake_;
  std::thread thread_;

  mutable std::mutex mu_;
  std::condition_variable state_changed_;
  // guarded by mu_
  std::map<std::uint32_t, Request> requests_;
  std::uint32_t next_stream_ = 1;
  std::string outbox_;
  bool connected_ = false;  // a ready worker reads the outbox
  bool stopping_ = false;
  bool was_ready_ = false;
  ModelInfo info_;
  EngineHealth health_;
};

}  // namespace siyu::engine
