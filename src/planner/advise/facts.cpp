#include "planner/advise/facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace siyu::planner {
namespace {

constexpr double kLargest = 1e18;  ///< of any number asked about; beyond it the arithmetic says nothing

Status sane(std::initializer_list<std::pair<const char*, std::optional<double>>> numbers) {
  for (const auto& [name, value] : numbers)
    if (value && (!std::isfinite(*value) || *value < 0 || *value > kLargest)) return invalid_field(name, "must be a number from 0 to 10^18");
  return {};
}

Result<const IndustryScenario*> find_use(const Industry& industry, std::string_view use) {
  std::vector<std::string> known;
  for (const auto& one : industry.scenarios) {
    if (fold(one.name) == fold(use) || fold(one.name_zh) == fold(use)) return &one;
    known.push_back(one.name);
  }
  return not_found(fmt::format("`organisation.use` {} is not a scenario of the industry {}; known: {}", use, industry.name, fmt::join(known, ", ")));
}

Status find_industry(const Organisation& organisation, Facts& facts) {
  if (!organisation.industry) return {};
  const auto found = facts.catalogue->industry(*organisation.industry);
  if (!found) {
    std::vector<std::string> known;
    for (const auto& one : facts.catalogue->industries) known.push_back(fmt::format("{} ({})", one.name, one.name_zh));
    return not_found(fmt::format("`organisation.industry` {} is not an industry of the catalogue; known: {}", *organisation.industry, fmt::join(known, ", ")));
  }
  facts.industry = *found;
  if (organisation.use) {
    ASSIGN_OR_RETURN(facts.use, find_use(**found, *organisation.use));
  } else if (!facts.industry->scenarios.empty()) {
    facts.use = &facts.industry->scenarios.front();
    facts.assumptions.push_back({fmt::format("The use was not given; the first of the industry was taken: {}.", facts.use->name),
                                 fmt::format("未给出应用场景，取该行业的第一个场景：{}。", facts.use->name_zh)});
  }
  return {};
}

void size_of_model(Facts& facts) {
  const auto& question = *facts.question;
  if (const auto found = facts.catalogue->model(question.scenario.model.name)) facts.model = *found;
  const auto* model = facts.model;
  const auto or_catalogue = [&](std::optional<double> given, auto of_model) {
    return given ? given : model == nullptr ? std::nullopt : std::optional<double>(of_model(*model));
  };
  facts.parameters = or_catalogue(question.parameters, [](const ModelEntry& one) { return static_cast<double>(one.parameters); });
  facts.layers = or_catalogue(question.layers, [](const ModelEntry& one) { return static_cast<double>(one.layers); });
  facts.hidden_size = or_catalogue(question.hidden_size, [](const ModelEntry& one) { return static_cast<double>(one.hidden_size); });
  facts.active_parameters = question.active_parameters;
  if (!facts.active_parameters && model != nullptr && model->active_parameters) facts.active_parameters = static_cast<double>(*model->active_parameters);
}

void constraints_of(Facts& facts) {
  const auto constraints = facts.question->scenario.constraints.value_or(Constraints{});
  facts.edition = constraints.edition.value_or(Edition::kAny);
  facts.air_gapped = constraints.air_gapped.value_or(false);
  facts.cloud_allowed = constraints.cloud_allowed.value_or(true);
  facts.data_class = constraints.data_class.value_or(DataClass::kInternal);
  if (!constraints.data_class)
    facts.assumptions.push_back({"The highest data grade was not given; \"internal\" was taken. Grade the data before relying on this.",
                                 "未给出数据最高级别，按“内部”处理；采信本结论前应先完成数据分级。"});
  if (!constraints.cloud_allowed && !facts.air_gapped)
    facts.assumptions.push_back({"Whether a public cloud may be used was not given; it was taken as allowed.", "未说明是否允许使用公有云，按允许处理。"});
}

void load_of(Facts& facts) {
  const auto& question = *facts.question;
  const auto users = question.scenario.users.value_or(UserLoad{});
  const auto organisation = question.scenario.organisation.value_or(Organisation{});
  facts.daily_active = users.daily_active;
  facts.it_staff = organisation.it_staff;
  facts.employees = organisation.employees;
  facts.local_cost = question.local_cost;
  facts.cloud_cost = question.cloud_cost;
  facts.concurrency = question.concurrency ? question.concurrency : question.scenario.model.concurrency;
  if (question.scenario.latency) facts.ttft_s = question.scenario.latency->ttft_p95_s;
  if (facts.daily_active)
    for (const auto& one : facts.catalogue->user_classes)
      if (*facts.daily_active >= one.daily_active_from && (!one.daily_active_below || *facts.daily_active < *one.daily_active_below)) facts.user_class = &one;
  const auto share = users.peak_hour_share ? users.peak_hour_share : facts.user_class != nullptr ? std::optional(facts.user_class->peak_hour_share) : std::nullopt;
  constexpr double kHours = 24;
  facts.peak_to_mean = question.peak_to_mean ? question.peak_to_mean : share ? std::optional(*share * kHours * users.peak_factor.value_or(1)) : std::nullopt;
  if (!facts.concurrency && facts.daily_active && facts.user_class != nullptr) {
    const auto per_day = users.requests_per_user_and_day.value_or(facts.user_class->requests_per_user_and_day);
    facts.concurrency = *facts.daily_active * per_day * share.value_or(0) / 3600 * users.peak_factor.value_or(1) * facts.user_class->request_seconds;
    facts.assumptions.push_back({fmt::format("Requests in flight at the peak were estimated from daily users: {}.", plain_number(*facts.concurrency)),
                                 fmt::format("峰值并发由日活用户数估算：{}。", plain_number(*facts.concurrency))});
  }
}

}  // namespace

Result<Facts> facts_of(const AdviceQuestion& question, const Catalogue& catalogue) {
  const auto& scenario = question.scenario;
  const auto users = scenario.users.value_or(UserLoad{});
  const auto organisation = scenario.organisation.value_or(Organisation{});
  RETURN_IF_ERROR(sane({{"parameters", question.parameters},
                        {"active_parameters", question.active_parameters},
                        {"weights_bytes", question.weights_bytes},
                        {"layers", question.layers},
                        {"hidden_size", question.hidden_size},
                        {"kv_bytes_per_token", question.kv_bytes_per_token},
                        {"replicas", question.replicas},
                        {"cards_per_replica", question.cards_per_replica},
                        {"servers", question.servers},
                        {"concurrency", question.concurrency},
                        {"peak_to_mean", question.peak_to_mean},
                        {"local_cost", question.local_cost},
                        {"cloud_cost", question.cloud_cost},
                        {"documents_bytes", question.documents_bytes},
                        {"users.daily_active", users.daily_active},
                        {"organisation.it_staff", organisation.it_staff},
                        {"organisation.employees", organisation.employees}}));
  const auto criteria = scenario.criteria.value_or(Criteria{});
  RETURN_IF_ERROR(sane({{"criteria.cost", criteria.cost},
                        {"criteria.security", criteria.security},
                        {"criteria.latency", criteria.latency},
                        {"criteria.operations", criteria.operations},
                        {"criteria.elasticity", criteria.elasticity},
                        {"criteria.compliance", criteria.compliance},
                        {"criteria.customisation", criteria.customisation},
                        {"criteria.size", criteria.size}}));
  Facts facts{.question = &question, .catalogue = &catalogue};
  RETURN_IF_ERROR(find_industry(organisation, facts));
  size_of_model(facts);
  constraints_of(facts);
  load_of(facts);
  facts.training = question.training.value_or(Training::kNone);
  facts.customisation = question.customisation.value_or(facts.training != Training::kNone);
  facts.personal_data = facts.industry != nullptr && std::ranges::any_of(facts.industry->compliance, [](const std::string& line) {
                          return line.contains("Personal Information Protection Law");
                        });
  facts.public_answers = facts.use != nullptr && facts.use->public_answers.value_or(false);
  return facts;
}

std::string AdviceSheet::add(Figure figure) {
  auto id = figure.id;
  sheet_.add(std::move(figure));
  return id;
}

std::optional<double> AdviceSheet::value(std::string_view id) const {
  const auto* figure = sheet_.find(id);
  return figure == nullptr ? std::nullopt : figure->value;
}

Words name_of(DataClass data_class) {
  switch (data_class) {
    case DataClass::kPublic: return {"public", "公开"};
    case DataClass::kInternal: return {"internal", "内部"};
    case DataClass::kConfidential: return {"confidential", "机密"};
    case DataClass::kCore: return {"core", "核心"};
  }
  return {};
}

std::string plain_number(double value) {
  const auto size = std::abs(value);
  if (size != 0 && (size < 1e-4 || size >= 1e15)) return fmt::format("{:.3g}", value);
  // Three digits that tell something; whole numbers whole.
  const int decimals = value == std::round(value) || size >= 1000 ? 0
                       : size >= 100                              ? 0
                       : size >= 10                               ? 1
                       : size >= 1                                ? 2
                                                                  : static_cast<int>(2 - std::floor(std::log10(size)));
  auto text = fmt::format("{:.{}f}", value, decimals);
  if (text.contains('.')) {
    while (text.ends_with('0')) text.pop_back();
    if (text.ends_with('.')) text.pop_back();
  }
  const auto point = std::min(text.find('.'), text.size());
  for (auto at = static_cast<std::ptrdiff_t>(point) - 3; at > (value < 0 ? 1 : 0); at -= 3) text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

Words short_number(double value) {
  const auto size = std::abs(value);
  if (size < 1e6) return {plain_number(value), plain_number(value)};
  return {size >= 1e9 ? plain_number(value / 1e9) + " B" : plain_number(value / 1e6) + " M",
          size >= 1e8 ? plain_number(value / 1e8) + " 亿" : plain_number(value / 1e4) + " 万"};
}

Words parameters_words(double parameters) {
  return {fmt::format("{} B parameters", plain_number(parameters / 1e9)), fmt::format("{} 亿参数", plain_number(parameters / 1e8))};
}

}  // namespace siyu::planner
