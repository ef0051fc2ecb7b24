#include "planner/tco/basis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "planner/fleet/load.h"
#include "planner/ranges.h"

namespace siyu::planner {
namespace {

constexpr std::string_view kGiven = "given";
constexpr std::string_view kGuidance = "guidance of this project";
constexpr double kUsualPue = 1.4, kUsualStaffShare = 0.5, kUsualSupportShare = 0.05, kUsualDepreciationYears = 5, kUsualDiscountRate = 0.06, kUsualLocalShare = 0.7;

class Builder {
 public:
  Builder(const CostQuestion& question, const Catalogue& catalogue) : q_(question), in_(question.inputs), catalogue_(catalogue) {}

  Result<Basis> make() {
    basis_.currency = in_.currency.value_or("CNY");
    RETURN_IF_ERROR(check_question());
    basis_.months = static_cast<std::uint32_t>(std::lround(q_.years * 12));
    prices_of_hardware();
    RETURN_IF_ERROR(running());
    money();
    RETURN_IF_ERROR(cloud());
    lay_out_hardware();
    RETURN_IF_ERROR(check_terms());
    return basis_;
  }

 private:
  Status check_question() const {
    const auto& currency = basis_.currency;
    if (currency.size() != 3 || !std::ranges::all_of(currency, [](char c) { return c >= 'A' && c <= 'Z'; }))
      return invalid_field("cost.currency", fmt::format("must be three capital letters, as CNY or USD; `{}` was given", currency));
    if (in_.exchange_rate && !range::kExchangeRate.holds(*in_.exchange_rate))
      return invalid_field("cost.exchange_rate", "must be units of the plan's currency for one US dollar");
    if (currency == "USD" && in_.exchange_rate && *in_.exchange_rate != 1)
      return invalid_field("cost.exchange_rate", "is 1 for a plan in USD; plan in the other currency to convert");
    if (!range::kYears.holds(q_.years)) return invalid_field("years", fmt::format("must be from a month (0.0833) to 15; {} was given", q_.years));
    if (q_.hardware.empty()) return invalid_field("hardware", "must say what stands in the machine room, at least in the first year");
    for (const auto* list : {&q_.hardware, q_.hybrid_hardware ? &*q_.hybrid_hardware : &q_.hardware}) {
      if (list->empty() || list->size() > 100) return invalid_field("hardware", "must have from 1 to 100 years");
      for (const auto& year : *list)
        if (!(year.cards >= 0 && year.cards <= 1e7 && year.servers >= 0 && year.servers <= 1e7))
          return invalid_field("hardware", "must have from 0 to 10 million cards and servers in a year");
    }
    RETURN_IF_ERROR(within(q_.cards_per_replica, range::kCardsPerReplica, "cards_per_replica"));
    if (q_.tokens.cached > q_.tokens.input) return invalid_field("tokens.cached", "is a part of tokens.input and cannot be more");
    return {};
  }

  TermInfo& put(Term term, std::string id, Words label, std::string unit, double value, std::string source) {
    auto& info = basis_[term];
    info = {.id = std::move(id), .label = std::move(label), .unit = std::move(unit), .value = value, .source = std::move(source)};
    return info;
  }
  /// What was given, or the usual.
  TermInfo& put(Term term, std::string id, Words label, std::string unit, const std::optional<double>& given, double usual) {
    return put(term, std::move(id), std::move(label), std::move(unit), given.value_or(usual), std::string(given ? kGiven : kGuidance));
  }
  /// What was given, or unknown.
  TermInfo& ask(Term term, std::string id, Words label, std::string unit, const std::optional<double>& given, Words what) {
    auto& info = put(term, std::move(id), std::move(label), std::move(unit), given.value_or(kUnknown), given ? std::string(kGiven) : "not known");
    info.ask = std::move(what);
    return info;
  }
  std::string per(std::string_view what) const { return fmt::format("{}/{}", basis_.currency, what); }

  Result<double> convert(double amount, const std::string& from, std::string_view what, std::string_view otherwise) const {
    if (from == basis_.currency) return amount;
    if (from == "USD" && in_.exchange_rate) return amount * *in_.exchange_rate;
    if (from == "USD")
      return invalid_field("cost.exchange_rate",
                           fmt::format("is needed: {} is in USD and the plan in {}. Give {} for one USD, or {}", what, basis_.currency, basis_.currency, otherwise));
    return invalid_field("cost.exchange_rate",
                         fmt::format("cannot help: {} is in {} and the plan in {}. Plan in {}, or give {}", what, from, basis_.currency, from, otherwise));
  }

  void prices_of_hardware() {
    auto& card = ask(Term::kCardPrice, "card_price", {"Price of a card", "单卡价格"}, per("card"), in_.card_price,
                     {fmt::format("the price of a card ({}); the catalogue has none", q_.card), fmt::format("加速卡（{}）单价；目录中没有", q_.card)});
    ask(Term::kServerPrice, "server_price", {"Price of a server without cards", "服务器价格（不含卡）"}, per("server"), in_.server_price,
        {"the price of a server without its cards; 0 if the cards' price has it", "服务器单价（不含卡）；若卡价已含则填 0"});
    ask(Term::kNetworkPrice, "network_price", {"Network, of a server", "每台服务器的网络费用"}, per("server"), in_.network_price,
        {"a server's share of switches, ports and cables; 0 if the server's price has it", "每台服务器分摊的交换机、端口与线缆；若已含则填 0"});
    ask(Term::kStoragePrice, "storage_price", {"Storage, all of it", "存储总价"}, basis_.currency, in_.storage_price,
        {"the price of all storage; 0 if the servers' disks do", "存储总价；若用服务器自带硬盘则填 0"});
    if (in_.card_price || q_.card.empty()) return;
    const auto found = listed_price(catalogue_, q_.card, in_);
    if (!found) return;
    const auto& entry = found->entry;
    if (!found->rate) {
      card.ask = what_to_give(entry);
      basis_.notes.push_back({fmt::format("The catalogue's price of {} is in {} and does not count: give {}.", entry.item, entry.currency, card.ask->en),
                              fmt::format("目录中 {} 的价格以 {} 计，未计入：请给出{}。", entry.item, entry.currency, card.ask->zh)});
      return;
    }
    card.low = entry.low * *found->rate, card.high = entry.high * *found->rate;
    card.value = (card.low + card.high) / 2;
    card.published_range = card.high > card.low;
    card.source = cite(entry, true);
  }

  /// For a card whose listed price is in a currency that cannot be converted.
  Words what_to_give(const PurchasePrice& entry) const {
    if (entry.currency == "USD")
      return {fmt::format("exchange_rate ({} for one USD), or the price of a card ({}) in {}", basis_.currency, entry.item, basis_.currency),
              fmt::format("汇率（1 美元合多少 {0}），或以 {0} 给出加速卡（{1}）单价", basis_.currency, entry.item)};
    return {fmt::format("the price of a card ({}) in {}, or plan in {}", entry.item, basis_.currency, entry.currency),
            fmt::format("以 {} 计的加速卡（{}）单价，或改用 {} 规划", basis_.currency, entry.item, entry.currency)};
  }

  Status running() {
    auto& power = put(Term::kCardPower, "card_power_w", {"Power of a card", "单卡功耗"}, "W", q_.card_power_w.value_or(kUnknown),
                      std::string(q_.card_power_w ? kGiven : "not known"));
    power.ask = Words{"the power of a card in watts", "单卡功耗（瓦）"};
    if (!q_.card_power_w && !q_.card.empty()) {
      const auto found = catalogue_.accelerator(q_.card);
      if (!found && !in_.card_price) return std::unexpected(found.error());  // a name misspelt, not a price unknown
      if (found && (*found)->power_w) power.value = *(*found)->power_w, power.source = cite(**found);
    }
    put(Term::kServerPower, "server_power_w", {"Power of a server without cards", "服务器功耗（不含卡）"}, "W", q_.server_power_w,
        "given; default 800 W, guidance of this project");
    put(Term::kUtilisation, "utilisation", {"Mean share of the rated power", "平均功率占额定功率之比"}, "", q_.utilisation,
        "given; default 0.6, guidance of this project");
    put(Term::kPue, "pue", {"Power usage effectiveness", "电能利用效率 PUE"}, "", in_.pue, kUsualPue);
    put(Term::kRackUnits, "rack_units_per_server", {"Rack units of a server", "每台服务器占用机架单位"}, "U", q_.rack_units_per_server,
        "given; default 4, guidance of this project");
    ask(Term::kRackPrice, "rack_per_unit_and_month", {"Rent of a rack unit a month", "每机架单位月租"}, per("U/month"), in_.rack_per_unit_and_month,
        {"the rent of a rack unit a month; 0 in a room of your own", "每机架单位月租；自有机房填 0"});
    auto& tariff =
        ask(Term::kPricePerKwh, "price_per_kwh", {"Price of a kilowatt hour", "电价"}, per("kWh"), in_.price_per_kwh, {"the price of a kilowatt hour", "每千瓦时电价"});
    if (in_.price_per_kwh) return {};
    std::vector<const PowerTariff*> known;
    for (const auto& one : catalogue_.tariffs)
      if (q_.tariff ? same_name(*q_.tariff, one.name) : one.currency == basis_.currency) known.push_back(&one);
    if (known.empty() && q_.tariff) return not_found(fmt::format("`{}` is not a tariff of the catalogue; prices.yaml lists them under electricity", *q_.tariff));
    if (known.empty()) return {};
    std::ranges::sort(known, {}, &PowerTariff::price_per_kwh);
    const auto& middle = *known[known.size() / 2];
    ASSIGN_OR_RETURN(tariff.value, convert(middle.price_per_kwh, middle.currency, "the tariff " + middle.name, "price_per_kwh"));
    tariff.source = fmt::format("tariff {} of the catalogue: {}", middle.name, cite(middle));
    if (q_.tariff) return {};
    tariff.low = known.front()->price_per_kwh, tariff.high = known.back()->price_per_kwh;
    tariff.published_range = tariff.high > tariff.low;
    return {};
  }

  void money() {
    ask(Term::kStaffCost, "staff_per_year", {"Cost of an operator a year", "运维人员年成本"}, per("year"), in_.staff_per_year,
        {"what an operator costs a year; 0 if nobody is added", "一名运维人员的年成本；不增员则填 0"});
    put(Term::kStaffShare, "staff_share", {"Operators", "运维人数"}, "persons", in_.staff_share, kUsualStaffShare);
    put(Term::kSupportShare, "support_share", {"Support a year, of the purchase", "年维保占采购价之比"}, "", in_.support_share, kUsualSupportShare);
    put(Term::kDepreciationYears, "depreciation_years", {"Years of depreciation", "折旧年限"}, "years", in_.depreciation_years, kUsualDepreciationYears);
    put(Term::kResidualShare, "residual_share", {"What the hardware brings at the end, of its price", "期末残值率"}, "", in_.residual_share, 0);
    put(Term::kDiscountRate, "discount_rate", {"Discount rate a year", "年贴现率"}, "", in_.discount_rate, kUsualDiscountRate);
    put(Term::kInputTokens, "tokens.input", {"Prompt tokens a day, first year", "首年日均输入词元"}, "tokens/day", q_.tokens.input, std::string(kGiven));
    put(Term::kCachedTokens, "tokens.cached", {"Of these, billed as cached", "其中按缓存计费"}, "tokens/day", q_.tokens.cached, std::string(kGiven));
    put(Term::kOutputTokens, "tokens.output", {"Answer tokens a day, first year", "首年日均输出词元"}, "tokens/day", q_.tokens.output, std::string(kGiven));
    put(Term::kGrowth, "growth_per_year", {"Growth of the tokens a year", "词元年增长率"}, "", q_.growth_per_year, std::string(kGiven));
    put(Term::kLocalShare, "local_share", {"Hybrid: share of the tokens that stays local", "混合部署本地承担比例"}, "", in_.local_share, kUsualLocalShare);
  }

  Status cloud() {
    const Words what{"the cloud's price, or its model as vendor/model (cloud_model)", "云端价格，或以“厂商/模型”给出 cloud_model"};
    auto& input =
        ask(Term::kCloudInput, "cloud_input_per_million", {"Cloud: a million prompt tokens", "云端每百万输入词元"}, per("1M tokens"), in_.cloud_input_per_million, what);
    auto& cached = put(Term::kCloudCached, "cloud_cached_per_million", {"Cloud: a million cached prompt tokens", "云端每百万缓存命中输入词元"}, per("1M tokens"),
                       input.value, "as other prompt tokens");
    auto& output = ask(Term::kCloudOutput, "cloud_output_per_million", {"Cloud: a million answer tokens", "云端每百万输出词元"}, per("1M tokens"),
                       in_.cloud_output_per_million, what);
    if (!in_.cloud_model || (in_.cloud_input_per_million && in_.cloud_output_per_million)) return {};
    ASSIGN_OR_RETURN(const auto found, cloud_prices());
    const auto& first = *found.front();
    const auto source = fmt::format("{} {}{}: {}", first.vendor, first.model, first.period ? ", " + *first.period : "", cite(first));
    const auto range = [&](TermInfo& info, auto price_of) -> Status {
      const auto rest = "cloud_input_per_million and cloud_output_per_million";
      info.low = std::numeric_limits<double>::max(), info.high = 0;
      for (const auto* one : found) {
        const std::optional<double> listed = price_of(*one);
        if (!listed) continue;
        ASSIGN_OR_RETURN(const auto price, convert(*listed, one->currency, "the price of " + one->model, rest));
        if (one == &first) info.value = price;
        info.low = std::min(info.low, price), info.high = std::max(info.high, price);
      }
      info.source = source;
      info.published_range = info.high > info.low;
      return {};
    };
    if (!in_.cloud_input_per_million) RETURN_IF_ERROR(range(input, [](const TokenPrice& one) { return one.input_per_million; }));
    if (!in_.cloud_output_per_million) RETURN_IF_ERROR(range(output, [](const TokenPrice& one) { return one.output_per_million; }));
    cached.value = input.value, cached.source = "as other prompt tokens: the list has no price for cached ones";
    if (first.cached_input_per_million) {
      RETURN_IF_ERROR(range(cached, [](const TokenPrice& one) { return one.cached_input_per_million; }));
      basis_.cached_as_input = false;
    }
    if (found.size() > 1)
      basis_.notes.push_back({fmt::format("The price list has {} prices of {}; the first is reckoned with{}, the others are the range. Give cloud_period to choose.",
                                          found.size(), first.model, first.period ? " (" + *first.period + ")" : ""),
                              fmt::format("价目中 {1} 有 {0} 个价格；以第一个{2}计算，其余作为区间。可用 cloud_period 选择。", found.size(), first.model,
                                          first.period ? "（" + *first.period + "）" : "")});
    return {};
  }

  /// The list's prices of the model, in one currency.
  Result<std::vector<const TokenPrice*>> cloud_prices() const {
    const auto slash = in_.cloud_model->find('/');
    const auto vendor = slash == std::string::npos ? "" : in_.cloud_model->substr(0, slash),
               model = slash == std::string::npos ? *in_.cloud_model : in_.cloud_model->substr(slash + 1);
    std::vector<const TokenPrice*> found;
    Strings known;
    bool named = false;
    for (const auto& one : catalogue_.token_prices) {
      known.push_back(one.vendor + "/" + one.model);
      if (!same_name(model, one.model) || (!vendor.empty() && !same_name(vendor, one.vendor))) continue;
      named = true;
      if (!q_.cloud_period || fold(one.period.value_or("") + " " + one.tier.value_or("")).contains(fold(*q_.cloud_period))) found.push_back(&one);
    }
    if (!named)
      return not_found(fmt::format("The price list has no `{}`; did you mean `{}`? Give vendor/model of prices.yaml, or both cloud prices", *in_.cloud_model,
                                   known.empty() ? "" : nearest(*in_.cloud_model, known)));
    if (found.empty())
      return not_found(fmt::format("The price list has `{}`, but not for `{}`; see its periods and tiers in prices.yaml", *in_.cloud_model, *q_.cloud_period));
    const auto own = std::ranges::find(found, basis_.currency, [](const TokenPrice* one) { return one->currency; });
    const auto currency = own == found.end() ? found.front()->currency : basis_.currency;
    std::erase_if(found, [&](const TokenPrice* one) { return one->currency != currency; });
    return found;
  }

  void lay_out_hardware() {
    const auto years = (basis_.months + 11) / 12;
    const auto share = basis_[Term::kLocalShare].value;
    const auto up = [](double value, double unit) { return std::ceil(value / unit - 1e-9) * unit; };
    for (std::uint32_t year = 0; year < years; ++year) {
      const auto& now = q_.hardware[std::min<std::size_t>(year, q_.hardware.size() - 1)];
      basis_.hardware.push_back(now);
      if (q_.hybrid_hardware) basis_.hybrid.push_back((*q_.hybrid_hardware)[std::min<std::size_t>(year, q_.hybrid_hardware->size() - 1)]);
      else basis_.hybrid.push_back({.cards = std::min(now.cards, up(now.cards * share, q_.cards_per_replica)), .servers = up(now.servers * share, 1)});
    }
    if (q_.years > basis_[Term::kDepreciationYears].value)
      basis_.notes.push_back(
          {"The horizon is longer than the hardware is depreciated over; nothing is reckoned for replacing it.", "规划期超过折旧年限；未计入更新换代的费用。"});
  }

  /// Ranges of every term, and how far each is varied where no range is published.
  Status check_terms() {
    struct Limit {
      Term term;
      Range allowed;
      double spread;  ///< ± share around the value
    };
    constexpr Range kTokensPerDay{0, 1e18};
    const Limit limits[] = {{Term::kCardPrice, range::kMoney, 0.2},
                            {Term::kServerPrice, range::kMoney, 0.2},
                            {Term::kNetworkPrice, range::kMoney, 0.2},
                            {Term::kStoragePrice, range::kMoney, 0.2},
                            {Term::kCardPower, {0, 1e5}, 0},
                            {Term::kServerPower, {0, 1e6}, 0.2},
                            {Term::kUtilisation, range::kShare, 0.3},
                            {Term::kPue, range::kPue, 0.15},
                            {Term::kPricePerKwh, range::kPricePerKwh, 0.3},
                            {Term::kRackUnits, {0, 1000}, 0},
                            {Term::kRackPrice, range::kRackPerUnitAndMonth, 0.3},
                            {Term::kStaffCost, range::kMoney, 0.3},
                            {Term::kStaffShare, range::kStaffShare, 0.5},
                            {Term::kSupportShare, range::kShare, 0.5},
                            {Term::kDepreciationYears, range::kDepreciationYears, 0},
                            {Term::kResidualShare, range::kShare, 0},
                            {Term::kDiscountRate, range::kDiscountRate, 0.5},
                            {Term::kInputTokens, kTokensPerDay, 0.3},
                            {Term::kCachedTokens, kTokensPerDay, 0},
                            {Term::kOutputTokens, kTokensPerDay, 0.3},
                            {Term::kGrowth, range::kGrowthPerYear, 0.5},
                            {Term::kCloudInput, range::kCloudPerMillion, 0.5},
                            {Term::kCloudCached, range::kCloudPerMillion, 0},
                            {Term::kCloudOutput, range::kCloudPerMillion, 0.5},
                            {Term::kLocalShare, range::kShare, 0}};
    for (const auto& limit : limits) {
      auto& info = basis_[limit.term];
      if (std::isnan(info.value) && info.source != kGiven) continue;  // not known
      RETURN_IF_ERROR(within(info.value, limit.allowed, info.id));
      if (info.published_range || limit.spread == 0) continue;
      const auto spread = std::abs(info.value) * limit.spread;
      info.low = std::max(limit.allowed.low, info.value - spread);
      info.high = std::min(limit.allowed.high, info.value + spread);
    }
    if (auto& growth = basis_[Term::kGrowth]; growth.value == 0) growth.high = 0.3;  // a share of nothing would vary nothing
    auto& residual = basis_[Term::kResidualShare];
    residual.low = 0, residual.high = std::clamp(1.5 * residual.value, 0.2, 1.0);
    return {};
  }

  const CostQuestion& q_;
  const CostInputs& in_;
  const Catalogue& catalogue_;
  Basis basis_;
};

}  // namespace

std::optional<ListedPrice> listed_price(const Catalogue& catalogue, std::string_view card, const CostInputs& inputs) {
  const auto currency = inputs.currency.value_or("CNY");
  std::optional<ListedPrice> best;
  for (const auto& one : catalogue.purchases) {
    if (one.kind != "card" || !same_name(card, one.item)) continue;
    if (one.currency == currency) return ListedPrice{.entry = one, .rate = 1};
    const auto rate = one.currency == "USD" ? inputs.exchange_rate : std::nullopt;
    if (!best || (rate && !best->rate)) best = ListedPrice{.entry = one, .rate = rate};
  }
  return best;
}

Result<Basis> basis_of(const CostQuestion& question, const Catalogue& catalogue) { return Builder(question, catalogue).make(); }

}  // namespace siyu::planner
