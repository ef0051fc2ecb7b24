// siyu-worker: one loaded model in a process that can do nothing but compute. It is started by siyu with one end of a
// socket as descriptor 3 and lives as long as that socket. See README.md and docs/formats/worker-protocol.md.
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "accelerators.h"
#include "attention.h"
#include "base/bounded_pool.h"
#include "base/split_name.h"
#include "channel.h"
#include "mapped_files.h"
#include "model.h"
#include "sandbox/lockdown.h"
#include "sandbox/process.h"
#include "scheduler.h"

namespace siyu::worker {
namespace {

// Templates, grammars and tokens are prepared beside the inference thread, so that a long prompt stalls no answer.
constexpr std::size_t kPreparers = 2;
constexpr std::size_t kPrepareQueue = 100'000;  // the scheduler's queue limit is what bounds it

/// Memory of this process, from a file that was opened before the sandbox closed.
class MemoryGauge {
 public:
  MemoryGauge() : fd_(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {}
  std::int64_t resident_bytes() const { return pages()[1] * ::sysconf(_SC_PAGESIZE); }
  /// Of it, what no file holds.
  std::int64_t private_bytes() const {
    const auto [size, resident, shared] = pages();
    return (resident - shared) * ::sysconf(_SC_PAGESIZE);
  }

 private:
  /// All, resident, resident of files.
  std::array<std::int64_t, 3> pages() const {
    std::array<char, 128> text{};
    std::array<std::int64_t, 3> counts{};
    if (::pread(fd_.get(), text.data(), text.size() - 1, 0) <= 0) return counts;
    const char* at = text.data();
    for (auto& count : counts) {
      while (*at == ' ') ++at;
      at = std::from_chars(at, text.data() + text.size(), count).ptr;
    }
    return counts;
  }

  sandbox::UniqueFd fd_;
};

std::vector<std::string> describe(const sandbox::LockdownReport& report) {
  std::vector<std::string> in_force;
  if (report.no_new_privileges) in_force.emplace_back("no_new_privs");
  if (report.seccomp) in_force.emplace_back("seccomp");
  if (report.landlock_abi > 0) in_force.push_back("landlock v" + std::to_string(report.landlock_abi));
  if (report.network_namespace) in_force.emplace_back("network namespace");
  if (report.resource_limits) in_force.emplace_back("resource limits");
  for (const auto& missing : report.missing) in_force.push_back("missing: " + missing);
  return in_force;
}

/// Answers what comes over the channel, until it ends.
class Service {
 public:
  Service(const Model& model, Scheduler& scheduler, Channel& channel, const MemoryGauge& gauge, std::int64_t accelerator_bytes_before)
      : model_(model), scheduler_(scheduler), channel_(channel), gauge_(gauge), accelerator_bytes_before_(accelerator_bytes_before), preparers_(kPreparers, kPrepareQueue) {}

  void handle(engine::HostMessage message) {
    std::visit([this](auto& one) { on(one); }, message);
  }
  engine::WorkerStats stats() const {
    auto stats = scheduler_.stats();
    stats.resident_bytes = gauge_.resident_bytes();
    stats.accelerator_bytes = std::max<std::int64_t>(0, accelerator_bytes() - accelerator_bytes_before_);
    return stats;
  }

 private:
  void on(engine::Load&) {}  // one model in a worker's life
  void on(engine::Ping&) { channel_.send(engine::Pong{stats()}); }
  void on(engine::Control& control) { scheduler_.control(control); }
  void on(engine::Generate& message) {
    admit(message.stream, [this, message = std::move(message)] {
      auto sequence = Sequence::prepare(model_, message.stream, message.request);
      if (!sequence) return give_up(message.stream, std::move(sequence).error());
      scheduler_.submit(*std::move(sequence));
    });
  }
  void on(engine::Embed& message) {
    admit(message.stream, [this, message = std::move(message)] {
      auto job = EmbedJob::prepare(model_, message.stream, message.request);
      if (!job) return give_up(message.stream, std::move(job).error());
      scheduler_.submit(*std::move(job));
    });
  }
  void on(engine::Rerank& message) {
    admit(message.stream, [this, message = std::move(message)] {
      auto job = EmbedJob::prepare(model_, message.stream, message.request);
      if (!job) return give_up(message.stream, std::move(job).error());
      scheduler_.submit(*std::move(job));
    });
  }
  void on(engine::Tokenize& message) {
    admit(message.stream, [this, message = std::move(message)] {
      auto tokens = model_.tokenize(message.text, false, true);
      scheduler_.withdraw(message.stream);
      channel_.send(engine::Tokens{message.stream, std::move(tokens)});
    });
  }
  void on(engine::CountPrompt& message) {
    admit(message.stream, [this, message = std::move(message)] {
      auto tokens = prompt_tokens(model_, message.request);
      if (!tokens) return give_up(message.stream, std::move(tokens).error());
      scheduler_.withdraw(message.stream);
      channel_.send(engine::Count{message.stream, static_cast<std::int32_t>(tokens->size())});
    });
  }

  void admit(std::uint32_t stream, BoundedPool::Task work) {
    if (!scheduler_.announce(stream)) return refuse(stream);
    if (preparers_.try_submit(work)) return;
    scheduler_.withdraw(stream);
    refuse(stream);
  }
  void refuse(std::uint32_t stream) {
    channel_.send(engine::ErrorMessage{stream, {ErrorCode::kUnavailable, "The queue of the model " + model_.info().name +
                                                " is full; try again in a few seconds", {}, engine::kOverloaded}});
  }
  void give_up(std::uint32_t stream, Error error) {
    scheduler_.withdraw(stream);
    channel_.send(engine::ErrorMessage{stream, std::move(error)});
  }

  const Model& model_;
  Scheduler& scheduler_;
  Channel& channel_;
  const MemoryGauge& gauge_;
  const std::int64_t accelerator_bytes_before_;
  BoundedPool preparers_;
};

Status serve(Channel& channel) {
  const MemoryGauge gauge;
  const MappedFiles mapped;
  ASSIGN_OR_RETURN(auto first, channel.read_one());
  auto* load = std::get_if<engine::Load>(&first);
  if (load == nullptr) return fail(ErrorCode::kCorrupted, "The first message to a worker must be load");
  // The model file comes from outside as well: the sandbox closes before its first byte is read.
  auto files = model_parts(load->request.model_path);
  const auto weights = files;
  for (const auto& adapter : load->request.adapters) files.emplace_back(adapter.path);
  if (!load->request.draft_path.empty()) std::ranges::copy(model_parts(load->request.draft_path), std::back_inserter(files));
  if (!load->request.projector_path.empty()) files.emplace_back(load->request.projector_path);
  auto driver = driver_files();
  std::ranges::move(driver.readable, std::back_inserter(files));
  ASSIGN_OR_RETURN(const auto report, sandbox::lock_down({.profile = sandbox::Profile::kWorker,
                                                          .read_paths = std::move(files), .devices = std::move(driver.devices)}));
  const auto accelerator_bytes_before = accelerator_bytes();
  const auto before = gauge.private_bytes();
  double told = -1;
  ASSIGN_OR_RETURN(const auto model, Model::load(load->request, [&](double fraction) {
                     if (fraction < told + 0.01 && fraction < 1) return;
                     told = fraction;
                     channel.send(engine::Progress{fraction});
                   }));
  // Weights that were stored anew for the processor lie in memory twice.
  if (gauge.private_bytes() - before > model->info().model_bytes / 4) mapped.let_go(weights);
  std::unique_ptr<Model> draft;
  if (!load->request.draft_path.empty()) {
    ASSIGN_OR_RETURN(draft, Model::load_draft(load->request, *model));
  }
  ASSIGN_OR_RETURN(const auto scheduler, Scheduler::create(*model, draft.get(), channel));
  channel.start();
  std::thread inference([&] { scheduler->run(); });
  {
    Service service(*model, *scheduler, channel, gauge, accelerator_bytes_before);
    channel.send(engine::Ready{{model->info(), describe(report), service.stats()}});
    channel.read([&](engine::HostMessage message) { service.handle(std::move(message)); });
    // siyu is gone or asked us to end: nobody waits for what is still being computed.
    scheduler->stop();
  }
  inference.join();
  return {};
}

int run() {
  ::setenv("GGML_NO_BACKTRACE", "1", 1);  // it would start a debugger
  ::setenv("CUDA_CACHE_DISABLE", "1", 1);  // it would write compiled code into the home folder
  ::prctl(PR_SET_NAME, "siyu-worker");
  keep_llama_messages();
  llama_backend_init();
  install_attention();
  Channel channel(sandbox::kChildSocket);
  auto status = serve(channel);
  if (status) return 0;
  channel.send(engine::ErrorMessage{0, std::move(status).error()});
  return 1;
}

}  // namespace
}  // namespace siyu::worker

int main() {
  if (::fcntl(siyu::sandbox::kChildSocket, F_GETFD) < 0) {
    std::fputs("siyu-worker is started by siyu, not by hand: descriptor 3 must be its socket\n", stderr);
    return 2;
  }
  return siyu::worker::run();
}
