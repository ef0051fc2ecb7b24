#include "model.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "accelerators.h"
#include "engine/kv_size.h"
#include "fit.h"
#include "log.h"

namespace siyu::worker {
namespace {

constexpr std::int32_t kDefaultEmbedContext = 2048;  // a step holds the whole text, and its memory grows with the square
constexpr std::int32_t kMaxParallel = 192;
constexpr std::int32_t kMaxSequenceIds = 256;    // LLAMA_MAX_SEQ
constexpr std::int32_t kDefaultQueue = 256;
constexpr std::int32_t kEmbedSequences = 32;     // texts embedded in one step
constexpr std::int32_t kMostGuesses = 64;        // guessed tokens checked in one step, of all sequences together
constexpr std::int32_t kWholePicture = 1280;     // places of the largest picture that a step must hold: Gemma's have 256 to 1120
constexpr std::int64_t kOneThreadBelow = 16L << 20;
constexpr std::uint32_t kPolling = 1;            // ggml's measure: a few milliseconds of looking out for the next step before sleeping
constexpr std::size_t kKeptMessages = 2048;
constexpr std::size_t kLeftOnCard = 1UL << 30;   // for what the libraries of a card take as they go

std::mutex log_mu;
std::string log_tail;  // llama.cpp takes one process-wide callback, so its memory is process-wide too

void keep_message(ggml_log_level level, const char* text, void*) {
  if (level != GGML_LOG_LEVEL_ERROR) return;
  const std::lock_guard lock(log_mu);
  log_tail += text;
  if (log_tail.size() > kKeptMessages) log_tail.erase(0, log_tail.size() - kKeptMessages);
}

std::int32_t usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

std::int32_t chosen(std::int32_t asked, std::int32_t fallback, std::int32_t low, std::int32_t high) {
  return std::clamp(asked > 0 ? asked : fallback, low, std::max(low, high));
}

Result<ggml_type> kv_type_named(const std::string& name) {
  if (name.empty() || name == "f16") return GGML_TYPE_F16;
  if (name == "q8_0") return GGML_TYPE_Q8_0;
  if (name == "f32") return GGML_TYPE_F32;
  return invalid("KV cache type \"" + name.substr(0, 32) + "\" is not known; use f16, q8_0 or f32");
}

}  // namespace

void keep_llama_messages() {
  llama_log_set(keep_message, nullptr);
  mtmd_log_set(keep_message, nullptr);
  common_log_set_verbosity_thold(-1);  // the chat code would log prompts
}

std::string last_llama_errors() {
  const std::lock_guard lock(log_mu);
  std::string text = std::exchange(log_tail, {});
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

Result<std::unique_ptr<Model>> Model::load(const engine::LoadRequest& request, std::function<void(double)> progress) {
  auto model = std::unique_ptr<Model>(new Model());
  llama_model_params params = llama_model_default_params();
  params.load_mode = LLAMA_LOAD_MODE_MMAP;
  Placement placement;
  params.progress_callback_user_data = &progress;
  params.progress_callback = [](float fraction, void* data) {
    (*static_cast<std::function<void(double)>*>(data))(fraction);
    return true;
  };
  const auto unusable = [&](const std::string& why) {
    return fail(ErrorCode::kCorrupted, "The model file of " + request.name + " cannot be loaded: it is damaged, incomplete or of a kind "
                "this version does not know; get it again and compare its checksum", why);
  };
  try {
    RETURN_IF_ERROR(place(request, params, placement));
    model->model_.reset(llama_model_load_from_file(request.model_path.c_str(), params));
    if (!model->model_) return unusable(last_llama_errors());
    model->vocab_ = llama_model_get_vocab(model->model_.get());
    if (llama_vocab_n_tokens(model->vocab_) <= 0) return unusable("it has no vocabulary");
    model->describe(request);
    if (params.n_gpu_layers != 0) model->info_.accelerators = accelerators();
    RETURN_IF_ERROR(model->choose_limits(request));
    RETURN_IF_ERROR(model->read_templates());
    RETURN_IF_ERROR(model->load_adapters(request));
    RETURN_IF_ERROR(model->open_eyes(request));
    model->start_threads();
  } catch (const std::exception& failure) {
    return unusable(failure.what());
  }
  return model;
}

/// As many layers as the accelerators have room for beside the cache go there; the rest stays with the processors.
Status Model::place(const engine::LoadRequest& request, llama_model_params& params, Placement& placement) {
  if (accelerators().empty()) return {};
  Model outline;  // without weights
  auto dry = params;
  dry.no_alloc = true;
  dry.load_mode = LLAMA_LOAD_MODE_NONE;
  dry.progress_callback = nullptr;
  outline.model_.reset(llama_model_load_from_file(request.model_path.c_str(), dry));
  if (!outline.model_) return {};  // loading it says why
  outline.vocab_ = llama_model_get_vocab(outline.model_.get());
  outline.describe(request);
  RETURN_IF_ERROR(outline.choose_limits(request));
  auto context = outline.embeds_only_ ? outline.embedding_params() : outline.generation_params();
  outline.model_.reset();
  placement.shares.resize(llama_max_devices());
  placement.overrides.resize(llama_max_tensor_buft_overrides());
  std::vector<std::size_t> margins(llama_max_devices(), kLeftOnCard);
  const auto fits = common_fit_params(request.model_path.c_str(), &params, &context, placement.shares.data(), placement.overrides.data(), margins.data(), context.n_ctx, nullptr, GGML_LOG_LEVEL_ERROR);
  keep_llama_messages();  // it puts a log of its own in place
  if (fits != COMMON_PARAMS_FIT_STATUS_SUCCESS) params.n_gpu_layers = 0;
  return {};
}

Result<std::unique_ptr<Model>> Model::load_draft(const engine::LoadRequest& request, const Model& model) {
  engine::LoadRequest draft{.model_path = request.draft_path, .name = request.draft_name};
  draft.context_tokens = model.limits().context_tokens;
  draft.kv_tokens = model.limits().kv_tokens;
  draft.parallel = std::min(engine::kDraftSequences, model.limits().parallel);
  draft.threads = request.threads;
  draft.kv_type = request.kv_type;
  return load(draft, [](double) {});
}

Status Model::open_eyes(const engine::LoadRequest& request) {
  if (request.projector_path.empty() || embeds_only_) return {};
  ASSIGN_OR_RETURN(eyes_, Eyes::open(request.projector_path, model_.get(), limits_.threads));
  if (eyes_->sees_whole()) limits_.batch_tokens = std::max(limits_.batch_tokens, kWholePicture);
  info_.vision = true;
  return {};
}

Status Model::load_adapters(const engine::LoadRequest& request) {
  for (const auto& file : request.adapters) {
    auto* lora = llama_adapter_lora_init(model_.get(), file.path.c_str());
    if (lora == nullptr)
      return fail(ErrorCode::kCorrupted, "The adapter " + file.name + " cannot be loaded: its file is damaged, or it was made for another model than " +
                  request.name, last_llama_errors());
    adapters_.push_back({file.name, lora});
    info_.adapters.push_back(file.name);
  }
  return {};
}

Result<std::int32_t> Model::adapter_named(const std::string& name) const {
  if (name.empty()) return -1;
  const auto found = std::ranges::find(adapters_, name, &Adapter::name);
  if (found != adapters_.end()) return static_cast<std::int32_t>(found - adapters_.begin());
  std::string names;
  for (const auto& one : adapters_) names += (names.empty() ? "" : ", ") + one.name;
  return fail_because(ErrorCode::kNotFound, "adapter_not_found", "The model " + info_.name + " has no adapter " + name.substr(0, 64) + "; " +
                      (names.empty() ? "it was loaded without any" : "it has: " + names));
}

std::string Model::metadata(const std::string& key) const {
  char buffer[256];
  const int size = llama_model_meta_val_str(model_.get(), key.c_str(), buffer, sizeof buffer);
  return size < 0 ? std::string() : std::string(buffer, std::min<std::size_t>(static_cast<std::size_t>(size), sizeof buffer - 1));
}

void Model::describe(const engine::LoadRequest& request) {
  info_.name = request.name;
  info_.architecture = metadata("general.architecture");
  info_.train_context_tokens = llama_model_n_ctx_train(model_.get());
  info_.vocabulary = llama_vocab_n_tokens(vocab_);
  for (Token token = 0; token < info_.vocabulary; ++token)
    if (is_end(token)) ends_.push_back(token);
  info_.embedding_dimensions = llama_model_n_embd_out(model_.get());
  info_.parameters = static_cast<std::int64_t>(llama_model_n_params(model_.get()));
  info_.model_bytes = static_cast<std::int64_t>(llama_model_size(model_.get()));
  const std::string pooling = metadata(info_.architecture + ".pooling_type");
  embeds_only_ = metadata(info_.architecture + ".attention.causal") == "false" || (!pooling.empty() && pooling != "0");
  info_.can_generate = !embeds_only_;
  ranks_ = pooling == std::to_string(LLAMA_POOLING_TYPE_RANK);
  info_.can_embed = !ranks_;
  info_.can_rerank = ranks_;
}

std::int64_t Model::kv_bytes_per_token() const {
  const auto number = [&](const std::string& key, std::int64_t fallback) {
    const std::string text = metadata(info_.architecture + "." + key);
    return text.empty() ? fallback : std::max<std::int64_t>(1, std::atoll(text.c_str()));
  };
  const std::int64_t heads = std::max(1, llama_model_n_head(model_.get()));
  const std::int64_t head = llama_model_n_embd(model_.get()) / heads;
  // Latent attention keeps one row, from which keys and values are made.
  const bool latent = !metadata(info_.architecture + ".attention.key_length_mla").empty();
  const std::int64_t values = number("attention.key_length", head) + (latent ? 0 : number("attention.value_length", head));
  return std::max<std::int64_t>(1, llama_model_n_layer(model_.get()) * std::max(1, llama_model_n_head_kv(model_.get())) * values *
                                       static_cast<std::int64_t>(ggml_type_size(limits_.kv_type)) / ggml_blck_size(limits_.kv_type));
}

Status Model::choose_limits(const engine::LoadRequest& request) {
  ASSIGN_OR_RETURN(limits_.kv_type, kv_type_named(request.kv_type));
  const std::int32_t trained = std::max(1, info_.train_context_tokens);
  limits_.context_tokens = chosen(request.context_tokens, std::min(trained, embeds_only_ ? kDefaultEmbedContext : engine::kDefaultContextTokens), 16, trained);
  limits_.embed_tokens = embeds_only_ ? limits_.context_tokens : std::min(limits_.context_tokens, kDefaultEmbedContext);
  limits_.parallel = chosen(request.parallel, engine::kDefaultParallel, 1, kMaxParallel);
  limits_.batch_tokens = std::max(chosen(request.batch_tokens, engine::kDefaultBatchTokens, 16, 8192), limits_.parallel);
  // Wrong guesses must be taken out of memory again, with nothing lost that was let go of for them.
  limits_.guesses = shares_prefixes() && llama_model_n_swa(model_.get()) == 0 ? std::min(kMostGuesses, limits_.batch_tokens - limits_.parallel) : 0;
  limits_.queue_limit = chosen(request.queue_limit, kDefaultQueue, 1, 100'000);
  // Threads meet after every operation; on a tiny model the meetings cost more than the work, above all on a busy machine.
  const std::int32_t useful = info_.model_bytes < kOneThreadBelow ? 1 : usable_cores();
  limits_.threads = chosen(request.threads, useful, 1, 512);
  // Of a sliding window llama.cpp saves only what the last token of a range still sees.
  limits_.spill_bytes = shares_prefixes() && llama_model_n_swa(model_.get()) == 0 ? std::max<std::int64_t>(0, request.spill_bytes) : 0;
  limits_.kv_tokens = engine::kv_tokens_for(request.kv_tokens, limits_.context_tokens, kv_bytes_per_token());
  info_.context_tokens = limits_.context_tokens;
  info_.parallel_sequences = limits_.parallel;
  return {};
}

/// Without these llama.cpp starts threads anew for every step.
void Model::start_threads() {
  if (limits_.threads < 2) return;
  auto params = ggml_threadpool_params_default(limits_.threads);
  params.poll = kPolling;
  threads_.reset(ggml_threadpool_new(&params));
}

Status Model::read_templates() {
  if (embeds_only_ || llama_model_chat_template(model_.get(), nullptr) == nullptr) return {};
  templates_ = common_chat_templates_init(model_.get(), "");
  info_.chat_template = true;
  auto caps = common_chat_templates_get_caps(templates_.get());
  info_.tools = caps["supports_tools"] || caps["supports_tool_calls"];
  info_.thinking = common_chat_templates_support_enable_thinking(templates_.get());
  return {};
}

std::vector<Token> Model::tokenize(std::string_view text, bool add_special, bool parse_special) const {
  return common_tokenize(vocab_, std::string(text), add_special, parse_special);
}

std::string Model::piece(Token token, bool special) const { return common_token_to_piece(vocab_, token, special); }

std::int32_t Model::sequence_ids() const { return shares_prefixes() ? kMaxSequenceIds : limits_.parallel; }

llama_context_params Model::generation_params() const {
  llama_context_params params = llama_context_default_params();
  params.n_ctx = static_cast<std::uint32_t>(limits_.kv_tokens);
  params.n_batch = params.n_ubatch = static_cast<std::uint32_t>(limits_.batch_tokens);
  // Ids beyond these may be used too, as the cache is one for all; but each of these gets a row of logits.
  params.n_seq_max = static_cast<std::uint32_t>(limits_.parallel);
  // One place per sequence needs logits, and each guessed token; room for a whole batch of them would cost vocabulary × 512 floats.
  params.n_outputs_max = static_cast<std::uint32_t>(limits_.parallel + limits_.guesses);
  params.n_threads = params.n_threads_batch = limits_.threads;
  params.type_k = params.type_v = limits_.kv_type;
  params.kv_unified = true;
  params.no_perf = true;
  return params;
}

Result<LlamaContext> Model::generation_context() const {
  LlamaContext context(llama_init_from_model(model_.get(), generation_params()));
  if (!context)
    return fail(ErrorCode::kResourceExhausted, "There is not enough memory for a KV cache of " + std::to_string(limits_.kv_tokens) +
                " tokens of " + info_.name + "; load it with a smaller context", last_llama_errors());
  if (threads_) llama_attach_threadpool(context.get(), threads_.get(), nullptr);
  return context;
}

llama_context_params Model::embedding_params() const {
  llama_context_params params = llama_context_default_params();
  // A text without causal attention must go through in one piece, so a step must hold the longest one.
  const auto tokens = static_cast<std::uint32_t>(std::max(limits_.embed_tokens, 512));
  params.n_ctx = params.n_batch = params.n_ubatch = tokens;
  params.n_seq_max = kEmbedSequences;
  params.n_threads = params.n_threads_batch = limits_.threads;
  params.embeddings = true;
  if (!embeds_only_) params.pooling_type = LLAMA_POOLING_TYPE_MEAN;
  params.kv_unified = true;
  params.no_perf = true;
  return params;
}

Result<LlamaContext> Model::embedding_context() const {
  LlamaContext context(llama_init_from_model(model_.get(), embedding_params()));
  if (!context)
    return fail(ErrorCode::kResourceExhausted, "There is not enough memory to embed texts with " + info_.name + "; load it with a smaller context",
                last_llama_errors());
  if (threads_) llama_attach_threadpool(context.get(), threads_.get(), nullptr);
  return context;
}

}  // namespace siyu::worker
