// The loaded model: weights, vocabulary, chat templates and what it can do. Immutable after loading, so every thread
// may read it; only the eyes have a part for the inference thread alone.
#pragma once

#include <ggml-cpu.h>
#include <llama.h>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chat.h"
#include "engine/protocol.h"
#include "eyes.h"

namespace siyu::worker {

using engine::Token;

/// A LoRA adapter that was loaded with the model; it lives as long as the model.
struct Adapter {
  std::string name;
  llama_adapter_lora* lora = nullptr;
};

struct LlamaDeleter {
  void operator()(llama_model* model) const { llama_model_free(model); }
  void operator()(llama_context* context) const { llama_free(context); }
  void operator()(ggml_threadpool* threads) const { ggml_threadpool_free(threads); }
};
using LlamaModel = std::unique_ptr<llama_model, LlamaDeleter>;
using LlamaContext = std::unique_ptr<llama_context, LlamaDeleter>;

/// Sizes after defaults are filled in; see engine::LoadRequest.
struct Limits {
  std::int32_t context_tokens = 0;
  std::int32_t embed_tokens = 0;  ///< the longest text that can be embedded
  std::int32_t kv_tokens = 0;
  std::int32_t parallel = 0;
  std::int32_t batch_tokens = 0;
  std::int32_t guesses = 0;  ///< of what comes next, checked in one step
  std::int32_t queue_limit = 0;
  std::int32_t threads = 0;
  std::int64_t spill_bytes = 0;  ///< of host memory, for beginnings that leave the KV cache
  ggml_type kv_type = GGML_TYPE_F16;
};

/// What lies where, when a model is spread over accelerators and processors; llama.cpp's parameters point into it.
struct Placement {
  std::vector<float> shares;                               // of each card
  std::vector<llama_model_tensor_buft_override> overrides;
};

class Model {
 public:
  /// kCorrupted with llama.cpp's own reason when the file is no usable model. `progress` gets 0 … 1.
  static Result<std::unique_ptr<Model>> load(const engine::LoadRequest& request, std::function<void(double)> progress);

  /// The small model that is to guess for `model`, with room for as many tokens.
  static Result<std::unique_ptr<Model>> load_draft(const engine::LoadRequest& request, const Model& model);

  const engine::ModelInfo& info() const { return info_; }
  const Limits& limits() const { return limits_; }
  llama_model* get() const { return model_.get(); }
  const llama_vocab* vocab() const { return vocab_; }
  /// Null when the model has none: prompts are then joined plainly.
  const common_chat_templates* templates() const { return templates_.get(); }
  bool embeds_only() const { return embeds_only_; }
  /// It scores pairs of query and document instead of making vectors.
  bool ranks() const { return ranks_; }
  /// Null when it does not see.
  Eyes* eyes() const { return eyes_.get(); }
  const std::vector<Adapter>& adapters() const { return adapters_; }
  /// −1 for an empty name. kNotFound names those there are.
  Result<std::int32_t> adapter_named(const std::string& name) const;
  /// Its memory can hold one beginning for several sequences; recurrent models keep a state instead.
  bool shares_prefixes() const { return !llama_model_is_recurrent(model_.get()) && !llama_model_is_hybrid(model_.get()); }
  /// Of the KV cache: for what runs, and for beginnings that are kept.
  std::int32_t sequence_ids() const;
  /// Of the KV cache, from the model's own numbers.
  std::int64_t kv_bytes_per_token() const;
  std::string metadata(const std::string& key) const;

  std::vector<Token> tokenize(std::string_view text, bool add_special, bool parse_special) const;
  /// The token's bytes; control tokens are empty unless `special`.
  std::string piece(Token token, bool special) const;
  bool is_end(Token token) const { return llama_vocab_is_eog(vocab_, token); }
  /// All tokens that end an answer.
  std::span<const Token> ends() const { return ends_; }
  bool is_token(Token token) const { return token >= 0 && token < info_.vocabulary; }

  /// The context in which sequences are generated. Fails when the KV cache does not fit into memory.
  Result<LlamaContext> generation_context() const;
  /// A context that gives one vector per sequence.
  Result<LlamaContext> embedding_context() const;

 private:
  Model() = default;
  void describe(const engine::LoadRequest& request);
  Status choose_limits(const engine::LoadRequest& request);
  llama_context_params generation_params() const;
  llama_context_params embedding_params() const;
  static Status place(const engine::LoadRequest& request, llama_model_params& params, Placement& placement);
  Status read_templates();
  Status load_adapters(const engine::LoadRequest& request);
  void start_threads();
  Status open_eyes(const engine::LoadRequest& request);

  LlamaModel model_;
  std::unique_ptr<ggml_threadpool, LlamaDeleter> threads_;  // null with one thread; else of all contexts, which compute in turn
  const llama_vocab* vocab_ = nullptr;
  std::vector<Token> ends_;
  common_chat_templates_ptr templates_;
  std::vector<Adapter> adapters_;
  std::unique_ptr<Eyes> eyes_;
  engine::ModelInfo info_;
  Limits limits_;
  bool embeds_only_ = false, ranks_ = false;
};

/// Sends llama.cpp's messages nowhere but into a short memory, from which load errors take their reason.
void keep_llama_messages();
std::string last_llama_errors();

}  // namespace siyu::worker
