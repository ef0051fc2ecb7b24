#include "api/planning.h"

#include "planner/calibration.h"

namespace siyu::api {
namespace {

constexpr std::int64_t kComeAgainMs = 3000;  // about what a plan takes

}  // namespace

Result<std::unique_ptr<Planning>> Planning::open(const std::filesystem::path& data, std::filesystem::path printer, Logger& log) {
  std::unique_ptr<Planning> planning(new Planning(std::move(printer)));
  planning->origin_ = {"built in", "内置"};
  std::error_code ignored;
  if (const auto file = data / "calibration.json"; std::filesystem::is_regular_file(file, ignored)) {
    auto known = planner::read_calibration(file);
    if (known) planning->measured_ = std::move(known->rates);
    else log.warn("plan_calibration_refused", {{"file", file.string()}, {"reason", known.error().message}});
  }
  RETURN_IF_ERROR(planning->read_catalogue(data / "catalogue", log));
  planning->published_ = planner::compare_published(planning->catalogue_);
  return planning;
}

Status Planning::read_catalogue(const std::filesystem::path& folder, Logger& log) {
  std::error_code ignored;
  if (std::filesystem::is_directory(folder, ignored)) {
    auto own = planner::load_catalogue(folder);
    if (own) {
      catalogue_ = std::move(*own);
      origin_ = {"built in, with the files of the data folder's catalogue", "内置，并叠加数据目录中 catalogue 下的文件"};
      return {};
    }
    log.warn("plan_catalogue_refused", {{"folder", folder.string()}, {"reason", own.error().message}});
    problem_ = planner::Words{"The files in the data folder's catalogue are not used: " + own.error().message, "数据目录中 catalogue 下的文件未被采用：" + own.error().message};
  }
  ASSIGN_OR_RETURN(catalogue_, planner::builtin_catalogue());
  return {};
}

Result<Planning::Turn> Planning::take_turn() {
  if (taken_.fetch_add(1) >= kAtOnce) {
    taken_.fetch_sub(1);
    return std::unexpected(Error{.code = ErrorCode::kUnavailable, .message = "Two plans are being made already; try again in a few seconds", .reason = "planner_busy", .retry_after_ms = kComeAgainMs});
  }
  return Turn(taken_);
}

}  // namespace siyu::api
