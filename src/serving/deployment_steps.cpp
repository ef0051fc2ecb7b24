// What deployments do by themselves: releases step by step, scaling with the load, sleep and waking. Each step is an event.
#include <fmt/format.h>

#include <cmath>

#include "serving/deployments.h"

namespace siyu::serving {
namespace {

constexpr Millis kStartLimit = std::chrono::minutes(15);  // a released version whose replicas are not ready by then is rolled back
constexpr int kGivenUpAfter = 2;                          // failed starts, or lost processes, of a version that is being released
constexpr Millis kSampleEvery = std::chrono::seconds(1);
constexpr Millis kWindow = std::chrono::seconds(15);      // what autoscaling looks back on

}  // namespace

DeploymentEvent Deployments::event(const std::string& name, const std::string& version, std::string actor, std::string kind, std::string text) const {
  return {.at = parts_.clock.now(), .deployment = name, .version = version, .actor = std::move(actor), .kind = std::move(kind), .text = std::move(text)};
}

void Deployments::note(const std::string& name, const std::string& version, const std::string& kind, const std::string& text) {
  parts_.log.info("deployment_" + kind, {{"deployment", name}, {"version", version}, {"text", text}});
  if (const auto written = store_.add(event(name, version, "system", kind, text)); !written)
    parts_.log.error("deployment_event_lost", {{"deployment", name}, {"detail", written.error().message}});
  (void)parts_.policy.record("system", {.action = "deployment." + kind, .resource = "deployment/" + name, .request = ""}, "done");
}

/// Makes a step of its own. When it cannot be written it has not happened, and is tried again.
bool Deployments::save(Live& live, DeploymentSpec spec, const std::string& version, const std::string& kind, const std::string& text) {
  if (const auto written = store_.put(spec, event(spec.name, version, "system", kind, text)); !written) {
    parts_.log.error("deployment_step_lost", {{"deployment", spec.name}, {"detail", written.error().message}});
    return false;
  }
  parts_.log.info("deployment_" + kind, {{"deployment", spec.name}, {"version", version}, {"text", text}});
  (void)parts_.policy.record("system", {.action = "deployment." + kind, .resource = "deployment/" + spec.name, .request = ""}, "done");
  live.spec = std::move(spec);
  live.identity = identify(live.spec);
  publish();
  return true;
}

void Deployments::begin_step(Live& live, std::int32_t step, const std::string& text) {
  auto spec = live.spec;
  const auto to = spec.release->to;
  spec.release->step = step;
  if (!serving::set_traffic(spec, traffic_of_step(*spec.release, step))) return;
  const bool last = spec.release->steps[static_cast<std::size_t>(step)] >= 100;
  if (last) {
    spec.previous = spec.release->from;
    spec.release.reset();
  }
  const auto part = spec.find(to)->weight;
  if (!save(live, std::move(spec), to, last ? "release_finished" : "release_step", fmt::format("Gets {:.0f} % of the requests{}", part, text.empty() ? "" : ": " + text))) return;
  live.step_began = parts_.clock.steady_now();
  live.at_step.clear();
  for (const auto& [name, version] : live.versions) live.at_step[name] = version.stats->figures();
  live.versions[to].restarts = 0;
}

void Deployments::roll_back(Live& live, const std::string& why) {
  auto spec = live.spec;
  const auto to = spec.release->to;
  if (!serving::set_traffic(spec, spec.release->from)) return;
  spec.find(to)->rejected = true;
  spec.release.reset();
  save(live, std::move(spec), to, "rolled_back", "Rolled back: " + why);
}

void Deployments::advance_release(Live& live) {
  if (!live.spec.release || live.asleep) return;
  const auto& release = *live.spec.release;
  const auto lasted = std::chrono::duration_cast<Millis>(parts_.clock.steady_now() - live.step_began);
  const auto& candidate = live.versions[release.to];
  if (candidate.failures >= kGivenUpAfter || candidate.restarts >= kGivenUpAfter) return roll_back(live, "its replicas fail");
  if (release.step < 0) {
    if (all_ready(live, *live.spec.find(release.to))) return begin_step(live, 0, "its replicas are ready");
    if (lasted > kStartLimit || (live.obstacle.size() > 0 && candidate.replicas.empty())) return roll_back(live, live.obstacle.empty() ? "its replicas did not become ready" : live.obstacle);
    return;
  }
  if (live.at_step.empty())  // after a restart of the server: figures begin anew, and so does the step
    for (const auto& [name, version] : live.versions) live.at_step[name] = version.stats->figures();
  VersionFigures stable;
  std::uint64_t most = 0;
  for (const auto& [name, weight] : release.from) {
    if (name == release.to || weight <= 0 || !live.versions.contains(name)) continue;
    const auto figures = live.versions[name].stats->figures() - live.at_step[name];
    if (figures.requests < most) continue;
    most = figures.requests;
    stable = figures;
  }
  const auto judged = judge_release(release, stable, candidate.stats->figures() - live.at_step[release.to], lasted);
  if (judged.step == ReleaseStep::kRollBack) return roll_back(live, judged.reason);
  if (judged.step == ReleaseStep::kAdvance) begin_step(live, release.step + 1, judged.reason);
}

void Deployments::watch_load(Live& live) {
  const auto now = parts_.clock.steady_now();
  const auto wanted = live.router->take_wanted();
  if (live.asleep && (live.router->waiting() > 0 || !wanted.empty())) {
    live.asleep = false;
    note(live.spec.name, "", "woken", "A request came");
  }
  if (!live.spec.autoscale) {
    live.scaled = 0;
    return;
  }
  const auto& scale = *live.spec.autoscale;
  const auto used = std::max(live.router->last_used(), live.step_began);
  if (!live.asleep && scale.min == 0 && !live.router->busy() && now - used > std::chrono::seconds(scale.idle_seconds))
    return put_to_sleep(live, "asleep", fmt::format("No request for {} seconds", scale.idle_seconds), false);
  if (live.asleep || (!live.samples.empty() && now - live.samples.back().at < kSampleEvery)) return;
  Sample sample{.at = now, .arrived = live.router->arrived(), .figures = {}};
  std::uint64_t tokens = 0;
  for (const auto& [name, version] : live.versions) tokens += version.stats->figures().generated_tokens;
  sample.figures = live.versions[live.spec.primary().version].stats->figures();
  sample.figures.generated_tokens = tokens;
  live.samples.push_back(sample);
  while (live.samples.size() > 2 && now - live.samples.front().at > kWindow) live.samples.pop_front();
  const auto& begin = live.samples.front();
  const double seconds = std::max(1.0, std::chrono::duration<double>(now - begin.at).count());
  const LoadFigures load{.requests_per_second = static_cast<double>(sample.arrived - begin.arrived) / seconds, .waiting_requests = static_cast<double>(live.router->waiting()),
                         .tokens_per_second = static_cast<double>(tokens - begin.figures.generated_tokens) / seconds,
                         .first_token_ms = (sample.figures.first_token - begin.figures.first_token).quantile_ms(0.95)};
  const auto before = live.scaled > 0 ? live.scaled : std::max(1, scale.min);
  live.scaled = live.autoscaler.decide(scale, load, before, now);
  if (live.scaled != before)
    note(live.spec.name, "", "autoscaled", fmt::format("{} replicas instead of {}: {:.1f} requests/s, {:.0f} waiting, {:.0f} tokens/s, first token {:.0f} ms", live.scaled, before,
                                                       load.requests_per_second, load.waiting_requests, load.tokens_per_second, load.first_token_ms));
}

}  // namespace siyu::serving
