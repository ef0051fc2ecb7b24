#include <algorithm>
#include <csignal>
#include <cstdio>
#include <ctime>

#include "cli/command.h"
#include "cli/commands.h"
#include "net/http.h"

namespace siyu::cli {
namespace {

constexpr timespec kPollEvery{.tv_sec = 0, .tv_nsec = 300'000'000};

struct None {};
struct PullOptions {
  std::string source, name, sha256;
  bool detach = false, load = false;
};
struct PullsOptions {
  std::string cancel;
};

struct PullBody {
  std::string id, reference, name, state;
  std::optional<std::string> reason;
  std::uint64_t bytes_done = 0, bytes_total = 0;
  double bytes_per_second = 0;
};
BOOST_DESCRIBE_STRUCT(PullBody, (), (id, reference, name, state, reason, bytes_done, bytes_total, bytes_per_second))
struct PullListBody {
  std::vector<PullBody> pulls;
};
BOOST_DESCRIBE_STRUCT(PullListBody, (), (pulls))

struct RecommendationBody {
  std::string name, reference, mirror, kind, quantization;
  bool fits = false, comfortable = false;
  std::uint64_t file_bytes = 0;
  std::string reason, command;
};
BOOST_DESCRIBE_STRUCT(RecommendationBody, (), (name, reference, mirror, kind, quantization, fits, comfortable, file_bytes, reason, command))
struct CardBody {
  std::string name;
  std::uint64_t memory_bytes = 0, memory_free_bytes = 0;
  double memory_bytes_per_second = 0;
};
BOOST_DESCRIBE_STRUCT(CardBody, (), (name, memory_bytes, memory_free_bytes, memory_bytes_per_second))
struct MachineBody {
  std::uint64_t memory_bytes = 0, memory_available_bytes = 0;
  double cores = 0;
  std::optional<double> memory_bytes_per_second;
  std::vector<CardBody> cards;
  std::uint64_t disk_free_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(MachineBody, (), (memory_bytes, memory_available_bytes, cores, memory_bytes_per_second, cards, disk_free_bytes))
struct RecommendationListBody {
  MachineBody machine;
  std::vector<RecommendationBody> recommendations;
};
BOOST_DESCRIBE_STRUCT(RecommendationListBody, (), (machine, recommendations))

std::string pull_path(const std::string& id) { return "/api/v1/model-pulls/" + net::percent_encode(id); }

/// SIGINT and SIGTERM as something that can be waited for, while it lives.
class Signals {
 public:
  Signals() {
    sigemptyset(&watched_);
    sigaddset(&watched_, SIGINT);
    sigaddset(&watched_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &watched_, &before_);
  }
  ~Signals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;
  bool came_within(const timespec& time) const { return sigtimedwait(&watched_, nullptr, &time) > 0; }

 private:
  sigset_t watched_{}, before_{};
};

/// Shows the progress until the download has ended; its last state as JSON.
Result<json::value> follow(Client& client, const std::string& id) {
  const Signals signals;
  ProgressBar bar("pulling");
  for (;;) {
    ASSIGN_OR_RETURN(auto body, client.call("GET", pull_path(id)));
    ASSIGN_OR_RETURN(const auto pull, from_json<PullBody>(body));
    if (pull.state == "done" || pull.state == "failed" || pull.state == "cancelled") return body;
    bar.update_bytes(pull.bytes_done, pull.bytes_total, pull.bytes_per_second, pull.state == "running" ? pull.reason.value_or("") : pull.state);
    if (!signals.came_within(kPollEvery)) continue;
    bar.finish();
    return fail(ErrorCode::kCancelled, "The server goes on with the download. To follow it: siyu model pull " + pull.reference + "; to cancel it: siyu model pulls --cancel " + id);
  }
}

Status pull(Client& client, Invocation<PullOptions>& call) {
  const auto& options = call.options;
  json::object order{{"reference", options.source}};
  if (!options.name.empty()) order["name"] = options.name;
  if (!options.sha256.empty()) order["sha256"] = options.sha256;
  if (options.load) order["load"] = true;
  ASSIGN_OR_RETURN(auto body, client.call("POST", "/api/v1/model-pulls", order));
  ASSIGN_OR_RETURN(auto last, from_json<PullBody>(body));
  if (!options.detach) {
    ASSIGN_OR_RETURN(body, follow(client, last.id));
    ASSIGN_OR_RETURN(last, from_json<PullBody>(body));
  }
  if (call.as_json) print_json(body);
  if (last.state == "failed") return fail(ErrorCode::kUnavailable, last.reason.value_or("The download failed"));
  if (last.state == "cancelled") return fail(ErrorCode::kCancelled, "The download was cancelled; what has arrived is kept for another `siyu model pull` of this source");
  if (call.as_json) return {};
  if (last.state == "done" && options.load) std::printf("%s is in the library and is being loaded; see: siyu model list\n", last.name.c_str());
  else if (last.state == "done") std::printf("%s is in the library; load it with: siyu model load %s\n", last.name.c_str(), last.name.c_str());
  else std::printf("The server downloads %s; see: siyu model pulls\n", last.name.c_str());
  return {};
}

Status pulls(Client& client, Invocation<PullsOptions>& call) {
  if (!call.options.cancel.empty()) {
    RETURN_IF_ERROR(client.call("DELETE", pull_path(call.options.cancel)));
    if (!call.as_json) std::printf("%s is cancelled\n", call.options.cancel.c_str());
    return {};
  }
  ASSIGN_OR_RETURN(const auto body, client.call("GET", "/api/v1/model-pulls"));
  if (call.as_json) {
    print_json(body);
    return {};
  }
  ASSIGN_OR_RETURN(const auto list, from_json<PullListBody>(body));
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : list.pulls)
    rows.push_back({one.id, one.name, one.state, human_bytes(one.bytes_done) + (one.bytes_total > 0 ? "/" + human_bytes(one.bytes_total) : ""), one.reference,
                    one.reason.value_or("")});
  print_table({"ID", "NAME", "STATE", "SIZE", "SOURCE", "REASON"}, rows);
  return {};
}

Status recommend(Client& client, Invocation<None>& call) {
  ASSIGN_OR_RETURN(const auto body, client.call("GET", "/api/v1/model-recommendations"));
  if (call.as_json) {
    print_json(body);
    return {};
  }
  ASSIGN_OR_RETURN(const auto list, from_json<RecommendationListBody>(body));
  const auto& machine = list.machine;
  std::printf("Free for models: %s of %s memory, %g cores, %s disk", human_bytes(machine.memory_available_bytes).c_str(), human_bytes(machine.memory_bytes).c_str(),
              machine.cores, human_bytes(machine.disk_free_bytes).c_str());
  if (machine.memory_bytes_per_second) std::printf("; memory reads %s/s", human_bytes(static_cast<std::uint64_t>(*machine.memory_bytes_per_second)).c_str());
  for (const auto& card : machine.cards) std::printf("\n%s: %s of %s free", card.name.c_str(), human_bytes(card.memory_free_bytes).c_str(), human_bytes(card.memory_bytes).c_str());
  std::printf("\n\n");
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : list.recommendations)
    rows.push_back({one.name, one.quantization, one.kind, human_bytes(one.file_bytes), one.comfortable ? "yes" : one.fits ? "slow" : "no", one.reason});
  print_table({"MODEL", "TYPE", "KIND", "SIZE", "FITS", "WHY"}, rows);
  for (const auto* kind : {"chat", "embedding"}) {
    const auto best = std::ranges::find_if(list.recommendations, [&](const auto& one) { return one.kind == kind && one.fits; });
    if (best != list.recommendations.end()) std::printf("\nBest for %s:  %s\n  on ModelScope:  siyu model pull %s\n", kind, best->command.c_str(), best->mirror.c_str());
  }
  return {};
}

}  // namespace

void add_pull_commands(CLI::App& model, int& exit_code) {
  add_command<PullOptions>(model, "pull", "Download a GGUF model into the server's library", exit_code,
                           [](CLI::App& command, PullOptions& options) {
                             command.add_option("source", options.source, "hf:OWNER/REPO[:QUANTISATION or FILE], ms:OWNER/REPO[:…], or an https:// address")->required();
                             command.add_option("--name", options.name, "Name in the library; the file's name when absent");
                             command.add_option("--sha256", options.sha256, "Refuse the file unless it has this checksum");
                             command.add_flag("--load", options.load, "Start the model when it has arrived");
                             command.add_flag("--detach", options.detach, "Return at once; the server downloads in the background");
                           },
                           pull);
  add_command<PullsOptions>(model, "pulls", "Downloads, running and ended", exit_code,
                            [](CLI::App& command, PullsOptions& options) {
                              command.add_option("--cancel", options.cancel, "Cancel this one and keep what has arrived; forget it when it has ended");
                            },
                            pulls);
  add_command<None>(model, "recommend", "Open models that fit the server's machine, and why; asks no hub", exit_code, [](CLI::App&, None&) {}, recommend);
}

}  // namespace siyu::cli
