#include "embedder.h"

#include <cmath>

#include "attention.h"
#include "prompt.h"

namespace siyu::worker {
namespace {

struct Batch {
  explicit Batch(std::int32_t tokens) : batch(llama_batch_init(tokens, 0, 1)) {}
  ~Batch() { llama_batch_free(batch); }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;
  llama_batch batch;
};

std::vector<float> normalised(const float* values, std::size_t count) {
  std::vector<float> vector(values, values + count);
  double sum = 0;
  for (const float value : vector) sum += static_cast<double>(value) * value;
  const auto scale = static_cast<float>(sum > 0 ? 1.0 / std::sqrt(sum) : 0.0);
  for (float& value : vector) value *= scale;
  return vector;
}

}  // namespace

Result<EmbedJob> EmbedJob::prepare(const Model& model, std::uint32_t stream, const engine::EmbedCall& call) {
  EmbedJob job{.stream = stream};
  for (const auto& text : call.texts) job.texts.push_back(model.tokenize(text, true, true));
  if (call.texts.empty()) job.texts = call.tokens;
  if (job.texts.empty()) return invalid("input must hold at least one text");
  if (job.texts.size() > engine::kMaxEmbedTexts)
    return invalid("input holds " + std::to_string(job.texts.size()) + " texts; the limit is " + std::to_string(engine::kMaxEmbedTexts));
  for (const auto& tokens : job.texts) {
    if (tokens.empty()) return invalid("input holds an empty text");
    for (const auto token : tokens)
      if (!model.is_token(token)) return invalid("input holds token " + std::to_string(token) + ", which this model does not have");
    if (tokens.size() > static_cast<std::size_t>(model.limits().embed_tokens))
      return fail_because(ErrorCode::kInvalidArgument, "context_length_exceeded",
                          "This model's maximum context length for embeddings is " + std::to_string(model.limits().embed_tokens) +
                              " tokens; a text of the input has " + std::to_string(tokens.size()) + " tokens");
    job.prompt_tokens += static_cast<std::int32_t>(tokens.size());
  }
  return job;
}

Status Embedder::make_ready() {
  if (context_) return {};
  ASSIGN_OR_RETURN(context_, model_.embedding_context());
  return {};
}

Result<engine::Vectors> Embedder::step(EmbedJob& job) {
  RETURN_IF_ERROR(make_ready());
  const auto room = static_cast<std::size_t>(llama_n_batch(context_.get()));
  const std::size_t most = llama_n_seq_max(context_.get());
  Batch holder(static_cast<std::int32_t>(room));
  llama_batch& batch = holder.batch;
  std::size_t texts = 0;
  for (std::size_t i = job.done; i < job.texts.size() && texts < most; ++i, ++texts) {
    const auto& tokens = job.texts[i];
    if (static_cast<std::size_t>(batch.n_tokens) + tokens.size() > room) break;
    for (std::size_t position = 0; position < tokens.size(); ++position) {
      const auto place = batch.n_tokens++;
      batch.token[place] = tokens[position];
      batch.pos[place] = static_cast<llama_pos>(position);
      batch.n_seq_id[place] = 1;
      batch.seq_id[place][0] = static_cast<llama_seq_id>(texts);
      batch.logits[place] = 1;
    }
  }
  if (auto* memory = llama_get_memory(context_.get())) llama_memory_clear(memory, true);
  begin_attention_step();
  if (texts == 0 || llama_decode(context_.get(), batch) != 0)
    return internal("The model could not embed a text", last_llama_errors());
  engine::Vectors result{.stream = job.stream, .first = static_cast<std::uint32_t>(job.done), .last = job.done + texts == job.texts.size(),
                         .prompt_tokens = job.prompt_tokens, .vectors = {}};
  const auto dimensions = static_cast<std::size_t>(model_.info().embedding_dimensions);
  for (std::size_t i = 0; i < texts; ++i) {
    const float* values = llama_get_embeddings_seq(context_.get(), static_cast<llama_seq_id>(i));
    if (values == nullptr) return fail(ErrorCode::kUnsupported, "The model " + model_.info().name + " gives no embeddings of whole texts");
    result.vectors.push_back(normalised(values, dimensions));
  }
  job.done += texts;
  return result;
}

}  // namespace siyu::worker
