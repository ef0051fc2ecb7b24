#include "sampler.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace siyu::worker {
namespace {

constexpr std::int32_t kPenaltyWindow = 1024;  // tokens the penalties look back over
constexpr double kLowestLogprob = -9999.0;     // what OpenAI writes for "impossible"; JSON has no infinity

/// The model's makers may have stored their recommended settings in the file; a request goes before them.
float setting(const Model& model, llama_model_meta_key key, const std::optional<double>& asked, float fallback) {
  if (asked) return static_cast<float>(*asked);
  const std::string text = model.metadata(llama_model_meta_key_str(key));
  if (text.empty()) return fallback;
  const float value = std::strtof(text.c_str(), nullptr);
  return std::isfinite(value) ? value : fallback;
}

common_params_sampling to_params(const Model& model, const engine::Sampling& sampling) {
  common_params_sampling params;
  params.no_perf = true;
  params.seed = sampling.seed ? *sampling.seed : static_cast<std::uint32_t>(OsRandom().next_u64());
  if (params.seed == LLAMA_DEFAULT_SEED) params.seed = 1;  // that value would mean "take a random one"
  params.temp = setting(model, LLAMA_MODEL_META_KEY_SAMPLING_TEMP, sampling.temperature, params.temp);
  params.top_p = setting(model, LLAMA_MODEL_META_KEY_SAMPLING_TOP_P, sampling.top_p, params.top_p);
  params.min_p = setting(model, LLAMA_MODEL_META_KEY_SAMPLING_MIN_P, sampling.min_p, params.min_p);
  std::optional<double> top_k;
  if (sampling.top_k) top_k = *sampling.top_k;
  params.top_k = static_cast<std::int32_t>(
      std::clamp(setting(model, LLAMA_MODEL_META_KEY_SAMPLING_TOP_K, top_k, static_cast<float>(params.top_k)), 0.0F, 1e6F));
  params.penalty_repeat = setting(model, LLAMA_MODEL_META_KEY_SAMPLING_PENALTY_REPEAT, sampling.repetition_penalty, 1.0F);
  if (params.penalty_repeat <= 0) params.penalty_repeat = 1.0F;
  params.penalty_present = static_cast<float>(sampling.presence_penalty.value_or(0));
  params.penalty_freq = static_cast<float>(sampling.frequency_penalty.value_or(0));
  params.penalty_last_n = kPenaltyWindow;
  params.samplers = {COMMON_SAMPLER_TYPE_PENALTIES, COMMON_SAMPLER_TYPE_TOP_K, COMMON_SAMPLER_TYPE_TOP_P,
                     COMMON_SAMPLER_TYPE_MIN_P, COMMON_SAMPLER_TYPE_TEMPERATURE};
  return params;
}

bool has_penalties(const common_params_sampling& params) {
  return params.penalty_repeat != 1.0F || params.penalty_present != 0.0F || params.penalty_freq != 0.0F;
}

}  // namespace

Result<TokenSampler> TokenSampler::make(const Model& model, const engine::Sampling& sampling, const GrammarRules& rules,
                                        const ReasoningLimit& reasoning) {
  common_params_sampling params = to_params(model, sampling);
  for (const auto& [id, bias] : sampling.logit_bias) {
    const long token = std::strtol(id.c_str(), nullptr, 10);
    if (token >= model.info().vocabulary)
      return invalid("logit_bias names token " + id + "; this model has tokens 0 to " + std::to_string(model.info().vocabulary - 1));
    params.logit_bias.push_back({static_cast<Token>(token), bias <= -100 ? -INFINITY : static_cast<float>(bias)});
  }
  params.grammar = rules.grammar;
  params.grammar_lazy = rules.lazy;
  params.grammar_triggers = rules.triggers;
  params.preserved_tokens = rules.preserved_tokens;
  params.generation_prompt = rules.generation_prompt;
  const bool reasons_within_limit = reasoning.tokens >= 0 && !reasoning.ends.empty();
  if (reasons_within_limit) {
    params.reasoning_budget_tokens = reasoning.tokens;
    params.reasoning_budget_start = reasoning.begin;
    params.reasoning_budget_end = reasoning.ends;
    params.reasoning_budget_forced = reasoning.ends.front();
  }

  TokenSampler sampler;
  sampler.vocabulary_ = model.info().vocabulary;
  sampler.looks_back_ = params.penalty_repeat != 1.0F;
  std::int32_t suppressed = 0;
  llama_vocab_get_suppress_tokens(model.vocab(), &suppressed);
  const bool plain_greedy = params.temp <= 0 && params.logit_bias.empty() && params.grammar.empty() && !reasons_within_limit && !has_penalties(params) && suppressed == 0;
  if (plain_greedy) return sampler;
  if (!has_penalties(params)) params.samplers.erase(params.samplers.begin());
  try {
    sampler.sampler_.reset(common_sampler_init(model.get(), params));
  } catch (const std::exception& failure) {
    return fail(ErrorCode::kInvalidArgument, "The JSON schema or the tools' schemas cannot be turned into a grammar; simplify them", failure.what());
  }
  if (!sampler.sampler_) return internal("A sampler could not be made");
  return sampler;
}

void TokenSampler::accept_prompt(const std::vector<Token>& prompt) {
  if (!sampler_ || !looks_back_) return;
  const std::size_t begin = prompt.size() > kPenaltyWindow ? prompt.size() - kPenaltyWindow : 0;
  for (std::size_t i = begin; i < prompt.size(); ++i)
    if (is_text(prompt[i])) common_sampler_accept(sampler_.get(), prompt[i], false);
}

Token TokenSampler::sample(llama_context* context, std::int32_t index) {
  if (!sampler_) {
    const float* logits = llama_get_logits_ith(context, index);
    return static_cast<Token>(std::max_element(logits, logits + vocabulary_) - logits);
  }
  const Token token = common_sampler_sample(sampler_.get(), context, index);
  common_sampler_accept(sampler_.get(), token, true);
  return token;
}

engine::TokenLogprob TokenSampler::logprobs(const Model& model, llama_context* context, std::int32_t index, Token token,
                                            std::int32_t top) {
  const std::int32_t count = model.info().vocabulary;
  const float* logits = llama_get_logits_ith(context, index);
  const float highest = *std::max_element(logits, logits + count);
  double sum = 0;
  for (std::int32_t i = 0; i < count; ++i) sum += std::exp(static_cast<double>(logits[i] - highest));
  const double normaliser = highest + std::log(sum);
  const auto logprob = [&](Token id) { return std::max(kLowestLogprob, static_cast<double>(logits[id]) - normaliser); };
  engine::TokenLogprob result{.token = model.piece(token, true), .logprob = logprob(token), .top = {}};
  if (top <= 0) return result;
  std::vector<Token> best(static_cast<std::size_t>(count));
  for (std::int32_t i = 0; i < count; ++i) best[static_cast<std::size_t>(i)] = i;
  const auto end = best.begin() + std::min(top, count);
  std::partial_sort(best.begin(), end, best.end(), [&](Token a, Token b) { return logits[a] > logits[b]; });
  for (auto it = best.begin(); it != end; ++it) result.top.push_back({model.piece(*it, true), logprob(*it)});
  return result;
}

}  // namespace siyu::worker
