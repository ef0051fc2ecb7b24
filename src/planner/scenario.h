// What a planning run is asked: who will use the appliance for what, with which model, under which constraints. A scenario file is the
// YAML of this struct; everything in it has a default or may be left out, and what was left out is named in the result.
#pragma once

#include <boost/describe.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace siyu::planner {

enum class Edition { kAny, kDomestic, kInternational };
BOOST_DESCRIBE_ENUM(Edition, kAny, kDomestic, kInternational)
enum class DataClass { kPublic, kInternal, kConfidential, kCore };  ///< grades of GB/T 43697-style classification, lowest first
BOOST_DESCRIBE_ENUM(DataClass, kPublic, kInternal, kConfidential, kCore)

enum class Training { kNone, kAdapters, kAll };  ///< what is trained on the appliance: nothing, LoRA adapters, every parameter
BOOST_DESCRIBE_ENUM(Training, kNone, kAdapters, kAll)

/// Who asks, how often. Rates come from daily active users unless `requests_per_second` or a trace is given.
struct UserLoad {
  std::optional<double> daily_active;
  std::optional<double> requests_per_user_and_day;  ///< default: of the user class in the catalogue
  std::optional<double> peak_hour_share;            ///< of a day's requests, in its busiest hour
  std::optional<double> peak_factor;                ///< busiest minute over the busiest hour's mean
  std::optional<double> requests_per_second;        ///< at peak, instead of the above
  std::optional<double> growth_per_year;            ///< 0.3: 30 % more each year; -0.3: 30 % fewer
};
BOOST_DESCRIBE_STRUCT(UserLoad, (), (daily_active, requests_per_user_and_day, peak_hour_share, peak_factor, requests_per_second, growth_per_year))

struct TokenLoad {
  std::optional<double> prompt;         ///< tokens of a prompt, mean
  std::optional<double> output;         ///< tokens of an answer, mean
  std::optional<double> shared_prefix;  ///< of the prompt, that are the same for many requests (system prompt, passages)
};
BOOST_DESCRIBE_STRUCT(TokenLoad, (), (prompt, output, shared_prefix))

struct LatencyGoals {
  std::optional<double> ttft_p95_s;   ///< time to the first token
  std::optional<double> tpot_p95_ms;  ///< time per output token after it
};
BOOST_DESCRIBE_STRUCT(LatencyGoals, (), (ttft_p95_s, tpot_p95_ms))

struct ModelChoice {
  std::string name;                          ///< of the catalogue, or a path: GGUF, safetensors, config.json
  std::optional<std::string> weights;        ///< weight type: q4_k_m, q8_0, fp16, fp8, int4 …
  std::optional<std::string> kv_type;        ///< f16 (default), q8_0, fp8, f32
  std::optional<double> context;             ///< tokens of the longest request
  std::optional<double> concurrency;         ///< requests at once, when it is known already
};
BOOST_DESCRIBE_STRUCT(ModelChoice, (), (name, weights, kv_type, context, concurrency))

struct Constraints {
  std::optional<Edition> edition;            ///< domestic: domestic accelerators only
  std::optional<bool> air_gapped;
  std::optional<DataClass> data_class;       ///< highest grade among the documents
  std::optional<bool> cloud_allowed;
  std::optional<std::vector<std::string>> accelerators;  ///< only these
  std::optional<double> budget;              ///< of the purchase, in `currency`
};
BOOST_DESCRIBE_STRUCT(Constraints, (), (edition, air_gapped, data_class, cloud_allowed, accelerators, budget))

/// Weights of the criteria by which a mode of deployment is chosen; any scale, they are normed. Absent: the defaults of the advice.
struct Criteria {
  std::optional<double> cost, security, latency, operations, elasticity, compliance, customisation, size;
};
BOOST_DESCRIBE_STRUCT(Criteria, (), (cost, security, latency, operations, elasticity, compliance, customisation, size))

struct Organisation {
  std::string name;
  std::optional<std::string> industry;       ///< of the catalogue
  std::optional<std::string> use;            ///< scenario of the industry
  std::optional<double> employees, it_staff;
};
BOOST_DESCRIBE_STRUCT(Organisation, (), (name, industry, use, employees, it_staff))

/// Money; all in `currency`. What is absent comes from the catalogue, or stays unknown and is shown so.
struct CostInputs {
  std::optional<std::string> currency;
  std::optional<double> exchange_rate;          ///< units of `currency` for one US dollar
  std::optional<double> card_price, server_price, network_price, storage_price;
  std::optional<double> price_per_kwh, pue, rack_per_unit_and_month, staff_per_year, staff_share, support_share;
  std::optional<double> depreciation_years, discount_rate, residual_share;
  std::optional<std::string> cloud_model;       ///< "vendor/model" of the price list
  std::optional<double> cloud_input_per_million, cloud_output_per_million;
  std::optional<double> local_share;            ///< hybrid: share of the tokens that stay local
};
BOOST_DESCRIBE_STRUCT(CostInputs, (), (currency, exchange_rate, card_price, server_price, network_price, storage_price, price_per_kwh, pue, rack_per_unit_and_month,
                                       staff_per_year, staff_share, support_share, depreciation_years, discount_rate, residual_share, cloud_model,
                                       cloud_input_per_million, cloud_output_per_million, local_share))

struct Scenario {
  std::string name;
  std::optional<Organisation> organisation;
  std::optional<std::vector<std::string>> goals;  ///< why, in the organisation's words
  ModelChoice model;
  std::optional<UserLoad> users;
  std::optional<TokenLoad> tokens;
  std::optional<LatencyGoals> latency;
  std::optional<Constraints> constraints;
  std::optional<Criteria> criteria;
  std::optional<CostInputs> cost;
  std::optional<std::string> accelerator;         ///< fixed choice; absent: the planner's
  std::optional<std::string> engine;              ///< on the cards: of the catalogue's efficiencies; absent: what stands for all
  std::optional<double> cards_per_replica;
  std::optional<double> years;                    ///< horizon of growth and cost; default 3
  std::optional<double> documents_gb;             ///< 10^9 bytes of original documents
  std::optional<Training> training;               ///< absent: none
  std::optional<bool> customised;                 ///< own adapters, rules or interfaces are part of it
};
BOOST_DESCRIBE_STRUCT(Scenario, (), (name, organisation, goals, model, users, tokens, latency, constraints, criteria, cost, accelerator, engine, cards_per_replica, years, documents_gb,
                                  training, customised))

/// From a YAML or JSON file's text. Unknown keys are refused; numbers out of their range say which range was expected.
Result<Scenario> parse_scenario(std::string_view text, std::string_view name);
/// Every number is finite and in a sensible range; errors name the field as `users.daily_active`.
Status check(const Scenario& scenario);

}  // namespace siyu::planner
