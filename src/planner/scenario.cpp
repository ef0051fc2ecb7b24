#include "planner/scenario.h"

#include <fmt/format.h>

#include <cmath>

#include "base/json.h"
#include "base/yaml.h"

namespace siyu::planner {
namespace {

constexpr double kMostUsers = 1e10, kMostTokens = 1e8, kMostMoney = 1e15, kMostPrice = 1e12;
constexpr std::size_t kMostText = 200, kMostGoals = 50, kMostAccelerators = 200;

Status in_range(const std::optional<double>& value, double low, double high, std::string_view field) {
  if (!value || (std::isfinite(*value) && *value >= low && *value <= high)) return {};
  return invalid_field(std::string(field), fmt::format("must be a number from {:g} to {:g}", low, high));
}

Status check_load(const Scenario& s) {
  if (s.users) {
    RETURN_IF_ERROR(in_range(s.users->daily_active, 1, kMostUsers, "users.daily_active"));
    RETURN_IF_ERROR(in_range(s.users->requests_per_user_and_day, 1e-6, 1e6, "users.requests_per_user_and_day"));
    RETURN_IF_ERROR(in_range(s.users->peak_hour_share, 1.0 / 24, 1, "users.peak_hour_share"));
    RETURN_IF_ERROR(in_range(s.users->peak_factor, 1, 60, "users.peak_factor"));
    RETURN_IF_ERROR(in_range(s.users->requests_per_second, 1e-6, 1e6, "users.requests_per_second"));
    RETURN_IF_ERROR(in_range(s.users->growth_per_year, 0, 10, "users.growth_per_year"));
  }
  if (s.tokens) {
    RETURN_IF_ERROR(in_range(s.tokens->prompt, 1, kMostTokens, "tokens.prompt"));
    RETURN_IF_ERROR(in_range(s.tokens->output, 1, kMostTokens, "tokens.output"));
    RETURN_IF_ERROR(in_range(s.tokens->shared_prefix, 0, kMostTokens, "tokens.shared_prefix"));
  }
  if (s.latency) {
    RETURN_IF_ERROR(in_range(s.latency->ttft_p95_s, 1e-3, 1e5, "latency.ttft_p95_s"));
    RETURN_IF_ERROR(in_range(s.latency->tpot_p95_ms, 0.1, 1e6, "latency.tpot_p95_ms"));
  }
  return {};
}

Status check_cost(const CostInputs& c) {
  if (c.currency && (c.currency->size() != 3 || c.currency->find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos)) return invalid_field("cost.currency", "must be a code of three letters: CNY, USD, EUR");
  // The ranges of tco/basis.cpp, as those of the load are the fleet's: what they would refuse is refused before anything is simulated.
  for (const auto& [value, field] : {std::pair{c.card_price, "cost.card_price"}, {c.server_price, "cost.server_price"}, {c.network_price, "cost.network_price"}, {c.storage_price, "cost.storage_price"},
                                     {c.staff_per_year, "cost.staff_per_year"}})
    RETURN_IF_ERROR(in_range(value, 0, kMostPrice, field));
  for (const auto& [value, field] : {std::pair{c.rack_per_unit_and_month, "cost.rack_per_unit_and_month"}, {c.cloud_input_per_million, "cost.cloud_input_per_million"},
                                     {c.cloud_output_per_million, "cost.cloud_output_per_million"}})
    RETURN_IF_ERROR(in_range(value, 0, 1e9, field));
  RETURN_IF_ERROR(in_range(c.price_per_kwh, 0, 1e6, "cost.price_per_kwh"));
  RETURN_IF_ERROR(in_range(c.exchange_rate, 1e-6, 1e6, "cost.exchange_rate"));
  RETURN_IF_ERROR(in_range(c.pue, 1, 5, "cost.pue"));
  RETURN_IF_ERROR(in_range(c.staff_share, 0, 1000, "cost.staff_share"));
  RETURN_IF_ERROR(in_range(c.support_share, 0, 1, "cost.support_share"));
  RETURN_IF_ERROR(in_range(c.depreciation_years, 0.5, 30, "cost.depreciation_years"));
  RETURN_IF_ERROR(in_range(c.discount_rate, 0, 1, "cost.discount_rate"));
  RETURN_IF_ERROR(in_range(c.residual_share, 0, 1, "cost.residual_share"));
  return in_range(c.local_share, 0, 1, "cost.local_share");
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
  RETURN_IF_ERROR(in_range(s.model.context, 1, kMostTokens, "model.context"));
  RETURN_IF_ERROR(in_range(s.model.concurrency, 1, 1e7, "model.concurrency"));
  if (s.goals && s.goals->size() > kMostGoals) return invalid_field("goals", fmt::format("must be at most {} lines", kMostGoals));
  if (s.organisation) {
    if (s.organisation->name.size() > kMostText) return invalid_field("organisation.name", fmt::format("must be a text of at most {} bytes", kMostText));
    RETURN_IF_ERROR(in_range(s.organisation->employees, 0, 1e8, "organisation.employees"));
    RETURN_IF_ERROR(in_range(s.organisation->it_staff, 0, 1e7, "organisation.it_staff"));
  }
  RETURN_IF_ERROR(check_load(s));
  if (s.constraints) {
    if (s.constraints->accelerators && s.constraints->accelerators->size() > kMostAccelerators) return invalid_field("constraints.accelerators", fmt::format("must name at most {} cards", kMostAccelerators));
    RETURN_IF_ERROR(in_range(s.constraints->budget, 0, kMostMoney, "constraints.budget"));
  }
  if (s.criteria)
    for (const auto& [value, field] : {std::pair{s.criteria->cost, "criteria.cost"}, {s.criteria->security, "criteria.security"}, {s.criteria->latency, "criteria.latency"}, {s.criteria->operations, "criteria.operations"},
                                       {s.criteria->elasticity, "criteria.elasticity"}, {s.criteria->compliance, "criteria.compliance"}, {s.criteria->customisation, "criteria.customisation"}, {s.criteria->size, "criteria.size"}})
      RETURN_IF_ERROR(in_range(value, 0, 1e6, field));
  if (s.cost) RETURN_IF_ERROR(check_cost(*s.cost));
  RETURN_IF_ERROR(in_range(s.cards_per_replica, 1, 4096, "cards_per_replica"));
  RETURN_IF_ERROR(in_range(s.documents_gb, 0, 1e12, "documents_gb"));
  return in_range(s.years, 1.0 / 12, 15, "years");
}

}  // namespace siyu::planner
