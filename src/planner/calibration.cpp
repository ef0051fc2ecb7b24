#include "planner/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <numeric>

#include "base/json.h"
#include "planner/median.h"
#include "planner/safetensors.h"

namespace siyu::planner {
namespace {

// What a step takes besides reading weights, of itself, for each layer, and for each word of the vocabulary (whose likelihoods are looked
// through), in seconds: usual on processors and on a large card, give or take as much. Two models seldom tell such small parts from noise, so
// a fit begins from here and moves as far as the times demand.
constexpr double kStep = 1e-4, kLayer = 3e-5, kWord = 3e-9;
constexpr double kPromptStep = 3e-3;           // more of a step that reads a prompt; 8 ms were seen on a card, nothing on processors
constexpr double kNoise = 0.03;                // of a measured time
constexpr int kSweeps = 2000;
constexpr double kFastest = 1e18;              // a rate that no time gave: what it is for costs nothing then

/// of[0] × x[0] + of[1] × x[1] + … = is
template <std::size_t N>
struct Equation {
  std::array<double, N> of{};
  double is = 0;
};

/// Least squares with no x below 0: one is set after the other, each to its best, until they stand still. An x that no equation tells stays 0.
template <std::size_t N>
std::array<double, N> solve(const std::vector<Equation<N>>& equations) {
  std::array<double, N> x{};
  for (int i = 0; i < kSweeps; ++i) {
    for (std::size_t k = 0; k < N; ++k) {
      double top = 0, bottom = 0;
      for (const auto& [of, is] : equations) {
        const double others = std::inner_product(of.begin(), of.end(), x.begin(), 0.0) - of[k] * x[k];
        top += of[k] * (is - others), bottom += of[k] * of[k];
      }
      if (bottom > 0) x[k] = std::max(0.0, top / bottom);
    }
  }
  return x;
}

/// What is known beforehand of x[k]: about so much, give or take as much.
template <std::size_t N>
Equation<N> usually(std::size_t k, double value) {
  Equation<N> equation{.is = 1};
  equation.of[k] = 1 / value;
  return equation;
}

/// A measured time, as the sum of parts × x: noise is a share of it.
template <std::size_t N>
Equation<N> measured(std::array<double, N> parts, double seconds) {
  for (auto& part : parts) part /= seconds * kNoise;
  return {.of = parts, .is = 1 / kNoise};
}

double rate(double seconds_of_one) { return seconds_of_one > 0 ? 1 / seconds_of_one : kFastest; }

/// seconds of a token = step + layers × layer + vocabulary × word + weights / bandwidth + context × operations of a cached token / K
void fit_outputs(const std::vector<CalibrationRun>& runs, MeasuredRates& rates) {
  std::vector<Equation<5>> equations{usually<5>(0, kStep), usually<5>(1, kLayer), usually<5>(2, kWord)};
  for (const auto& run : runs)
    for (const auto& output : run.outputs)
      equations.push_back(measured<5>({1, 1.0 * run.shape.layers, 1.0 * run.shape.vocabulary, sizing::active_weight_bytes(run.shape, nullptr), output.context * cached_token_ops(run.shape)}, output.seconds));
  const auto [step, layer, word, byte, cached] = solve(equations);
  rates.step_s = step, rates.layer_s = layer, rates.word_s = word;
  rates.weight_bytes_per_s = rate(byte);
  rates.kv_ops_per_s = rate(cached);
}

/// seconds of a prompt = steps × (step + layers × layer + prompt step) + vocabulary × word + tokens × computed / F + tokens² / 2 × attention / A,
/// of which fit_outputs() has found the step, the layer and the word.
void fit_prompts(const std::vector<CalibrationRun>& runs, MeasuredRates& rates) {
  std::vector<Equation<3>> equations{usually<3>(0, kPromptStep)};
  for (const auto& run : runs) {
    const double computed = 2.0 * static_cast<double>(run.shape.computed_parameters() - run.shape.output_parameters());
    for (const auto& prompt : run.prompts) {
      const double steps = std::ceil(prompt.tokens / sizing::WorkerSizes{}.step_tokens);
      const double known = steps * (rates.step_s + run.shape.layers * rates.layer_s) + run.shape.vocabulary * rates.word_s.value_or(0);
      equations.push_back(measured<3>({steps, prompt.tokens * computed, prompt.tokens * prompt.tokens / 2 * sizing::attention_flop(run.shape)}, std::max(prompt.seconds - known, prompt.seconds / 2)));
    }
  }
  const auto [step, flop, attention] = solve(equations);
  rates.prompt_step_s = step;
  rates.flop_per_s = rate(flop);
  rates.attention_flop_per_s = rate(attention);
}

/// seconds of a step = step + layers × layer + sequences × (vocabulary × word + context × operations of a cached token / K + (computed + output) / F)
void fit_batches(const std::vector<CalibrationRun>& runs, MeasuredRates& rates) {
  std::vector<double> flop;
  for (const auto& run : runs) {
    for (const auto& batch : run.batches) {
      const double each = run.shape.vocabulary * rates.word_s.value_or(0) + batch.context * cached_token_ops(run.shape) / rates.kv_ops_per_s;
      const double rest = batch.seconds - rates.step_s - run.shape.layers * rates.layer_s - batch.sequences * each;
      flop.push_back(batch.sequences * 2.0 * static_cast<double>(run.shape.computed_parameters()) / std::max(rest, batch.seconds / 4));
    }
  }
  if (!flop.empty()) rates.batch_flop_per_s = std::min(median(flop), rates.flop_per_s);
}

}  // namespace

Result<MeasuredRates> fit(const std::vector<CalibrationRun>& runs) {
  if (runs.empty()) return invalid("There is nothing to calibrate by; measure one model at least");
  MeasuredRates rates{.weights = sizing::main_type(runs.front().shape)};
  if (!runs.front().accelerator.empty()) rates.accelerator = runs.front().accelerator;
  for (const auto& run : runs) {
    if (run.prompts.empty() || run.outputs.empty()) return invalid(fmt::format("{} was not measured: it has no times", run.model));
    const auto sane = [](double value) { return std::isfinite(value) && value > 0; };
    if (!std::ranges::all_of(run.prompts, [&](const auto& one) { return sane(one.tokens) && sane(one.seconds); }) || !std::ranges::all_of(run.outputs, [&](const auto& one) { return one.context >= 0 && sane(one.seconds); }) ||
        !std::ranges::all_of(run.batches, [&](const auto& one) { return sane(one.sequences) && one.context >= 0 && sane(one.seconds); }))
      return invalid(fmt::format("{} was measured with impossible times", run.model));
    if (run.spread > rates.spread.value_or(0)) rates.spread = run.spread;
    rates.source += (rates.source.empty() ? "" : ", ") + run.model;
  }
  fit_outputs(runs, rates);
  fit_prompts(runs, rates);
  fit_batches(runs, rates);
  return rates;
}

void go_on_from(const TimedModel& earlier, CalibrationRun& run) {
  const double passes = earlier.passes.value_or(1);
  std::vector<double> apart;
  const auto join = [&](auto& now, const auto& before, auto... lengths) {
    for (auto& one : now)
      for (const auto& other : before)
        if (const bool same = ((one.*lengths == other.*lengths) && ...); same) {
          const auto [quick, slow] = std::minmax(one.seconds, other.seconds);
          apart.push_back(slow / quick - 1);
          one.seconds = (other.seconds * passes + one.seconds) / (passes + 1);
        }
  };
  join(run.prompts, earlier.prompts, &TimedPrompt::tokens);
  join(run.outputs, earlier.outputs, &TimedOutput::context);
  join(run.batches, earlier.batches.value_or(std::vector<TimedBatch>{}), &TimedBatch::sequences, &TimedBatch::context);
  if (!apart.empty()) run.spread = std::max(run.spread, median(apart));
  run.passes = passes + 1;
}

Result<Calibration> read_calibration(const std::filesystem::path& file) {
  ASSIGN_OR_RETURN(const auto text, read_small_file(file));
  auto calibration = from_json_text<Calibration>(text, UnknownKeys::kRefuse);
  if (!calibration) return invalid(fmt::format("{} is no calibration: {}; remove it and run `siyu plan calibrate` again", file.string(), calibration.error().message));
  for (const auto& one : calibration->rates)
    if (!(one.weight_bytes_per_s > 0 && one.kv_ops_per_s > 0 && one.flop_per_s > 0 && one.attention_flop_per_s > 0 && one.batch_flop_per_s.value_or(1) > 0 && one.prompt_step_s.value_or(0) >= 0 && one.step_s >= 0 && one.layer_s >= 0 && one.word_s.value_or(0) >= 0))
      return invalid(fmt::format("{} has rates that are not above 0; remove it and run `siyu plan calibrate` again", file.string()));
  return calibration;
}

Status write_calibration(const std::filesystem::path& file, const Calibration& calibration) {
  std::error_code error;
  if (!file.parent_path().empty()) std::filesystem::create_directories(file.parent_path(), error);
  const auto unfinished = file.string() + ".tmp";
  std::ofstream out(unfinished, std::ios::binary);
  out << to_json_text(calibration) << "\n";
  out.close();
  if (out) std::filesystem::rename(unfinished, file, error);
  if (!out || error) return fail(ErrorCode::kStorageFull, fmt::format("{} cannot be written; name another file with --out", file.string()));
  return {};
}

}  // namespace siyu::planner
