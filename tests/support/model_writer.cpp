// Writes GGUF models of random weights with a real vocabulary: plumbing and speed are tested at honest sizes without
// downloads. The same arguments give the same bytes.
//
//   model_writer --arch qwen2 --preset 0.5b --type q8_0 --seed 1 -o model.gguf
//
// With --weights it takes a BERT sentence embedder's published weights instead (all-MiniLM-L6-v2 and its kin share BERT's vocabulary):
//
//   model_writer --arch bert --preset minilm --weights model.safetensors -o minilm.gguf
//
// With --chain each token is followed by the next one of the vocabulary: such a model quotes any run of them in its prompt, at the
// full cost of its size.
//
// With --thinking its chat template begins every answer with reasoning, as those of reasoning models do.
//
// With --lora R it writes a LoRA adapter of rank R for the model of the same shape instead.
//
// With --projector TYPE it writes a projector of that type, which gives a model of the same width sight: gemma3 (its pictures have 16
// places, which see each other), qwen2vl_merger (places in two dimensions, their number by the picture's size; needs --arch qwen2vl) or
// mlp (larger pictures are cut into tiles).
#include <ggml.h>
#include <gguf.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <numbers>
#include <stdexcept>
#include <string>
#include <vector>

#include "safetensors.h"

namespace {

struct Shape {
  std::uint32_t layers, width, heads, kv_heads, feed_forward, context;
  std::uint32_t head = 0;  ///< width of one
};

struct Arguments {
  std::string arch = "qwen2", preset = "tiny", type = "f16", vocabulary, weights, output, projector;
  std::uint64_t seed = 1;
  std::uint32_t layers = 0, width = 0, heads = 0, kv_heads = 0, head = 0, feed_forward = 0, context = 0, lora = 0;
  bool chat = true, thinking = false, chain = false, rerank = false, repeat = false;
};

const std::map<std::string, Shape> kPresets{
    {"tiny", {2, 64, 4, 2, 128, 4096}},
    {"small", {8, 512, 8, 2, 1408, 8192}},
    {"minilm", {6, 384, 12, 12, 1536, 512}},  // all-MiniLM-L6-v2's config.json
    {"0.5b", {24, 896, 14, 2, 4864, 32768}},  // the shape of Qwen2.5-0.5B's published config.json
};
const std::map<std::string, std::string> kVocabularies{
    {"llama", "ggml-vocab-llama-spm.gguf"}, {"qwen2", "ggml-vocab-qwen2.gguf"}, {"qwen3", "ggml-vocab-qwen2.gguf"}, {"qwen2vl", "ggml-vocab-qwen2.gguf"},
    {"qwen3moe", "ggml-vocab-qwen2.gguf"}, {"deepseek2", "ggml-vocab-qwen2.gguf"}, {"gemma3", "ggml-vocab-qwen2.gguf"}, {"bert", "ggml-vocab-bert-bge.gguf"}};
const std::map<std::string, ggml_type> kTypes{{"f16", GGML_TYPE_F16}, {"f32", GGML_TYPE_F32}, {"bf16", GGML_TYPE_BF16}, {"q8_0", GGML_TYPE_Q8_0}, {"q4_0", GGML_TYPE_Q4_0},
                                              {"q5_0", GGML_TYPE_Q5_0}, {"q4_k", GGML_TYPE_Q4_K}, {"q5_k", GGML_TYPE_Q5_K}, {"q6_k", GGML_TYPE_Q6_K}};

// A mixture of experts, and multi-head latent attention (DeepSeek-V2, arXiv:2405.04434), both in small.
constexpr std::uint32_t kExperts = 16, kExpertsUsed = 4;
constexpr std::uint32_t kQueryRank = 384, kKvRank = 256, kRope = 64, kNope = 64, kValue = 64;
constexpr std::uint32_t kWindow = 1024;  // of gemma3's layers but every sixth

constexpr float kSpread = 0.04F;  // standard deviation of the weights
constexpr std::int64_t kRepeated = 64;  // rows
constexpr float kWhisper = 0.0005F;  // of what layers add to a token in a chain: too little to change what follows
constexpr const char* kChatTemplate = R"({%- if tools %}<|im_start|>system
{% if messages[0].role == 'system' %}{{ messages[0].content }}

{% endif %}These functions can be called:
<tools>
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}
</tools>
A call is written as
<tool_call>
{"name": <function name>, "arguments": <its arguments as JSON>}
</tool_call><|im_end|>
{% elif messages[0].role == 'system' %}<|im_start|>system
{{ messages[0].content }}<|im_end|>
{% endif %}
{%- for message in messages %}
{%- if message.role == 'tool' %}<|im_start|>user
<tool_response>
{{ message.content }}
</tool_response><|im_end|>
{% elif message.role == 'assistant' and message.tool_calls %}<|im_start|>assistant
{%- for call in message.tool_calls %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%- endfor %}<|im_end|>
{% elif message.role != 'system' %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %})";

constexpr const char* kOtherTurns = "{% elif message.role != 'system' %}";
// No line ends beside the marks: in a vocabulary without tokens for them they would be other tokens there.
constexpr const char* kThoughtfulTurn = R"({% elif message.role == 'assistant' %}<|im_start|>assistant
{% if message.reasoning_content %}<think>{{ message.reasoning_content }}</think>{% endif %}{{ message.content }}<|im_end|>
)";
constexpr const char* kThoughtfulStart = R"({%- if add_generation_prompt %}{% if enable_thinking is defined and enable_thinking is false %}<think></think>{% else %}<think>{% endif %}{% endif %})";

std::string chat_template(bool thinking) {
  std::string text = kChatTemplate;
  if (!thinking) return text;
  text.insert(text.find(kOtherTurns), kThoughtfulTurn);
  return text + kThoughtfulStart;
}

/// SplitMix64 (Steele, Lea, Flood 2014) and the Box–Muller transform: the same on every machine, unlike std::normal_distribution.
class Normal {
 public:
  explicit Normal(std::uint64_t seed) : state_(seed) {}
  float next() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    const double radius = std::sqrt(-2 * std::log(uniform()));
    const double angle = 2 * std::numbers::pi * uniform();
    spare_ = static_cast<float>(radius * std::sin(angle));
    has_spare_ = true;
    return static_cast<float>(radius * std::cos(angle));
  }

 private:
  double uniform() {
    state_ += 0x9E3779B97F4A7C15ULL;
    std::uint64_t value = state_;
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9ULL;
    value = (value ^ value >> 27) * 0x94D049BB133111EBULL;
    value ^= value >> 31;
    return (static_cast<double>(value >> 11) + 0.5) / 9007199254740992.0;
  }
  std::uint64_t state_;
  float spare_ = 0;
  bool has_spare_ = false;
};

class Model {
 public:
  Model(const Arguments& arguments, Shape shape) : arguments_(arguments), shape_(shape), type_(kTypes.at(arguments.type)) {
    const auto file = arguments.vocabulary.empty() ? std::string(SIYU_VOCABULARIES) + "/" + kVocabularies.at(arguments.arch) : arguments.vocabulary;
    vocabulary_.reset(gguf_init_from_file(file.c_str(), {.no_alloc = true, .ctx = nullptr}));
    if (!vocabulary_) throw std::runtime_error("the vocabulary " + file + " cannot be read");
    meta_.reset(gguf_init_empty());
    gguf_set_kv(meta_.get(), vocabulary_.get());
    context_.reset(ggml_init({.mem_size = ggml_tensor_overhead() * 4096, .mem_buffer = nullptr, .no_alloc = true}));
    words_ = static_cast<std::int64_t>(gguf_get_arr_n(vocabulary_.get(), gguf_find_key(vocabulary_.get(), "tokenizer.ggml.tokens")));
  }

  void describe() {
    const auto& arch = arguments_.arch;
    gguf_set_val_str(meta_.get(), "general.architecture", arch.c_str());
    gguf_set_val_str(meta_.get(), "general.name", ("random " + arch + " " + arguments_.preset).c_str());
    set("block_count", shape_.layers);
    set("context_length", shape_.context);
    set("embedding_length", shape_.width);
    set("feed_forward_length", shape_.feed_forward);
    set("attention.head_count", shape_.heads);
    set("attention.head_count_kv", arch == "bert" ? shape_.heads : arch == "deepseek2" ? 1 : shape_.kv_heads);
    if (arch == "bert") {
      gguf_set_val_f32(meta_.get(), "bert.attention.layer_norm_epsilon", 1e-12F);
      gguf_set_val_bool(meta_.get(), "bert.attention.causal", false);
      set("pooling_type", arguments_.rerank ? 4 : 1);  // rank, mean
      gguf_set_val_u32(meta_.get(), "tokenizer.ggml.token_type_count", 2);
      return;
    }
    gguf_set_val_f32(meta_.get(), (arch + ".attention.layer_norm_rms_epsilon").c_str(), 1e-6F);
    gguf_set_val_f32(meta_.get(), (arch + ".rope.freq_base").c_str(), 1e6F);
    set("rope.dimension_count", arch == "deepseek2" ? kRope : shape_.head);
    set("vocab_size", static_cast<std::uint32_t>(words_));
    if (arch == "deepseek2") describe_latent_attention();
    else if (arch != "qwen2" && arch != "qwen2vl") {
      set("attention.key_length", shape_.head);
      set("attention.value_length", shape_.head);
    }
    if (arch == "gemma3") set("attention.sliding_window", kWindow);
    if (has_experts()) {
      set("expert_count", kExperts);
      set("expert_used_count", kExpertsUsed);
      set("expert_feed_forward_length", expert_width());
    }
    if (arch == "qwen2vl") {
      const auto half = static_cast<std::int32_t>(shape_.width / shape_.heads / 2), part = half / 4;
      const std::int32_t sections[] = {part, (half - part) / 2, half - part - (half - part) / 2, 0};  // time, rows, columns
      gguf_set_arr_data(meta_.get(), "qwen2vl.rope.dimension_sections", GGUF_TYPE_INT32, sections, 4);
    }
    if (arguments_.chat && arch != "llama") gguf_set_val_str(meta_.get(), "tokenizer.chat_template", chat_template(arguments_.thinking).c_str());
  }

  bool has_experts() const { return arguments_.arch == "qwen3moe" || arguments_.arch == "deepseek2"; }
  std::uint32_t expert_width() const { return shape_.feed_forward / 4; }

  void describe_latent_attention() {
    set("attention.q_lora_rank", kQueryRank);
    set("attention.kv_lora_rank", kKvRank);
    set("attention.key_length", kKvRank + kRope);
    set("attention.value_length", kKvRank);
    set("attention.key_length_mla", kNope + kRope);
    set("attention.value_length_mla", kValue);
    set("leading_dense_block_count", 1);
    set("expert_shared_count", 1);
    set("expert_gating_func", 2);  // sigmoid
    gguf_set_val_f32(meta_.get(), "deepseek2.expert_weights_scale", 1.0F);
  }

  void lay_out_adapter() {
    meta_.reset(gguf_init_empty());
    gguf_set_val_str(meta_.get(), "general.type", "adapter");
    gguf_set_val_str(meta_.get(), "general.architecture", arguments_.arch.c_str());
    gguf_set_val_str(meta_.get(), "general.name", ("random adapter of " + arguments_.arch + " " + arguments_.preset).c_str());
    gguf_set_val_str(meta_.get(), "adapter.type", "lora");
    gguf_set_val_f32(meta_.get(), "adapter.lora.alpha", static_cast<float>(16 * arguments_.lora));  // loud, so that it is heard in random weights
    const std::int64_t rank = arguments_.lora, width = shape_.width;
    for (std::uint32_t i = 0; i < shape_.layers; ++i) {
      for (const char* name : {"attn_q", "attn_output"}) {
        const auto weight = "blk." + std::to_string(i) + "." + name + ".weight";
        matrix(weight + ".lora_a", width, rank, GGML_TYPE_F32);
        matrix(weight + ".lora_b", rank, width, GGML_TYPE_F32);
      }
    }
  }

  void lay_out() {
    const std::int64_t width = shape_.width, inner = shape_.feed_forward;
    matrix("token_embd.weight", width, words_);
    if (arguments_.chain) matrix("output.weight", width, words_);
    if (arguments_.arch == "bert") {
      matrix("position_embd.weight", width, shape_.context, GGML_TYPE_F32);
      matrix("token_types.weight", width, 2, GGML_TYPE_F32);
      norm("token_embd_norm", width);
    } else {
      vector("output_norm.weight", width, 1);
    }
    for (std::uint32_t i = 0; i < shape_.layers; ++i) {
      const auto block = "blk." + std::to_string(i) + ".";
      if (arguments_.arch == "bert") {
        for (const char* name : {"attn_q", "attn_k", "attn_v", "attn_output"}) linear(block + name, width, width);
        norm(block + "attn_output_norm", width);
        linear(block + "ffn_up", width, inner);
        linear(block + "ffn_down", inner, width);
        norm(block + "layer_output_norm", width);
        continue;
      }
      vector(block + "attn_norm.weight", width, 1);
      if (arguments_.arch == "deepseek2") lay_out_latent_attention(block);
      else lay_out_attention(block);
      vector(block + "ffn_norm.weight", width, 1);
      if (has_experts() && (arguments_.arch != "deepseek2" || i > 0)) lay_out_experts(block);
      else lay_out_feed_forward(block, "", inner);
      if (arguments_.arch == "gemma3") {
        vector(block + "post_attention_norm.weight", width, 1);
        vector(block + "post_ffw_norm.weight", width, 1);
      }
    }
  }

  void lay_out_attention(const std::string& block) {
    const std::int64_t width = shape_.width, head = shape_.head, queries = head * shape_.heads, keys = head * shape_.kv_heads;
    const auto& arch = arguments_.arch;
    const bool biased = arch.starts_with("qwen2");
    projection(block + "attn_q", width, queries, biased);
    projection(block + "attn_k", width, keys, biased);
    projection(block + "attn_v", width, keys, biased);
    matrix(block + "attn_output.weight", queries, width);
    if (arch != "qwen3" && arch != "qwen3moe" && arch != "gemma3") return;
    vector(block + "attn_q_norm.weight", head, 1);
    vector(block + "attn_k_norm.weight", head, 1);
  }

  void lay_out_latent_attention(const std::string& block) {
    const std::int64_t width = shape_.width, heads = shape_.heads;
    vector(block + "attn_q_a_norm.weight", kQueryRank, 1);
    vector(block + "attn_kv_a_norm.weight", kKvRank, 1);
    matrix(block + "attn_q_a.weight", width, kQueryRank);
    matrix(block + "attn_q_b.weight", kQueryRank, heads * (kNope + kRope));
    matrix(block + "attn_kv_a_mqa.weight", width, kKvRank + kRope);
    cube(block + "attn_k_b.weight", kNope, kKvRank, heads);
    cube(block + "attn_v_b.weight", kKvRank, kValue, heads);
    matrix(block + "attn_output.weight", heads * kValue, width);
  }

  void lay_out_feed_forward(const std::string& block, const char* suffix, std::int64_t inner) {
    const std::int64_t width = shape_.width;
    matrix(block + "ffn_gate" + suffix + ".weight", width, inner);
    matrix(block + "ffn_up" + suffix + ".weight", width, inner);
    matrix(block + "ffn_down" + suffix + ".weight", inner, width);
  }

  void lay_out_experts(const std::string& block) {
    const std::int64_t width = shape_.width, inner = expert_width();
    matrix(block + "ffn_gate_inp.weight", width, kExperts, GGML_TYPE_F32);
    cube(block + "ffn_gate_exps.weight", width, inner, kExperts);
    cube(block + "ffn_up_exps.weight", width, inner, kExperts);
    cube(block + "ffn_down_exps.weight", inner, width, kExperts);
    if (arguments_.arch == "deepseek2") lay_out_feed_forward(block, "_shexp", inner);
  }

  /// An encoder like SigLIP's, small, and what takes its output to the width of the language model.
  void lay_out_projector() {
    constexpr std::uint32_t kImage = 128, kPatch = 16, kWidth = 64, kHeads = 4, kInner = 128, kLayers = 2;
    const bool gemma = arguments_.projector == "gemma3", qwen = arguments_.projector == "qwen2vl_merger", tiles = arguments_.projector == "mlp";
    meta_.reset(gguf_init_empty());
    const auto number = [&](const char* key, std::uint32_t value) { gguf_set_val_u32(meta_.get(), (std::string("clip.vision.") + key).c_str(), value); };
    gguf_set_val_str(meta_.get(), "general.type", "mmproj");
    gguf_set_val_str(meta_.get(), "general.architecture", "clip");
    gguf_set_val_str(meta_.get(), "clip.projector_type", arguments_.projector.c_str());
    gguf_set_val_bool(meta_.get(), "clip.has_vision_encoder", true);
    gguf_set_val_bool(meta_.get(), "clip.use_gelu", true);
    number("image_size", kImage);
    number("patch_size", kPatch);
    number("embedding_length", kWidth);
    number("feed_forward_length", kInner);
    number("block_count", kLayers);
    number("attention.head_count", kHeads);
    number("projection_dim", shape_.width);
    if (gemma) number("projector.scale_factor", 2);
    const std::int32_t sizes[] = {256, 128, 128, 256, 256, 256};  // of pictures that are put together of tiles
    if (tiles) gguf_set_arr_data(meta_.get(), "clip.vision.image_grid_pinpoints", GGUF_TYPE_INT32, sizes, 6);
    gguf_set_val_f32(meta_.get(), "clip.vision.attention.layer_norm_epsilon", 1e-6F);
    const float half[] = {0.5F, 0.5F, 0.5F};
    gguf_set_arr_data(meta_.get(), "clip.vision.image_mean", GGUF_TYPE_FLOAT32, half, 3);
    gguf_set_arr_data(meta_.get(), "clip.vision.image_std", GGUF_TYPE_FLOAT32, half, 3);
    const auto patches = [&](const char* name) { add(ggml_new_tensor_4d(context_.get(), GGML_TYPE_F32, kPatch, kPatch, 3, kWidth), name, NAN); };
    patches("v.patch_embd.weight");
    if (!qwen) matrix("v.position_embd.weight", kWidth, (kImage / kPatch) * (kImage / kPatch), GGML_TYPE_F32);
    else patches("v.patch_embd.weight.1");
    for (std::uint32_t i = 0; i < kLayers; ++i) {
      const auto block = "v.blk." + std::to_string(i) + ".";
      norm(block + "ln1", kWidth);
      for (const char* name : {"attn_q", "attn_k", "attn_v", "attn_out"}) linear(block + name, kWidth, kWidth);
      norm(block + "ln2", kWidth);
      linear(block + "ffn_up", kWidth, kInner);
      linear(block + "ffn_down", kInner, kWidth);
    }
    norm("v.post_ln", kWidth);
    if (gemma) {
      vector("mm.soft_emb_norm.weight", kWidth, 1);
      matrix("mm.input_projection.weight", shape_.width, kWidth, GGML_TYPE_F32);
    } else {
      const std::uint32_t inner = tiles ? kWidth : 4 * kWidth;  // four places become one
      linear("mm.0", inner, inner);
      linear("mm.2", inner, shape_.width);
    }
  }

  /// The head that scores a pair: BERT's pooler, then one number.
  void lay_out_rank_head() {
    linear("cls", shape_.width, shape_.width);
    linear("cls.output", shape_.width, 1);
  }

  void write() {
    const auto unfinished = arguments_.output + ".tmp";
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(unfinished.c_str(), "wb"), &std::fclose);
    if (!file) throw std::runtime_error(arguments_.output + " cannot be written");
    const auto size = gguf_get_meta_size(meta_.get());
    std::vector<char> head(size);
    gguf_get_meta_data(meta_.get(), head.data());
    put(file.get(), head.data(), head.size());
    Normal normal(arguments_.seed);
    std::unique_ptr<Safetensors> weights;
    if (!arguments_.weights.empty()) weights = std::make_unique<Safetensors>(arguments_.weights);
    std::size_t done = 0;
    for (const auto& [tensor, constant] : tensors_) {
      if (weights) write_rows(file.get(), *tensor, weights->values(published_name(ggml_get_name(tensor)), static_cast<std::size_t>(ggml_nelements(tensor))));
      else if (arguments_.chain && ggml_nrows(tensor) == words_) write_chain(file.get(), *tensor);
      else write_tensor(file.get(), *tensor, constant, normal);
      if (::isatty(STDERR_FILENO) != 0) std::fprintf(stderr, "\r%zu of %zu tensors", ++done, tensors_.size());
    }
    if (::isatty(STDERR_FILENO) != 0) std::fputc('\n', stderr);
    if (std::fflush(file.get()) != 0 || std::rename(unfinished.c_str(), arguments_.output.c_str()) != 0) throw std::runtime_error(arguments_.output + " cannot be written");
  }

 private:
  void set(const char* key, std::uint32_t value) { gguf_set_val_u32(meta_.get(), (arguments_.arch + "." + key).c_str(), value); }

  void add(ggml_tensor* tensor, const std::string& name, float constant) {
    ggml_set_name(tensor, name.c_str());
    gguf_add_tensor(meta_.get(), tensor);
    tensors_.emplace_back(tensor, constant);
  }
  void matrix(const std::string& name, std::int64_t columns, std::int64_t rows) { matrix(name, columns, rows, type_); }
  void matrix(const std::string& name, std::int64_t columns, std::int64_t rows, ggml_type type) {
    if (columns % ggml_blck_size(type) != 0) type = GGML_TYPE_F16;
    add(ggml_new_tensor_2d(context_.get(), type, columns, rows), name, NAN);
  }
  void cube(const std::string& name, std::int64_t columns, std::int64_t rows, std::int64_t count) {
    const auto type = columns % ggml_blck_size(type_) == 0 ? type_ : GGML_TYPE_F16;
    add(ggml_new_tensor_3d(context_.get(), type, columns, rows, count), name, NAN);
  }
  /// Every value the same: scales of norms are 1, biases 0.
  void vector(const std::string& name, std::int64_t size, float constant) { add(ggml_new_tensor_1d(context_.get(), GGML_TYPE_F32, size), name, constant); }
  void norm(const std::string& name, std::int64_t size) {
    vector(name + ".weight", size, 1);
    vector(name + ".bias", size, 0);
  }
  void linear(const std::string& name, std::int64_t columns, std::int64_t rows) { projection(name, columns, rows, true); }
  void projection(const std::string& name, std::int64_t columns, std::int64_t rows, bool biased) {
    matrix(name + ".weight", columns, rows);
    if (biased) vector(name + ".bias", rows, 0);
  }

  static void put(std::FILE* file, const void* bytes, std::size_t size) {
    if (std::fwrite(bytes, 1, size, file) != size) throw std::runtime_error("the disk is full");
  }

  /// "blk.3.attn_q.weight" → "encoder.layer.3.attention.self.query.weight"
  static std::string published_name(const std::string& name) {
    static const std::vector<std::pair<std::string, std::string>> kNames{
        {"token_embd_norm", "embeddings.LayerNorm"}, {"token_embd", "embeddings.word_embeddings"}, {"position_embd", "embeddings.position_embeddings"},
        {"token_types", "embeddings.token_type_embeddings"}, {"attn_output_norm", "attention.output.LayerNorm"}, {"attn_output", "attention.output.dense"},
        {"attn_q", "attention.self.query"}, {"attn_k", "attention.self.key"}, {"attn_v", "attention.self.value"}, {"ffn_up", "intermediate.dense"},
        {"ffn_down", "output.dense"}, {"layer_output_norm", "output.LayerNorm"}};
    const auto dot = name.rfind('.');
    auto stem = name.substr(0, dot);
    std::string layer;
    if (stem.starts_with("blk.")) {
      const auto end = stem.find('.', 4);
      layer = "encoder.layer." + stem.substr(4, end - 4) + ".";
      stem = stem.substr(end + 1);
    }
    for (const auto& [ours, theirs] : kNames)
      if (stem == ours) return layer + theirs + name.substr(dot);
    throw std::runtime_error("only BERT's weights can be taken over, not " + name);
  }

  static void write_rows(std::FILE* file, const ggml_tensor& tensor, const std::vector<float>& values) {
    std::vector<char> packed(ggml_row_size(tensor.type, tensor.ne[0]) * static_cast<std::size_t>(ggml_nrows(&tensor)));
    ggml_quantize_chunk(tensor.type, values.data(), packed.data(), 0, ggml_nrows(&tensor), tensor.ne[0], nullptr);
    put(file, packed.data(), packed.size());
    pad(file, packed.size());
  }

  /// Token t + 1 answers to what token t looks like.
  void write_chain(std::FILE* file, const ggml_tensor& tensor) const {
    const std::int64_t shift = std::string(ggml_get_name(&tensor)) == "output.weight" ? words_ - 1 : 0;
    std::vector<float> row(static_cast<std::size_t>(tensor.ne[0]));
    std::vector<char> packed(ggml_row_size(tensor.type, tensor.ne[0]));
    for (std::int64_t i = 0; i < words_; ++i) {
      Normal normal(arguments_.seed + static_cast<std::uint64_t>((i + shift) % words_) * 0x9E3779B97F4A7C15ULL);
      for (auto& value : row) value = normal.next();
      ggml_quantize_chunk(tensor.type, row.data(), packed.data(), 0, 1, tensor.ne[0], nullptr);
      put(file, packed.data(), packed.size());
    }
    pad(file, packed.size() * static_cast<std::size_t>(words_));
  }
  static void pad(std::FILE* file, std::size_t written) {
    const std::vector<char> padding(GGML_PAD(written, GGUF_DEFAULT_ALIGNMENT) - written, 0);
    put(file, padding.data(), padding.size());
  }

  void write_tensor(std::FILE* file, const ggml_tensor& tensor, float constant, Normal& normal) const {
    const std::string name = ggml_get_name(&tensor);
    const float spread = arguments_.chain && (name.ends_with("attn_output.weight") || name.ends_with("ffn_down.weight")) ? kWhisper : kSpread;
    std::vector<float> row(static_cast<std::size_t>(tensor.ne[0]), constant);
    const auto row_bytes = ggml_row_size(tensor.type, tensor.ne[0]);
    const std::int64_t rows = ggml_nrows(&tensor), made = arguments_.repeat ? std::min(rows, kRepeated) : 1;
    std::vector<char> packed(row_bytes * static_cast<std::size_t>(made));
    for (std::int64_t i = 0; i < rows; ++i) {
      auto* at = packed.data() + static_cast<std::size_t>(i % made) * row_bytes;
      if (i < made || !arguments_.repeat) {
        if (std::isnan(constant))
          for (auto& value : row) value = spread * normal.next();
        ggml_quantize_chunk(tensor.type, row.data(), at, 0, 1, tensor.ne[0], nullptr);
      }
      put(file, at, row_bytes);
    }
    pad(file, row_bytes * static_cast<std::size_t>(rows));
  }

  template <auto free>
  struct Free {
    void operator()(auto* object) const { free(object); }
  };
  const Arguments& arguments_;
  const Shape shape_;
  const ggml_type type_;
  std::unique_ptr<gguf_context, Free<gguf_free>> vocabulary_, meta_;
  std::unique_ptr<ggml_context, Free<ggml_free>> context_;
  std::int64_t words_ = 0;
  std::vector<std::pair<ggml_tensor*, float>> tensors_;  // in file order; a constant, or NaN for random values
};

Shape shape_of(const Arguments& arguments) {
  auto shape = kPresets.at(arguments.preset);
  const auto choose = [](std::uint32_t& value, std::uint32_t wanted) {
    if (wanted != 0) value = wanted;
  };
  choose(shape.layers, arguments.layers);
  choose(shape.width, arguments.width);
  choose(shape.heads, arguments.heads);
  choose(shape.kv_heads, arguments.kv_heads);
  choose(shape.feed_forward, arguments.feed_forward);
  choose(shape.context, arguments.context);
  shape.head = arguments.head != 0 ? arguments.head : shape.width / shape.heads;
  if (arguments.arch == "bert" && arguments.context == 0) shape.context = 512;
  if (shape.width % shape.heads != 0 || shape.heads % shape.kv_heads != 0) throw std::runtime_error("--width must be a multiple of --heads, and --heads of --kv-heads");
  return shape;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Writes a GGUF model of random weights with a real vocabulary");
  const auto names = [](const auto& map) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : map) keys.push_back(key);
    return keys;
  };
  app.add_option("--arch", arguments.arch)->check(CLI::IsMember(names(kVocabularies)));
  app.add_option("--preset", arguments.preset)->check(CLI::IsMember(names(kPresets)));
  app.add_option("--type", arguments.type, "Of the large tensors")->check(CLI::IsMember(names(kTypes)));
  app.add_option("--vocabulary", arguments.vocabulary, "GGUF file to take the vocabulary from")->check(CLI::ExistingFile);
  app.add_option("--weights", arguments.weights, "Safetensors file to take the weights from; --arch bert only")->check(CLI::ExistingFile);
  app.add_option("--seed", arguments.seed);
  app.add_option("--layers", arguments.layers);
  app.add_option("--width", arguments.width);
  app.add_option("--heads", arguments.heads);
  app.add_option("--kv-heads", arguments.kv_heads);
  app.add_option("--head", arguments.head, "Width of a head; the width over the heads when absent. Not for qwen2");
  app.add_option("--feed-forward", arguments.feed_forward);
  app.add_option("--context", arguments.context);
  app.add_flag("!--no-chat-template", arguments.chat);
  app.add_flag("--thinking", arguments.thinking, "Its answers begin with reasoning");
  app.add_option("--lora", arguments.lora, "Write an adapter of this rank");
  app.add_option("--projector", arguments.projector, "Write a projector for pictures")->check(CLI::IsMember({"gemma3", "qwen2vl_merger", "mlp"}));
  app.add_flag("--rerank", arguments.rerank, "A reranker, which scores pairs of query and document; --arch bert only");
  app.add_flag("--repeat", arguments.repeat, "The first rows of each matrix over and over: quickly made, for measuring speed and memory only");
  app.add_flag("--chain", arguments.chain, "Each token is followed by the next one of the vocabulary");
  app.add_option("-o,--output", arguments.output)->required();
  CLI11_PARSE(app, argc, argv);
  try {
    if (arguments.rerank && arguments.arch != "bert") throw std::runtime_error("--rerank needs --arch bert");
    Model model(arguments, shape_of(arguments));
    if (arguments.lora > 0) {
      model.lay_out_adapter();
    } else if (!arguments.projector.empty()) {
      model.lay_out_projector();
    } else {
      model.describe();
      model.lay_out();
      if (arguments.rerank) model.lay_out_rank_head();
    }
    model.write();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "model_writer: %s\n", error.what());
    return 1;
  }
  return 0;
}
