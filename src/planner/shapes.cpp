#include "planner/shapes.h"

#include <algorithm>

#include "models/shape.h"
#include "planner/safetensors.h"

namespace siyu::planner {
namespace {

using sizing::LayerMemory;
using sizing::ModelShape;
using sizing::Role;
using sizing::Tensor;

/// Writes the tensors of a model in the order of its layers.
class Layout {
 public:
  Layout(const ModelEntry& entry, ModelShape& shape) : e_(entry), s_(shape) {}

  void all() {
    matrix(Role::kTokenEmbedding, e_.hidden_size, e_.vocabulary);
    if (!e_.tied_embeddings && !e_.encoder.value_or(false)) matrix(Role::kOutput, e_.hidden_size, e_.vocabulary);
    vector(Role::kNorm, e_.hidden_size);
    if (e_.encoder.value_or(false)) encoder_ends();
    const auto linear_layers = e_.linear_attention_layers.value_or(0);
    for (layer_ = 0; layer_ < e_.layers; ++layer_) {
      // Which layers are linear matters to no sum; published models repeat three of them and a full one.
      const bool linear = linear_layers > 0 && (layer_ % 4 != 3 || linear_layers == e_.layers);
      if (linear) linear_attention();
      else attention();
      feed_forward();
      vector(Role::kNorm, (e_.extra_norms.value_or(false) ? 4U : 2U) * e_.hidden_size);
      s_.memory.push_back(linear ? linear_memory() : memory());
    }
    layer_ = 0;
    if (e_.vision_parameters) add({.role = Role::kVision, .columns = 1, .rows = *e_.vision_parameters});
  }

 private:
  void add(Tensor tensor) {
    if (tensor.elements() > 0) s_.tensors.push_back(tensor);
  }
  void matrix(Role role, std::uint64_t columns, std::uint64_t rows, std::uint32_t experts = 1) { add({.role = role, .layer = layer_, .columns = columns, .rows = rows, .experts = experts}); }
  void vector(Role role, std::uint64_t size) { add({.role = role, .layer = layer_, .columns = size, .rows = 1}); }

  void attention() {
    const std::uint64_t h = e_.hidden_size, n = e_.heads, k = e_.kv_heads, key = e_.key_head_dim, value = e_.value_head_dim;
    if (e_.kv_lora_rank) return latent_attention();
    matrix(Role::kAttentionQ, h, n * key * (e_.attention_gate.value_or(false) ? 2 : 1));
    matrix(Role::kAttentionK, h, k * key);
    matrix(Role::kAttentionV, h, k * value);
    matrix(Role::kAttentionOutput, n * value, h);
    const bool encoder = e_.encoder.value_or(false);
    if (e_.qkv_bias.value_or(false) || encoder) vector(Role::kBias, n * key + k * (key + value));
    if (e_.output_bias.value_or(false)) vector(Role::kBias, h + n);
    else if (encoder) vector(Role::kBias, h);
    if (e_.qk_norm.value_or(false)) vector(Role::kNorm, 2 * key);
  }

  void latent_attention() {
    const std::uint64_t h = e_.hidden_size, n = e_.heads, q = e_.q_lora_rank.value_or(0), c = *e_.kv_lora_rank;
    const std::uint64_t nope = e_.qk_nope_head_dim.value_or(0), rope = e_.qk_rope_head_dim.value_or(0), value = e_.v_head_dim.value_or(e_.value_head_dim);
    if (q > 0) {
      matrix(Role::kAttentionLatent, h, q);
      vector(Role::kNorm, q);
      matrix(Role::kAttentionLatent, q, n * (nope + rope));
    } else {
      matrix(Role::kAttentionLatent, h, n * (nope + rope));
    }
    matrix(Role::kAttentionLatent, h, c + rope);
    vector(Role::kNorm, c);
    matrix(Role::kAttentionLatent, c, n * (nope + value));
    matrix(Role::kAttentionOutput, n * value, h);
    if (const auto index = e_.index_heads) {  // the indexer of sparse attention
      const std::uint64_t width = e_.index_head_dim.value_or(0);
      matrix(Role::kAttentionLatent, q, width * *index);
      matrix(Role::kAttentionLatent, h, width + *index);
      vector(Role::kNorm, 2 * width);
    }
  }

  void linear_attention() {
    const std::uint64_t h = e_.hidden_size, keys = std::uint64_t{e_.linear_key_heads.value_or(0)} * e_.linear_key_head_dim.value_or(0);
    const std::uint64_t heads = e_.linear_value_heads.value_or(0), width = e_.linear_value_head_dim.value_or(0), values = heads * width;
    matrix(Role::kAttentionQ, h, 2 * keys + 2 * values + 2 * heads);
    vector(Role::kRecurrent, 4 * (2 * keys + values) + 2 * heads + width);
    matrix(Role::kAttentionOutput, values, h);
  }

  void feed_forward() {
    const std::uint64_t h = e_.hidden_size;
    const bool dense = !e_.experts || layer_ < e_.dense_layers.value_or(0);
    if (dense) {
      const std::uint64_t f = e_.ffn.value_or(0);
      if (!e_.encoder.value_or(false)) matrix(Role::kFfnGate, h, f);
      matrix(Role::kFfnUp, h, f);
      matrix(Role::kFfnDown, f, h);
      if (e_.encoder.value_or(false)) vector(Role::kBias, f + 3 * h);  // of both matrices, and of the two norms
      return;
    }
    const std::uint32_t experts = *e_.experts;
    const std::uint64_t f = e_.expert_ffn.value_or(0);
    matrix(Role::kRouter, h, experts);
    if (e_.router_bias.value_or(false)) vector(Role::kBias, experts);
    matrix(Role::kFfnGate, h, f, experts);
    matrix(Role::kFfnUp, h, f, experts);
    matrix(Role::kFfnDown, f, h, experts);
    if (e_.expert_bias.value_or(false)) add({.role = Role::kBias, .layer = layer_, .columns = 2 * f + h, .rows = 1, .experts = experts});
    if (const std::uint64_t shared = e_.shared_experts.value_or(0); shared > 0) {
      matrix(Role::kFfnGate, h, f * shared);
      matrix(Role::kFfnUp, h, f * shared);
      matrix(Role::kFfnDown, f * shared, h);
    }
  }

  void encoder_ends() {
    const std::uint64_t h = e_.hidden_size;
    matrix(Role::kOther, h, e_.positions.value_or(0) + std::uint64_t{e_.token_types.value_or(0)});
    vector(Role::kBias, h);
    if (e_.pooler.value_or(false)) matrix(Role::kOther, h, h), vector(Role::kBias, h);
    if (e_.classifier.value_or(false)) matrix(Role::kOther, h, h + 1), vector(Role::kBias, h + 1);
  }

  LayerMemory memory() const {
    if (s_.embeds) return {};
    if (e_.kv_lora_rank) return {.key_values = *e_.kv_lora_rank + e_.qk_rope_head_dim.value_or(0)};
    LayerMemory memory{.key_values = e_.kv_heads * e_.key_head_dim, .value_values = e_.kv_heads * e_.value_head_dim};
    // As many layers as the entry says have the window; which ones matters to no sum.
    if (e_.sliding_window && layer_ < e_.sliding_layers.value_or(0)) memory.window = *e_.sliding_window;
    return memory;
  }
  LayerMemory linear_memory() const {
    const std::uint64_t keys = e_.linear_key_head_dim.value_or(0), values = e_.linear_value_head_dim.value_or(0), heads = e_.linear_value_heads.value_or(0);
    const std::uint64_t convolved = 2 * keys * e_.linear_key_heads.value_or(0) + values * heads;
    return {.state_values = heads * keys * values + 3 * convolved};
  }

  const ModelEntry& e_;
  ModelShape& s_;
  std::uint32_t layer_ = 0;
};

/// The file named, or the one of that name in the folder.
std::filesystem::path config_beside(const std::filesystem::path& path) {
  return std::filesystem::is_directory(path) ? path / "config.json" : path.parent_path() / "config.json";
}

Result<ModelShape> shape_of_config(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const auto text, read_small_file(path));
  ASSIGN_OR_RETURN(const auto entry, entry_of_config(text, path.string()));
  return shape_of(entry);
}

/// Structure from config.json, tensors as they are stored.
Result<ModelShape> shape_of_safetensors(const std::filesystem::path& path) {
  const auto config = config_beside(path);
  std::error_code error;
  if (!std::filesystem::exists(config, error))
    return invalid("Safetensors say how large the weights are but not how many layers and heads there are; put the model's config.json beside " + path.string());
  ASSIGN_OR_RETURN(auto shape, shape_of_config(config));
  ASSIGN_OR_RETURN(const auto stored, read_safetensors(path));
  shape.tensors = stored;
  shape.origin = "safetensors headers and config.json";
  return shape;
}

}  // namespace

ModelShape shape_of(const ModelEntry& e) {
  ModelShape shape{.name = e.name, .architecture = e.architecture, .origin = e.source, .embeds = e.kind == "embedding" || e.kind == "rerank"};
  shape.layers = e.layers;
  shape.width = e.hidden_size;
  shape.heads = e.heads;
  shape.kv_heads = e.kv_heads;
  shape.key_width = e.key_head_dim;
  shape.value_width = e.value_head_dim;
  shape.feed_forward = e.ffn.value_or(0);
  shape.vocabulary = e.vocabulary;
  shape.context = std::max(e.context, e.context_extended.value_or(0));
  shape.experts = e.experts.value_or(0);
  shape.experts_used = e.experts_used.value_or(0);
  shape.expert_feed_forward = e.expert_ffn.value_or(0);
  shape.shared_feed_forward = e.shared_experts.value_or(0) * shape.expert_feed_forward;
  shape.tied = e.tied_embeddings || e.encoder.value_or(false);
  if (e.kv_lora_rank) {
    shape.latent_rank = *e.kv_lora_rank;
    shape.rope_width = e.qk_rope_head_dim.value_or(0);
  }
  Layout(e, shape).all();
  return shape;
}

Result<ModelShape> find_shape(const Catalogue& catalogue, const std::string& name) {
  const std::filesystem::path path(name);
  std::error_code error;
  const bool exists = std::filesystem::exists(path, error);
  if (!exists && !path.has_extension() && name.find("./") == std::string::npos) {
    ASSIGN_OR_RETURN(const auto* entry, catalogue.model(name));
    return shape_of(*entry);
  }
  if (!exists) {
    if (const auto entry = catalogue.model(name)) return shape_of(**entry);  // "Qwen2.5-7B" looks like a file with an extension
    const auto suffix = path.extension().string();
    if (suffix == ".gguf" || suffix == ".safetensors" || suffix == ".json") return not_found("There is no file " + name + "; give a path to a GGUF file, safetensors or config.json, or a model's name");
    return std::unexpected(catalogue.model(name).error());
  }
  if (path.extension() == ".gguf") {
    ASSIGN_OR_RETURN(const auto header, models::read_whole_gguf(path));
    auto shape = models::shape_of(header);
    if (shape && shape->name.empty()) shape->name = path.stem().string();
    return shape;
  }
  if (path.extension() == ".json") return shape_of_config(path);
  if (path.extension() == ".safetensors" || std::filesystem::is_directory(path, error)) return shape_of_safetensors(path);
  return invalid(name + " is no GGUF file, no safetensors and no config.json");
}

}  // namespace siyu::planner
