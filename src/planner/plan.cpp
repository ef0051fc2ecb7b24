#include "planner/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "planner/advise/facts.h"

namespace siyu::planner {
namespace {

constexpr double kPrompt = 1155, kOutput = 211;   // as the fleet takes them when they are absent (planner/README.md)
constexpr double kDefaultContext = 8192;
constexpr double kDefaultYears = 3;
constexpr std::uint32_t kCardsPerServer = 8;
constexpr std::size_t kMostCompared = 8;          // kinds of cards whose fleets are simulated
constexpr std::uint32_t kSplits[] = {1, 2, 4, 8, 16, 32};
constexpr FleetEffort kQuick{.runs = 2, .requests = 3'000};

/// The scenario with its model found, and numbers for what it left out.
struct Case {
  const Scenario& scenario;
  const Catalogue& catalogue;
  const PlanSettings& settings;
  sizing::ModelShape shape;
  std::optional<std::string> weights;
  std::string kv_type = "f16";
  double context = kDefaultContext, prompt = kPrompt, output = kOutput, shared = 0, years = kDefaultYears;
  std::vector<Words> assumptions;
};

Result<Case> case_of(const Scenario& scenario, const Catalogue& catalogue, const ShapeFinder& find, const PlanSettings& settings) {
  RETURN_IF_ERROR(check(scenario));
  Case c{.scenario = scenario, .catalogue = catalogue, .settings = settings};
  ASSIGN_OR_RETURN(c.shape, find(scenario.model.name));
  const bool stored = std::ranges::all_of(c.shape.tensors, [](const auto& one) { return one.stored != nullptr; });
  c.weights = scenario.model.weights;
  if (!c.weights && !stored) {
    c.weights = "bf16";
    c.assumptions.push_back({"The weight format was not given; 16 bit was taken.", "未指定权重精度，按 16 位计算。"});
  }
  c.kv_type = scenario.model.kv_type.value_or("f16");
  if (scenario.tokens) {
    c.prompt = scenario.tokens->prompt.value_or(kPrompt);
    c.output = scenario.tokens->output.value_or(kOutput);
    c.shared = scenario.tokens->shared_prefix.value_or(0);
  }
  if (!scenario.tokens || !scenario.tokens->prompt || !scenario.tokens->output)
    c.assumptions.push_back({"Token lengths were not all given; the means of a published trace of conversations stand in their place.", "未完整给出词元长度，缺省取公开对话请求轨迹的均值。"});
  if (c.shared >= c.prompt) return invalid_field("tokens.shared_prefix", "must be less than the prompt");
  const double most = c.shape.context > 0 ? c.shape.context : kDefaultContext;
  c.context = scenario.model.context.value_or(std::min(std::max(kDefaultContext, c.prompt + c.output), most));
  if (c.context < c.prompt + c.output) return invalid_field("model.context", fmt::format("of {:.0f} tokens is shorter than a mean prompt and answer together ({:.0f})", c.context, c.prompt + c.output));
  c.years = scenario.years.value_or(kDefaultYears);
  ASSIGN_OR_RETURN(const auto* factors, catalogue.efficiency(scenario.engine, ""));
  const auto source = source_of(*factors);
  c.assumptions.push_back(scenario.engine ? Words{fmt::format("Speeds on cards are those of {}: {}.", *factors->engine, source.en), fmt::format("加速卡速度按 {} 计算，系数出处：{}。", *factors->engine, source.zh)}
                                          : Words{"No engine was named: what stands for all engines was taken for speeds on cards.", "未指定推理引擎，加速卡速度按各引擎的一般水平计算。"});
  return c;
}

Result<SpeedQuestion> speed_question(const Case& c, const Accelerator& card, std::uint32_t tensor) {
  SpeedQuestion q{.prompt = c.prompt, .output = c.output, .cached = c.shared};
  RETURN_IF_ERROR(set_card(q, card, c.scenario.engine, c.catalogue));
  q.model.shape = c.shape;
  q.model.weights = c.weights;
  q.model.kv_type = c.kv_type;
  q.model.context = c.context;
  q.model.users = c.scenario.model.concurrency.value_or(1);
  q.model.fill = std::min(1.0, (c.prompt + c.output) / c.context);
  q.model.shared_prefix = c.shared;
  q.model.split = {.tensor = tensor};
  return q;
}

AdviceQuestion advice_question(const Case& c) {
  AdviceQuestion q{.scenario = c.scenario};
  q.parameters = static_cast<double>(c.shape.parameters());
  q.active_parameters = static_cast<double>(c.shape.active_parameters());
  q.layers = c.shape.layers;
  q.hidden_size = c.shape.width;
  if (c.scenario.documents_gb) q.documents_bytes = *c.scenario.documents_gb * 1e9;
  q.training = c.scenario.training;
  q.customisation = c.scenario.customised;
  return q;
}

const Appliance* appliance_of(const Catalogue& catalogue, const TierAdvice& tier) {
  const auto found = std::ranges::find(catalogue.appliances, tier.appliance, &Appliance::name);
  return found == catalogue.appliances.end() ? nullptr : &*found;
}

/// Of the appliance that so many requests at once ask for; a usual server's where the catalogue does not say.
std::uint32_t cards_in_a_server(const Case& c, double concurrency) {
  auto question = advice_question(c);
  question.concurrency = concurrency;
  const auto facts = facts_of(question, c.catalogue);
  const auto tier = facts ? advise_tier(*facts) : std::unexpected(facts.error());
  const auto* appliance = tier ? appliance_of(c.catalogue, *tier) : nullptr;
  const auto cards = appliance == nullptr ? 0 : cards_in_a_server(*appliance);
  return cards > 0 ? cards : kCardsPerServer;
}

FleetQuestion fleet_question(const Case& c, const Speed& speed, std::uint32_t cards, bool whole) {
  FleetQuestion q;
  if (c.scenario.users) q.users = *c.scenario.users;
  if (c.scenario.tokens) q.tokens = *c.scenario.tokens;
  if (c.scenario.latency) q.goals = *c.scenario.latency;
  q.trace = c.settings.trace;
  q.longest = c.context;
  q.replica = speed.replica;
  q.cards_per_replica = cards;
  q.cards_of_chosen_server = [&c](double concurrency) { return cards_in_a_server(c, concurrency); };
  q.years = whole ? c.years : 0;
  q.curves = whole && c.settings.curves;
  if (!whole) q.effort = kQuick;
  q.stop = c.settings.stop;
  if (c.scenario.users && c.scenario.users->daily_active)
    if (const auto known = user_class_of(c.catalogue, *c.scenario.users->daily_active)) q.user_class = **known;
  return q;
}

struct Tried {
  HardwareOption option;
  std::optional<Speed> speed;
  std::optional<Accelerator> card;
  std::optional<double> price;  ///< of one
  std::uint32_t needed = 0;     ///< replicas that meet the goals, without spare
};

Words doubt_of(const std::vector<std::string>& keys) {
  Words out;
  for (const auto& key : keys) {
    const auto words = words_of_key(key);
    out.en += (out.en.empty() ? "no source at hand for " : ", ") + words.en;
    out.zh += (out.zh.empty() ? "缺少可靠出处：" : "、") + words.zh;
  }
  return out;
}

/// Of one card, in the currency of the cost, which reckons with the same: what was given for the card that the scenario fixes, or the
/// middle of the catalogue's range.
std::optional<double> price_of(const Case& c, const Accelerator& card) {
  const auto inputs = c.scenario.cost.value_or(CostInputs{});
  if (inputs.card_price && c.scenario.accelerator) return inputs.card_price;
  const auto found = listed_price(c.catalogue, card.name, inputs);
  return found && found->rate ? std::optional((found->entry.low + found->entry.high) / 2 * *found->rate) : std::nullopt;
}

/// What a fleet takes today of the option's card, and how it answers then. `price`: of one card, when it is known.
void count(HardwareOption& option, const FleetYear& today, const Accelerator& card, const std::optional<double>& price) {
  option.replicas = today.replicas, option.cards = today.cards, option.servers = today.servers;
  option.ttft_p95_s = today.at_peak.ttft_p95_s, option.tpot_p95_ms = today.at_peak.tpot_p95_ms, option.utilisation = today.at_peak.utilisation;
  option.power_w = card.power_w.value_or(0) * today.cards;
  if (price) option.purchase = *price * today.cards;
}

/// The fewest cards of this kind for a replica that meets the goals, and how many replicas.
Tried try_card(const Case& c, const Accelerator& card) {
  Tried tried{.option = {.accelerator = card.name, .vendor = card.vendor, .edition = card.edition}, .card = card};
  auto& option = tried.option;
  if (card.unverified && !card.unverified->empty())
    option.doubts.push_back(doubt_of(*card.unverified));
  bool unknown = false, slow = false;
  std::string why = "no number of cards up to 32 can be cut out of the model's attention heads";
  for (const auto tensor : kSplits) {
    if (c.scenario.cards_per_replica && tensor != static_cast<std::uint32_t>(*c.scenario.cards_per_replica)) continue;
    if (c.shape.heads % tensor != 0) continue;
    const auto question = speed_question(c, card, tensor);
    if (question && question->model.engine == EngineKind::kSiyuCard && tensor > 1 && !c.scenario.cards_per_replica) break;  // it takes a whole model on one card
    auto speed = question ? plan_speed(*question) : std::unexpected(question.error());
    if (!speed) {
      why = speed.error().message;
      unknown = speed.error().code == ErrorCode::kUnsupported;
      if (unknown) break;  // the catalogue lacks a figure: more cards do not help
      continue;
    }
    const auto fleet = plan_fleet(fleet_question(c, *speed, tensor, false));
    if (!fleet) {
      why = fleet.error().message;
      slow = true;
      continue;
    }
    option.split = Split{.tensor = tensor};
    tried.price = price_of(c, card);
    count(option, fleet->years.front(), card, tried.price);
    tried.needed = fleet->years.front().needed;
    tried.speed = std::move(*speed);
    return tried;
  }
  option.why_not = Words{why, unknown ? fmt::format("目录中缺少该卡的{}，须向厂商索取并补入目录，或在卡上实测。", card.memory_gb_per_s ? "算力或卡间互连指标" : "显存带宽")
                              : slow  ? "单个请求已超出时延目标，增加副本无济于事。"
                                      : "按不超过 32 卡的各种切分方式均放不下。"};
  return tried;
}

bool allowed(const Case& c, const Accelerator& card) {
  if (card.kind == "cpu") return false;
  if (!c.scenario.constraints || !c.scenario.constraints->edition || *c.scenario.constraints->edition == Edition::kAny) return true;
  return card.edition == (*c.scenario.constraints->edition == Edition::kDomestic ? "domestic" : "international");
}

/// The one that was named, those that were allowed, or those of the appliance tier that fits.
Result<std::vector<const Accelerator*>> candidates(const Case& c, const Advice& advice) {
  std::vector<std::string> names;
  if (c.scenario.accelerator) names = {*c.scenario.accelerator};
  else if (c.scenario.constraints && c.scenario.constraints->accelerators && !c.scenario.constraints->accelerators->empty()) names = *c.scenario.constraints->accelerators;
  else names = advice.tier.cards;
  std::vector<const Accelerator*> cards;
  for (const auto& name : names) {
    ASSIGN_OR_RETURN(const auto* card, c.catalogue.accelerator(name));
    if (c.scenario.engine && !runs_on(*c.scenario.engine, *card)) {
      if (c.scenario.accelerator) RETURN_IF_ERROR(speed_question(c, *card, 1));
      continue;
    }
    if (allowed(c, *card)) cards.push_back(card);
    else if (c.scenario.accelerator)
      return invalid_field("accelerator", fmt::format("{} is not of the edition that the constraints ask for, or is a processor; choose another card or lift the constraint", card->name));
    if (cards.size() == kMostCompared) break;
  }
  if (cards.empty()) return invalid_field("constraints", "leave no card: of those named, none is of the edition asked for" + (c.scenario.engine ? " and runs " + *c.scenario.engine : std::string()));
  return cards;
}

/// Whether every option has a price decides by what they are compared: money, or else rated power, which follows size and running cost.
Words sort_options(std::vector<Tried>& all) {
  const bool priced = std::ranges::all_of(all, [](const Tried& one) { return one.option.why_not || one.option.purchase; });
  std::ranges::stable_sort(all, {}, [&](const Tried& one) {
    const auto& o = one.option;
    if (o.why_not) return std::tuple(1, 0.0, 0.0);
    return std::tuple(0, priced ? *o.purchase : o.power_w > 0 ? o.power_w : std::numeric_limits<double>::max(), static_cast<double>(o.cards));
  });
  return priced ? Words{"Cards are compared by what they cost.", "各加速卡按采购价比较。"} : Words{"Not every card has a known price, so cards are compared by the rated power of all of them, then by their number.", "并非所有加速卡都有已知价格，故按总额定功耗、再按卡数比较。"};
}

CostQuestion cost_question(const Case& c, const Plan& plan, const TokensPerDay& tokens) {
  CostQuestion q;
  if (c.scenario.cost) q.inputs = *c.scenario.cost;
  q.card = plan.accelerator;
  q.hardware = hardware_of(plan.fleet, c.years);
  if (const auto* tier = appliance_of(c.catalogue, plan.advice.tier))
    for (auto& year : q.hardware) year.servers = std::max(year.servers, servers_for(*tier, year.cards));  // as the bill orders them
  q.cards_per_replica = plan.split.cards();
  q.tokens = tokens;
  q.growth_per_year = c.scenario.users ? c.scenario.users->growth_per_year.value_or(0) : 0;
  q.years = c.years;
  return q;
}

/// When only the peak is known: the busiest hour lies below it by the peak factor, and has its share of the day.
TokensPerDay tokens_at_peak(const Case& c, const FleetPlan& fleet, std::vector<Words>& assumptions) {
  constexpr double kHourShare = 0.2, kPeakFactor = 1.5, kHour = 3600;
  const auto users = c.scenario.users.value_or(UserLoad{});
  const double share = users.peak_hour_share.value_or(kHourShare), factor = users.peak_factor.value_or(kPeakFactor);
  assumptions.push_back({fmt::format("Only the peak is known; a day was taken as {} busiest hours, each at {} % of the peak on average.", plain_number(1 / share), plain_number(100 / factor)),
                         fmt::format("仅给出峰值；按“日总量 = {} 个忙时、忙时均值为峰值的 {}%”估算日用量。", plain_number(1 / share), plain_number(100 / factor))});
  const double requests = fleet.peak_requests_per_s / factor * kHour / share;
  return {.input = requests * fleet.mean_prompt, .cached = requests * fleet.mean_cached, .output = requests * fleet.mean_output};
}

}  // namespace

Result<Plan> make_plan(const Scenario& scenario, const Catalogue& catalogue, const ShapeFinder& find, const PlanSettings& settings) {
  ASSIGN_OR_RETURN(auto c, case_of(scenario, catalogue, find, settings));
  auto question = advice_question(c);
  ASSIGN_OR_RETURN(const auto first_advice, advise(question, catalogue));
  ASSIGN_OR_RETURN(const auto cards, candidates(c, first_advice));
  const auto currency = scenario.cost ? scenario.cost->currency.value_or("CNY") : "CNY";
  std::vector<Tried> tried;
  for (const auto* card : cards) {
    tried.push_back(try_card(c, *card));
    if (settings.stop.stop_requested()) return fail(ErrorCode::kCancelled, "The plan was given up before it was made");
  }
  const auto compared = sort_options(tried);
  auto& best = tried.front();
  if (best.option.why_not) return fail(ErrorCode::kUnsupported, fmt::format("None of the cards can do it. {}: {}", best.option.accelerator, best.option.why_not->en));
  best.option.chosen = true;
  const auto given = scenario.cost ? scenario.cost->card_price : std::nullopt;
  if (given) best.price = given;

  Plan plan{.scenario = scenario, .model = c.shape.name, .weights = c.weights.value_or("as stored"), .accelerator = best.option.accelerator, .split = *best.option.split};
  plan.speed = best.speed->plan;
  ASSIGN_OR_RETURN(const auto asked, speed_question(c, *best.card, plan.split.tensor));
  // The memory that is shown is that of the fullest card: with as many requests as the engine holds at the peak.
  auto whole = fleet_question(c, *best.speed, plan.split.cards(), true);
  whole.likely = best.needed;
  ASSIGN_OR_RETURN(plan.fleet, plan_fleet(whole));
  const auto& today = plan.fleet.years.front();
  auto memory = asked.model;
  memory.users = std::clamp(std::ceil(today.at_peak.mean_batch), 1.0, std::max(1.0, best.speed->plan.most_sequences));
  ASSIGN_OR_RETURN(plan.memory, plan_memory(memory));
  plan.replicas = today.replicas, plan.cards = today.cards, plan.servers = today.servers;
  count(best.option, today, *best.card, best.price);  // the whole simulation's numbers in place of the quick one's
  plan.assumptions = c.assumptions;
  if (tried.size() > 1) plan.assumptions.push_back(compared);
  if (given && !scenario.accelerator)
    plan.assumptions.push_back({fmt::format("The given price of a card was taken for {}, after it was chosen: no card was fixed that it could be the price of. Fix `accelerator` to have it count in the choice.", plan.accelerator),
                                fmt::format("方案未固定加速卡，所给单卡价格在选型之后用于选中的 {}；如需参与选型，请以 accelerator 固定加速卡。", plan.accelerator)});
  const auto tokens = tokens_of(plan.fleet);
  question.weights_bytes = plan.memory.all_cards > 0 ? plan.memory.weights * plan.split.cards() : 0;
  question.kv_bytes_per_token = plan.memory.kv_bytes_per_token;
  question.replicas = plan.replicas;
  question.cards_per_replica = plan.split.cards();
  question.servers = plan.servers;
  question.concurrency = today.at_peak.concurrency;
  // The tier first: it may begin with more servers than the fleet needs, and one number of them stands everywhere.
  ASSIGN_OR_RETURN(const auto facts, facts_of(question, catalogue));
  ASSIGN_OR_RETURN(plan.advice.tier, advise_tier(facts));
  plan.servers = best.option.servers = static_cast<std::uint32_t>(plan.advice.tier.servers);
  ASSIGN_OR_RETURN(plan.cost, total_cost(cost_question(c, plan, tokens ? *tokens : tokens_at_peak(c, plan.fleet, plan.assumptions)), catalogue));

  question.local_cost = plan.cost.on_premise.total.base;
  question.cloud_cost = plan.cost.cloud.total.base;
  ASSIGN_OR_RETURN(plan.advice, advise(question, catalogue));
  ASSIGN_OR_RETURN(plan.quality, diminishing_returns(catalogue.quality));
  // The tier suggests; what the simulation chose is what is ordered.
  auto& suggested = plan.advice.tier.cards;
  std::erase(suggested, plan.accelerator);
  suggested.insert(suggested.begin(), plan.accelerator);
  plan.bill = bill_of(plan.advice, question, catalogue, currency);
  for (auto& one : tried) plan.hardware.push_back(std::move(one.option));
  return plan;
}

}  // namespace siyu::planner
