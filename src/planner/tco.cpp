#include "planner/tco.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "planner/fleet/load.h"
#include "planner/tco/basis.h"
#include "planner/tco/reckon.h"

namespace siyu::planner {
namespace {

std::optional<double> known(double value) { return std::isnan(value) ? std::nullopt : std::optional(value); }

/// Where the list has no price for cached tokens, it goes with that of the others.
Values with_cached_price(const Basis& basis, Values values) {
  if (basis.cached_as_input) at(values, Term::kCloudCached) = at(values, Term::kCloudInput);
  return values;
}

/// Every published range at one of its ends.
Values at_end(const Basis& basis, double TermInfo::* end) {
  auto values = basis.values();
  for (std::size_t i = 0; i < kTerms; ++i)
    if (basis.terms[i].published_range) values[i] = basis.terms[i].*end;
  return with_cached_price(basis, values);
}

struct Scenes {
  Reckoning low, base, high;
  Values values;
};

CostMode mode_of(const Basis& basis, const Scenes& scenes, const Cash& (*cash)(const Reckoning&)) {
  const auto rate = at(scenes.values, Term::kDiscountRate);
  const auto amount = [&](auto of) { return Amount{known(of(cash(scenes.low))), known(of(cash(scenes.base))), known(of(cash(scenes.high)))}; };
  CostMode mode{.total = amount([](const Cash& one) { return total(one); }), .npv = amount([&](const Cash& one) { return net_present_value(one, rate); })};
  for (const auto one : cumulative(cash(scenes.base))) mode.cumulative.push_back(known(one));
  double tokens = 0;
  for (std::size_t year = 0; year < basis.hardware.size(); ++year) tokens += scenes.base.input_tokens[year] + scenes.base.output_tokens[year];
  if (mode.total.base && tokens > 0) mode.per_million_tokens = *mode.total.base / tokens * 1e6;
  return mode;
}

double cash_of(const OwnedParts& parts) { return parts.purchase + parts.power + parts.rack + parts.staff + parts.support - parts.sold; }

OwnedYear year_of(const OwnedParts& parts) {
  return {.purchase = known(parts.purchase),
          .power = known(parts.power),
          .rack = known(parts.rack),
          .staff = known(parts.staff),
          .support = known(parts.support),
          .sold = known(parts.sold),
          .cash = known(cash_of(parts)),
          .depreciation = known(parts.depreciation),
          .book = known(parts.depreciation + parts.power + parts.rack + parts.staff + parts.support)};
}

std::vector<CostYear> years_of(const Basis& basis, const Scenes& scenes) {
  std::vector<CostYear> years;
  const auto& base = scenes.base;
  for (std::size_t year = 0; year < basis.hardware.size(); ++year) {
    double cloud = 0;
    for (auto month = 12 * year + 1; month <= std::min<std::size_t>(12 * year + 12, basis.months); ++month) cloud += base.cloud[month];
    const auto rest = 1 - at(scenes.values, Term::kLocalShare);
    years.push_back({.year = static_cast<std::uint32_t>(year + 1),
                     .input_tokens = base.input_tokens[year],
                     .output_tokens = base.output_tokens[year],
                     .on_premise = year_of(base.on_premise.years[year]),
                     .cloud = known(cloud),
                     .hybrid = known(cash_of(base.hybrid_owned.years[year]) + (rest == 0 ? 0 : rest * cloud))});
  }
  return years;
}

double advantage_of(const Reckoning& reckoning, const Values& values) {
  const auto rate = at(values, Term::kDiscountRate);
  return net_present_value(reckoning.cloud, rate) - net_present_value(reckoning.on_premise.cash, rate);
}

std::vector<Sensitivity> sensitivities_of(const Basis& basis, const Values& values) {
  std::vector<Sensitivity> out;
  const auto with = [&](Term term, double value) {
    auto changed = values;
    at(changed, term) = value;
    if (term == Term::kInputTokens && at(values, term) > 0) at(changed, Term::kCachedTokens) *= value / at(values, term);  // as large a share is cached
    return with_cached_price(basis, changed);
  };
  for (std::size_t i = 0; i < kTerms; ++i) {
    const auto& info = basis.terms[i];
    if (std::isnan(info.value) || std::isnan(info.low) || std::isnan(info.high) || info.low == info.high) continue;
    const auto low = with(static_cast<Term>(i), info.low), high = with(static_cast<Term>(i), info.high);
    const auto at_low = reckon(basis, low), at_high = reckon(basis, high);
    Sensitivity one{.input = info.id, .label = info.label, .low = info.low, .base = info.value, .high = info.high};
    one.advantage_low = advantage_of(at_low, low), one.advantage_high = advantage_of(at_high, high);
    one.break_even_low = break_even(at_low.on_premise.cash, at_low.cloud), one.break_even_high = break_even(at_high.on_premise.cash, at_high.cloud);
    if (one.advantage_low != one.advantage_high) out.push_back(std::move(one));
  }
  std::ranges::sort(out, {}, [](const Sensitivity& one) { return std::pair(-std::abs(one.advantage_high - one.advantage_low), one.input); });
  return out;
}

/// Unknown prices that something depends on: where they are 1 or 2 makes a difference.
std::vector<MissingPrice> missing_of(const Basis& basis) {
  auto assumed = basis.values();
  for (auto& value : assumed)
    if (std::isnan(value)) value = 1;
  const auto sum = [&](const Values& values) {
    const auto reckoning = reckon(basis, values);
    return std::array{total(reckoning.on_premise.cash), total(reckoning.cloud), total(reckoning.hybrid)};
  };
  std::vector<MissingPrice> out;
  for (std::size_t i = 0; i < kTerms; ++i) {
    const auto& info = basis.terms[i];
    if (!std::isnan(info.value) || !info.ask) continue;
    auto other = assumed;
    other[i] = 2;
    if (sum(with_cached_price(basis, other)) != sum(assumed)) out.push_back({.input = info.id, .what = *info.ask});
  }
  return out;
}

Words break_even_words(const CostPlan& plan) {
  if (!plan.advantage) return {"Not known: prices are missing.", "未知：尚缺价格。"};
  if (!plan.break_even_month) return {fmt::format("Never within {} months.", plan.months), fmt::format("{} 个月内不能回本。", plan.months)};
  if (*plan.break_even_month == 0) return {"From the beginning.", "自始即不高于云端。"};
  return {fmt::format("From the end of month {} on, owning has cost no more than the cloud.", *plan.break_even_month),
          fmt::format("自第 {} 个月末起，自建累计成本不高于云端。", *plan.break_even_month)};
}

/// The figures of a cost: what it was reckoned with, each year's parts, and what came out.
class Figures {
 public:
  Figures(const Basis& basis, const CostPlan& plan) : basis_(basis), plan_(plan) {}

  std::vector<Figure> make() {
    for (const auto& info : basis_.terms)
      sheet_.add(
          {.id = "cost." + info.id,
           .label = info.label,
           .value = known(info.value),
           .unit = info.unit,
           .formula = info.id,
           .inputs = std::isnan(info.value) ? std::vector<Input>{} : std::vector<Input>{{.name = info.id, .value = info.value, .unit = info.unit, .source = info.source}},
           .note = std::isnan(info.value) ? info.ask : std::nullopt});
    for (const auto& year : plan_.years) write_year(year);
    write_modes();
    return sheet_.figures();
  }

 private:
  Input in(Term term) const { return sheet_.input("cost." + basis_[term].id, basis_[term].id); }
  static Input number(const char* name, double value, const char* unit, const char* source) { return {.name = name, .value = value, .unit = unit, .source = source}; }
  void add(std::string id, Words label, std::optional<double> value, std::string formula, std::vector<Input> inputs, std::string unit = {}) {
    std::optional<Words> note;
    if (!value) note = Words{"Not known: a price it needs is missing.", "未知：缺少所需价格。"};
    sheet_.add({.id = std::move(id),
                .label = std::move(label),
                .value = value,
                .unit = unit.empty() ? basis_.currency : std::move(unit),
                .formula = std::move(formula),
                .inputs = std::move(inputs),
                .note = std::move(note)});
  }

  void write_year(const CostYear& year) {
    const auto& owned = year.on_premise;
    const auto& hardware = basis_.hardware[year.year - 1];
    const auto before = year.year > 1 ? basis_.hardware[year.year - 2] : HardwareYear{};
    const auto cards = number("cards", hardware.cards, "cards", "the fleet"), servers = number("servers", hardware.servers, "servers", "the fleet");
    const auto months = number("months", std::min(12U, basis_.months - 12 * (year.year - 1)), "months", "the horizon");
    const auto id = [&](std::string_view name) { return fmt::format("on_premise.year{}.{}", year.year, name); };
    const auto label = [&](std::string_view en, std::string_view zh) {
      return Words{fmt::format("On-premise, year {}: {}", year.year, en), fmt::format("自建第 {} 年：{}", year.year, zh)};
    };
    add(id("purchase"), label("purchase", "采购"), owned.purchase,
        "new cards × card_price + new servers × (server_price + network_price) + storage_price in the first year",
        {cards, number("cards_before", before.cards, "cards", "the fleet"), servers, number("servers_before", before.servers, "servers", "the fleet"),
         in(Term::kCardPrice), in(Term::kServerPrice), in(Term::kNetworkPrice), in(Term::kStoragePrice)});
    add(id("power"), label("power", "电费"), owned.power,
        "(cards × card_power_w + servers × server_power_w) / 1000 × 8760 × months / 12 × utilisation × pue × price_per_kwh",
        {cards, servers, months, in(Term::kCardPower), in(Term::kServerPower), in(Term::kUtilisation), in(Term::kPue), in(Term::kPricePerKwh)});
    add(id("rack"), label("rack", "机柜"), owned.rack, "servers × rack_units_per_server × rack_per_unit_and_month × months",
        {servers, months, in(Term::kRackUnits), in(Term::kRackPrice)});
    add(id("staff"), label("staff", "人力"), owned.staff, "staff_share × staff_per_year × months / 12", {months, in(Term::kStaffShare), in(Term::kStaffCost)});
    add(id("support"), label("support", "维保"), owned.support, "support_share × all purchases so far × months / 12",
        {months, in(Term::kSupportShare), sheet_.input(id("purchase"), "purchase")});
    add(id("depreciation"), label("depreciation", "折旧"), owned.depreciation,
        "of each purchase: price × (1 − residual_share) × months of its life in this year / (12 × depreciation_years)",
        {months, in(Term::kDepreciationYears), in(Term::kResidualShare), sheet_.input(id("purchase"), "purchase")});
    add(id("sold"), label("sold at the end", "期末变卖"), owned.sold, "residual_share × all purchases, in the last year", {in(Term::kResidualShare)});
    add(id("cash"), label("cash", "现金支出"), owned.cash, "purchase + power + rack + staff + support − sold",
        {sheet_.input(id("purchase"), "purchase"), sheet_.input(id("power"), "power"), sheet_.input(id("rack"), "rack"), sheet_.input(id("staff"), "staff"),
         sheet_.input(id("support"), "support"), sheet_.input(id("sold"), "sold")});
    add(fmt::format("cloud.year{}", year.year), {fmt::format("Cloud, year {}", year.year), fmt::format("云端第 {} 年", year.year)}, year.cloud,
        "((input − cached) × input_price + cached × cached_price + output × output_price) / 10^6 × 365 × months / 12 × (1 + growth)^(year − 1)",
        {in(Term::kInputTokens), in(Term::kCachedTokens), in(Term::kOutputTokens), in(Term::kCloudInput), in(Term::kCloudCached), in(Term::kCloudOutput),
         in(Term::kGrowth), months});
    add(fmt::format("hybrid.year{}", year.year), {fmt::format("Hybrid, year {}", year.year), fmt::format("混合第 {} 年", year.year)}, year.hybrid,
        "its own hardware's cash + (1 − local_share) × cloud",
        {number("cards", basis_.hybrid[year.year - 1].cards, "cards", "given, or the local share rounded up"),
         number("servers", basis_.hybrid[year.year - 1].servers, "servers", "given, or the local share rounded up"), in(Term::kLocalShare),
         sheet_.input(fmt::format("cloud.year{}", year.year), "cloud")});
  }

  void write_mode(const std::string& name, const Words& label, const CostMode& mode) {
    const auto words = [&](std::string_view en, std::string_view zh) { return Words{fmt::format("{}: {}", label.en, en), fmt::format("{}：{}", label.zh, zh)}; };
    add(name + ".total", words("cash over the horizon", "规划期现金总支出"), mode.total.base, "sum of the years' cash",
        {number("months", basis_.months, "months", "the horizon")});
    add(name + ".npv", words("present value", "现值"), mode.npv.base, "Σ cash of month m / (1 + discount_rate)^(m/12)", {in(Term::kDiscountRate)});
    add(name + ".per_million_tokens", words("per million tokens", "每百万词元成本"), mode.per_million_tokens, "total / (input + output tokens) × 10^6",
        {sheet_.input(name + ".total", "total")}, basis_.currency + "/1M tokens");
  }

  void write_modes() {
    write_mode("on_premise", {"On-premise", "自建"}, plan_.on_premise);
    write_mode("cloud", {"Cloud", "云端"}, plan_.cloud);
    write_mode("hybrid", {"Hybrid", "混合"}, plan_.hybrid);
    add("advantage", {"What owning saves, present value", "自建相对云端节省（现值）"}, plan_.advantage, "cloud_npv − on_premise_npv",
        {sheet_.input("cloud.npv", "cloud_npv"), sheet_.input("on_premise.npv", "on_premise_npv")});
    const auto month = plan_.break_even_month ? std::optional<double>(*plan_.break_even_month) : std::nullopt;
    sheet_.add({.id = "break_even_month",
                .label = {"Break-even", "回本月"},
                .value = month,
                .unit = "months",
                .formula = "first month from whose end on cumulative on-premise ≤ cumulative cloud, to the horizon's end",
                .inputs = {number("months", basis_.months, "months", "the horizon")},
                .note = plan_.break_even});
    add("affordable_purchase", {"First purchase at which owning costs what the cloud does", "与云端等价的首次采购额"}, plan_.affordable_purchase,
        "the purchase p with on_premise_npv(p) = cloud_npv; later purchases and support in proportion", {sheet_.input("cloud.npv", "cloud_npv")});
  }

  const Basis& basis_;
  const CostPlan& plan_;
  Worksheet sheet_;
};

}  // namespace

std::vector<HardwareYear> hardware_of(const FleetPlan& fleet, double years) {
  std::vector<HardwareYear> out;
  for (double year = 1; year <= std::clamp(std::ceil(years), 1.0, 100.0) && !fleet.years.empty(); ++year) {
    const auto last = fleet.years.size() - 1, end = static_cast<std::size_t>(year);
    const auto &at_begin = fleet.years[std::min(end - 1, last)], &at_end = fleet.years[std::min(end, last)];
    out.push_back({.cards = static_cast<double>(std::max(at_begin.cards, at_end.cards)), .servers = static_cast<double>(std::max(at_begin.servers, at_end.servers))});
  }
  return out;
}

std::optional<TokensPerDay> tokens_of(const FleetPlan& fleet) {
  if (!fleet.requests_per_day) return {};
  const auto requests = *fleet.requests_per_day;
  return TokensPerDay{.input = requests * fleet.mean_prompt, .cached = requests * fleet.mean_cached, .output = requests * fleet.mean_output};
}

Result<CostPlan> total_cost(const CostQuestion& question, const Catalogue& catalogue) {
  ASSIGN_OR_RETURN(const auto basis, basis_of(question, catalogue));
  const auto values = basis.values();
  const Scenes scenes{
      .low = reckon(basis, at_end(basis, &TermInfo::low)), .base = reckon(basis, values), .high = reckon(basis, at_end(basis, &TermInfo::high)), .values = values};
  CostPlan plan{.currency = basis.currency, .months = basis.months};
  plan.on_premise = mode_of(basis, scenes, [](const Reckoning& one) -> const Cash& { return one.on_premise.cash; });
  plan.cloud = mode_of(basis, scenes, [](const Reckoning& one) -> const Cash& { return one.cloud; });
  plan.hybrid = mode_of(basis, scenes, [](const Reckoning& one) -> const Cash& { return one.hybrid; });
  plan.years = years_of(basis, scenes);
  plan.advantage = known(advantage_of(scenes.base, values));
  plan.break_even_month = break_even(scenes.base.on_premise.cash, scenes.base.cloud);
  plan.break_even = break_even_words(plan);
  const auto line = purchase_line(basis, values);
  plan.affordable_purchase = line.slope > 0 ? known((net_present_value(scenes.base.cloud, at(values, Term::kDiscountRate)) - line.fixed) / line.slope) : std::nullopt;
  if (plan.advantage) plan.sensitivities = sensitivities_of(basis, values);
  plan.missing = missing_of(basis);
  plan.notes = basis.notes;
  plan.figures = Figures(basis, plan).make();
  return plan;
}

}  // namespace siyu::planner
