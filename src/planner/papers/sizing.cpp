// The sizing: what was given, what follows from it, and every figure behind it in the appendix.
#include <fmt/format.h>

#include <algorithm>

#include "planner/advise/facts.h"
#include "planner/papers/pen.h"

namespace siyu::planner {
namespace {

using report::Rich;
using report::Row;

void summary(Pen& pen) {
  const auto& input = pen.input();
  pen.heading(1, {"In short", "结论摘要"});
  std::vector<report::KeyFigure> figures;
  for (const auto& one : input.headlines) figures.push_back({.label = pen.say(one.label), .value = pen.figure_value(one.figure)});
  const auto& tier = input.advice.tier;
  double memory = 0;
  for (const auto& part : input.memory) memory += part.bytes;
  if (memory > 0 && input.headlines.empty()) figures.push_back({.label = pen.say({"Memory of one card", "单卡显存占用"}), .value = pen.value(memory, "B")});
  if (!input.replicas.empty())
    figures.push_back({.label = pen.say({"Replicas today", "当前所需副本数"}),
                       .value = plain_number(input.replicas.front().replicas),
                       .note = pen.chinese() ? fmt::format("期末 {}", plain_number(input.replicas.back().replicas))
                                             : fmt::format("{} at the end", plain_number(input.replicas.back().replicas))});
  figures.push_back({.label = pen.say({"Appliance", "机型"}), .value = pen.say(tier.tier_name), .note = pen.value(tier.servers, "servers")});
  if (!input.advice.mode.ranking.empty()) figures.push_back({.label = pen.say({"Mode", "部署方式"}), .value = pen.say(name_of(input.advice.mode.mode))});
  pen.key_figures(std::move(figures));
  std::size_t unknown = 0, all = 0;
  for (const auto& section : all_sections(input))
    for (const auto& figure : section.figures) ++all, unknown += figure.value ? 0U : 1U;
  pen.text({fmt::format("The appendix lists all {} figures of this plan; {} of them are unknown, each with the reason.", all, unknown),
            fmt::format("附录列出本方案全部 {} 项指标，其中 {} 项未知并注明原因。", all, unknown)});
}

void given(Pen& pen) {
  const auto& scenario = pen.input().scenario;
  pen.heading(1, {"What was given", "方案输入"});
  std::vector<Row> rows;
  const auto row = [&](const Words& name, Rich value) { rows.push_back({.cells = {pen.say(name), std::move(value)}}); };
  const auto number = [&](const Words& name, std::optional<double> value, std::string_view unit) { row(name, value ? pen.value(value, unit) : pen.unknown()); };
  const auto name = [&](const Words& label, const std::optional<std::string>& value) {
    row(label, value && !value->empty() ? Rich(report::code(*value)) : Rich(pen.say({"not fixed", "未指定"})));
  };
  row({"Model", "模型"}, scenario.model.name.empty() ? Rich(pen.unknown()) : Rich(report::code(scenario.model.name)));
  name({"Weights", "权重精度"}, scenario.model.weights);
  name({"KV cache", "KV 缓存精度"}, scenario.model.kv_type);
  number({"Longest context", "最长上下文"}, scenario.model.context, "tokens");
  const auto users = scenario.users.value_or(UserLoad{});
  number({"Daily active users", "日活用户数"}, users.daily_active, "users");
  number({"Requests per user and day", "人均日请求数"}, users.requests_per_user_and_day, "requests");
  number({"Share of the busiest hour in a day", "忙时集中度"}, users.peak_hour_share ? std::optional(*users.peak_hour_share * 100) : std::nullopt, "%");
  number({"Requests per second at the peak", "峰值请求率"}, users.requests_per_second, "requests/s");
  number({"Growth per year", "年增长率"}, users.growth_per_year ? std::optional(*users.growth_per_year * 100) : std::nullopt, "%");
  const auto tokens = scenario.tokens.value_or(TokenLoad{});
  number({"Prompt, mean", "提示词平均长度"}, tokens.prompt, "tokens");
  number({"Answer, mean", "回答平均长度"}, tokens.output, "tokens");
  const auto latency = scenario.latency.value_or(LatencyGoals{});
  number({"First token, 95th percentile", "首词元时延 P95 目标"}, latency.ttft_p95_s, "s");
  number({"Each further token, 95th percentile", "每词元时延 P95 目标"}, latency.tpot_p95_ms ? std::optional(*latency.tpot_p95_ms / 1e3) : std::nullopt, "s");
  name({"Accelerator", "加速卡"}, scenario.accelerator);
  pen.table({{{"Input", "输入项"}, 4}, {{"Value", "取值"}, 4}}, std::move(rows),
            {"Inputs; unknown ones took the defaults listed under assumptions", "输入项；未知者按“假设”所列默认值处理"});
}

void memory(Pen& pen) {
  const auto& input = pen.input();
  pen.heading(1, {"Memory", "显存"});
  if (input.memory.empty()) {
    pen.text({"The memory was not reckoned.", "未测算显存占用。"});
    return;
  }
  report::DonutChart chart{.title = pen.say({"Memory of one card", "单卡显存构成"}), .unit = "GB", .slices = {}};
  double sum = 0;
  std::vector<Row> rows;
  for (const auto& part : input.memory) sum += part.bytes;
  for (const auto& part : input.memory) {
    chart.slices.push_back({.label = pen.say(part.label), .value = part.bytes / 1e9});
    rows.push_back({.cells = {pen.say(part.label), pen.value(part.bytes, "B"), sum > 0 ? pen.value(part.bytes / sum * 100, "%") : pen.unknown()}});
  }
  rows.push_back({.cells = {pen.say({"Sum", "合计"}), pen.value(sum, "B"), pen.value(100, "%")}, .emphasised = true});
  chart.centre_value = pen.value(sum, "B");
  chart.centre_label = pen.say({"one card", "单卡"});
  pen.chart(std::move(chart), {"What the memory of a card holds", "单卡显存分布"});
  pen.table({{{"Part", "组成"}, 4}, {{"Bytes", "大小"}, 2, true}, {{"Share", "占比"}, 2, true}}, std::move(rows));
  if (input.memory_of_card_bytes)
    pen.text(
        {fmt::format("The card has {}.", pen.value(input.memory_of_card_bytes, "B")), fmt::format("单卡显存为 {}。", pen.value(input.memory_of_card_bytes, "B"))});
}

report::Chart latency_chart(const Pen& pen) {
  const auto& input = pen.input();
  report::LineChart chart{.title = pen.say({"Time to the first token over load", "首词元时延随负载变化"}),
                          .x = {.title = pen.say({"load", "负载"}), .unit = pen.say({"requests/s", "请求/秒"})},
                          .y = {.title = pen.say({"first token", "首词元时延"}), .unit = pen.say({"s", "秒"}), .low = 0.0},
                          .series = {}};
  const auto series = [&](const Words& name, std::optional<double> LoadPoint::* field) {
    report::LineSeries one{.name = pen.say(name), .points = {}};
    for (const auto& point : input.load)
      if (point.*field) one.points.push_back({point.requests_per_second, *(point.*field)});
    if (!one.points.empty()) chart.series.push_back(std::move(one));
  };
  series({"50th percentile", "P50"}, &LoadPoint::ttft_p50_s);
  series({"95th percentile", "P95"}, &LoadPoint::ttft_p95_s);
  series({"99th percentile", "P99"}, &LoadPoint::ttft_p99_s);
  if (input.scenario.latency && input.scenario.latency->ttft_p95_s)
    chart.thresholds.push_back({.label = pen.say({"goal", "目标"}), .value = *input.scenario.latency->ttft_p95_s});
  return chart;
}

void speed(Pen& pen) {
  const auto& input = pen.input();
  pen.heading(1, {"Latency and replicas", "时延与副本数"});
  if (input.load.empty()) {
    pen.text({"Latency over load was not simulated.", "未仿真时延随负载的变化。"});
  } else {
    const auto replicas = input.load.front().replicas;
    const bool same = replicas && std::ranges::all_of(input.load, [&](const LoadPoint& one) { return one.replicas == replicas; });
    pen.chart(latency_chart(pen), same ? Words{fmt::format("Simulated, with {}", show_value(replicas, "replicas", report::Language::kEn)),
                                               fmt::format("仿真结果（{} 个副本）", plain_number(*replicas))}
                                       : Words{"Simulated", "仿真结果"});
    std::vector<Row> rows;
    for (const auto& one : input.load)
      rows.push_back({.cells = {plain_number(one.requests_per_second), pen.number(one.replicas), pen.value(one.ttft_p50_s, "s"), pen.value(one.ttft_p95_s, "s"),
                                pen.value(one.ttft_p99_s, "s"), one.tpot_p95_ms ? pen.value(*one.tpot_p95_ms / 1e3, "s") : pen.unknown()}});
    pen.table({{{"Requests/s", "请求/秒"}, 2, true},
               {{"Replicas", "副本"}, 1.5, true},
               {{"First, P50", "首词元 P50"}, 2, true},
               {{"P95", "P95"}, 2, true},
               {{"P99", "P99"}, 2, true},
               {{"Token, P95", "每词元 P95"}, 2, true}},
              std::move(rows));
  }
  if (input.replicas.empty()) return;
  report::LineChart chart{.title = pen.say({"Replicas over load", "副本数随负载变化"}),
                          .x = {.title = pen.say({"peak load", "峰值负载"}), .unit = pen.say({"requests/s", "请求/秒"})},
                          .y = {.title = pen.say({"replicas", "副本数"}), .low = 0.0},
                          .series = {}};
  report::LineSeries line{.name = pen.say({"replicas", "副本数"}), .points = {}};
  std::vector<Row> rows;
  for (const auto& one : input.replicas) {
    line.points.push_back({one.load, one.replicas});
    rows.push_back({.cells = {one.year ? plain_number(*one.year) : "—", plain_number(one.load), plain_number(one.replicas)}});
  }
  chart.series.push_back(std::move(line));
  pen.chart(std::move(chart), {"Replicas that the goals ask for", "满足目标所需副本数"});
  pen.table({{{"Year", "年份"}, 2}, {{"Requests/s at the peak", "峰值请求/秒"}, 3, true}, {{"Replicas", "副本数"}, 2, true}}, std::move(rows));
}

void compared(Pen& pen) {
  std::vector<Row> rows;
  std::vector<report::ListItem> impossible;
  for (const auto& one : pen.input().hardware) {
    if (one.why_not) {
      // A message in one language only is quoted as it is.
      const auto quoted = one.why_not->en == one.why_not->zh;
      impossible.push_back({.text = Rich{report::code(one.accelerator), pen.say({": ", "："}), quoted ? report::code(one.why_not->en) : report::Run{.text = pen.say(*one.why_not)}}});
      continue;
    }
    rows.push_back({.cells = {Rich(report::code(one.accelerator)), plain_number(one.cards), plain_number(one.replicas), plain_number(one.servers), pen.value(one.ttft_p95_s, "s"),
                              one.tpot_p95_ms ? pen.value(*one.tpot_p95_ms / 1e3, "s") : pen.unknown(), pen.value(one.power_w, "W"), pen.money(one.purchase)},
                    .emphasised = one.chosen});
  }
  if (rows.empty() && impossible.empty()) return;
  pen.heading(2, {"Cards that were compared", "加速卡比选"});
  if (!rows.empty())
    pen.table({{{"Card", "加速卡"}, 2.6},
               {{"Cards", "卡数"}, 1.1, true},
               {{"Replicas", "副本"}, 1.4, true},
               {{"Servers", "服务器"}, 1.3, true},
               {{"First, P95", "首词元 P95"}, 1.7, true},
               {{"Token, P95", "每词元 P95"}, 1.7, true},
               {{"Power", "功耗"}, 1.5, true},
               {{"Purchase", "采购价"}, 2, true}},
              std::move(rows), {"Each with the fewest cards that meet the goals; the chosen one stands out", "各卡满足目标的最少配置（选用者突出显示）"});
  if (impossible.empty()) return;
  pen.text({"These could not do it:", "以下加速卡不可行："});
  pen.list(std::move(impossible));
}

void appliance(Pen& pen) {
  const auto& tier = pen.input().advice.tier;
  pen.heading(1, {"Appliance", "机型"});
  pen.rich(
      Rich{report::bold(pen.say(tier.tier_name)), " ", report::code(tier.appliance), pen.say({"; servers: ", "；服务器："}), pen.value(tier.servers, "servers")});
  pen.bullets(tier.reasons);
  Rich cards{pen.say({"Cards that suit it, the suggested one first: ", "适配加速卡（首位为推荐）："})};
  for (const auto& card : tier.cards) {
    if (&card != &tier.cards.front()) cards.runs.push_back({.text = pen.say({", ", "、"})});
    cards.runs.push_back(report::code(card));
  }
  if (!tier.cards.empty()) pen.rich(std::move(cards));
  if (!tier.doubts.empty()) {
    std::vector<Row> rows;
    for (const auto& one : tier.doubts) {
      const auto& text = pen.say(one);
      const std::string_view mark = pen.chinese() ? "：" : ": ";
      const auto at = std::min(text.find(mark), text.size());
      rows.push_back({.cells = {Rich(report::code(text.substr(0, at))), text.substr(std::min(at + mark.size(), text.size()))}});
    }
    pen.table({{{"Card", "加速卡"}, 2}, {{"What of its figures is in doubt", "存疑参数"}, 7}}, std::move(rows),
              {"Figures in doubt: have them confirmed by the vendor before ordering", "存疑参数：订货前须由厂商确认"});
  }
  compared(pen);
  if (tier.alternatives.empty()) return;
  std::vector<Row> rows;
  for (const auto& one : tier.alternatives) rows.push_back({.cells = {Rich(report::code(one.appliance)), pen.say(one.reason)}});
  pen.table({{{"Alternative", "备选机型"}, 3}, {{"What speaks for and against it", "取舍"}, 7}}, std::move(rows));
}

std::string of(const Pen& pen, const std::optional<std::string>& figure) { return figure ? pen.figure_value(*figure) : pen.say({"none", "无"}); }

void storage(Pen& pen) {
  const auto& plan = pen.input().advice.storage;
  pen.heading(1, {"Storage", "存储"});
  pen.text({fmt::format("By the size of the model: {}.", plan.storage.en), fmt::format("按模型规模：{}。", plan.storage.zh)});
  std::vector<Row> rows;
  for (const auto& one : plan.needs)
    rows.push_back({.cells = {pen.say(one.name), Rich{pen.say(one.class_name), "\n", report::code(one.storage_class)}, of(pen, one.read), of(pen, one.write),
                              of(pen, one.units), of(pen, one.capacity)}});
  if (rows.empty()) return;
  pen.table({{{"Stage", "阶段"}, 2.2},
             {{"Class", "存储类别"}, 3},
             {{"Read", "读"}, 1.7, true},
             {{"Write", "写"}, 1.7, true},
             {{"Units", "数量"}, 2, true},
             {{"Capacity", "容量"}, 1.7, true}},
            std::move(rows), {"What each stage asks for", "各阶段需求"});
  std::vector<Words> notes;
  for (const auto& one : plan.needs)
    for (const auto& id : {one.read, one.write, one.units, one.capacity})
      if (const auto* figure = id ? pen.figure(*id) : nullptr; figure != nullptr && !figure->value && figure->note)
        notes.push_back({fmt::format("{}, {}: {}", one.name.en, figure->label.en, figure->note->en),
                         fmt::format("{}，{}：{}", one.name.zh, figure->label.zh, figure->note->zh)});
  if (!notes.empty()) {
    pen.text({"Why some are unknown:", "未知项原因："});
    pen.bullets(notes);
  }
}

void transfers(Pen& pen, bool needed, const Words& caption) {
  std::vector<Row> rows;
  for (const auto& one : pen.input().advice.network.needs)
    for (const auto& id : one.figures)
      if (const auto* figure = pen.figure(id); figure != nullptr && one.needed == needed)
        rows.push_back({.cells = {pen.say(one.name), pen.say(figure->label), pen.value(figure->value, figure->unit)}});
  if (!rows.empty())
    pen.table({{{"Scenario", "场景"}, 3}, {{"What moves, how long it takes", "传输内容与耗时"}, 6}, {{"Value", "数值"}, 2, true}}, std::move(rows), caption);
}

void network(Pen& pen) {
  const auto& plan = pen.input().advice.network;
  pen.heading(1, {"Network", "网络"});
  std::vector<Row> rows;
  const auto named = [&](const std::string& name) { return name == "none" ? Rich(pen.say({"none", "无要求"})) : Rich(report::code(name)); };
  for (const auto& one : plan.needs)
    rows.push_back({.cells = {pen.say(one.name), one.needed ? pen.say({"yes", "是"}) : pen.say({"no", "否"}), named(one.minimum), named(one.recommended),
                              pen.say(one.reason)}});
  if (rows.empty()) return;
  pen.table({{{"Scenario", "场景"}, 3}, {{"Needed", "需要"}, 1.3}, {{"Minimum", "最低"}, 2}, {{"Recommended", "推荐"}, 2.4}, {{"Why", "理由"}, 4.6}}, std::move(rows),
            {"Networks by scenario", "各场景网络要求"});
  transfers(pen, true, {"Transfers of this plan", "本方案的传输测算"});
  transfers(pen, false, {"What it would take otherwise", "若采用下列架构的传输测算"});
  pen.callout(report::Tone::kNote, {"The slowest link counts", "以最慢链路为准"}, plan.tail);
}

}  // namespace

void write_sizing(Pen& pen) {
  summary(pen);
  given(pen);
  memory(pen);
  speed(pen);
  appliance(pen);
  storage(pen);
  network(pen);
  pen.basis();
  pen.appendix(all_sections(pen.input()));
}

}  // namespace siyu::planner
