// A report with every block and every chart, in both languages: for the tests, and to look at (bench/report).
#pragma once

#include "report/document.h"

namespace siyu::report {

inline std::vector<Chart> sample_charts(bool zh) {
  const auto t = [&](const char* chinese, const char* english) { return std::string(zh ? chinese : english); };
  LineChart latency{.title = t("并发用户数与首字延迟", "Time to first token by concurrent users"),
                    .x = {.title = t("并发用户", "concurrent users"), .scale = Scale::kLog},
                    .y = {.title = t("首字延迟，第 95 百分位", "95th percentile"), .unit = "ms"},
                    .series = {{t("7B 模型，单卡", "7B, one card"), {{1, 110}, {4, 135}, {16, 190}, {64, 420}, {128, 980}, {256, 2300}}},
                               {t("7B 模型，双卡", "7B, two cards"), {{1, 105}, {4, 120}, {16, 150}, {64, 240}, {128, 470}, {256, 1050}}},
                               {t("14B 模型，双卡", "14B, two cards"), {{1, 190}, {4, 230}, {16, 330}, {64, 690}, {128, 1500}, {256, 2900}}}},
                    .thresholds = {{t("验收上限 2,000 ms", "acceptance limit 2,000 ms"), 2000}, {t("预计高峰", "expected peak"), 128, true}},
                    .marked = {{t("推荐配置", "recommended"), 128, 470}}};
  BarChart cost{.title = t("五年成本构成", "Five-year cost by year"),
                .categories = zh ? std::vector<std::string>{"第一年", "第二年", "第三年", "第四年", "第五年"}
                                 : std::vector<std::string>{"Year 1", "Year 2", "Year 3", "Year 4", "Year 5"},
                .series = {{t("硬件", "Hardware"), {182, 0, 0, 36, 0}},
                           {t("电力与机房", "Power and space"), {14.5, 14.5, 15, 15.5, 16}},
                           {t("运维人力", "Operations"), {24, 24, 25, 25, 26}}},
                .value = {.title = t("成本", "cost"), .unit = t("万元", "10,000 CNY")},
                .stacked = true};
  BarChart throughput{
      .title = t("各方案吞吐量", "Throughput of the variants"),
      .categories = zh ? std::vector<std::string>{"方案甲：单机双卡，适合五十人以下的部门", "方案乙：双机四卡，主备", "方案丙：云上托管"}
                       : std::vector<std::string>{"Variant A: one server, two cards, for up to fifty people", "Variant B: two servers", "Variant C: hosted elsewhere"},
      .series = {{t("短问答", "short questions"), {2400, 4650, 3900}}, {t("长文档", "long documents"), {860, 1690, 1200}}},
      .value = {.unit = t("词元/秒", "tokens/s")},
      .horizontal = true,
      .thresholds = {{t("需求 2,000", "required: 2,000"), 2000}}};
  TornadoChart tornado{.title = t("五年总成本对各项假设的敏感度", "What the five-year cost depends on"),
                       .unit = t("万元", "10,000 CNY"),
                       .base = 417,
                       .rows = {{t("电价", "price of power"), 402, 436, "0.6", "1.1"},
                                {t("硬件折旧年限", "years of depreciation"), 462, 388, t("3 年", "3 y"), t("7 年", "7 y")},
                                {t("每人每日提问次数", "questions per person and day"), 371, 489, "20", "80"},
                                {t("量化精度", "precision"), 405, 424, "INT4", "FP16"}}};
  GanttChart plan{.title = t("部署计划", "Project plan"),
                  .begins = "2026-03-02",
                  .tasks = {{"a", t("需求确认与现场勘察", "Requirements and site survey"), 0, 7, false, true, t("准备", "Preparation"), {}},
                            {"b", t("硬件采购与到货", "Purchase and delivery"), 7, 35, false, true, t("准备", "Preparation"), {"a"}},
                            {"c", t("机房电力与网络改造", "Power and network works"), 7, 21, false, false, t("准备", "Preparation"), {"a"}},
                            {"d", t("上架、装机与基准测试", "Rack, install, benchmark"), 35, 42, false, true, t("实施", "Rollout"), {"b", "c"}},
                            {"e", t("知识库导入与质量检查", "Knowledge base and quality check"), 42, 56, false, true, t("实施", "Rollout"), {"d"}},
                            {"f", t("单点登录对接", "Single sign-on"), 42, 49, false, false, t("实施", "Rollout"), {"d"}},
                            {"g", t("试运行与培训", "Trial run and training"), 56, 77, false, true, t("上线", "Launch"), {"e", "f"}},
                            {"h", t("验收", "Acceptance"), 77, 77, true, true, t("上线", "Launch"), {"g"}}}};
  DonutChart share{.title = t("五年总成本的构成", "Where the money goes"),
                   .unit = t("万元", "10,000 CNY"),
                   .slices = {{t("硬件", "Hardware"), 218}, {t("运维人力", "Operations"), 124}, {t("电力与机房", "Power and space"), 75.5}},
                   .centre_label = t("五年合计，万元", "over five years")};
  return {latency, throughput, cost, tornado, plan, share};
}

inline Document sample_report(Language language) {
  const bool zh = language == Language::kZh;
  const auto t = [&](const char* chinese, const char* english) { return std::string(zh ? chinese : english); };
  const auto charts = sample_charts(zh);
  Document report{
      .title = t("私域大模型一体机部署方案", "Deployment plan for the private LLM appliance"),
      .subtitle = t("容量、配置与成本测算报告", "Sizing, bill of materials and cost"),
      .organisation = t("示例商业银行股份有限公司", "Example Commercial Bank"),
      .author = t("信息科技部", "Information Technology"),
      .date = "2026-02-18",
      .language = language,
      .classification = t("内部", "Internal"),
      .revision = "V1.2",
      .title_page = true,
      .numbered_headings = true,
      .sources = {{t("GB/T 22239-2019《信息安全技术 网络安全等级保护基本要求》", "GB/T 22239-2019, Baseline for classified protection of cybersecurity"), ""},
                  {t("本机基准测试，2026 年 2 月 12 日", "Benchmark on this appliance, 12 February 2026"), ""},
                  {t("电价：国家电网代理购电价格公告", "Power prices as published by the grid company"), "https://www.example.com/prices?year=2026&month=2"}}};
  auto& blocks = report.blocks;
  const auto add = [&](Block block) { blocks.push_back(std::move(block)); };
  add(TableOfContents{3});
  add(PageBreak{});
  add(Heading{1, t("结论", "Findings")});
  add(KeyFigures{{{t("推荐配置", "Recommended"), t("2 × 48 GB", "2 × 48 GB"), t("一主一备，两台服务器", "two servers, one standing by")},
                  {t("吞吐量", "Throughput"), t("2,400 词元/秒", "2,400 tok/s"), t("128 名并发用户", "at 128 users")},
                  {t("首字延迟", "First token"), "470 ms", t("第 95 百分位", "95th percentile")},
                  {t("五年总成本", "Five-year cost"), t("417.5 万元", "4.175 M CNY"), t("含电力与运维", "power and staff included")}}});
  add(Paragraph{{t("按照 1,200 名员工、每人每日 40 次提问测算，", "For 1,200 people who ask 40 questions a day, "),
                 bold(t("两台双卡服务器即可满足高峰需求", "two servers of two cards each carry the peak")),
                 t("，并为未来两年保留约 35% 的余量。测算采用本机实测数据", " and keep about 35% in reserve for two years. The figures were measured on this appliance"),
                 cite(2),
                 t("，而非厂商标称值。所有数据不出内网，满足等级保护三级要求",
                   ", not taken from data sheets. No data leaves the network, as level three of the classified protection asks"),
                 cite(1), t("。", ".")}});
  add(Callout{Tone::kGood, t("方案可行", "It can be done"),
              t("首字延迟与吞吐量均优于验收指标，余量充足。", "Latency and throughput are better than acceptance asks, with room to spare.")});
  add(Callout{Tone::kWarning, "",
              t("机房 B 列机柜供电上限为 6 kW，双机满载为 5.4 kW，扩容前须先改造配电。",
                "Row B feeds 6 kW per rack and both servers draw 5.4 kW: works come before any extension.")});
  add(Callout{Tone::kRisk, t("交付周期", "Delivery"), t("加速卡到货周期为四至十周，建议立即下单。", "Cards take four to ten weeks; order now.")});
  add(Callout{Tone::kNote, "", {t("术语见第三章；计算方法见", "Terms are in chapter 3; the method is in "), link(t("容量测算", "Sizing"), "#sizing"), t("。", ".")}});
  add(Heading{1, t("容量测算", "Sizing"), "sizing"});
  add(Heading{2, t("工作负载", "Workload")});
  add(Paragraph{{t("每路会话所需的键值缓存按下式估算：", "A session's cache is estimated as "), code("2 × L × H_kv × d × n_ctx × b"), t("，其中 ", ", where "),
                 italic("L"), t(" 为层数，", " is the number of layers and "), italic("n"), subscript("ctx"), t(" 为上下文长度。", " the context length.")}});
  add(List{{{t("业务部门按用途分为三类：", "Departments use it in three ways:"),
             {{t("制度问答：短提问、短回答，对延迟敏感", "questions on policy: short, and they must be quick")},
              {t("合同审查：长文档输入", "contract review: long documents"), {{t("平均 38 页", "38 pages on average")}, {t("最长 210 页", "210 pages at most")}}, true},
              {t("报告撰写：长输出", "report writing: long answers")}}},
            {t("高峰出现在每月最后三个工作日。", "The peak comes in the last three working days of a month.")}}});
  add(ChartBlock{charts[0], t("首字延迟随并发用户数的变化", "Latency grows with the number of users")});
  add(Heading{2, t("方案比较", "Variants")});
  add(ChartBlock{charts[1], t("三种方案的吞吐量", "Throughput of three variants")});
  add(Heading{1, t("物料清单与分工", "Bill of materials and duties")});
  add(Heading{2, t("物料清单", "Bill of materials")});
  Table bom{.columns = {{t("项目", "Item")},
                        {t("规格", "Specification")},
                        {t("数量", "Count"), Align::kEnd},
                        {t("单价（元）", "Unit price"), Align::kEnd},
                        {t("小计（元）", "Sum"), Align::kEnd}},
            .rows = {},
            .caption = t("物料清单", "Bill of materials")};
  const std::string sums[] = {"12,500", "25,000", "37,500", "50,000", "62,500"};
  for (int i = 1; i <= 26; ++i)
    bom.rows.push_back({{t("部件 ", "Part ") + std::to_string(i),
                         i % 4 == 0 ? Rich{t("48 GB 加速卡，PCIe 5.0 ×16，双槽，被动散热，含电源线与支架",
                                             "48 GB accelerator card, PCIe 5.0 ×16, two slots, passive, with cables and brackets")}
                                    : Rich{t("标准件", "standard part")},
                         std::to_string(i % 5 + 1), "12,500", sums[i % 5]}});
  bom.rows.push_back({{t("合计", "Sum"), "", "", "", "1,012,500"}, true});
  add(std::move(bom));
  add(Heading{2, t("职责分工", "Duties (RACI)")});
  add(Table{.columns = {{t("工作", "Work"), Align::kStart, 3},
                        {t("科技部", "IT"), Align::kCenter, 1},
                        {t("业务部", "Business"), Align::kCenter, 1},
                        {t("安全部", "Security"), Align::kCenter, 1},
                        {t("供应商", "Vendor"), Align::kCenter, 1}},
            .rows = {{{t("硬件上架", "Rack servers"), "A", "I", "C", "R"}},
                     {{t("知识库导入", "Load knowledge"), "R", "A", "C", "I"}},
                     {{t("验收", "Acceptance"), "R", "A", "C", "C"}}},
            .caption = t("R 负责，A 批准，C 咨询，I 知会", "R does, A answers for it, C is asked, I is told")});
  add(Heading{1, t("项目计划", "Project plan")});
  add(ChartBlock{charts[4], t("自合同签订起十一周", "Eleven weeks from the contract")});
  add(Heading{1, t("成本", "Cost")});
  add(ChartBlock{charts[2], t("逐年成本", "Cost by year")});
  add(ChartBlock{charts[5], t("总成本构成", "Shares of the sum")});
  add(ChartBlock{charts[3], t("敏感性分析", "Sensitivity")});
  add(Heading{2, t("术语", "Terms")});
  add(Definitions{
      {{t("首字延迟", "Time to first token"), t("从提交问题到看到第一个字的时间。", "From sending a question to seeing the first word.")},
       {{t("键值缓存", "KV cache")},
        t("模型为一路会话记住的中间结果，占用显存，随上下文长度线性增长。", "What a model keeps of a session; it grows with the context and lies in the cards' memory.")},
       {code("n_ctx"), {t("上下文长度；参见", "Context length; see "), link("example.com", "https://www.example.com/a?b=1&c=2"), cite(3), t("。", ".")}}}});
  return report;
}

}  // namespace siyu::report
