#include "embedder.h"

#include <cmath>
#include <optional>
#include <set>

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

/// What every model here does to a text, checked against the model's longest one.
Result<EmbedJob> job_of(const Model& model, std::uint32_t stream, std::vector<std::vector<Token>> texts, std::string_view what) {
  EmbedJob job{.stream = stream, .texts = std::move(texts)};
  if (job.texts.empty()) return invalid("input must hold at least one text");
  if (job.texts.size() > engine::kMaxEmbedTexts)
    return invalid("input holds " + std::to_string(job.texts.size()) + " texts; the limit is " + std::to_string(engine::kMaxEmbedTexts));
  for (const auto& tokens : job.texts) {
    if (tokens.empty()) return invalid("input holds an empty text");
    for (const auto token : tokens)
      if (!model.is_token(token)) return invalid("input holds token " + std::to_string(token) + ", which this model does not have");
    if (tokens.size() > static_cast<std::size_t>(model.limits().embed_tokens))
      return fail_because(ErrorCode::kInvalidArgument, "context_length_exceeded",
                          "This model's maximum context length for " + std::string(what) + " is " + std::to_string(model.limits().embed_tokens) +
                              " tokens; a text of the input has " + std::to_string(tokens.size()) + " tokens");
    job.prompt_tokens += static_cast<std::int32_t>(tokens.size());
  }
  return job;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
}

/// The model's own form where it brings one (Qwen3-Reranker); else BERT's: [CLS] query [SEP] document [SEP].
std::vector<Token> pair_tokens(const Model& model, const std::string& query, const std::string& document) {
  if (const char* form = llama_model_chat_template(model.get(), "rerank")) {
    std::string text = form;
    replace_all(text, "{query}", query);
    replace_all(text, "{document}", document);
    return model.tokenize(text, false, true);
  }
  const auto* vocab = model.vocab();
  const Token end = llama_vocab_eos(vocab) == LLAMA_TOKEN_NULL ? llama_vocab_sep(vocab) : llama_vocab_eos(vocab);
  std::vector<Token> tokens;
  const auto append = [&](const std::string& text) {
    const auto more = model.tokenize(text, false, false);
    tokens.insert(tokens.end(), more.begin(), more.end());
  };
  if (llama_vocab_get_add_bos(vocab)) tokens.push_back(llama_vocab_bos(vocab));
  append(query);
  if (llama_vocab_get_add_eos(vocab)) tokens.push_back(end);
  if (llama_vocab_get_add_sep(vocab)) tokens.push_back(llama_vocab_sep(vocab));
  append(document);
  if (llama_vocab_get_add_eos(vocab)) tokens.push_back(end);
  return tokens;
}

}  // namespace

Result<EmbedJob> EmbedJob::prepare(const Model& model, std::uint32_t stream, const engine::EmbedCall& call) {
  if (model.ranks()) return fail(ErrorCode::kUnsupported, "The model " + model.info().name + " ranks documents; it makes no embeddings");
  std::vector<std::vector<Token>> texts;
  for (const auto& text : call.texts) texts.push_back(model.tokenize(text, true, true));
  return job_of(model, stream, call.texts.empty() ? call.tokens : std::move(texts), "embeddings");
}

Result<EmbedJob> EmbedJob::prepare(const Model& model, std::uint32_t stream, const engine::RerankCall& call) {
  if (!model.ranks()) return fail(ErrorCode::kUnsupported, "The model " + model.info().name + " is no reranker");
  std::vector<std::vector<Token>> texts;
  for (const auto& document : call.documents) texts.push_back(pair_tokens(model, call.query, document));
  return job_of(model, stream, std::move(texts), "a query with a document");
}

Status Embedder::make_ready() {
  if (context_) return {};
  ASSIGN_OR_RETURN(context_, model_.embedding_context());
  return {};
}

std::vector<Embedder::Place> Embedder::fill(llama_batch& batch, const std::deque<EmbedJob>& jobs) const {
  const auto room = static_cast<std::size_t>(llama_n_batch(context_.get()));
  const std::size_t most = llama_n_seq_max(context_.get());
  std::vector<Place> places;
  std::vector<std::size_t> next;
  for (const auto& job : jobs) next.push_back(job.done);
  for (bool added = true; added && places.size() < most;) {
    added = false;
    for (std::size_t i = 0; i < jobs.size() && places.size() < most; ++i) {
      if (next[i] == jobs[i].texts.size()) continue;
      const auto& tokens = jobs[i].texts[next[i]];
      if (static_cast<std::size_t>(batch.n_tokens) + tokens.size() > room) continue;
      for (std::size_t position = 0; position < tokens.size(); ++position) {
        const auto place = batch.n_tokens++;
        batch.token[place] = tokens[position];
        batch.pos[place] = static_cast<llama_pos>(position);
        batch.n_seq_id[place] = 1;
        batch.seq_id[place][0] = static_cast<llama_seq_id>(places.size());
        batch.logits[place] = 1;
      }
      places.push_back({.job = i, .text = next[i]++});
      added = true;
    }
  }
  return places;
}

/// A vector of length 1, or a score alone.
Result<std::vector<float>> Embedder::values_of(std::size_t sequence) const {
  const float* values = llama_get_embeddings_seq(context_.get(), static_cast<llama_seq_id>(sequence));
  if (values == nullptr) return fail(ErrorCode::kUnsupported, "The model " + model_.info().name + " gives no embeddings of whole texts");
  if (!model_.ranks()) return normalised(values, static_cast<std::size_t>(model_.info().embedding_dimensions));
  // One output is a logit; with several (yes and no) llama.cpp gives probabilities, the first of which is meant.
  return std::vector<float>{llama_model_n_cls_out(model_.get()) == 1 ? 1.0F / (1.0F + std::exp(-values[0])) : values[0]};
}

Embedder::Step Embedder::collect(const std::vector<Place>& places, std::deque<EmbedJob>& jobs) const {
  std::vector<engine::Vectors> results;
  for (const auto& job : jobs)
    results.push_back({.stream = job.stream, .first = static_cast<std::uint32_t>(job.done), .last = false, .prompt_tokens = job.prompt_tokens, .vectors = {}});
  Step step;
  for (std::size_t sequence = 0; sequence < places.size(); ++sequence) {
    auto values = values_of(sequence);
    if (!values) {
      for (const auto& job : jobs) step.messages.push_back(engine::ErrorMessage{job.stream, values.error()});
      jobs.clear();  // the model's nature, so that no call could do better
      return step;
    }
    results[places[sequence].job].vectors.push_back(*std::move(values));
    ++jobs[places[sequence].job].done;
  }
  std::deque<EmbedJob> left;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const bool last = jobs[i].done == jobs[i].texts.size();
    if (last) step.tokens += jobs[i].prompt_tokens;
    results[i].last = last;
    if (!results[i].vectors.empty()) step.messages.push_back(std::move(results[i]));
    if (!last) left.push_back(std::move(jobs[i]));
  }
  jobs = std::move(left);
  return step;
}

Embedder::Step Embedder::step(std::deque<EmbedJob>& jobs) {
  std::optional<Batch> holder;
  std::vector<Place> places;
  auto ready = make_ready();
  if (ready) {
    holder.emplace(static_cast<std::int32_t>(llama_n_batch(context_.get())));
    // A long text that found no room is the first in one of the next steps.
    if (jobs.size() > 1) {
      jobs.push_back(std::move(jobs.front()));
      jobs.pop_front();
    }
    places = fill(holder->batch, jobs);
    if (auto* memory = llama_get_memory(context_.get())) llama_memory_clear(memory, true);
    begin_attention_step();
    if (places.empty() || llama_decode(context_.get(), holder->batch) != 0) ready = internal("The model could not embed a text", last_llama_errors());
  }
  if (ready) return collect(places, jobs);
  Step failed;
  std::set<std::size_t> involved;
  for (const auto& place : places) involved.insert(place.job);
  for (std::size_t i = jobs.size(); i-- > 0;) {
    if (!places.empty() && !involved.contains(i)) continue;
    failed.messages.push_back(engine::ErrorMessage{jobs[i].stream, ready.error()});
    jobs.erase(jobs.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return failed;
}

}  // namespace siyu::worker
