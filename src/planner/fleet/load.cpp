#include "planner/fleet/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "planner/ranges.h"

namespace siyu::planner {
namespace {

constexpr std::string_view kGiven = "given";
constexpr std::string_view kGuidance = "guidance of this project";
constexpr double kPeakFactor = 1.5, kTtft = 2, kTpotMs = 100;
// Means of 19,366 requests: Azure LLM inference trace 2023, conversation (Patel et al., Splitwise, ISCA 2024; Azure/AzurePublicDataset, CC BY 4.0).
constexpr double kPrompt = 1155, kOutput = 211;
constexpr std::string_view kAzure = "mean of Azure's LLM inference trace of 2023, conversation (Splitwise, ISCA 2024)";
constexpr std::size_t kMostTraceRequests = 2'000'000;  // each is simulated some dozens of times

/// A number given or taken from elsewhere, as an input of a formula.
Input input_of(std::string_view name, const std::optional<double>& given, double otherwise, std::string_view unit, std::string_view source) {
  return {.name = std::string(name), .value = given.value_or(otherwise), .unit = std::string(unit), .source = std::string(given ? kGiven : source)};
}

/// A figure that is an input of the whole plan.
double taken(Worksheet& sheet, std::string_view id, Words label, const Input& input) {
  return sheet.add({.id = std::string(id), .label = std::move(label), .value = input.value, .unit = input.unit, .formula = input.name, .inputs = {input}});
}

Status check(const FleetQuestion& q) {
  RETURN_IF_ERROR(within(q.users.daily_active, range::kDailyActive, "users.daily_active"));
  RETURN_IF_ERROR(within(q.users.requests_per_user_and_day, range::kRequestsPerUserAndDay, "users.requests_per_user_and_day"));
  RETURN_IF_ERROR(within(q.users.peak_hour_share, range::kPeakHourShare, "users.peak_hour_share"));
  RETURN_IF_ERROR(within(q.users.peak_factor, range::kPeakFactor, "users.peak_factor"));
  RETURN_IF_ERROR(within(q.users.requests_per_second, range::kRequestsPerSecond, "users.requests_per_second"));
  RETURN_IF_ERROR(within(q.users.growth_per_year, range::kGrowthPerYear, "users.growth_per_year"));
  RETURN_IF_ERROR(within(q.tokens.prompt, range::kTokens, "tokens.prompt"));
  RETURN_IF_ERROR(within(q.tokens.output, range::kTokens, "tokens.output"));
  RETURN_IF_ERROR(within(q.tokens.shared_prefix, range::kSharedPrefix, "tokens.shared_prefix"));
  RETURN_IF_ERROR(within(q.goals.ttft_p95_s, range::kTtft, "latency.ttft_p95_s"));
  RETURN_IF_ERROR(within(q.goals.tpot_p95_ms, range::kTpotMs, "latency.tpot_p95_ms"));
  RETURN_IF_ERROR(within(q.prompt_variation, {0, 10}, "prompt_variation"));
  RETURN_IF_ERROR(within(q.output_variation, {0, 10}, "output_variation"));
  RETURN_IF_ERROR(within(q.longest, range::kTokens, "longest"));
  RETURN_IF_ERROR(within(q.cards_per_replica, range::kCardsPerReplica, "cards_per_replica"));
  RETURN_IF_ERROR(within(q.cards_per_server, {1, 1024}, "cards_per_server"));
  RETURN_IF_ERROR(within(q.years, {0, 15}, "years"));
  RETURN_IF_ERROR(within(q.spare, {0, 10}, "spare"));
  if (q.minimum_servers) RETURN_IF_ERROR(within(*q.minimum_servers, {0, 10'000}, "minimum_servers"));
  RETURN_IF_ERROR(within(q.effort.runs, {1, 100}, "effort.runs"));
  RETURN_IF_ERROR(within(q.effort.requests, {100, 1e6}, "effort.requests"));
  if (q.trace && q.trace->requests.size() > kMostTraceRequests)
    return fail(ErrorCode::kTooLarge, fmt::format("A fleet is planned with a trace of at most {} requests; {} has {}: give its busiest part", kMostTraceRequests,
                                                  q.trace->name, q.trace->requests.size()));
  return check(q.replica);
}

/// The peak by the users' day, with a class of the catalogue for what was not said.
Result<double> peak_of_users(const FleetQuestion& q, Load& load) {
  std::optional<UserClass> found = q.user_class;
  if (!found) {
    ASSIGN_OR_RETURN(const auto catalogue, builtin_catalogue());
    ASSIGN_OR_RETURN(const auto* entry, user_class_of(catalogue, *q.users.daily_active));
    found = *entry;
  }
  load.minimum_servers = found->minimum_servers;
  load.request_seconds = found->request_seconds;
  const auto source = fmt::format("user class {} of the catalogue ({}, {})", found->name, found->source, found->date);
  const auto requests = input_of("requests_per_user_and_day", q.users.requests_per_user_and_day, found->requests_per_user_and_day, "", source);
  const auto share = input_of("peak_hour_share", q.users.peak_hour_share, found->peak_hour_share, "", source);
  const auto factor = input_of("peak_factor", q.users.peak_factor, kPeakFactor, "", kGuidance);
  const DayShape day{.daily_active = *q.users.daily_active, .requests_per_user_and_day = *requests.value, .peak_hour_share = *share.value, .peak_factor = *factor.value};
  RETURN_IF_ERROR(check(day));
  load.sheet.add({.id = "load.peak",
                  .label = {"Requests a second at peak", "峰值每秒请求数"},
                  .value = peak_rate(day),
                  .unit = "requests/s",
                  .formula = "daily_active × requests_per_user_and_day × peak_hour_share / 3600 × peak_factor",
                  .inputs = {{.name = "daily_active", .value = day.daily_active, .unit = "users", .source = std::string(kGiven)}, requests, share, factor},
                  .note = Words{"The busiest minute's rate, held until the fleet has settled: a short peak is easier.",
                                "取最繁忙一分钟的速率并持续到稳态；短促的峰值更容易承受。"}});
  load.requests_per_day = day.daily_active * day.requests_per_user_and_day;
  load.sheet.add({.id = "load.requests_per_day",
                  .label = {"Requests a day", "每日请求数"},
                  .value = load.requests_per_day,
                  .unit = "requests/day",
                  .formula = "daily_active × requests_per_user_and_day",
                  .inputs = {{.name = "daily_active", .value = day.daily_active, .unit = "users", .source = std::string(kGiven)}, requests}});
  return peak_rate(day);
}

Result<double> peak_of(const FleetQuestion& q, Load& load) {
  const auto as_given = [&](double rate, std::string source) {
    return load.sheet.add({.id = "load.peak",
                           .label = {"Requests a second at peak", "峰值每秒请求数"},
                           .value = rate,
                           .unit = "requests/s",
                           .formula = "requests_per_second",
                           .inputs = {{.name = "requests_per_second", .value = rate, .unit = "requests/s", .source = std::move(source)}}});
  };
  if (q.users.requests_per_second) return as_given(*q.users.requests_per_second, std::string(kGiven));
  if (q.users.daily_active) return peak_of_users(q, load);
  if (!q.trace) return invalid("A fleet needs to know its load: give users.daily_active, users.requests_per_second or a trace");
  if (q.trace->rate() == 0) return invalid(fmt::format("The requests of trace {} come all at once; give users.requests_per_second with it", q.trace->name));
  load.requests_per_day = q.trace->rate() * 86'400;
  load.sheet.add({.id = "load.requests_per_day",
                  .label = {"Requests a day", "每日请求数"},
                  .value = load.requests_per_day,
                  .unit = "requests/day",
                  .formula = "rate × 86400",
                  .inputs = {{.name = "rate", .value = q.trace->rate(), .unit = "requests/s", .source = "trace " + q.trace->name + ", as if it went on all day"}}});
  return as_given(q.trace->rate(), "mean rate of trace " + q.trace->name);
}

void shape_of(const FleetQuestion& q, Load& load) {
  if (load.trace != nullptr) {
    const auto count = static_cast<double>(load.trace->requests.size());
    for (const auto& request : load.trace->requests)
      load.mean_prompt += request.prompt / count, load.mean_output += request.output / count, load.mean_cached += request.cached / count;
    return;
  }
  const auto largest = static_cast<std::uint32_t>(q.longest.value_or(kLargestRequest));
  const auto prompt = taken(load.sheet, "load.prompt", {"Tokens of a prompt, mean", "提示词平均词元数"}, input_of("prompt", q.tokens.prompt, kPrompt, "tokens", kAzure));
  const auto output = taken(load.sheet, "load.output", {"Tokens of an answer, mean", "回答平均词元数"}, input_of("output", q.tokens.output, kOutput, "tokens", kAzure));
  const auto prefix = taken(load.sheet, "load.shared_prefix", {"Tokens of a prompt that are cached", "提示词中已缓存的公共前缀词元数"},
                            input_of("shared_prefix", q.tokens.shared_prefix, 0, "tokens", "none was given"));
  load.shape = {.prompt = {.mean = prompt, .variation = q.prompt_variation, .largest = largest},
                .output = {.mean = output, .variation = q.output_variation, .largest = largest},
                .shared_prefix = static_cast<std::uint32_t>(prefix)};
  load.mean_prompt = prompt, load.mean_output = output, load.mean_cached = std::floor(prefix);
}

}  // namespace

std::string readable(double value) {
  const auto size = std::abs(value);
  if (size >= 1e15) return fmt::format("{:.3g}", value);
  if (size > 0 && size < 100) return fmt::format("{:.3g}", value);
  auto digits = fmt::format("{:.0f}", value);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > (value < 0 ? 1 : 0); at -= 3) digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

Result<Load> load_of(const FleetQuestion& question) {
  RETURN_IF_ERROR(check(question));
  Load load{.trace = question.trace ? &*question.trace : nullptr};
  ASSIGN_OR_RETURN(load.peak, peak_of(question, load));
  if (load.peak > 1e6)
    return invalid(fmt::format("A load of {} requests a second is more than can be planned for (a million); check users and requests", readable(load.peak)));
  if (question.minimum_servers) load.minimum_servers = *question.minimum_servers;
  load.growth = taken(load.sheet, "load.growth", {"Growth of the load per year", "负载年增长率"},
                      input_of("growth_per_year", question.users.growth_per_year, 0, "", "none was given"));
  shape_of(question, load);
  load.goals.ttft_p95_s = taken(load.sheet, "goals.ttft", {"Goal: first token within, p95", "目标：首词元时延 p95"},
                                input_of("ttft_p95_s", question.goals.ttft_p95_s, kTtft, "s", kGuidance));
  load.goals.tpot_p95_ms = taken(load.sheet, "goals.tpot", {"Goal: each further token within, p95", "目标：每词元时延 p95"},
                                 input_of("tpot_p95_ms", question.goals.tpot_p95_ms, kTpotMs, "ms", kGuidance));
  RETURN_IF_ERROR(requests_of(load, question, load.peak, 1, 0));  // what is wrong with the shape or the trace comes out now
  return load;
}

Result<Trace> requests_of(const Load& load, const FleetQuestion& question, double requests_per_s, std::size_t count, std::uint64_t run) {
  if (load.trace == nullptr) return poisson_trace(requests_per_s, count, load.shape, question.effort.seed + run);
  const auto rate = load.trace->rate();
  const auto how = requests_per_s > rate ? Rescale::kCompress : question.rescale;  // thinning cannot make a trace denser
  return std::abs(rate - requests_per_s) < 1e-12 * rate ? *load.trace : at_rate(*load.trace, requests_per_s, how, question.effort.seed + run);
}

}  // namespace siyu::planner
