// siyu plan fleet, tco, advise, report and guide: what needs a whole scenario.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/plan_scenario.h"
#include "report/render.h"
#include "report/sandboxed_printer.h"
#include "sandbox/process.h"

namespace siyu::cli {
namespace {

using planner::Plan;
using planner::Words;

const std::string& say(const PlanOptions& plan, const Words& words) { return plan.chinese() ? words.zh : words.en; }
std::vector<std::string> heads(const PlanOptions& plan, std::vector<std::string> en, std::vector<std::string> zh) { return plan.chinese() ? zh : en; }
void title(const PlanOptions& plan, const char* en, const char* zh) { std::printf("\n%s\n", plan.chinese() ? zh : en); }
void bullets(const PlanOptions& plan, const std::vector<Words>& lines) {
  for (const auto& line : lines) std::printf("  - %s\n", say(plan, line).c_str());
}
std::string money(const std::optional<double>& value, const std::string& currency, const PlanOptions& plan) { return value ? fmt::format("{:.0f} {}", *value, currency) : plan.chinese() ? "未知" : "not known"; }

void print_head(const Plan& p, const PlanOptions& plan) {
  std::printf("%s\n", plan.chinese() ? fmt::format("{}（{}）：{} 副本 × {} 卡 {}，{} 台服务器", p.model, p.weights, p.replicas, p.split.cards(), p.accelerator, p.servers).c_str()
                                     : fmt::format("{} ({}): {} replicas × {} cards {}; servers: {}", p.model, p.weights, p.replicas, p.split.cards(), p.accelerator, p.servers).c_str());
}

void print_hardware(const Plan& p, const PlanOptions& plan) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : p.hardware) {
    if (one.why_not) {
      rows.push_back({one.accelerator, "-", "-", "-", "-", "-", say(plan, *one.why_not)});
      continue;
    }
    rows.push_back({one.accelerator + (one.chosen ? " *" : ""), fmt::format("{} × {}", one.replicas, one.split->cards()), std::to_string(one.cards), fmt::format("{:.2f} s", one.ttft_p95_s), fmt::format("{:.0f} ms", one.tpot_p95_ms),
                    money(one.purchase, p.cost.currency, plan), one.doubts.empty() ? "" : say(plan, one.doubts.front())});
  }
  title(plan, "Hardware compared (* chosen)", "硬件比较（* 选用）");
  print_table(heads(plan, {"ACCELERATOR", "REPLICAS × CARDS", "CARDS", "TTFT P95", "TPOT P95", "PRICE OF CARDS", "NOTE"}, {"加速卡", "副本 × 卡", "卡数", "首词元 P95", "每词元 P95", "卡采购价", "说明"}), rows);
}

Status fleet(const PlanOptions& plan, ScenarioOptions& options) {
  ASSIGN_OR_RETURN(const auto p, plan_of(options, plan, true));
  if (plan.as_json) {
    print_json(to_json(p));
    return {};
  }
  print_head(p, plan);
  print_hardware(p, plan);
  title(plan, "Year by year", "逐年规模");
  std::vector<std::vector<std::string>> rows;
  for (const auto& year : p.fleet.years)
    rows.push_back({std::to_string(year.year), fmt::format("{:.3g}", year.requests_per_s), std::to_string(year.needed), std::to_string(year.replicas), std::to_string(year.cards), std::to_string(year.servers),
                    fmt::format("{:.2f} s", year.at_peak.ttft_p95_s), fmt::format("{:.0f} ms", year.at_peak.tpot_p95_ms), fmt::format("{:.0f} %", year.at_peak.utilisation * 100)});
  print_table(heads(plan, {"YEAR", "REQUESTS/S", "NEEDED", "WITH SPARE", "CARDS", "SERVERS", "TTFT P95", "TPOT P95", "BUSY"}, {"年", "峰值请求/s", "需要副本", "含余量", "卡数", "服务器", "首词元 P95", "每词元 P95", "利用率"}), rows);
  std::printf("\n%s\n", say(plan, p.fleet.confidence).c_str());
  bullets(plan, p.fleet.warnings);
  bullets(plan, p.assumptions);
  if (plan.explain) print_figures(p.fleet.figures, plan);
  return {};
}

Status tco(const PlanOptions& plan, ScenarioOptions& options) {
  ASSIGN_OR_RETURN(const auto p, plan_of(options, plan, false));
  if (plan.as_json) {
    print_json(to_json(p.cost));
    return {};
  }
  print_head(p, plan);
  const auto& c = p.cost;
  std::vector<std::vector<std::string>> rows;
  const auto row = [&](const Words& name, const planner::CostMode& mode) {
    rows.push_back({say(plan, name), money(mode.total.base, c.currency, plan), money(mode.npv.base, c.currency, plan), mode.per_million_tokens ? fmt::format("{:.3g}", *mode.per_million_tokens) : plan.chinese() ? "未知" : "not known"});
  };
  row({"on-premise", "本地部署"}, c.on_premise);
  row({"cloud", "公有云"}, c.cloud);
  row({"hybrid", "混合"}, c.hybrid);
  title(plan, fmt::format("Cost over {} months", c.months).c_str(), fmt::format("{} 个月总成本", c.months).c_str());
  print_table(heads(plan, {"MODE", "TOTAL", "PRESENT VALUE", "PER MILLION TOKENS"}, {"方式", "合计", "净现值", "每百万词元"}), rows);
  std::printf("\n%s\n", say(plan, c.break_even).c_str());
  if (!c.missing.empty()) {
    title(plan, "Not known; give it in the scenario's `cost`:", "以下价格未知，请在方案 cost 中给出：");
    for (const auto& one : c.missing) std::printf("  - %s: %s\n", one.input.c_str(), say(plan, one.what).c_str());
  }
  std::vector<std::vector<std::string>> swings;
  for (const auto& one : c.sensitivities) swings.push_back({say(plan, one.label), fmt::format("{:.4g} … {:.4g}", one.low, one.high), fmt::format("{:.0f}", one.advantage_low), fmt::format("{:.0f}", one.advantage_high)});
  if (!swings.empty()) {
    title(plan, "What moves the result (present value of cloud − own)", "敏感性（公有云净现值 − 自建净现值）");
    print_table(heads(plan, {"INPUT", "RANGE", "AT LOW", "AT HIGH"}, {"因素", "范围", "取低值", "取高值"}), swings);
  }
  bullets(plan, c.notes);
  if (plan.explain) print_figures(c.figures, plan);
  return {};
}

Status advise(const PlanOptions& plan, ScenarioOptions& options) {
  ASSIGN_OR_RETURN(const auto p, plan_of(options, plan, false));
  if (plan.as_json) {
    print_json(to_json(p.advice));
    return {};
  }
  const auto& a = p.advice;
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : a.mode.ranking) rows.push_back({say(plan, one.name), one.excluded ? (plan.chinese() ? "排除" : "excluded") : fmt::format("{:.0f}", one.score)});
  print_table(heads(plan, {"MODE", "SCORE"}, {"部署方式", "得分"}), rows);
  for (const auto& one : a.mode.exclusions) std::printf("  %s: %s (%s)\n", say(plan, planner::name_of(one.mode)).c_str(), say(plan, one.reason).c_str(), say(plan, one.norm).c_str());
  title(plan, "What would change the answer", "什么会改变结论");
  for (const auto& one : a.mode.flips) std::printf("  - %s\n", say(plan, one.text).c_str());
  title(plan, fmt::format("Model class {}", a.model.model_class).c_str(), fmt::format("模型档次 {}", a.model.model_class).c_str());
  std::printf("  %s\n  %s\n", say(plan, a.model.class_reason).c_str(), say(plan, a.model.openness_reason).c_str());
  std::vector<std::vector<std::string>> models;
  for (const auto& one : a.model.candidates)
    if (models.size() < 8) models.push_back({one.model, human_figure(one.parameters, ""), one.licence, say(plan, one.note)});
  print_table(heads(plan, {"MODEL", "PARAMETERS", "LICENCE", "NOTE"}, {"模型", "参数", "许可", "说明"}), models);
  title(plan, "What a larger model brings", "更大模型的边际收益");
  std::vector<std::vector<std::string>> steps;
  for (const auto& one : p.quality.steps)
    steps.push_back({one.name + (one.knee ? " *" : ""), fmt::format("{:g} %", one.quality), fmt::format("{:g} ×", one.relative_cost), one.gain_per_cost ? fmt::format("{:.2g}", *one.gain_per_cost) : ""});
  print_table(heads(plan, {"MODEL", "QUALITY", "COST", "POINTS PER UNIT OF COST"}, {"模型", "质量", "相对成本", "每单位成本增益（百分点）"}), steps);
  std::printf("  %s\n", say(plan, p.quality.advice).c_str());
  title(plan, fmt::format("Appliance: {}", a.tier.appliance).c_str(), fmt::format("机型：{}", a.tier.appliance).c_str());
  bullets(plan, a.tier.reasons);
  bullets(plan, a.tier.doubts);
  title(plan, "Storage", "存储");
  std::printf("  %s\n", say(plan, a.storage.storage).c_str());
  for (const auto& one : a.storage.needs) std::printf("  - %s: %s. %s\n", say(plan, one.name).c_str(), say(plan, one.class_name).c_str(), say(plan, one.reason).c_str());
  title(plan, "Network", "网络");
  for (const auto& one : a.network.needs)
    if (one.needed) std::printf("  - %s: %s (%s). %s\n", say(plan, one.name).c_str(), one.recommended.c_str(), one.minimum.c_str(), say(plan, one.reason).c_str());
  title(plan, "Risks", "合规风险");
  for (const auto& one : a.risks) std::printf("  - [%s] %s — %s (%s)\n", say(plan, planner::name_of(one.severity)).c_str(), say(plan, one.title).c_str(), say(plan, one.mitigation).c_str(), say(plan, one.norm).c_str());
  bullets(plan, a.missing);
  if (plan.explain) print_figures(a.figures, plan);
  return {};
}

struct ReportOptions {
  ScenarioOptions scenario;
  std::string out, formats = "md,html", papers, date, author, classification, begins;
};

Result<std::vector<report::Format>> formats_of(const std::string& text) {
  std::vector<report::Format> formats;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find(',', at), text.size());
    const auto one = trim(std::string_view(text).substr(at, end - at));
    at = end + 1;
    if (one == "md" || one == "markdown") formats.push_back(report::Format::kMarkdown);
    else if (one == "html") formats.push_back(report::Format::kHtml);
    else if (one == "docx") formats.push_back(report::Format::kDocx);
    else if (one == "pdf") formats.push_back(report::Format::kPdf);
    else return invalid(fmt::format("`{}` is no format; --format takes md, html, docx and pdf, joined by commas", one));
  }
  return formats;
}

Status write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) return fail(ErrorCode::kStorageFull, path.string() + " cannot be written; check the folder and its free space");
  return {};
}

/// All when none are named; in the order of the papers, not of the names.
Result<std::vector<planner::Paper>> papers_of(const std::string& text) {
  using planner::Paper;
  constexpr Paper kAll[] = {Paper::kAlignment, Paper::kSizing, Paper::kBillOfMaterials, Paper::kResponsibilities, Paper::kProjectPlan, Paper::kRisks, Paper::kCost};
  std::vector<std::string> named;
  for (std::size_t at = 0; !text.empty() && at <= text.size();) {
    const auto end = std::min(text.find(',', at), text.size());
    named.emplace_back(trim(std::string_view(text).substr(at, end - at)));
    at = end + 1;
    if (std::ranges::find(kAll, named.back(), planner::file_stem) == std::end(kAll))
      return invalid(fmt::format("`{}` is no paper; --papers takes alignment, sizing, bill-of-materials, responsibilities, project-plan, risks and cost, joined by commas", named.back()));
  }
  std::vector<Paper> papers;
  for (const auto paper : kAll)
    if (named.empty() || std::ranges::find(named, planner::file_stem(paper)) != named.end()) papers.push_back(paper);
  return papers;
}

Status check_day(const std::string& day, const char* option) {
  if (day.empty() || report::parse_date(day)) return {};
  return invalid(fmt::format("{} takes a day as 2026-03-01; `{}` is none", option, day));
}

Status write_papers(const PlanOptions& plan, ReportOptions& options) {
  ASSIGN_OR_RETURN(const auto formats, formats_of(options.formats));
  ASSIGN_OR_RETURN(const auto papers, papers_of(options.papers));
  RETURN_IF_ERROR(check_day(options.date, "--date"));
  RETURN_IF_ERROR(check_day(options.begins, "--begins"));
  ASSIGN_OR_RETURN(const auto p, plan_of(options.scenario, plan, true));
  const auto language = plan.chinese() ? report::Language::kZh : report::Language::kEn;
  const auto input = planner::paper_input(p, {.date = options.date.empty() ? today() : options.date, .begins = options.begins, .author = options.author, .classification = options.classification});
  std::error_code error;
  std::filesystem::create_directories(options.out, error);
  if (error) return fail(ErrorCode::kStorageFull, options.out + " cannot be made; give a folder that you may write to with --out");
  const report::SandboxedPrinter printer(sandbox::sibling_program("siyu-printer"));
  json::array written;
  ProgressBar progress(plan.chinese() ? "正在撰写" : "writing");
  std::size_t done = 0;
  for (const auto paper : papers) {
    const std::string stem(planner::file_stem(paper));
    ASSIGN_OR_RETURN(const auto document, planner::write_paper(paper, input, language));
    for (const auto format : formats) {
      ASSIGN_OR_RETURN(const auto rendered, report::render(document, format, stem, &printer));
      for (const auto& file : rendered.files) {
        RETURN_IF_ERROR(write_file(std::filesystem::path(options.out) / file.name, file.bytes));
        written.push_back({{"name", file.name}, {"bytes", file.bytes.size()}});
      }
      progress.update(++done, papers.size() * formats.size(), "");
    }
  }
  progress.finish();
  if (plan.as_json) print_json(json::object{{"folder", options.out}, {"files", std::move(written)}});
  else std::printf("%s\n", (plan.chinese() ? fmt::format("已在 {} 写出 {} 个文件", options.out, written.size()) : fmt::format("{} files are in {}", written.size(), options.out)).c_str());
  return {};
}

/// Asks on the terminal; an empty line leaves the default.
class Guide {
 public:
  explicit Guide(const PlanOptions& plan) : plan_(plan) {}
  std::string ask(const Words& question, const std::string& fallback) {
    std::printf("%s%s: ", say(plan_, question).c_str(), fallback.empty() ? "" : (" [" + fallback + "]").c_str());
    std::fflush(stdout);
    std::string line;
    if (!std::getline(std::cin, line)) return fallback;
    const std::string text(trim(line));
    return text.empty() ? fallback : text;
  }
  /// Asks up to three times for a number, over 0 unless `zero` is an answer too; absent when none is given.
  std::optional<double> number(const Words& question, const std::string& fallback, bool zero = false) {
    for (int tries = 0; tries < 3; ++tries) {
      const auto text = ask(question, fallback);
      if (text.empty()) return std::nullopt;
      char* end = nullptr;
      const auto value = std::strtod(text.c_str(), &end);
      if (end == text.c_str() + text.size() && (value > 0 || (zero && value == 0))) return value;
      std::printf("  %s\n", plan_.chinese() ? (zero ? "请输入 0 或更大的数字" : "请输入大于 0 的数字") : zero ? "a number from 0 on, please" : "a number above 0, please");
    }
    return std::nullopt;
  }

 private:
  const PlanOptions& plan_;
};

struct GuideOptions {
  std::string out = "scenario.json";
};

Status guide(const PlanOptions& plan, GuideOptions& options) {
  if (std::error_code error; std::filesystem::exists(options.out, error))
    return invalid(options.out + " is there already and would be replaced; name another file with --out");
  Guide guide(plan);
  ScenarioOptions s;
  std::printf("%s\n\n", plan.chinese() ? "回答几个问题，得到一份方案；直接回车采用方括号中的缺省值。" : "A few questions, then a plan. Enter alone takes what stands in brackets.");
  s.industry = guide.ask({"Industry (finance, medical, manufacturing, government, education …)", "行业（finance、medical、manufacturing、government、education……，也可用中文）"}, "finance");
  s.model = guide.ask({"Model", "模型"}, "Qwen3-32B");
  s.weights = guide.ask({"Weight format (bf16, fp8, int8, awq-int4, q4_k_m …)", "权重精度（bf16、fp8、int8、awq-int4、q4_k_m……）"}, "int8");
  s.users = guide.number({"People who use it on a day", "日活用户数"}, "2000");
  s.prompt = guide.number({"Tokens of a prompt with its sources", "平均输入词元数（含引用材料）"}, "2000");
  s.output = guide.number({"Tokens of an answer", "平均输出词元数"}, "400");
  s.ttft = guide.number({"Seconds to the first token, for 95 of 100 requests", "首词元时间目标（秒，P95）"}, "2");
  s.data_class = guide.ask({"Highest grade of the data (public, internal, confidential, core)", "数据最高级别（public、internal、confidential、core）"}, "internal");
  s.edition = guide.ask({"Accelerators (domestic, international, any)", "加速卡（domestic 国产、international 国际、any 不限）"}, "any");
  s.growth = guide.number({"Growth per year (0.3 is 30 %)", "年增长率（0.3 即 30%）"}, "0.3", true);
  auto scenario = scenario_of(s);
  if (!scenario) return std::unexpected(scenario.error());
  scenario->name = default_name(plan);
  RETURN_IF_ERROR(write_file(options.out, json::serialize(to_json(*scenario)) + "\n"));
  std::printf("\n");
  ScenarioOptions saved;
  saved.file = options.out;
  RETURN_IF_ERROR(fleet(plan, saved));
  std::printf("\n%s\n", (plan.chinese() ? fmt::format("方案已保存在 {0}。继续：siyu plan tco --scenario {0}；siyu plan report --scenario {0} --out papers --format docx,pdf", options.out)
                                        : fmt::format("The scenario is in {0}. Go on: siyu plan tco --scenario {0}; siyu plan report --scenario {0} --out papers --format docx,pdf", options.out)).c_str());
  return {};
}

}  // namespace

void add_whole_plan_commands(CLI::App& plan, int& exit_code) {
  add_plan_command<ScenarioOptions>(plan, "fleet", "How many cards and servers, by simulation of the peak, year by year", exit_code, scenario_options, fleet);
  add_plan_command<ScenarioOptions>(plan, "tco", "What it costs: owned, in the cloud and both; break-even and sensitivities", exit_code, scenario_options, tco);
  add_plan_command<ScenarioOptions>(plan, "advise", "Where to run it, with which model, appliance, storage and network, and which rules apply", exit_code, scenario_options, advise);
  add_plan_command<ReportOptions>(plan, "report", "Write the papers: alignment, sizing, bill of materials, responsibilities, project plan, risks, cost", exit_code,
                                  [](CLI::App& command, ReportOptions& options) {
                                    scenario_options(command, options.scenario);
                                    command.add_option("--out", options.out, "Folder for the files")->required();
                                    command.add_option("--format", options.formats, "md, html, docx, pdf; joined by commas");
                                    command.add_option("--papers", options.papers, "Only these: alignment, sizing, bill-of-materials, responsibilities, project-plan, risks, cost");
                                    command.add_option("--date", options.date, "YYYY-MM-DD on the papers; today when absent");
                                    command.add_option("--begins", options.begins, "YYYY-MM-DD of the project's first day");
                                    command.add_option("--author", options.author, "Who writes it");
                                    command.add_option("--classification", options.classification, "Mark on every page, such as 内部");
                                  },
                                  write_papers);
  add_plan_command<GuideOptions>(plan, "guide", "Ask a few questions, save the scenario and plan it", exit_code,
                                 [](CLI::App& command, GuideOptions& options) { command.add_option("--out", options.out, "Where the scenario is saved"); }, guide);
}

}  // namespace siyu::cli
