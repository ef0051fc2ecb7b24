// Whether a version that is being released may go on, judged beside the version it is to replace.
#pragma once

#include <string>

#include "serving/deployment.h"
#include "serving/version_stats.h"

namespace siyu::serving {

enum class ReleaseStep { kWait, kAdvance, kRollBack };

struct ReleaseJudgement {
  ReleaseStep step = ReleaseStep::kWait;
  std::string reason;
};

/// Both figures are since the step began. It is rolled back as soon as its errors, its first tokens or its pace are clearly
/// worse, and goes on when the step has lasted long enough and has seen enough requests.
ReleaseJudgement judge_release(const ReleaseSpec& release, const VersionFigures& stable, const VersionFigures& candidate, Millis lasted);

/// The traffic of one step: the released version's part, and the rest as it was shared before.
std::map<std::string, double> traffic_of_step(const ReleaseSpec& release, std::int32_t step);

}  // namespace siyu::serving
