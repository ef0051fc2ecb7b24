#include "serving/release.h"

#include <fmt/format.h>

namespace siyu::serving {
namespace {

constexpr double kMoreErrors = 0.05;           // of all requests, over the stable version's part
constexpr std::uint64_t kHopeless = 5;         // failures, and most of what came: it need not see its whole number of requests
constexpr double kSlowerFirstToken = 2;        // times the stable p95 …
constexpr double kSlowerByMs = 200;            // … and by so much, since small figures scatter
constexpr double kSlowerPace = 2;              // times the stable version's time for a token …
constexpr double kSlowerTokenMs = 2;           // … and by so much
constexpr std::uint64_t kEnoughTokens = 500;   // short answers are over before their pace can be told

}  // namespace

ReleaseJudgement judge_release(const ReleaseSpec& release, const VersionFigures& stable, const VersionFigures& candidate, Millis lasted) {
  const auto enough = static_cast<std::uint64_t>(release.min_requests);
  const bool hopeless = candidate.failures >= kHopeless && candidate.error_rate() > 0.5;
  if (candidate.requests < enough && !hopeless)
    return {ReleaseStep::kWait, fmt::format("{} of {} requests seen", candidate.requests, enough)};
  if (candidate.error_rate() > stable.error_rate() + kMoreErrors)
    return {ReleaseStep::kRollBack, fmt::format("{:.1f} % of its {} requests failed, against {:.1f} % before", 100 * candidate.error_rate(), candidate.requests, 100 * stable.error_rate())};
  const bool comparable = stable.first_token.count() >= enough && candidate.first_token.count() >= enough;
  const double before = stable.first_token.quantile_ms(0.95), now = candidate.first_token.quantile_ms(0.95);
  if (comparable && now > kSlowerFirstToken * before && now > before + kSlowerByMs)
    return {ReleaseStep::kRollBack, fmt::format("its first token takes {:.0f} ms (p95), against {:.0f} ms before", now, before)};
  const bool paced = stable.timed_tokens >= kEnoughTokens && candidate.timed_tokens >= kEnoughTokens;
  const double pace_before = stable.ms_per_token(), pace = candidate.ms_per_token();
  if (paced && pace > kSlowerPace * pace_before && pace > pace_before + kSlowerTokenMs)
    return {ReleaseStep::kRollBack, fmt::format("it makes {:.1f} tokens a second, against {:.1f} before", candidate.tokens_per_second(), stable.tokens_per_second())};
  if (lasted < std::chrono::seconds(release.step_seconds)) return {ReleaseStep::kWait, "the step is not over"};
  return {ReleaseStep::kAdvance, fmt::format("{} requests, {:.1f} % failed, first token {:.0f} ms (p95)", candidate.requests, 100 * candidate.error_rate(), now)};
}

std::map<std::string, double> traffic_of_step(const ReleaseSpec& release, std::int32_t step) {
  const double part = release.steps[static_cast<std::size_t>(step)];
  double others = 0;
  for (const auto& [version, weight] : release.from)
    if (version != release.to) others += weight;
  std::map<std::string, double> traffic;
  for (const auto& [version, weight] : release.from)
    if (version != release.to && others > 0) traffic[version] = weight / others * (100 - part);
  traffic[release.to] = part;
  return traffic;
}

}  // namespace siyu::serving
