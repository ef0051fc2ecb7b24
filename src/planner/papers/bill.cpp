// The bill of materials: what to order, how much of it, for how much and with which power; unknown prices stay unknown.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "planner/advise/facts.h"
#include "planner/papers/pen.h"
#include "planner/tco.h"

namespace siyu::planner {
namespace {

using report::Rich;
using report::Row;

Words group_name(const std::string& group) {
  static const std::pair<std::string_view, Words> kGroups[] = {{"server", {"Servers", "服务器"}},  {"card", {"Accelerators", "加速卡"}},
                                                               {"network", {"Network", "网络"}},   {"storage", {"Storage", "存储"}},
                                                               {"software", {"Software", "软件"}}, {"service", {"Services", "服务"}}};
  for (const auto& [name, words] : kGroups)
    if (name == group) return words;
  return {group, group};
}

std::string range(const Pen& pen, std::optional<double> low, std::optional<double> high, double times) {
  if (!low && !high) return pen.unknown();
  const auto from = low.value_or(*(high ? high : low)) * times, to = high.value_or(*(low ? low : high)) * times;
  const auto money = [&](double amount) { return show_money(amount, pen.input().currency, pen.language()); };
  return from == to ? money(from) : fmt::format("{} – {}", money(from), money(to));
}

bool is_hardware(const BillRow& row) { return row.group == "server" || row.group == "card" || row.group == "storage" || row.group == "network"; }

struct Sums {
  double low = 0, high = 0, power = 0;
  std::size_t unpriced = 0, unpriced_hardware = 0, unpowered = 0;
};

void add(Sums& sums, const BillRow& row) {
  if (row.price_low || row.price_high) {
    sums.low += row.price_low.value_or(row.price_high.value_or(0)) * row.quantity;
    sums.high += row.price_high.value_or(row.price_low.value_or(0)) * row.quantity;
  } else {
    ++sums.unpriced;
    if (is_hardware(row)) ++sums.unpriced_hardware;
  }
  if (row.power_w) sums.power += *row.power_w * row.quantity;
  else if (is_hardware(row)) ++sums.unpowered;
}

void group_table(Pen& pen, const std::string& group, Sums& all) {
  std::vector<Row> rows;
  Sums sums;
  for (const auto& row : pen.input().bill) {
    if (row.group != group) continue;
    add(sums, row), add(all, row);
    auto source = pen.source(row.source);
    Rich item{report::bold(pen.say(row.item)), "\n", pen.say(row.specification)};
    if (row.note) item.runs.push_back({.text = "\n" + pen.say(*row.note), .italic = true});
    item.runs.insert(item.runs.end(), source.runs.begin(), source.runs.end());
    // The words of a house source would run into the item's text; marks of numbered ones belong there.
    if (!source.plain().empty()) item.runs.resize(item.runs.size() - source.runs.size());
    rows.push_back({.cells = {std::move(item), pen.value(row.quantity, row.unit), range(pen, row.price_low, row.price_high, 1),
                              range(pen, row.price_low, row.price_high, row.quantity),
                              !row.power_w        ? is_hardware(row) ? pen.say({"not given", "未给出"}) : ""
                              : *row.power_w == 0 ? pen.say({"counted above", "已计入"})
                                                  : pen.value(*row.power_w * row.quantity, "W")}});
  }
  rows.push_back(
      {.cells = {pen.say({"Sum of what is known", "已知部分小计"}), "", "", sums.unpriced == rows.size() ? pen.unknown() : range(pen, sums.low, sums.high, 1),
                 sums.power > 0 ? pen.value(sums.power, "W") : sums.unpowered > 0 ? pen.say({"not given", "未给出"}) : ""},
       .emphasised = true});
  pen.heading(2, group_name(group));
  pen.table({{{"Item and specification", "品名与规格"}, 5},
             {{"Quantity", "数量"}, 1.6, true},
             {{"Unit price", "单价"}, 2, true},
             {{"Price", "金额"}, 2.2, true},
             {{"Power", "功耗"}, 1.6, true}},
            std::move(rows));
}

/// `of_load`: what the load alone needs, when the sizing gave it.
void server_rows(const Appliance& appliance, double servers, std::optional<double> of_load, std::optional<double> price, std::vector<BillRow>& out) {
  const auto spec =
      Words{fmt::format("{} × {}, {} GiB memory, {} U", appliance.cpu.sockets, appliance.cpu.model, plain_number(appliance.memory_gib), appliance.rack_units),
            fmt::format("{} × {}，内存 {} GiB，{} U", appliance.cpu.sockets, appliance.cpu.model, plain_number(appliance.memory_gib), appliance.rack_units)};
  Words with = spec;
  const auto volume = [&](const std::optional<ApplianceVolume>& one, const Words& name) {
    if (!one || one->storage_class.starts_with("disk") || one->storage_class.starts_with("all-flash") || one->storage_class == "object")
      return;  // Outside the server.
    with.en += fmt::format("; {} {} TB {}", name.en, plain_number(one->tb), one->storage_class);
    with.zh += fmt::format("；{} {} TB {}", name.zh, plain_number(one->tb), one->storage_class);
  };
  volume(appliance.storage.system, {"system", "系统盘"}), volume(appliance.storage.models, {"models", "模型盘"}),
      volume(appliance.storage.cache, {"cache", "缓存盘"});
  out.push_back({.group = "server",
                 .item = {"Server " + appliance.name, "服务器 " + appliance.name},
                 .specification = with,
                 .quantity = servers,
                 .unit = "server",
                 .price_low = price,
                 .price_high = price,
                 .power_w = appliance.power_w,
                 .edition = appliance.edition,
                 .source = appliance.source,
                 .note = Words{"Power with its cards, at full load.", "功耗含加速卡，按满载计。"}});
  auto& note = *out.back().note;
  if (of_load && std::ceil(*of_load) < servers) {
    note.en += fmt::format(" The load needs {}; {} are this tier's minimum for the cards.", plain_number(std::ceil(*of_load)), plain_number(servers));
    note.zh += fmt::format("按负载需 {} 台，按该机型承载这些卡的最低台数计 {} 台。", plain_number(std::ceil(*of_load)), plain_number(servers));
  }
  if (price) note.en += " Price without cards, as given.", note.zh += "价格为给定值，不含加速卡。";
}

/// A price that was given for all that these rows are: it stands in a row of its own, and theirs is part of it.
void given_price(BillRow whole, const std::string& group, std::vector<BillRow>& bill) {
  for (auto& row : bill) {
    if (row.group != group) continue;
    row.price_low = row.price_high = 0;
    const Words part{"Its price is part of the given one.", "价格已含在给定值中。"};
    row.note = row.note ? Words{row.note->en + " " + part.en, row.note->zh + part.zh} : part;
  }
  whole.group = group;
  whole.price_high = whole.price_low;
  whole.power_w = 0;  // of the rows above
  whole.source = "given";
  bill.push_back(std::move(whole));
}

/// What the stages of one storage class ask for together.
struct StorageDemand {
  double read = 0, write = 0, bytes = 0;
  bool bytes_open = false;  ///< of a stage, the capacity is not known
  Words stages, kind;
};

StorageDemand demand_of(const Advice& advice, const StorageClass& one) {
  StorageDemand out;
  for (const auto& need : advice.storage.needs) {
    if (need.storage_class != one.name) continue;
    const auto value = [&](const std::optional<std::string>& id) {
      const auto* figure = id ? advice.figure(*id) : nullptr;
      return figure == nullptr ? 0 : figure->value.value_or(0);
    };
    const auto read = value(need.read), write = value(need.write), bytes = value(need.capacity);
    out.read += read, out.write += write, out.bytes += bytes;
    if (read + write == 0) continue;
    out.bytes_open = out.bytes_open || (need.capacity && bytes == 0);
    out.stages = {out.stages.en + (out.stages.en.empty() ? "" : ", ") + need.name.en, out.stages.zh + (out.stages.zh.empty() ? "" : "、") + need.name.zh};
    out.kind = need.class_name;
  }
  return out;
}

/// What the quantity of a storage row rests on.
Words storage_note(const StorageDemand& demand, const StorageClass& one) {
  Words out;
  const auto say = [&](const std::string& en, const std::string& zh) { out = {out.en + (out.en.empty() ? "" : " ") + en, out.zh + zh}; };
  if (demand.bytes > 0)
    say(fmt::format("For {}{} with copies.", demand.bytes_open ? "at least " : "", show_value(demand.bytes, "B", report::Language::kEn)),
        fmt::format("含副本容量{} {}。", demand.bytes_open ? "至少" : "", show_value(demand.bytes, "B", report::Language::kZh)));
  if (!one.capacity_tib) say("Capacity not counted: that of one is not known.", "未按容量计数：缺少单件容量。");
  else if (demand.bytes == 0) say("Capacity not counted: the volume is not known.", "未按容量计数：数据总量未知。");
  else say(fmt::format("Capacity counted with {} TiB each, raw.", plain_number(*one.capacity_tib)), fmt::format("已按单件 {} TiB（裸容量）计数。", plain_number(*one.capacity_tib)));
  if ((demand.read > 0 && !one.read_gb_per_s) || (demand.write > 0 && !one.write_gb_per_s))
    say("At least so many: a speed of this class is not published.", "为下限：该类别有速度指标未公开。");
  return out;
}

/// One row for each class: its stages share the drives or nodes, and their throughputs and capacities add up.
void storage_rows(const Advice& advice, const Catalogue& catalogue, std::vector<BillRow>& out) {
  for (const auto& one : catalogue.storage) {
    const auto demand = demand_of(advice, one);
    if (demand.stages.en.empty()) continue;
    const auto units = [](double needed, std::optional<double> each) { return each && *each > 0 ? std::ceil(needed / *each) : 0; };
    constexpr double kTib = 1ULL << 40;
    out.push_back({.group = "storage",
                   .item = {one.name, one.name},
                   .specification = {demand.kind.en + "; for " + demand.stages.en, demand.kind.zh + "；用于" + demand.stages.zh},
                   .quantity = std::max({1.0, units(demand.read, one.read_gb_per_s), units(demand.write, one.write_gb_per_s), units(demand.bytes / kTib, one.capacity_tib)}),
                   .unit = one.unit,
                   .source = one.source,
                   .note = storage_note(demand, one)});
  }
}

}  // namespace

std::vector<BillRow> bill_of(const Advice& advice, const AdviceQuestion& question, const Catalogue& catalogue, const std::string& currency) {
  std::vector<BillRow> out;
  const auto at = std::ranges::find(catalogue.appliances, advice.tier.appliance, &Appliance::name);
  if (at == catalogue.appliances.end()) return out;
  const auto servers = advice.tier.servers;
  const auto& cost = question.scenario.cost;
  const auto given = cost && cost->currency.value_or("CNY") == currency ? *cost : CostInputs{.currency = currency};
  const double per_server = at->cards.per_server ? *at->cards.per_server : at->cards.minimum;
  const auto needed = question.replicas && question.cards_per_replica ? std::optional(*question.replicas * *question.cards_per_replica) : std::nullopt;
  server_rows(*at, servers, needed ? question.servers : std::nullopt, given.server_price, out);
  if (const auto card = advice.tier.cards.empty() ? Result<const Accelerator*>(nullptr) : catalogue.accelerator(advice.tier.cards.front());
      card && *card != nullptr) {
    const auto& one = **card;
    BillRow row{.group = "card",
                .item = {one.name, one.name},
                .specification = {one.memory_gib ? fmt::format("{} GiB", plain_number(*one.memory_gib)) : "memory unknown",
                                  one.memory_gib ? fmt::format("显存 {} GiB", plain_number(*one.memory_gib)) : "显存未知"},
                .quantity = needed ? *needed : per_server * servers,
                .unit = "card",
                .edition = one.edition,
                .source = one.source};
    row.note =
        needed ? Words{"Replicas × cards of a replica; power is part of the server's.", "副本数 × 单副本卡数；功耗已计入服务器。"}
               : Words{"The tier's minimum; the sizing did not give a number. Power is part of the server's.", "按机型最低配置；测算未给出卡数。功耗已计入服务器。"};
    row.power_w = 0;
    if (given.card_price) {
      row.price_low = row.price_high = given.card_price;
      row.note->en += " Price as given.", row.note->zh += "单价为给定值。";
    } else if (const auto listed = listed_price(catalogue, one.name, given); listed && listed->rate) {
      const auto& price = listed->entry;
      row.price_low = price.low * *listed->rate, row.price_high = price.high * *listed->rate;
      row.source = price.source;
      if (price.currency != currency) row.note->en += " Converted from USD at the given rate.", row.note->zh += "按给定汇率由美元折算。";
      if (price.note && *price.note == "launch price, not the street price")
        row.note->en += " Launch price, not the street price.", row.note->zh += "所列为首发价，非市场成交价。";
      if (price.confidence == "unverified") row.note->en += " Price unverified.", row.note->zh += "价格未经核实。";
    }
    out.push_back(std::move(row));
  }
  std::set<std::string> done;
  for (const auto& need : advice.network.needs) {
    if (!need.needed || need.recommended == "none" || !done.insert(need.recommended).second) continue;
    out.push_back({.group = "network",
                   .item = {need.recommended, need.recommended},
                   .specification = {"port and cable: " + need.name.en, "端口与线缆：" + need.name.zh},
                   .quantity = servers * 2,
                   .unit = "port",
                   .source = "guidance of this project",
                   .note = Words{"Two ports of each server, so that one may fail.", "每台服务器两个端口，互为冗余。"}});
  }
  if (given.network_price)
    given_price({.item = {"Network of a server", "服务器网络"},
                 .specification = {"its share of switches, ports and cables", "分摊的交换机、端口与线缆"},
                 .quantity = servers,
                 .unit = "server",
                 .price_low = given.network_price,
                 .note = Words{"Price as given.", "价格为给定值。"}},
                "network", out);
  storage_rows(advice, catalogue, out);
  if (given.storage_price)
    given_price({.item = {"Storage, all of it", "存储（合计）"},
                 .specification = {"for all stages", "用于全部阶段"},
                 .quantity = 1,
                 .unit = "set",
                 .price_low = given.storage_price,
                 .note = Words{"Price as given.", "价格为给定值。"}},
                "storage", out);
  out.push_back({.group = "software",
                 .item = {"Siyu", "私域（Siyu）"},
                 .specification = {"Apache-2.0, no licence fee", "Apache-2.0 开源许可，无授权费"},
                 .quantity = servers,
                 .unit = "server",
                 .price_low = 0,
                 .price_high = 0,
                 .source = "guidance of this project"});
  const auto systems = fmt::format("{}", fmt::join(at->operating_system, " / "));
  out.push_back({.group = "software",
                 .item = {"Operating system", "操作系统"},
                 .specification = {systems, systems},
                 .quantity = servers,
                 .unit = "licence",
                 .source = at->source});
  out.push_back({.group = "service",
                 .item = {"Installation, support, spare parts", "安装、维保与备件"},
                 .specification = {"to be offered by the vendor", "由供应商报价"},
                 .quantity = 1,
                 .unit = "set",
                 .source = "guidance of this project"});
  return out;
}

namespace {

Words in_both(double amount, const std::string& currency) {
  return {show_money(amount, currency, report::Language::kEn), show_money(amount, currency, report::Language::kZh)};
}

/// The order is for today's load; the cost buys at the beginning of a year what its end needs.
void growth_line(Pen& pen) {
  const auto* purchase = pen.figure("on_premise.year1.purchase");
  if (purchase == nullptr) return;
  const auto ordered = [&](std::string_view group) {
    const auto row = std::ranges::find(pen.input().bill, group, &BillRow::group);
    return row == pen.input().bill.end() ? 0 : row->quantity;
  };
  const auto reckoned = [&](std::string_view name) {
    const auto* one = purchase->input(name);
    return one == nullptr ? 0 : one->value;
  };
  const auto cards = reckoned("cards"), servers = reckoned("servers");
  if (cards == ordered("card") && servers == ordered("server")) return;
  pen.text({fmt::format("Ordered is what today's load needs, with spare. The cost report buys for the end of the first year, as use will be then: {} in {}.",
                        show_value(cards, "cards", report::Language::kEn), show_value(servers, "servers", report::Language::kEn)),
            fmt::format("采购数量按当前负载（含冗余）计；成本报告按首年末的用量购置：加速卡 {}，服务器 {}。", show_value(cards, "cards", report::Language::kZh),
                        show_value(servers, "servers", report::Language::kZh))});
}

}  // namespace

std::optional<BudgetCheck> check_budget(const PaperInput& input) {
  const auto budget = input.scenario.constraints ? input.scenario.constraints->budget : std::nullopt;
  if (!budget) return {};
  Sums sums;
  for (const auto& row : input.bill) add(sums, row);
  const auto given = in_both(*budget, input.currency), low = in_both(sums.low, input.currency), high = in_both(sums.high, input.currency);
  const auto rest = sums.unpriced == 0 ? Words{} : Words{fmt::format(" Rows without a price come on top: {}.", sums.unpriced), fmt::format("另有 {} 项缺价，须另计。", sums.unpriced)};
  if (sums.low > *budget)
    return BudgetCheck{Budget::kExceeded,
                       {fmt::format("The purchase exceeds its budget of {}: the known prices of the bill of materials come to at least {}.{}", given.en, low.en, rest.en),
                        fmt::format("采购超出预算：预算为 {}，物料清单已知价格合计至少 {}。{}", given.zh, low.zh, rest.zh)}};
  if (sums.unpriced == input.bill.size())
    return BudgetCheck{Budget::kUnknown,
                       {fmt::format("Whether the budget of the purchase, {}, suffices cannot be judged: the bill of materials has no price that is known.", given.en),
                        fmt::format("采购预算为 {}，是否足够无法判断：物料清单中没有已知价格。", given.zh)}};
  if (sums.unpriced_hardware > 0)
    return BudgetCheck{Budget::kUnknown,
                       {fmt::format("Whether the budget of the purchase, {}, suffices cannot be judged: rows of hardware without a price: {}; what is known comes to {}.", given.en,
                                    sums.unpriced_hardware, sums.low == sums.high ? low.en : low.en + " – " + high.en),
                        fmt::format("采购预算为 {}，是否足够无法判断：有 {} 项硬件缺价，已知部分合计 {}。", given.zh, sums.unpriced_hardware,
                                    sums.low == sums.high ? low.zh : low.zh + " – " + high.zh)}};
  if (sums.high > *budget)
    return BudgetCheck{Budget::kDoubtful,
                       {fmt::format("The purchase may exceed its budget of {}: the prices of the bill of materials come to {} – {}.{}", given.en, low.en, high.en, rest.en),
                        fmt::format("采购可能超出预算：预算为 {}，物料清单价格合计 {} – {}。{}", given.zh, low.zh, high.zh, rest.zh)}};
  return BudgetCheck{Budget::kKept,
                     {fmt::format("The purchase is within its budget of {}: the prices of the bill of materials come to at most {}.{}", given.en, high.en, rest.en),
                      fmt::format("采购在预算之内：预算为 {}，物料清单价格合计不超过 {}。{}", given.zh, high.zh, rest.zh)}};
}

void budget_line(Pen& pen) {
  const auto check = check_budget(pen.input());
  if (!check) return;
  if (check->verdict == Budget::kKept) return pen.text(check->text);
  pen.callout(check->verdict == Budget::kExceeded ? report::Tone::kRisk : report::Tone::kWarning, {"Budget of the purchase", "采购预算"}, check->text);
}

void write_bill(Pen& pen) {
  const auto& input = pen.input();
  pen.heading(1, {"What to order", "采购内容"});
  if (input.bill.empty()) {
    pen.callout(report::Tone::kWarning, {"No rows", "暂无条目"},
                {"The plan gave no rows to order; reckon the sizing first.", "方案未给出采购条目，请先完成容量测算。"});
    pen.basis();
    return;
  }
  std::vector<std::string> groups{"server", "card", "network", "storage", "software", "service"};
  for (const auto& row : input.bill)
    if (std::ranges::find(groups, row.group) == groups.end()) groups.push_back(row.group);
  pen.text({"Prices are ranges where sources give a range; a price without a source is unknown and must be offered by the vendor. Sums hold what is known only.",
            "来源给出区间者价格以区间列示；无来源的价格标为未知，须由供应商报价。合计仅含已知部分。"});
  growth_line(pen);
  Sums all;
  for (const auto& group : groups)
    if (std::ranges::any_of(input.bill, [&](const BillRow& row) { return row.group == group; })) group_table(pen, group, all);
  pen.heading(1, {"Total", "总计"});
  const auto priced = input.bill.size() - all.unpriced;
  pen.key_figures({{pen.say({"Sum of the known prices", "已知价格合计"}), priced == 0 ? pen.unknown() : range(pen, all.low, all.high, 1),
                    fmt::format("{} / {}", priced, input.bill.size())},
                   {pen.say({"Rows without a price", "缺价条目"}), fmt::format("{}", all.unpriced), pen.say({"to be offered", "待报价"})},
                   {pen.say({"Power that is known", "已知功耗合计"}), all.power > 0 ? pen.value(all.power, "W") : pen.unknown(), ""}});
  if (all.unpriced > 0)
    pen.callout(report::Tone::kWarning, {"The sum is not the budget", "合计不等于预算"},
                {fmt::format("Rows without a price: {}. The sum above is a lower bound of what will be paid.", all.unpriced),
                 fmt::format("有 {} 项缺少价格，上述合计仅为支出下限。", all.unpriced)});
  if (all.unpowered > 0) pen.text({fmt::format("Rows of hardware without a power figure: {}.", all.unpowered), fmt::format("有 {} 项硬件未给出功耗。", all.unpowered)});
  pen.bullets(input.advice.tier.doubts);
  pen.basis();
}

}  // namespace siyu::planner
