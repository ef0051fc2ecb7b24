// siyu plan calibrate: how fast this machine is, measured with models that are on it, so that others can be foretold.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <future>
#include <limits>
#include <map>

#include "base/log.h"
#include "cli/commands.h"
#include "cli/plan_calibrate.h"
#include "cli/plan_scenario.h"
#include "engine/local_worker.h"
#include "models/shape.h"
#include "planner/calibration.h"
#include "planner/median.h"

namespace siyu::cli {
namespace {

constexpr std::int32_t kPromptLengths[] = {256, 512, 1024, 1536};
constexpr std::int32_t kContexts[] = {32, 1024, 1536};
constexpr std::int32_t kOutputTokens = 48;
// The middle of several rounds counts. The quickest would flatter small models on a machine that is shared with others: their tries are many and short, and find
// its quick moments; and a plan is for usual days.
constexpr int kRounds = 3, kMostRounds = 24;      // unless it was said how long to measure
constexpr std::int32_t kTogether = 8, kTogetherPrompt = 32;  // answers at once, after short prompts
constexpr double kEnough = 40;                    // seconds; a model that is measured quickly gets more rounds
constexpr std::int32_t kContext = 2048;
constexpr Millis kLoadLimit = std::chrono::minutes(10), kAnswerLimit = std::chrono::minutes(5);

struct CalibrateOptions {
  std::vector<std::string> models;
  std::string out;
  std::optional<double> seconds;
  int threads = 0;
  bool processors = false, again = false;
};

struct Timing {
  double first_s = 0;       ///< until the first token
  double per_token_s = 0;   ///< of those after it; 0: there were none
};

Result<std::optional<engine::Event>> next(engine::GenerationStream& stream) {
  auto promise = std::make_shared<std::promise<Result<std::optional<engine::Event>>>>();
  auto arrived = promise->get_future();
  stream.pull([promise](Result<std::optional<engine::Event>> event) { promise->set_value(std::move(event)); });
  if (arrived.wait_for(kAnswerLimit) != std::future_status::ready) return fail(ErrorCode::kDeadlineExceeded, "The model gave no token for five minutes; it is too slow here to be measured");
  return arrived.get();
}

/// Random tokens: no two prompts begin alike, so that nothing comes from a cache, and nothing repeats, so that nothing is guessed.
Result<Timing> time_request(engine::Engine& engine, std::int32_t prompt, std::int32_t output, std::uint64_t seed) {
  engine::GenerateRequest request{.prompt_kind = engine::PromptKind::kTokens};
  const auto vocabulary = static_cast<std::uint64_t>(engine.info().vocabulary);
  std::uint64_t state = seed * 0x9E3779B97F4A7C15ULL + 1;
  for (std::int32_t i = 0; i < prompt; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    request.prompt_tokens.push_back(static_cast<engine::Token>(vocabulary / 100 + (state >> 33) % (vocabulary * 9 / 10)));
  }
  request.max_tokens = output;
  request.sampling.temperature = 1;
  request.sampling.seed = static_cast<std::uint32_t>(seed);
  const auto begin = std::chrono::steady_clock::now();
  const auto now = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(); };
  ASSIGN_OR_RETURN(const auto stream, engine.generate(std::move(request)));
  double first = 0, last = 0;
  std::int32_t tokens = 0, first_tokens = 0;
  for (;;) {
    ASSIGN_OR_RETURN(const auto event, next(*stream));
    if (!event) break;
    const auto* delta = std::get_if<engine::Delta>(&*event);
    if (delta == nullptr || delta->usage.completion_tokens == 0) continue;
    tokens += delta->usage.completion_tokens;
    last = now();
    if (first == 0) first = last, first_tokens = tokens;
  }
  if (first == 0) return fail(ErrorCode::kInternal, "The model ended its answer before the first token; try another model");
  return Timing{.first_s = first, .per_token_s = tokens > first_tokens ? (last - first) / (tokens - first_tokens) : 0};
}

/// Seconds of a step that gives a token to each of several answers.
Result<double> time_together(engine::Engine& engine, std::uint64_t seed) {
  std::vector<std::future<Result<Timing>>> answers;
  for (std::int32_t i = 0; i < kTogether; ++i)
    answers.push_back(std::async(std::launch::async, [&engine, seed, i] { return time_request(engine, kTogetherPrompt, kOutputTokens, seed + static_cast<std::uint64_t>(i)); }));
  std::vector<double> steps;
  for (auto& answer : answers) {
    ASSIGN_OR_RETURN(const auto timing, answer.get());
    if (timing.per_token_s > 0) steps.push_back(timing.per_token_s);
  }
  return steps.empty() ? 0 : planner::median(steps);
}

/// All lengths and contexts, round after round, for about so many seconds; absent: as long as is usual.
Status measure_rounds(engine::Engine& engine, std::optional<double> enough, planner::CalibrationRun& run, const std::function<void(double part)>& progress) {
  const int least = enough ? 1 : kRounds, most = enough ? std::numeric_limits<int>::max() : kMostRounds;
  const auto room = engine.info().context_tokens - kOutputTokens - 1;
  std::map<double*, std::vector<double>> tries;  // of each time that is to be known
  for (const auto tokens : kPromptLengths)
    if (tokens <= room) run.prompts.push_back({.tokens = static_cast<double>(tokens)});
  for (const auto context : kContexts)
    if (context <= room) run.outputs.push_back({.context = context + kOutputTokens / 2.0});
  std::uint64_t seed = 1;
  ASSIGN_OR_RETURN(const auto warm, time_request(engine, 64, 8, seed));  // pages come in, threads start
  static_cast<void>(warm);
  const auto begin = std::chrono::steady_clock::now();
  planner::TimedBatch batch{.sequences = kTogether, .context = kTogetherPrompt + kOutputTokens / 2.0};
  double done = 0;
  const auto advance = [&] { progress(std::min(1.0, ++done / static_cast<double>(static_cast<std::size_t>(least) * (run.prompts.size() + run.outputs.size())))); };
  for (int round = 0; round < most; ++round) {
    if (round >= least && std::chrono::steady_clock::now() - begin > std::chrono::duration<double>(enough.value_or(kEnough))) break;
    for (auto& prompt : run.prompts) {
      ASSIGN_OR_RETURN(const auto timing, time_request(engine, static_cast<std::int32_t>(prompt.tokens), 1, ++seed));
      tries[&prompt.seconds].push_back(timing.first_s);
      advance();
    }
    for (auto& output : run.outputs) {
      ASSIGN_OR_RETURN(const auto timing, time_request(engine, static_cast<std::int32_t>(output.context - kOutputTokens / 2.0), kOutputTokens, ++seed));
      if (timing.per_token_s > 0) tries[&output.seconds].push_back(timing.per_token_s);
      advance();
    }
    ASSIGN_OR_RETURN(const auto together, time_together(engine, seed + 1));
    seed += kTogether;
    if (together > 0) tries[&batch.seconds].push_back(together);
  }
  std::vector<double> spreads;
  for (const auto& [usual, seconds] : tries) {
    *usual = planner::median(seconds);
    spreads.push_back(*usual / std::ranges::min(seconds) - 1);
  }
  run.spread = planner::median(spreads);
  if (batch.seconds > 0) run.batches.push_back(batch);
  std::erase_if(run.outputs, [](const auto& one) { return one.seconds == 0; });  // every answer ended at its first token
  return {};
}

/// The measurement that another one goes on from: of the same model on the same device.
Result<planner::TimedModel> measured_before(const planner::Calibration& earlier, const planner::CalibrationRun& run) {
  const auto type = sizing::main_type(run.shape);
  const auto model = std::ranges::find_if(earlier.models, [&](const auto& one) { return one.model == run.model && one.weights == type; });
  const auto rates = std::ranges::find(earlier.rates, type, &planner::MeasuredRates::weights);
  if (model == earlier.models.end() || rates == earlier.rates.end() || rates->accelerator.value_or("") != run.accelerator)
    return invalid(fmt::format("{} ({}) was not measured here before{}; leave --again away", run.model, type, run.accelerator.empty() ? "" : " on " + run.accelerator));
  return *model;
}

Result<planner::CalibrationRun> measure(const CalibrateOptions& options, const std::string& file, const planner::Calibration& earlier, const std::function<void(double part)>& progress) {
  ASSIGN_OR_RETURN(const auto header, models::read_whole_gguf(file));
  planner::CalibrationRun run{.model = std::filesystem::path(file).stem().string()};
  ASSIGN_OR_RETURN(run.shape, models::shape_of(header));
  if (run.shape.embeds) return invalid(file + " makes vectors; calibrate with a model that answers");
  const auto clock = SystemClock();
  ASSIGN_OR_RETURN(const auto log, Logger::open({.level = LogLevel::kError}));
  engine::LocalWorkerOptions wanted{.program = engine::worker_program(!options.processors), .model_file = std::filesystem::absolute(file), .name = run.model};
  wanted.load.context_tokens = kContext;
  wanted.load.kv_tokens = 2 * kContext;
  wanted.load.parallel = kTogether;
  wanted.load.threads = options.threads;
  ASSIGN_OR_RETURN(const auto worker, engine::LocalWorker::start(std::move(wanted), clock, *log));
  RETURN_IF_ERROR(worker->wait_ready(kLoadLimit));
  if (const auto info = worker->info(); !info.accelerators.empty()) run.accelerator = info.accelerators.front();
  std::optional<planner::TimedModel> before;
  if (options.again) {
    ASSIGN_OR_RETURN(before, measured_before(earlier, run));
  }
  RETURN_IF_ERROR(measure_rounds(*worker, options.seconds, run, progress));
  if (before) planner::go_on_from(*before, run);
  return run;
}

std::string machine_name() {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return host;
}

Status calibrate(const PlanOptions& plan, CalibrateOptions& options) {
  const auto file = options.out.empty() ? default_calibration() : std::filesystem::path(options.out);
  planner::Calibration earlier;
  std::error_code error;
  if (std::filesystem::exists(file, error)) {
    ASSIGN_OR_RETURN(earlier, planner::read_calibration(file));
  }
  std::map<std::string, std::vector<planner::CalibrationRun>> by_type;
  {
    ProgressBar progress(plan.chinese() ? "正在测量" : "measuring");
    for (std::size_t i = 0; i < options.models.size(); ++i) {
      const auto advance = [&](double part) { progress.update(static_cast<std::size_t>((static_cast<double>(i) + part) * 100), options.models.size() * 100, ""); };
      ASSIGN_OR_RETURN(auto run, measure(options, options.models[i], earlier, advance));
      by_type[sizing::main_type(run.shape)].push_back(std::move(run));
    }
  }
  planner::Calibration calibration{.machine = machine_name(), .date = today()};
  for (const auto& rates : earlier.rates)
    if (!by_type.contains(rates.weights)) calibration.rates.push_back(rates);
  for (const auto& model : earlier.models)
    if (!by_type.contains(model.weights)) calibration.models.push_back(model);
  for (const auto& [type, runs] : by_type) {
    ASSIGN_OR_RETURN(auto rates, planner::fit(runs));
    calibration.rates.push_back(std::move(rates));
    for (const auto& run : runs) calibration.models.push_back({.model = run.model, .weights = type, .prompts = run.prompts, .outputs = run.outputs, .batches = run.batches.empty() ? std::nullopt : std::optional(run.batches), .passes = run.passes});
  }
  RETURN_IF_ERROR(planner::write_calibration(file, calibration));
  if (plan.as_json) {
    auto answer = to_json(calibration).as_object();
    answer["file"] = file.string();
    print_json(answer);
    return {};
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : calibration.rates)
    rows.push_back({one.weights, human_figure(one.weight_bytes_per_s, "B/s"), human_figure(one.flop_per_s, "FLOP/s"), one.attention_flop_per_s < 1e17 ? human_figure(one.attention_flop_per_s, "FLOP/s") : "-",
                    one.kv_ops_per_s < 1e17 ? human_figure(one.kv_ops_per_s, "FLOP/s") : "-", human_figure(one.step_s, "s"), one.source});
  print_table(plan.chinese() ? std::vector<std::string>{"权重类型", "读取权重", "计算", "注意力", "读缓存", "每步固定", "所用模型"} : std::vector<std::string>{"WEIGHTS", "READING", "COMPUTING", "ATTENTION", "CACHED", "STEP", "BY"}, rows);
  for (const auto& one : calibration.rates)
    if (const auto note = planner::unsteady_note(one); note && by_type.contains(one.weights)) std::printf("%s: %s\n", one.weights.c_str(), (plan.chinese() ? note->zh : note->en).c_str());
  std::printf("%s\n", (plan.chinese() ? fmt::format("已写入 {}；`siyu plan speed --model FILE` 将据此预测。", file.string()) : fmt::format("Written to {}; `siyu plan speed --model FILE` foretells by it.", file.string())).c_str());
  return {};
}

}  // namespace

std::filesystem::path default_calibration() {
  if (const char* config = std::getenv("XDG_CONFIG_HOME"); config != nullptr && *config != '\0') return std::filesystem::path(config) / "siyu/calibration.json";
  const char* home = std::getenv("HOME");
  return (home != nullptr && *home != '\0' ? std::filesystem::path(home) / ".config" : std::filesystem::current_path()) / "siyu/calibration.json";
}

void add_calibrate_command(CLI::App& plan, int& exit_code) {
  add_plan_command<CalibrateOptions>(plan, "calibrate", "Measure this machine with models that are on it, for `plan speed`", exit_code,
                                     [](CLI::App& command, CalibrateOptions& options) {
                                       command.add_option("--model", options.models, "GGUF file; several of one type but different sizes tell more")->required()->check(CLI::ExistingFile)->allow_extra_args(false);
                                       command.add_option("--threads", options.threads, "CPU threads; the worker's choice when absent")->check(CLI::Range(0, 1024));
                                       command.add_option("--seconds", options.seconds, "How long to measure each model, about; at least once everything. Three times and 40 seconds when absent")->check(CLI::Range(0.0, 3600.0));
                                       command.add_flag("--processors", options.processors, "Leave the machine's accelerators aside");
                                       command.add_flag("--again", options.again, "Take the mean of this measurement and those that made the file, for a machine that is shared with others");
                                       command.add_option("--out", options.out, "File of the rates; ~/.config/siyu/calibration.json when absent");
                                     },
                                     calibrate);
}

}  // namespace siyu::cli
