#include "planner/scenario.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/yaml.h"
#include "planner/ranges.h"

namespace siyu::planner {
namespace {

constexpr std::size_t kMostText = 200, kMostGoals = 50, kMostAccelerators = 200;

Status check_load(const Scenario& s) {
  if (s.users) {
    RETURN_IF_ERROR(within(s.users->daily_active, range::kDailyActive, "users.daily_active"));
    RETURN_IF_ERROR(within(s.users->requests_per_user_and_day, range::kRequestsPerUserAndDay, "users.requests_per_user_and_day"));
    RETURN_IF_ERROR(within(s.users->peak_hour_share, range::kPeakHourShare, "users.peak_hour_share"));
    RETURN_IF_ERROR(within(s.users->peak_factor, range::kPeakFactor, "users.peak_factor"));
    RETURN_IF_ERROR(within(s.users->requests_per_second, range::kRequestsPerSecond, "users.requests_per_second"));
    RETURN_IF_ERROR(within(s.users->growth_per_year, range::kGrowthPerYear, "users.growth_per_year"));
  }
  if (s.tokens) {
    RETURN_IF_ERROR(within(s.tokens->prompt, range::kTokens, "tokens.prompt"));
    RETURN_IF_ERROR(within(s.tokens->output, range::kTokens, "tokens.output"));
    RETURN_IF_ERROR(within(s.tokens->shared_prefix, range::kSharedPrefix, "tokens.shared_prefix"));
  }
  if (s.latency) {
    RETURN_IF_ERROR(within(s.latency->ttft_p95_s, range::kTtft, "latency.ttft_p95_s"));
    RETURN_IF_ERROR(within(s.latency->tpot_p95_ms, range::kTpotMs, "latency.tpot_p95_ms"));
  }
  return {};
}

Status check_cost(const CostInputs& c) {
  if (c.currency && (c.currency->size() != 3 || c.currency->find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos)) return invalid_field("cost.currency", "must be a code of three letters: CNY, USD, EUR");
  for (const auto& [value, field] : {std::pair{c.card_price, "cost.card_price"}, {c.server_price, "cost.server_price"}, {c.network_price, "cost.network_price"},
                                     {c.storage_price, "cost.storage_price"}, {c.staff_per_year, "cost.staff_per_year"}})
    RETURN_IF_ERROR(within(value, range::kMoney, field));
  RETURN_IF_ERROR(within(c.price_per_kwh, range::kPricePerKwh, "cost.price_per_kwh"));
  RETURN_IF_ERROR(within(c.rack_per_unit_and_month, range::kRackPerUnitAndMonth, "cost.rack_per_unit_and_month"));
  RETURN_IF_ERROR(within(c.cloud_input_per_million, range::kCloudPerMillion, "cost.cloud_input_per_million"));
  RETURN_IF_ERROR(within(c.cloud_output_per_million, range::kCloudPerMillion, "cost.cloud_output_per_million"));
  RETURN_IF_ERROR(within(c.exchange_rate, range::kExchangeRate, "cost.exchange_rate"));
  RETURN_IF_ERROR(within(c.pue, range::kPue, "cost.pue"));
  RETURN_IF_ERROR(within(c.staff_share, range::kStaffShare, "cost.staff_share"));
  RETURN_IF_ERROR(within(c.support_share, range::kShare, "cost.support_share"));
  RETURN_IF_ERROR(within(c.depreciation_years, range::kDepreciationYears, "cost.depreciation_years"));
  RETURN_IF_ERROR(within(c.discount_rate, range::kDiscountRate, "cost.discount_rate"));
  RETURN_IF_ERROR(within(c.residual_share, range::kShare, "cost.residual_share"));
  return within(c.local_share, range::kShare, "cost.local_share");
}

}  // namespace

Result<Scenario> parse_scenario(std::string_view text, std::string_view name) {
  ASSIGN_OR_RETURN(const auto value, parse_yaml(text, name));  // JSON is YAML too
  auto scenario = from_json<Scenario>(value, UnknownKeys::kRefuse);
  if (!scenario) return invalid(fmt::format("{}: {}", name, scenario.error().message));
  RETURN_IF_ERROR(check(*scenario));
  return scenario;
}

Status check(const Scenario& s) {
  if (s.name.empty() || s.name.size() > kMostText) return invalid_field("name", fmt::format("must be a text of 1 to {} bytes", kMostText));
  if (s.model.name.empty() || s.model.name.size() > 4096) return invalid_field("model.name", "must name a model of the catalogue or of the library");
  RETURN_IF_ERROR(within(s.model.context, range::kTokens, "model.context"));
  RETURN_IF_ERROR(within(s.model.concurrency, {1, 1e7}, "model.concurrency"));
  if (s.goals && s.goals->size() > kMostGoals) return invalid_field("goals", fmt::format("must be at most {} lines", kMostGoals));
  if (s.organisation) {
    if (s.organisation->name.size() > kMostText) return invalid_field("organisation.name", fmt::format("must be a text of at most {} bytes", kMostText));
    RETURN_IF_ERROR(within(s.organisation->employees, {0, 1e8}, "organisation.employees"));
    RETURN_IF_ERROR(within(s.organisation->it_staff, {0, 1e7}, "organisation.it_staff"));
  }
  RETURN_IF_ERROR(check_load(s));
  if (s.constraints) {
    if (s.constraints->accelerators && s.constraints->accelerators->size() > kMostAccelerators) return invalid_field("constraints.accelerators", fmt::format("must name at most {} cards", kMostAccelerators));
    RETURN_IF_ERROR(within(s.constraints->budget, range::kMoney, "constraints.budget"));
  }
  if (s.criteria)
    for (const auto& [value, field] : {std::pair{s.criteria->cost, "criteria.cost"}, {s.criteria->security, "criteria.security"}, {s.criteria->latency, "criteria.latency"}, {s.criteria->operations, "criteria.operations"},
                                       {s.criteria->elasticity, "criteria.elasticity"}, {s.criteria->compliance, "criteria.compliance"}, {s.criteria->customisation, "criteria.customisation"}, {s.criteria->size, "criteria.size"}})
      RETURN_IF_ERROR(within(value, {0, 1e6}, field));
  if (s.cost) RETURN_IF_ERROR(check_cost(*s.cost));
  RETURN_IF_ERROR(within(s.cards_per_replica, range::kCardsPerReplica, "cards_per_replica"));
  RETURN_IF_ERROR(within(s.documents_gb, {0, 1e12}, "documents_gb"));
  return within(s.years, range::kYears, "years");
}

}  // namespace siyu::planner
