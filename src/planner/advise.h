// Advice for a deployment: where it should run, with which class of model, on which appliance, storage and
// network, and what the rules ask. Every recommendation carries the rule it came from and the facts that rule was given; figures are
// worksheet figures. Pure and deterministic: the same question and catalogue give the same advice.
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "planner/catalogue.h"
#include "planner/scenario.h"
#include "planner/worksheet.h"

namespace siyu::planner {

/// What the advice is given. Everything but the scenario may be absent: the part that needs it then says what it lacks.
struct AdviceQuestion {
  Scenario scenario;
  std::optional<double> parameters, active_parameters;  ///< absent: of the catalogue's model of the scenario's name
  std::optional<double> layers, hidden_size;
  std::optional<double> weights_bytes;  ///< of one replica, as loaded
  std::optional<double> kv_bytes_per_token;
  std::optional<double> replicas, cards_per_replica, servers;
  std::optional<double> concurrency;             ///< requests in flight at the peak
  std::optional<double> peak_to_mean;            ///< busiest hour over the day's mean
  std::optional<double> local_cost, cloud_cost;  ///< over the scenario's years, in one currency
  std::optional<double> documents_bytes;         ///< of the originals
  std::optional<Training> training;              ///< absent: none
  std::optional<bool> customisation;             ///< own adapters, rules or interfaces are part of the plan
};

// --- 1 mode of deployment ---------------------------------------------------------------------------------------------------------

enum class Mode { kCloud, kHybrid, kOnPremise };  ///< in the order in which data stays closer to home
BOOST_DESCRIBE_ENUM(Mode, kCloud, kHybrid, kOnPremise)
Words name_of(Mode mode);

struct ModeValues {
  double cloud = 0, hybrid = 0, on_premise = 0;
  double of(Mode mode) const { return mode == Mode::kCloud ? cloud : mode == Mode::kHybrid ? hybrid : on_premise; }
};
BOOST_DESCRIBE_STRUCT(ModeValues, (), (cloud, hybrid, on_premise))

/// One criterion: what each mode scores (0–100), and the rules that applied, each with the points it moved.
struct CriterionScore {
  std::string criterion;  ///< cost, security, latency, operations, elasticity, compliance, customisation, size
  Words name;
  double weight = 0;  ///< share of all weights, 0–1
  ModeValues scores;
  ModeValues contributions;    ///< weight × score
  std::vector<Words> reasons;  ///< one for each rule that applied
};
BOOST_DESCRIBE_STRUCT(CriterionScore, (), (criterion, name, weight, scores, contributions, reasons))

/// A hard constraint that rules a mode out, whatever it scores.
struct Exclusion {
  Mode mode = Mode::kCloud;
  std::string rule;  ///< air_gap, cloud_not_allowed, core_data, regulated_industry, government_data
  Words reason;
  Words norm;
};
BOOST_DESCRIBE_STRUCT(Exclusion, (), (mode, rule, reason, norm))

struct RankedMode {
  Mode mode = Mode::kCloud;
  Words name;
  double score = 0;  ///< 0–100
  bool excluded = false;
};
BOOST_DESCRIBE_STRUCT(RankedMode, (), (mode, name, score, excluded))

/// The nearest value of one weight or input, all else as it is, at which another mode comes first. Found by searching.
struct Flip {
  std::string name;  ///< weight.cost, input.users.daily_active, input.constraints.data_class …
  Words label;
  Words from;                      ///< the present value
  std::optional<Words> to;         ///< absent: no value in the range that was searched
  std::optional<double> to_value;  ///< of weights (share, 0–1) and numbers
  std::optional<Mode> mode;        ///< that comes first then
  Words text;
};
BOOST_DESCRIBE_STRUCT(Flip, (), (name, label, from, to, to_value, mode, text))

struct ModeAdvice {
  Mode mode = Mode::kOnPremise;
  std::vector<RankedMode> ranking;  ///< allowed modes first, best first
  std::vector<CriterionScore> criteria;
  std::vector<Exclusion> exclusions;
  std::vector<Flip> flips;
  std::vector<Words> assumptions;  ///< facts that were not given, and what was taken instead
};
BOOST_DESCRIBE_STRUCT(ModeAdvice, (), (mode, ranking, criteria, exclusions, flips, assumptions))

// --- 2 model ----------------------------------------------------------------------------------------------------------------------

struct Ability {
  std::string id;
  Words name;
};
BOOST_DESCRIBE_STRUCT(Ability, (), (id, name))

struct Goal {
  Words name;
  std::optional<double> at_least, at_most;
  std::string unit;
};
BOOST_DESCRIBE_STRUCT(Goal, (), (name, at_least, at_most, unit))

struct Candidate {
  std::string model, kind, licence;
  double parameters = 0;
  std::optional<double> active_parameters;
  bool suggested = false;  ///< by the catalogue for this use; others fit the class and the abilities
  bool fits_class = true;
  Words note;  ///< why, and what its licence asks
};
BOOST_DESCRIBE_STRUCT(Candidate, (), (model, kind, licence, parameters, active_parameters, suggested, fits_class, note))

struct ModelAdvice {
  std::optional<std::string> industry, use;  ///< catalogue names
  Words industry_name, use_name;
  std::string model_class;  ///< 1B, 10B, 100B
  Words class_reason;
  std::vector<Ability> abilities;
  std::vector<Goal> goals;
  std::vector<Candidate> candidates;
  std::string openness;  ///< open, both
  Words openness_reason;
  std::optional<Words> note;
};
BOOST_DESCRIBE_STRUCT(ModelAdvice, (),
                      (industry, use, industry_name, use_name, model_class, class_reason, abilities, goals, candidates, openness, openness_reason, note))

// --- 3 appliance ------------------------------------------------------------------------------------------------------------------

struct TierAlternative {
  std::string appliance;
  Words reason;
};
BOOST_DESCRIBE_STRUCT(TierAlternative, (), (appliance, reason))

struct TierAdvice {
  std::string appliance, tier, edition;  ///< catalogue names; empty: nothing fits, and `reasons` says why
  Words tier_name;
  std::vector<std::string> cards;  ///< the one suggested first
  double servers = 1;  ///< the fleet's, with spare, or the tier's minimum where that is more: bill and cost have the same
  std::vector<Words> reasons;
  std::vector<TierAlternative> alternatives;
  std::vector<Words> doubts;  ///< figures of these cards that are unverified, disputed or unknown
};
BOOST_DESCRIBE_STRUCT(TierAdvice, (), (appliance, tier, edition, tier_name, cards, servers, reasons, alternatives, doubts))

// --- 4 storage, 5 network ---------------------------------------------------------------------------------------------------------

/// Figures of a need are in Advice::figures under the ids given here.
struct StorageNeed {
  std::string stage;
  Words name, pattern;
  std::string storage_class;
  Words class_name;
  std::optional<std::string> read, write, units, capacity;  ///< ids of figures; absent: nothing to reckon for this stage
  std::optional<std::string> local_cache;                   ///< a storage class
  Words reason;
};
BOOST_DESCRIBE_STRUCT(StorageNeed, (), (stage, name, pattern, storage_class, class_name, read, write, units, capacity, local_cache, reason))

struct NetworkNeed {
  std::string scenario;
  Words name;
  bool needed = false;  ///< asked for by this plan; else what it would take
  std::string minimum, recommended;
  std::vector<std::string> figures;  ///< ids: what moves, and how long it takes on both
  Words reason;
};
BOOST_DESCRIBE_STRUCT(NetworkNeed, (), (scenario, name, needed, minimum, recommended, figures, reason))

struct StoragePlan {
  std::string rule;  ///< below_10b, from_10b_to_100b, above_100b; empty: the size is not known
  Words storage;
  std::vector<StorageNeed> needs;
};
BOOST_DESCRIBE_STRUCT(StoragePlan, (), (rule, storage, needs))

struct NetworkPlan {
  std::vector<NetworkNeed> needs;
  Words tail;  ///< on the slowest of many links
};
BOOST_DESCRIBE_STRUCT(NetworkPlan, (), (needs, tail))

// --- 6 compliance -----------------------------------------------------------------------------------------------------------------

enum class Severity { kLow, kMedium, kHigh };
BOOST_DESCRIBE_ENUM(Severity, kLow, kMedium, kHigh)
/// Who answers the risk: the product as it is, the product later, or the organisation's own rules.
enum class Mitigated { kProduct, kPlanned, kOrganisation };
BOOST_DESCRIBE_ENUM(Mitigated, kProduct, kPlanned, kOrganisation)
enum class Role { kSponsor, kBusiness, kProject, kArchitect, kSecurity, kCompliance, kData, kOperations, kVendor };
BOOST_DESCRIBE_ENUM(Role, kSponsor, kBusiness, kProject, kArchitect, kSecurity, kCompliance, kData, kOperations, kVendor)
Words name_of(Severity severity);
Words name_of(Mitigated by);
Words name_of(Role role);

/// Self-assessed: to be verified against the original text of the norm.
struct ComplianceRisk {
  std::string id;
  Severity severity = Severity::kLow;
  int probability = 1, impact = 1;  ///< 1–5; severity follows from their product
  Words title, norm, why, mitigation;
  Mitigated by = Mitigated::kOrganisation;
  Role owner = Role::kCompliance;
};
BOOST_DESCRIBE_STRUCT(ComplianceRisk, (), (id, severity, probability, impact, title, norm, why, mitigation, by, owner))

// --- all ----------------------------------------------------------------------------------------------------------------------------

struct Advice {
  ModeAdvice mode;
  ModelAdvice model;
  TierAdvice tier;
  StoragePlan storage;
  NetworkPlan network;
  std::vector<ComplianceRisk> risks;  ///< gravest first
  std::vector<Words> reminders;       ///< the industry's, of the catalogue
  Training training = Training::kNone;
  std::vector<Figure> figures;  ///< storage.*, network.*
  std::vector<Words> missing;   ///< what was not given, and which part is poorer for it
  const Figure* figure(std::string_view id) const;
};
BOOST_DESCRIBE_STRUCT(Advice, (), (mode, model, tier, storage, network, risks, reminders, training, figures, missing))

/// kNotFound when the industry, its use, the edition's appliances or a network of the catalogue is not there; names what is known.
/// kInvalidArgument when constraints leave no mode or contradict each other, or a number is negative or not finite.
Result<Advice> advise(const AdviceQuestion& question, const Catalogue& catalogue);

/// How many servers of this appliance hold so many cards; no fewer than the tier begins with.
double servers_for(const Appliance& appliance, double cards);
/// Of cards, at most; 0: the catalogue does not say.
std::uint32_t cards_in_a_server(const Appliance& appliance);

/// Which size of model: 1B below 5 · 10^9 parameters, 10B below 5 · 10^10, 100B from there.
std::string model_class_of(double parameters);

}  // namespace siyu::planner
