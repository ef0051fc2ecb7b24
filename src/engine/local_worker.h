// An Engine in a process of its own: siyu-worker, started, watched and replaced here.
//
// One thread per worker owns the process and its socket. A worker that ends, or stops answering, costs the answers that
// were under way; requests of which nothing had arrived yet are sent once more to the replacement, by themselves.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/protocol.h"

namespace siyu::engine {

struct LocalWorkerOptions {
  std::filesystem::path program;     ///< siyu-worker
  std::filesystem::path model_file;
  std::string name;
  /// Sizes; model_path and name are filled in from above.
  LoadRequest load;

  Millis load_timeout = std::chrono::minutes(10);
  Millis heartbeat_interval = std::chrono::seconds(1);
  Millis heartbeat_timeout = std::chrono::seconds(10);  ///< silence that long: killed and replaced
  Millis stall_timeout = std::chrono::minutes(3);       ///< one step of the model that long: the same
  Millis first_backoff = Millis(50);                    ///< doubled with every failure in a row
  Millis longest_backoff = std::chrono::seconds(30);
  int max_failures = 10;                                ///< in a row, then it is given up (EngineState::kFailed)
  Millis healthy_after = std::chrono::minutes(1);       ///< ready that long: failures are counted from 0 again
  std::size_t stream_high_water = 256UL << 10;          ///< bytes buffered for a slow reader before its answer pauses
  Millis slow_reader_limit = std::chrono::minutes(1);   ///< paused that long: the answer is cancelled
  int attempts = 2;                                     ///< a request of which nothing had arrived is sent to so many processes in all
  std::size_t max_requests = 4096;                      ///< open at once, running and waiting
};

/// siyu-worker beside this program: its build for NVIDIA's cards when it is there, a driver is loaded and accelerators are wanted.
std::filesystem::path worker_program(bool accelerators);

class WorkerSupervisor;

/// Thread-safe.
class LocalWorker final : public Engine {
 public:
  /// Begins to start the process and returns. `clock` and `log` must outlive the worker.
  static Result<std::unique_ptr<LocalWorker>> start(LocalWorkerOptions options, const Clock& clock, Logger& log);
  /// Ends the process; open streams fail with kUnavailable.
  ~LocalWorker() override;

  /// Waits until the model is loaded. The reason when that failed; kDeadlineExceeded when it takes longer than `limit`.
  Status wait_ready(Millis limit);

  Result<std::unique_ptr<GenerationStream>> generate(GenerateRequest request) override;
  bool answers_at_once() const override { return true; }
  Result<EmbedResult> embed(const EmbedRequest& request) override;
  Result<RerankResult> rerank(const RerankRequest& request) override;
  Result<std::vector<Token>> tokenize(const std::string& text) override;
  Result<std::int32_t> count_prompt_tokens(const GenerateRequest& request) override;
  ModelInfo info() const override;
  EngineHealth health() const override;

 private:
  explicit LocalWorker(std::shared_ptr<WorkerSupervisor> supervisor) : supervisor_(std::move(supervisor)) {}
  // Shared with the streams, which may outlive the worker.
  std::shared_ptr<WorkerSupervisor> supervisor_;
};

}  // namespace siyu::engine
