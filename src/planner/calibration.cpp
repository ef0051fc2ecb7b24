#include "planner/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "base/json.h"
#include "planner/median.h"
#include "planner/safetensors.h"

namespace siyu::planner {
namespace {

constexpr double kStep = 2e-4, kLayer = 5e-6;  // seconds, when one model alone cannot tell them
// Sampling looks through the vocabulary: two models of equal bytes, one with 32,000 and one with 151,936 words, were 0.7 ms a token apart.
constexpr double kWord = 6e-9;
constexpr double kFastest = 1e18;              // a rate that no time gave: what it is for costs nothing then

struct Line {
  double at_zero = 0, slope = 0;
};

/// y = a + b x with weights 1 / y, so that short times count as much as long ones.
Line line_through(const std::vector<std::pair<double, double>>& points) {
  double n = 0, x = 0, y = 0, xx = 0, xy = 0;
  for (const auto& [px, py] : points) {
    const double weight = 1 / (py * py);
    n += weight, x += weight * px, y += weight * py, xx += weight * px * px, xy += weight * px * py;
  }
  const double determinant = n * xx - x * x;
  if (points.size() < 2 || determinant <= 0) return {.at_zero = points.empty() ? 0 : y / n};
  return {.at_zero = (y * xx - x * xy) / determinant, .slope = (n * xy - x * y) / determinant};
}

/// seconds / token = computed / F + half the tokens before it × attention / A
void fit_prompts(const std::vector<CalibrationRun>& runs, MeasuredRates& rates) {
  std::vector<double> flop, attention;
  for (const auto& run : runs) {
    std::vector<std::pair<double, double>> per_token;
    for (const auto& prompt : run.prompts) per_token.emplace_back(prompt.tokens / 2, prompt.seconds / prompt.tokens);
    const auto line = line_through(per_token);
    const double computed = 2.0 * static_cast<double>(run.shape.computed_parameters() - run.shape.output_parameters());
    const double whole = line.at_zero > 0 ? line.at_zero : per_token.front().second;
    flop.push_back(computed / whole);
    if (line.slope > 0) attention.push_back(sizing::attention_flop(run.shape) / line.slope);
  }
  rates.flop_per_s = median(flop);
  rates.attention_flop_per_s = attention.empty() ? kFastest : median(attention);
}

/// seconds of a token = step + layers × layer + vocabulary × word + weights / bandwidth + context × attention / K
void fit_outputs(const std::vector<CalibrationRun>& runs, MeasuredRates& rates) {
  std::vector<double> kv;
  std::vector<std::pair<double, double>> by_weight;  // weights, seconds without what the cache takes
  double layers = 0;
  for (const auto& run : runs) {
    std::vector<std::pair<double, double>> by_context;
    for (const auto& output : run.outputs) by_context.emplace_back(output.context, std::max(output.seconds - run.shape.vocabulary * kWord, output.seconds / 2));
    const auto line = line_through(by_context);
    if (line.slope > 0) kv.push_back(sizing::attention_flop(run.shape) / line.slope);
    by_weight.emplace_back(sizing::active_weight_bytes(run.shape, nullptr), line.at_zero > 0 ? line.at_zero : by_context.front().second);
    layers += run.shape.layers;
  }
  layers /= static_cast<double>(runs.size());
  rates.word_s = kWord;
  rates.kv_flop_per_s = kv.empty() ? kFastest : median(kv);
  const auto [smallest, largest] = std::ranges::minmax_element(by_weight);
  const auto line = line_through(by_weight);
  if (largest->first > 1.5 * smallest->first && line.slope > 0 && line.at_zero >= 0) {
    rates.weight_bytes_per_s = 1 / line.slope;
    rates.step_s = line.at_zero / 2;
    rates.layer_s = line.at_zero / 2 / std::max(1.0, layers);
    return;
  }
  rates.step_s = kStep, rates.layer_s = kLayer;
  std::vector<double> bandwidths;
  for (const auto& [bytes, seconds] : by_weight) bandwidths.push_back(bytes / std::max(seconds - kStep - layers * kLayer, seconds / 2));
  rates.weight_bytes_per_s = median(bandwidths);
}

}  // namespace

Result<MeasuredRates> fit(const std::vector<CalibrationRun>& runs) {
  if (runs.empty()) return invalid("There is nothing to calibrate by; measure one model at least");
  MeasuredRates rates{.weights = sizing::main_type(runs.front().shape)};
  for (const auto& run : runs) {
    if (run.prompts.empty() || run.outputs.empty()) return invalid(fmt::format("{} was not measured: it has no times", run.model));
    const auto sane = [](double value) { return std::isfinite(value) && value > 0; };
    if (!std::ranges::all_of(run.prompts, [&](const auto& one) { return sane(one.tokens) && sane(one.seconds); }) || !std::ranges::all_of(run.outputs, [&](const auto& one) { return one.context >= 0 && sane(one.seconds); }))
      return invalid(fmt::format("{} was measured with impossible times", run.model));
    rates.source += (rates.source.empty() ? "" : ", ") + run.model;
  }
  fit_prompts(runs, rates);
  fit_outputs(runs, rates);
  return rates;
}

Result<Calibration> read_calibration(const std::filesystem::path& file) {
  ASSIGN_OR_RETURN(const auto text, read_small_file(file));
  auto calibration = from_json_text<Calibration>(text, UnknownKeys::kRefuse);
  if (!calibration) return invalid(fmt::format("{} is no calibration: {}; run `siyu plan calibrate` again", file.string(), calibration.error().message));
  for (const auto& one : calibration->rates)
    if (!(one.weight_bytes_per_s > 0 && one.kv_flop_per_s > 0 && one.flop_per_s > 0 && one.attention_flop_per_s > 0 && one.step_s >= 0 && one.layer_s >= 0 && one.word_s.value_or(0) >= 0))
      return invalid(fmt::format("{} has rates that are not above 0; run `siyu plan calibrate` again", file.string()));
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
