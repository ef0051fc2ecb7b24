// From a request to tokens: the model's chat template, the grammar of the answer, and how to read it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model.h"
#include "output.h"
#include "sampler.h"

namespace siyu::worker {

struct PreparedPrompt {
  std::vector<Token> tokens;  ///< and names of pictures in their places
  std::vector<PictureRun> pictures;
  std::string echo;  ///< the prompt's text, when it is to come first
  GrammarRules grammar;
  ReasoningLimit reasoning;
  OutputRules output;
};

/// Thread-safe. kInvalidArgument says what is wrong with the request; a prompt that leaves no room for an answer is
/// refused with the numbers.
Result<PreparedPrompt> prepare_prompt(const Model& model, const engine::GenerateRequest& request);
/// Only the tokens, whatever their number.
Result<std::vector<Token>> prompt_tokens(const Model& model, const engine::GenerateRequest& request);

std::unexpected<Error> too_long(const Model& model, std::size_t tokens);

}  // namespace siyu::worker
