// Chooses the next token of one sequence. A thin layer over llama.cpp's common_sampler, with a short way for greedy.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model.h"
#include "sampling.h"

namespace siyu::worker {

/// What an answer must look like, as a GBNF grammar; with triggers it begins to hold only when one of them appears.
struct GrammarRules {
  common_grammar grammar;
  bool lazy = false;
  std::vector<common_grammar_trigger> triggers;
  std::set<Token> preserved_tokens;
  std::string generation_prompt;
};

/// How long a model may reason before its answer must begin; without end marks there is no limit.
struct ReasoningLimit {
  std::int32_t tokens = -1;  ///< −1: none
  std::vector<Token> begin;  ///< the mark that reasoning begins with
  std::vector<std::vector<Token>> ends;  ///< marks that end it; the first is put in when the budget is spent
};

/// Used by one thread at a time.
class TokenSampler {
 public:
  static Result<TokenSampler> make(const Model& model, const engine::Sampling& sampling, const GrammarRules& rules,
                                   const ReasoningLimit& reasoning);

  /// Penalties look back at the prompt too.
  void accept_prompt(const std::vector<Token>& prompt);
  /// The next token from the logits of batch place `index`.
  Token sample(llama_context* context, std::int32_t index);
  /// Natural logarithms of the model's own probabilities, before any sampling setting.
  static engine::TokenLogprob logprobs(const Model& model, llama_context* context, std::int32_t index, Token token,
                                       std::int32_t top);

 private:
  common_sampler_ptr sampler_;  // null: the most likely token, always
  bool looks_back_ = false;
  std::int32_t vocabulary_ = 0;
};

}  // namespace siyu::worker
