#include "planner/published.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "planner/median.h"
#include "planner/shapes.h"

namespace siyu::planner {
namespace {

/// "fp8", "int8 (W8A8)", "mxfp4" as one of our weight formats.
std::string format_of(const PublishedSpeed& one) {
  if (one.precision.starts_with("int8")) return "w8a8";
  if (one.precision.starts_with("fp8")) return one.model.starts_with("DeepSeek") ? "fp8-block" : "fp8";
  return one.precision;
}

/// The number behind `letters`: "TP4 EP4" has 4 behind TP. 0 when absent.
std::uint32_t number_behind(std::string_view text, std::string_view letters) {
  const auto at = text.find(letters);
  std::uint32_t value = 0;
  if (at == std::string_view::npos) return 0;
  const auto rest = text.substr(at + letters.size());
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  return error == std::errc() && end != rest.data() ? value : 0;
}

std::optional<Words> why_not(const PublishedSpeed& one) {
  const bool cut = one.parallel == "none" || one.parallel.starts_with("TP") || one.parallel.starts_with("PP");
  if (!cut) return Words{"experts spread over several servers, or prefill and decode apart: not reckoned by the planner", "专家分布于多台服务器，或预填充与解码分离部署：规划器不计算此类配置"};
  if (one.engine == "llama.cpp") return {};
  if (!one.input_tokens || !one.output_tokens) return Words{"the source does not tell how long prompts and answers were", "出处未说明提示词与回答的长度"};
  return {};
}

/// Why a setting cannot be reckoned, by the field or the kind of the error.
Words words_of(const Error& error, const PublishedSpeed& one) {
  Words words{error.message, "规划器无法计算该配置"};
  if (error.param == "split") words.zh = fmt::format("{} 张 {} 放不下权重、缓冲与运行时（含余量）", one.cards, one.accelerator);
  if (error.param == "context") words.zh = "缓存放不下一个这样长的请求";
  if (error.code == ErrorCode::kUnsupported) words.zh = fmt::format("目录中缺少 {} 的显存带宽、算力或卡间互连指标", one.accelerator);
  if (error.code == ErrorCode::kNotFound) words.zh = "目录中没有该模型或该加速卡";
  return words;
}

/// The factors of the row's engine, or those of all when it has none of its own.
Result<Efficiency> efficiency_for(const Catalogue& catalogue, const PublishedSpeed& one) {
  const auto own = catalogue.efficiency(one.engine, one.accelerator);
  if (own) return efficiency_of(**own);
  ASSIGN_OR_RETURN(const auto* all, catalogue.efficiency({}, one.accelerator));
  return efficiency_of(*all);
}

Result<double> predict(const Catalogue& catalogue, const PublishedSpeed& one) {
  ASSIGN_OR_RETURN(const auto* entry, catalogue.model(one.model));
  ASSIGN_OR_RETURN(const auto* card, catalogue.accelerator(one.accelerator));
  SpeedQuestion q{.card = *card};
  ASSIGN_OR_RETURN(q.efficiency, efficiency_for(catalogue, one));
  q.model.shape = shape_of(*entry);
  q.model.weights = format_of(one);
  // TensorRT-LLM's published runs keep the cache of FP8 and FP4 models in FP8 (its performance overview).
  q.model.kv_type = one.engine == "TensorRT-LLM" && one.precision.starts_with("fp") ? "fp8" : "f16";
  q.model.engine = EngineKind::kCards;
  q.model.split = {.tensor = std::max(1U, number_behind(one.parallel, "TP")), .pipeline = std::max(1U, number_behind(one.parallel, "PP"))};
  q.prompt = one.input_tokens.value_or(one.context_tokens.value_or(1));
  q.output = one.output_tokens.value_or(1);
  q.model.context = std::min<double>(q.prompt + q.output, q.model.shape.context);
  if (one.load.find("500 requests") != std::string::npos) q.sequences = 500;
  if (one.engine == "llama.cpp") {
    const auto speed_at = plan_speed(q);
    if (!speed_at) return std::unexpected(speed_at.error());
    const double batch = one.concurrency.value_or(1);
    return batch / step_seconds(speed_at->replica, batch, 0, batch * one.context_tokens.value_or(0) * (batch > 1 ? 0 : 1));
  }
  ASSIGN_OR_RETURN(const auto speed, plan_speed(q));
  const auto& point = speed.plan.saturated;
  if (one.metric == "output_tokens_per_s") return point.output_tokens_per_s;
  if (one.metric == "input_tokens_per_s") return point.prompt_tokens_per_s;
  if (one.metric == "total_tokens_per_s") return point.output_tokens_per_s + point.prompt_tokens_per_s;
  return point.tpot_ms;
}

}  // namespace

Comparisons compare_published(const Catalogue& catalogue) {
  Comparisons all;
  std::vector<double> fitted, others;
  std::size_t near = 0, number = 0;
  for (const auto& one : catalogue.published) {
    Comparison row{.id = one.id, .model = one.model, .precision = one.precision, .accelerator = one.accelerator, .parallel = one.parallel, .engine = one.engine, .load = one.load,
                   .metric = one.metric, .cards = one.cards, .published = one.value, .why_not = why_not(one), .source = one.source, .date = one.date};
    if (!row.why_not) {
      const auto predicted = predict(catalogue, one);
      if (predicted) {
        row.predicted = *predicted;
        row.ratio = *predicted / one.value;
        row.fitted = number++ % 2 == 0;
        (row.fitted ? fitted : others).push_back(std::abs(*row.ratio - 1));
        if (*row.ratio > 2.0 / 3 && *row.ratio < 1.5) ++near;
      } else {
        row.why_not = words_of(predicted.error(), one);
      }
    }
    all.rows.push_back(std::move(row));
  }
  all.median_error = median(others);
  all.median_error_fitted = median(fitted);
  all.within_a_third = number > 0 ? static_cast<double>(near) / static_cast<double>(number) : 0;
  return all;
}

}  // namespace siyu::planner
