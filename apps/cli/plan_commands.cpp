// siyu plan: sizing, speed, cost and advice before anything is bought. No server is needed.
#include <fmt/format.h>

#include <cstdio>

#include "cli/commands.h"
#include "cli/plan_calibrate.h"
#include "cli/plan_parts.h"
#include "planner/calibration.h"
#include "planner/published.h"

namespace siyu::cli {
namespace {

using planner::MemoryRequest;
using planner::SpeedRequest;

struct MemoryOptions {
  MemoryRequest request;
  std::string parameters, engine;
};

/// A first estimate, when nothing but a size is known.
Status print_seed(const PlanOptions& plan, const std::string& text) {
  ASSIGN_OR_RETURN(const auto parameters, planner::parse_parameters(text));
  json::object answer{{"parameters", parameters}};
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, bits] : {std::pair{"FP32", 32.0}, {"FP16", 16.0}, {"INT8", 8.0}, {"INT4", 4.0}}) {
    const auto bytes = planner::weight_bytes_of(parameters, bits);
    answer[name] = bytes;
    rows.push_back({name, fmt::format("{:g}", bits / 8), human_figure(bytes, "B")});
  }
  if (plan.as_json) print_json(answer);
  else if (plan.chinese()) print_table({"精度", "字节/参数", "权重"}, rows);
  else print_table({"PRECISION", "BYTES/PARAMETER", "WEIGHTS"}, rows);
  return {};
}

void print_cards(const planner::MemoryAnswer& answer, const PlanOptions& plan) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& card : answer.cards) {
    if (!card.cards || rows.size() >= 20) continue;
    rows.push_back({card.accelerator, card.vendor, fmt::format("{:g} GiB", card.memory_gib), std::to_string(*card.cards), fmt::format("{:.0f} %", card.used * 100)});
  }
  if (rows.empty()) return;
  std::printf("\n");
  if (plan.chinese()) print_table({"加速卡", "厂商", "显存", "卡数", "占用"}, rows);
  else print_table({"ACCELERATOR", "VENDOR", "MEMORY", "CARDS", "USED"}, rows);
}

Status memory(const PlanOptions& plan, MemoryOptions& options) {
  if (!options.parameters.empty()) return print_seed(plan, options.parameters);
  if (options.request.model.empty()) return invalid("Name a model with --model: a GGUF file, a config.json, a folder of safetensors or a name of the catalogue; or only a size with --parameters 7b");
  if (!options.engine.empty()) options.request.engine = options.engine == "siyu" ? planner::EngineKind::kSiyu : options.engine == "siyu-card" ? planner::EngineKind::kSiyuCard : options.engine == "llama-server" ? planner::EngineKind::kLlamaServer : planner::EngineKind::kCards;
  ASSIGN_OR_RETURN(const auto catalogue, catalogue_for(plan));
  ASSIGN_OR_RETURN(const auto answer, planner::answer(options.request, catalogue, local_shapes(catalogue)));
  if (plan.as_json) {
    print_json(to_json(answer));
    return {};
  }
  std::printf("%s, %s\n", answer.model.c_str(), answer.weights_format.c_str());
  print_figures(answer.figures, plan);
  if (answer.fits) std::printf("\n%s\n", plan.chinese() ? (*answer.fits ? "放得下。" : "放不下。") : (*answer.fits ? "It fits." : "It does not fit."));
  print_cards(answer, plan);
  return {};
}

struct SpeedOptions {
  SpeedRequest request;
  std::string calibration;
};

Status speed(const PlanOptions& plan, SpeedOptions& options) {
  ASSIGN_OR_RETURN(const auto catalogue, catalogue_for(plan));
  planner::Calibration calibration;
  const auto file = options.calibration.empty() ? default_calibration() : std::filesystem::path(options.calibration);
  if (std::error_code error; !options.request.accelerator && std::filesystem::exists(file, error)) {
    ASSIGN_OR_RETURN(calibration, planner::read_calibration(file));
  }
  ASSIGN_OR_RETURN(const auto speed, planner::answer(options.request, catalogue, local_shapes(catalogue), calibration.rates));
  if (plan.as_json) {
    print_json(to_json(speed.plan));
    return {};
  }
  std::printf("%s, %s\n", speed.plan.model.c_str(), speed.plan.hardware.c_str());
  print_figures(speed.plan.figures, plan);
  std::vector<std::vector<std::string>> rows;
  for (const auto& point : speed.plan.curve)
    rows.push_back({fmt::format("{:.0f}", point.concurrency), human_figure(point.ttft_s, "s"), fmt::format("{:.1f} ms", point.tpot_ms), fmt::format("{:.0f}", point.output_tokens_per_s),
                    plan.chinese() ? (point.memory_bound ? "显存带宽" : "算力") : (point.memory_bound ? "memory" : "compute")});
  std::printf("\n");
  print_table(plan.chinese() ? std::vector<std::string>{"并发", "首词元", "每词元", "输出词元/秒", "瓶颈"} : std::vector<std::string>{"AT ONCE", "FIRST TOKEN", "PER TOKEN", "OUTPUT TOKENS/S", "BOUND BY"}, rows);
  for (const auto& note : speed.plan.notes) std::printf("\n%s\n", (plan.chinese() ? note.zh : note.en).c_str());
  return {};
}

struct CatalogueOptions {
  std::string list = "accelerators";
};

template <class T, class Row>
void print_list(const std::vector<T>& entries, const PlanOptions& plan, const std::vector<std::string>& header, Row&& row) {
  if (plan.as_json) return print_json(to_json(entries));
  std::vector<std::vector<std::string>> rows;
  for (const auto& entry : entries) rows.push_back(row(entry));
  print_table(header, rows);
}

std::string known(const std::optional<double>& value, const char* unit) { return value ? fmt::format("{:g}{}", *value, unit) : "?"; }

Status show_catalogue(const PlanOptions& plan, CatalogueOptions& options) {
  ASSIGN_OR_RETURN(const auto catalogue, catalogue_for(plan));
  if (options.list == "models")
    print_list(catalogue.models, plan, {"MODEL", "KIND", "PARAMETERS", "ACTIVE", "LAYERS", "CONTEXT", "LICENCE"}, [](const planner::ModelEntry& one) {
      return std::vector<std::string>{one.name, one.kind, human_figure(static_cast<double>(one.parameters), ""), human_figure(static_cast<double>(one.active_parameters.value_or(one.parameters)), ""), std::to_string(one.layers),
                                      std::to_string(one.context), one.licence};
    });
  else if (options.list == "engines")
    print_list(catalogue.efficiencies, plan, {"ENTRY", "ENGINE", "CARDS", "BANDWIDTH", "CACHE", "COMPUTE", "EXPERTS", "LINK", "STEP", "SEQUENCE", "SOURCE"}, [](const planner::EfficiencyEntry& one) {
      const auto share = [](double value) { return fmt::format("{:.1f} %", value * 100); };
      std::string cards = one.accelerators ? std::string() : "any";
      if (one.accelerators)
        for (const auto& card : *one.accelerators) cards += (cards.empty() ? "" : ", ") + card;
      return std::vector<std::string>{one.name, one.engine.value_or("any"), cards, share(one.bandwidth), share(one.cache), share(one.compute), share(one.experts), share(one.link), fmt::format("{:g} ms", one.step_ms),
                                      fmt::format("{:g} µs", one.sequence_us), one.source};
    });
  else if (options.list == "prices")
    print_list(catalogue.token_prices, plan, {"VENDOR", "MODEL", "PERIOD", "CURRENCY", "INPUT/M", "OUTPUT/M", "DATE"}, [](const planner::TokenPrice& one) {
      return std::vector<std::string>{one.vendor, one.model, one.period.value_or(""), one.currency, fmt::format("{:g}", one.input_per_million), fmt::format("{:g}", one.output_per_million), one.date};
    });
  else if (options.list == "networks")
    print_list(catalogue.networks, plan, {"NETWORK", "GB/S", "LATENCY", "SOURCE"}, [](const planner::Network& one) {
      return std::vector<std::string>{one.name, fmt::format("{:g}", one.gb_per_s), fmt::format("{:g} µs", one.latency_us), one.source};
    });
  else if (options.list == "industries")
    print_list(catalogue.industries, plan, {"INDUSTRY", "行业", "SCENARIOS"}, [](const planner::Industry& one) {
      std::string scenarios;
      for (const auto& scenario : one.scenarios) scenarios += (scenarios.empty() ? "" : "; ") + scenario.name;
      return std::vector<std::string>{one.name, one.name_zh, scenarios};
    });
  else
    print_list(catalogue.accelerators, plan, {"ACCELERATOR", "VENDOR", "EDITION", "MEMORY", "BANDWIDTH", "FP16", "INT8", "POWER", "CONFIDENCE", "DATE"}, [](const planner::Accelerator& one) {
      return std::vector<std::string>{one.name, one.vendor, one.edition, known(one.memory_gib, " GiB"), known(one.memory_gb_per_s, " GB/s"), one.tflops ? known(one.tflops->fp16 ? one.tflops->fp16 : one.tflops->bf16, " TFLOPS") : "?",
                                      one.tflops ? known(one.tflops->int8_tops, " TOPS") : "?", known(one.power_w, " W"), one.confidence.value_or(""), one.date};
    });
  return {};
}

struct None {};

Status published(const PlanOptions& plan, None&) {
  ASSIGN_OR_RETURN(const auto catalogue, catalogue_for(plan));
  const auto all = planner::compare_published(catalogue);
  if (plan.as_json) {
    print_json(to_json(all));
    return {};
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : all.rows)
    rows.push_back({one.id, one.model, one.precision, fmt::format("{} × {}", one.cards, one.accelerator), one.engine, fmt::format("{:.0f}", one.published), one.predicted ? fmt::format("{:.0f}", *one.predicted) : "-",
                    one.ratio ? fmt::format("{:.2f}{}", *one.ratio, one.fitted ? " *" : "") : one.why_not ? (plan.chinese() ? one.why_not->zh : one.why_not->en) : ""});
  print_table(plan.chinese() ? std::vector<std::string>{"", "模型", "精度", "硬件", "引擎", "公开值", "预测值", "比值"}
                             : std::vector<std::string>{"", "MODEL", "PRECISION", "HARDWARE", "ENGINE", "PUBLISHED", "PREDICTED", "RATIO"},
              rows);
  std::printf(plan.chinese() ? "\n误差中位数 %.0f%%（标 * 者用于拟合系数：%.0f%%）；%.0f%% 的比值在 2/3 至 3/2 之间\n"
                             : "\nmedian error %.0f %% (those marked * chose the factors: %.0f %%); %.0f %% lie from 2/3 to 3/2\n",
              all.median_error * 100, all.median_error_fitted * 100, all.within_a_third * 100);
  return {};
}

void memory_options(CLI::App& command, MemoryOptions& options) {
  auto& r = options.request;
  command.add_option("--model", r.model, "GGUF file, config.json, folder of safetensors, or a name of the catalogue");
  command.add_option("--parameters", options.parameters, "Only a size, such as 7b: the first estimate of the weights");
  command.add_option("--weights", r.weights, "Weight format: q4_k_m, q8_0, fp16, fp8, int8, int4, awq-int4 …; as stored when absent");
  command.add_option("--kv-type", r.kv_type, "Type of the KV cache: f16, q8_0, fp8, f32 …");
  command.add_option("--ctx,--context", r.context, "Tokens of the longest request");
  command.add_option("--users", r.users, "Requests at once");
  command.add_option("--fill", r.fill, "How much of the context a request holds on average, 0 to 1");
  command.add_option("--shared-prefix", r.shared_prefix, "Tokens that all requests begin with");
  command.add_option("--kv-tokens", r.kv_tokens, "Tokens that the KV cache holds, instead of users × context");
  command.add_option("--accelerator", r.accelerator, "Card of the catalogue; on the processors when absent");
  command.add_option("--tensor", r.tensor, "Cards that share each layer");
  command.add_option("--pipeline", r.pipeline, "Stages of layers, one after the other");
  command.add_option("--headroom", r.headroom, "Share of the memory that stays free");
  command.add_option("--step-tokens", r.step_tokens, "Tokens of a step; the engine's default when absent");
  command.add_option("--engine", options.engine, "siyu, siyu-card (our worker on a card), llama-server or cards (vLLM, SGLang, MindIE …)")->check(CLI::IsMember({"siyu", "siyu-card", "llama-server", "cards"}));
}

void speed_options(CLI::App& command, SpeedOptions& options) {
  auto& r = options.request;
  command.add_option("--calibration", options.calibration, "Rates of a machine, as `siyu plan calibrate` wrote them; this machine's when absent")->check(CLI::ExistingFile);
  command.add_option("--model", r.model, "GGUF file, config.json, folder of safetensors, or a name of the catalogue")->required();
  command.add_option("--weights", r.weights, "Weight format");
  command.add_option("--kv-type", r.kv_type, "Type of the KV cache");
  command.add_option("--accelerator", r.accelerator, "Card of the catalogue; this machine as calibrated when absent");
  command.add_option("--engine", r.engine, "On that card: TensorRT-LLM, Siyu or another of `siyu plan catalogue engines`; what stands for all when absent");
  command.add_option("--tensor", r.tensor, "Cards that share each layer");
  command.add_option("--pipeline", r.pipeline, "Stages of layers");
  command.add_option("--prompt", r.prompt, "Tokens of a prompt");
  command.add_option("--output", r.output, "Tokens of an answer");
  command.add_option("--cached", r.cached, "Of the prompt, tokens whose cache is there already");
  command.add_option("--users", r.concurrency, "Requests at once");
  command.add_option("--sequences", r.sequences, "That the engine runs at once at most");
  command.add_option("--link", r.link_gb_per_s, "GB/s between the cards, one direction; the card's own links when absent");
  command.add_option("--bandwidth-efficiency", r.bandwidth_efficiency, "Share of the memory's peak that is reached");
  command.add_option("--cache-efficiency", r.cache_efficiency, "The same when reading the KV cache");
  command.add_option("--compute-efficiency", r.compute_efficiency, "Share of the dense peak that is reached");
  command.add_option("--step-ms", r.step_ms, "Fixed part of a step, milliseconds");
  command.add_option("--latency", r.classic_latency_s, "Seconds of a request, for the rule of thumb (parameters × tokens × 2 / latency)");
}

}  // namespace

void add_plan_commands(CLI::App& app, int& exit_code) {
  auto* plan = app.add_subcommand("plan", "Plan a deployment: memory, speed, fleet, cost, advice and papers; no server is needed")->require_subcommand(1);
  add_plan_command<MemoryOptions>(*plan, "memory", "Memory that a model takes, and which cards hold it", exit_code, memory_options, memory);
  add_plan_command<SpeedOptions>(*plan, "speed", "How fast a model answers, over concurrency", exit_code, speed_options, speed);
  add_plan_command<CatalogueOptions>(*plan, "catalogue", "What is known of accelerators, models, engines, prices, networks and industries", exit_code,
                                     [](CLI::App& command, CatalogueOptions& options) {
                                       command.add_option("list", options.list, "accelerators, models, engines, prices, networks or industries")->check(CLI::IsMember({"accelerators", "models", "engines", "prices", "networks", "industries"}));
                                     },
                                     show_catalogue);
  add_plan_command<None>(*plan, "published", "Predictions beside published speeds, with their sources", exit_code, [](CLI::App&, None&) {}, published);
  add_calibrate_command(*plan, exit_code);
  add_whole_plan_commands(*plan, exit_code);
}

}  // namespace siyu::cli
