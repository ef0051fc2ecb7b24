#include "cli/plan_scenario.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>

#include "planner/safetensors.h"

namespace siyu::cli {
namespace {

template <class T>
T& made(std::optional<T>& part) {
  if (!part) part.emplace();
  return *part;
}

template <class Enum>
Result<Enum> enum_named(const std::string& text, const char* field) {
  return from_json<Enum>(json::value(text), UnknownKeys::kRefuse, field);
}

template <class To, class From>
void take(To& to, const std::optional<From>& from) {
  if (from) to = *from;
}

}  // namespace

void scenario_options(CLI::App& command, ScenarioOptions& o) {
  command.add_option("--scenario", o.file, "YAML or JSON file (docs/formats/scenario.md); flags below replace what it says")->check(CLI::ExistingFile);
  command.add_option("--model", o.model, "Model of the catalogue, GGUF file, safetensors or config.json");
  command.add_option("--weights", o.weights, "Weight format: fp16, fp8, int8, q4_k_m, awq-int4 …");
  command.add_option("--kv-type", o.kv_type, "Type of the KV cache");
  command.add_option("--accelerator", o.accelerator, "Only this card; compared among those that suit when absent");
  command.add_option("--engine", o.engine, "On the cards: TensorRT-LLM, Siyu or another of `siyu plan catalogue engines`");
  command.add_option("--users", o.users, "People who use it on a day");
  command.add_option("--rate", o.rate, "Requests a second at the peak, instead of users");
  command.add_option("--prompt", o.prompt, "Tokens of a prompt, mean");
  command.add_option("--output", o.output, "Tokens of an answer, mean");
  command.add_option("--shared-prefix", o.shared_prefix, "Tokens of the prompt that are the same for many");
  command.add_option("--context", o.context, "Tokens of the longest request");
  command.add_option("--ttft", o.ttft, "Goal: seconds to the first token, 95th percentile");
  command.add_option("--tpot", o.tpot, "Goal: milliseconds per output token, 95th percentile");
  command.add_option("--growth", o.growth, "Of the load per year: 0.3 is 30 %");
  command.add_option("--years", o.years, "Horizon");
  command.add_option("--trace", o.trace, "Requests of a trace file (CSV as Azure's, JSON lines as Mooncake's) instead of random arrivals")->check(CLI::ExistingFile);
  command.add_option("--edition", o.edition, "domestic, international or any")->check(CLI::IsMember({"domestic", "international", "any"}));
  command.add_option("--data", o.data_class, "Highest grade of the data: public, internal, confidential or core")->check(CLI::IsMember({"public", "internal", "confidential", "core"}));
  command.add_option("--documents-gb", o.documents_gb, "Size of the original documents, 10^9 bytes");
  command.add_option("--training", o.training, "What is trained on it: none, adapters or all")->check(CLI::IsMember({"none", "adapters", "all"}));
  command.add_flag("--air-gapped", o.air_gapped, "No connection to the outside");
  command.add_flag("--no-cloud", o.no_cloud, "A public cloud may not be used");
  command.add_option("--industry", o.industry, "Of the catalogue: finance, medical, government …");
  command.add_option("--use", o.use, "Use of the industry; `siyu plan catalogue industries` lists them");
  command.add_option("--currency", o.currency, "CNY, USD …");
}

Result<planner::Scenario> scenario_of(const ScenarioOptions& o) {
  planner::Scenario scenario;
  if (!o.file.empty()) {
    ASSIGN_OR_RETURN(const auto text, planner::read_small_file(o.file));
    ASSIGN_OR_RETURN(scenario, planner::parse_scenario(text, o.file));
  } else {
    scenario.name = "plan";
  }
  take(scenario.model.name, o.model);
  if (scenario.model.name.empty()) return invalid("Name a model with --model, or give a scenario file with --scenario");
  if (o.weights) scenario.model.weights = o.weights;
  if (o.kv_type) scenario.model.kv_type = o.kv_type;
  if (o.context) scenario.model.context = o.context;
  if (o.accelerator) scenario.accelerator = o.accelerator;
  if (o.engine) scenario.engine = o.engine;
  if (o.users) made(scenario.users).daily_active = o.users;
  if (o.rate) made(scenario.users).requests_per_second = o.rate;
  if (o.growth) made(scenario.users).growth_per_year = o.growth;
  if (o.prompt) made(scenario.tokens).prompt = o.prompt;
  if (o.output) made(scenario.tokens).output = o.output;
  if (o.shared_prefix) made(scenario.tokens).shared_prefix = o.shared_prefix;
  if (o.ttft) made(scenario.latency).ttft_p95_s = o.ttft;
  if (o.tpot) made(scenario.latency).tpot_p95_ms = o.tpot;
  if (o.years) scenario.years = o.years;
  if (o.edition) {
    ASSIGN_OR_RETURN(made(scenario.constraints).edition, enum_named<planner::Edition>(*o.edition, "edition"));
  }
  if (o.data_class) {
    ASSIGN_OR_RETURN(made(scenario.constraints).data_class, enum_named<planner::DataClass>(*o.data_class, "data"));
  }
  if (o.training) {
    ASSIGN_OR_RETURN(scenario.training, enum_named<planner::Training>(*o.training, "training"));
  }
  if (o.documents_gb) scenario.documents_gb = o.documents_gb;
  if (o.air_gapped) made(scenario.constraints).air_gapped = true;
  if (o.no_cloud) made(scenario.constraints).cloud_allowed = false;
  if (o.industry) made(scenario.organisation).industry = o.industry;
  if (o.use) made(scenario.organisation).use = o.use;
  if (o.currency) made(scenario.cost).currency = o.currency;
  RETURN_IF_ERROR(planner::check(scenario));
  return scenario;
}

std::string default_name(const PlanOptions& plan) { return plan.chinese() ? "大模型一体机部署方案" : "deployment plan"; }

Result<planner::Plan> plan_of(const ScenarioOptions& options, const PlanOptions& plan, bool curves) {
  ASSIGN_OR_RETURN(auto scenario, scenario_of(options));
  if (options.file.empty()) scenario.name = default_name(plan);
  ASSIGN_OR_RETURN(const auto catalogue, catalogue_for(plan));
  planner::PlanSettings settings{.curves = curves};
  if (!options.trace.empty()) {
    ASSIGN_OR_RETURN(settings.trace, planner::read_trace(options.trace));
  }
  ProgressBar progress(plan.chinese() ? "正在模拟" : "simulating");
  progress.update(0, 1, "");
  auto made_plan = planner::make_plan(scenario, catalogue, local_shapes(catalogue), settings);
  progress.finish();
  return made_plan;
}

std::string today() { return fmt::format("{:%Y-%m-%d}", fmt::localtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()))); }

}  // namespace siyu::cli
