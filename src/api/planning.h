// What the planner's operations share: the catalogue as it was read at the start, the printer of papers, and a bound on whole plans.
#pragma once

#include <boost/describe.hpp>

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "planner/catalogue.h"
#include "planner/published.h"
#include "planner/speed.h"
#include "planner/worksheet.h"
#include "report/sandboxed_printer.h"

namespace siyu::api {

/// Thread-safe.
class Planning {
 public:
  /// `data`/catalogue and `data`/calibration.json (of `siyu plan calibrate --out`) are taken when they are there. What cannot be read is
  /// logged; the built-in catalogue stands in for the whole one, and `problem` tells so.
  static Result<std::unique_ptr<Planning>> open(const std::filesystem::path& data, std::filesystem::path printer, Logger& log);

  const planner::Catalogue& catalogue() const { return catalogue_; }
  const planner::Words& origin() const { return origin_; }
  const std::optional<planner::Words>& problem() const { return problem_; }
  /// Predictions beside the catalogue's published speeds, reckoned once at the start.
  const planner::Comparisons& published() const { return published_; }
  /// Of the server's machine, for each weight format; may be empty.
  const std::vector<planner::MeasuredRates>& measured() const { return measured_; }
  const report::Printer& printer() const { return printer_; }

  /// A plan takes a processor for seconds and its papers a process of up to 2 GiB, hence two at once, whoever asks.
  static constexpr int kAtOnce = 2;
  class Turn {
   public:
    explicit Turn(std::atomic<int>& taken) : taken_(&taken) {}
    Turn(Turn&& other) noexcept : taken_(std::exchange(other.taken_, nullptr)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (taken_ != nullptr) taken_->fetch_sub(1);
    }

   private:
    std::atomic<int>* taken_;
  };
  /// kUnavailable while all turns are taken.
  Result<Turn> take_turn();

 private:
  explicit Planning(std::filesystem::path printer) : printer_(std::move(printer)) {}
  Status read_catalogue(const std::filesystem::path& folder, Logger& log);

  planner::Catalogue catalogue_;
  planner::Words origin_;
  std::vector<planner::MeasuredRates> measured_;
  std::optional<planner::Words> problem_;
  planner::Comparisons published_;
  const report::SandboxedPrinter printer_;
  std::atomic<int> taken_ = 0;
};

}  // namespace siyu::api
