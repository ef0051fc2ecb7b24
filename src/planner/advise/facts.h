// What the rules of the advice look at: the question with its gaps filled from the catalogue, each filling named. For advise/ only.
#pragma once

#include "planner/advise.h"

namespace siyu::planner {

struct Facts {
  const AdviceQuestion* question = nullptr;
  const Catalogue* catalogue = nullptr;
  const Industry* industry = nullptr;  ///< null: not given
  const IndustryScenario* use = nullptr;
  const ModelEntry* model = nullptr;  ///< null: not of the catalogue
  const UserClass* user_class = nullptr;
  std::optional<double> parameters, active_parameters, layers, hidden_size;
  DataClass data_class = DataClass::kInternal;
  Edition edition = Edition::kAny;
  bool air_gapped = false, cloud_allowed = true, customisation = false, personal_data = false, public_answers = false;
  Training training = Training::kNone;
  std::optional<double> daily_active, it_staff, employees, peak_to_mean, ttft_s, local_cost, cloud_cost, concurrency;
  std::vector<Words> assumptions;  ///< what was taken where nothing was given
};

/// Errors as of advise().
Result<Facts> facts_of(const AdviceQuestion& question, const Catalogue& catalogue);

/// A sheet's worth of figures, and a note for each figure that could not be reckoned.
class AdviceSheet {
 public:
  /// The figure's id; an absent value needs a note.
  std::string add(Figure figure);
  std::optional<double> value(std::string_view id) const;
  std::vector<Figure> take() { return sheet_.figures(); }
  const Worksheet& sheet() const { return sheet_; }

 private:
  Worksheet sheet_;
};

Result<ModeAdvice> advise_mode(const Facts& facts);
Result<ModelAdvice> advise_model(const Facts& facts);
Result<TierAdvice> advise_tier(const Facts& facts);
Result<StoragePlan> advise_storage(const Facts& facts, const TierAdvice& tier, AdviceSheet& sheet);
Result<NetworkPlan> advise_network(const Facts& facts, const TierAdvice& tier, AdviceSheet& sheet);
std::vector<ComplianceRisk> advise_compliance(const Facts& facts, const ModeAdvice& mode, const ModelAdvice& model, const TierAdvice& tier);

/// Criteria, exclusions and the ranking they lead to. On-premise is never ruled out, so there always is a first.
struct Verdict {
  std::vector<CriterionScore> criteria;
  std::vector<Exclusion> exclusions;
  std::vector<RankedMode> ranking;
  Mode first() const { return ranking.front().mode; }
};
/// Shares of the criteria, in their order; the sum is 1.
std::vector<double> weights_of(const Facts& facts);
Verdict judge(const Facts& facts, const std::vector<double>& weights);
std::vector<Flip> search_flips(const Facts& facts);

/// Of probability × impact, 1–5 each: high from 15, medium from 8, as five-by-five matrices usually draw the lines.
Severity severity_of(int product);
Words name_of(DataClass data_class);
/// 12,000 · 1.5 · 0.03: as many digits as tell something.
std::string plain_number(double value);
/// The same, but from a million on "602 M" / "6.02 亿".
Words short_number(double value);
/// "7.2 B parameters" / "72 亿参数".
Words parameters_words(double parameters);

}  // namespace siyu::planner
