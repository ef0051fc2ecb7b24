// Two plans for tests: a bank with much that is known, and a school with nothing but a name. Figures are made up; the tests look at how
// they are written, not at what they say.
#pragma once

#include "planner/papers.h"

namespace siyu::planner {

inline AdviceQuestion bank_question() {
  AdviceQuestion out;
  auto& scenario = out.scenario;
  scenario.name = "投研与制度问答一期";
  scenario.organisation = Organisation{.name = "某城市商业银行", .industry = "finance", .use = "research and policy assistant", .employees = 3200, .it_staff = 45};
  scenario.goals = std::vector<std::string>{"缩短制度查询时间", "回答须附出处，便于复核"};
  scenario.model = {.name = "Qwen3-32B", .weights = "fp8", .kv_type = "fp16", .context = 32768, .concurrency = {}};
  scenario.users = UserLoad{.daily_active = 2400, .requests_per_user_and_day = 12, .peak_hour_share = 0.2, .growth_per_year = 0.3};
  scenario.tokens = TokenLoad{.prompt = 3000, .output = 500};
  scenario.latency = LatencyGoals{.ttft_p95_s = 2, .tpot_p95_ms = 60};
  scenario.constraints = Constraints{.edition = Edition::kDomestic, .air_gapped = false, .data_class = DataClass::kConfidential, .cloud_allowed = false};
  scenario.years = 3;
  out.weights_bytes = 33.1e9;
  out.kv_bytes_per_token = 262144;
  out.replicas = 3, out.cards_per_replica = 2, out.servers = 1;
  out.concurrency = 48;
  out.documents_bytes = 2.4e12;
  out.local_cost = 3.1e6, out.cloud_cost = 4.4e6;
  out.training = Training::kAdapters;
  return out;
}

inline PaperInput bank_paper(const Catalogue& catalogue) {
  const auto question = bank_question();
  PaperInput out{.scenario = question.scenario, .advice = advise(question, catalogue).value(), .project = {}, .date = "2026-11-26"};
  out.begins = "2026-12-07";
  out.author = "信息科技部", out.revision = "1.0", out.classification = "内部";
  out.sections = {
      {{"Memory", "显存"},
       {{.id = "memory.weights",
         .label = {"Weights", "权重"},
         .value = 33.1e9,
         .unit = "B",
         .formula = "parameters × bytes_per_parameter",
         .inputs = {{.name = "parameters", .value = 32.76e9, .unit = "parameters", .source = "Qwen, model card of Qwen3-32B"},
                    {.name = "bytes_per_parameter", .value = 1.01, .unit = "B", .source = "guidance of this project"}}},
        {.id = "memory.kv",
         .label = {"KV cache", "KV 缓存"},
         .value = 25.2e9,
         .unit = "B",
         .formula = "kv × tokens",
         .inputs = {{.name = "kv", .value = 262144, .unit = "B", .source = "model"}, {.name = "tokens", .value = 96000, .unit = "tokens", .source = "scenario"}}},
        {.id = "memory.bandwidth",
         .label = {"Bandwidth of the card", "加速卡带宽"},
         .value = {},
         .unit = "B/s",
         .note = Words{"The vendor publishes none.", "厂商未公开。"}}}},
      {{"Cost", "成本"},
       {{.id = "cost.purchase",
         .label = {"Purchase", "采购"},
         .value = 1.86e6,
         .unit = "CNY",
         .formula = "cards × price + servers × price",
         .inputs = {{.name = "cards", .value = 6, .unit = "cards", .figure = "fleet.cards"},
                    {.name = "price", .value = 90000, .unit = "CNY", .source = "market note of 2025-04"}}}}}};
  out.headlines = {{"memory.weights", {"Weights", "权重"}}, {"memory.bandwidth", {"Bandwidth of the card", "加速卡带宽"}}};
  out.memory = {{{"weights", "权重"}, 33.1e9}, {{"KV cache", "KV 缓存"}, 25.2e9}, {{"activations", "激活值"}, 3.2e9}, {{"runtime", "运行时"}, 2.5e9}};
  out.memory_of_card_bytes = 68.7e9;
  for (const double load : {0.5, 1.0, 1.5, 2.0, 2.5})
    out.load.push_back({.requests_per_second = load,
                        .ttft_p50_s = 0.3 + 0.1 * load,
                        .ttft_p95_s = 0.5 + 0.2 * load * load,
                        .ttft_p99_s = 0.8 + 0.3 * load * load,
                        .tpot_p95_ms = 35 + 6 * load,
                        .replicas = 3.0});
  out.replicas = {{.load = 1.6, .replicas = 2, .year = 0},
                  {.load = 2.1, .replicas = 3, .year = 1},
                  {.load = 2.7, .replicas = 3, .year = 2},
                  {.load = 3.5, .replicas = 4, .year = 3}};
  out.bill = bill_of(out.advice, question, catalogue, "CNY");
  PaperCost cost{.currency = "CNY"};
  cost.parts = {{{"Purchase", "采购"}, 1.86e6, "cost.purchase"},
                {{"Power and cooling", "电力与制冷"}, 2.1e5, ""},
                {{"Staff", "人力"}, 9.0e5, ""},
                {{"Rack", "机柜"}, 8.0e4, ""}};
  cost.years = {{.year = 0, .on_premise = 1.86e6, .cloud = 0.0, .hybrid = 0.9e6},
                {.year = 1, .on_premise = 2.25e6, .cloud = 1.2e6, .hybrid = 1.7e6},
                {.year = 2, .on_premise = 2.65e6, .cloud = 2.7e6, .hybrid = 2.5e6},
                {.year = 3, .on_premise = 3.05e6, .cloud = 4.4e6, .hybrid = 3.4e6}};
  cost.break_even_month = 23;
  cost.break_even_note = {"Owning has cost no more than the cloud from the end of month 23.", "自第 23 个月末起，自建累计支出不高于云端。"};
  cost.total = 3.05e6, cost.advantage = 1.35e6, cost.per_million_tokens = 21.3;
  cost.sensitivities = {{{"Tokens a day", "日词元量"}, 0.2e6, 2.6e6, {"-30 %", "-30 %"}, {"+30 %", "+30 %"}},
                        {{"Card price", "加速卡单价"}, 1.6e6, 1.1e6, {"-20 %", "-20 %"}, {"+20 %", "+20 %"}}};
  out.cost = cost;
  out.published = {{"Others published 1,200 tokens/s for a model of this size on eight cards.", "公开资料显示，同规模模型在八卡上吞吐为 1,200 词元/秒。"}};
  return out;
}

inline PaperInput school_paper(const Catalogue& catalogue) {
  AdviceQuestion question;
  question.scenario.name = "校园问答";
  question.scenario.organisation = Organisation{.name = "某中学", .industry = "education", .use = "campus questions", .employees = 160, .it_staff = 2};
  question.scenario.model.name = "Qwen3-8B";
  question.scenario.users = UserLoad{.daily_active = 600};
  return {.scenario = question.scenario, .advice = advise(question, catalogue).value(), .project = {}, .date = "2026-11-26"};
}

}  // namespace siyu::planner
