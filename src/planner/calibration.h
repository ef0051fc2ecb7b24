// What a machine was measured to reach, and how the measurements become rates: times of prompts and of output tokens of models whose
// structure is known, fitted to the same formulas that predict (speed.h).
#pragma once

#include <boost/describe.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "planner/speed.h"

namespace siyu::planner {

struct TimedPrompt {
  double tokens = 0, seconds = 0;        ///< until the first token comes
};
BOOST_DESCRIBE_STRUCT(TimedPrompt, (), (tokens, seconds))
struct TimedOutput {
  double context = 0, seconds = 0;       ///< of one token, behind so many
};
BOOST_DESCRIBE_STRUCT(TimedOutput, (), (context, seconds))
struct TimedBatch {
  double sequences = 0, context = 0, seconds = 0;  ///< of a step that gives a token to each of so many, each behind so many
};
BOOST_DESCRIBE_STRUCT(TimedBatch, (), (sequences, context, seconds))

/// Of one model on this machine: one request at a time, and several at once.
struct CalibrationRun {
  std::string model;
  std::string accelerator;               ///< that it ran on; empty: the processors
  sizing::ModelShape shape;
  std::vector<TimedPrompt> prompts;      ///< of two lengths at least
  std::vector<TimedOutput> outputs;      ///< behind two contexts at least
  std::vector<TimedBatch> batches;       ///< may be empty: then several at once are foretold to compute as fast as a prompt
  double spread = 0;                     ///< by how much a usual try, which counts, took longer than the quickest
  double passes = 1;                     ///< measurements that the times are the mean of
};

/// Rates for models of one weight type. With several models of different sizes the fixed part of a step is fitted too; with one it is
/// taken as small. kInvalidArgument when there are no runs, or times that say nothing.
Result<MeasuredRates> fit(const std::vector<CalibrationRun>& runs);

/// The times themselves, so that the rates can be followed back.
struct TimedModel {
  std::string model, weights;
  std::vector<TimedPrompt> prompts;
  std::vector<TimedOutput> outputs;
  std::optional<std::vector<TimedBatch>> batches;
  std::optional<double> passes;          ///< 1 when absent
};
BOOST_DESCRIBE_STRUCT(TimedModel, (), (model, weights, prompts, outputs, batches, passes))

/// Makes of a measurement and the earlier ones of the same model the mean of their times, each length and context for itself. How far they were
/// apart counts as spread.
void go_on_from(const TimedModel& earlier, CalibrationRun& run);

struct Calibration {
  std::string machine, date;
  std::vector<MeasuredRates> rates;      ///< one for each weight type
  std::vector<TimedModel> models;
};
BOOST_DESCRIBE_STRUCT(Calibration, (), (machine, date, rates, models))

Result<Calibration> read_calibration(const std::filesystem::path& file);
/// The file's rates with these in their place; written beside it first and then renamed.
Status write_calibration(const std::filesystem::path& file, const Calibration& calibration);

}  // namespace siyu::planner
