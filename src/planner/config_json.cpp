// Hugging Face's config.json: the same things under the names that the families gave them.
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "base/json.h"
#include "planner/shapes.h"

namespace siyu::planner {
namespace {

constexpr double kMostLayers = 4096, kMostWidth = 1 << 24, kMostExperts = 65'536;

class Config {
 public:
  explicit Config(const json::object& root) : root_(root) {
    // Models that see keep their language model's numbers one level down.
    for (const char* key : {"text_config", "llm_config", "language_config"})
      if (const auto* inner = root.if_contains(key); inner != nullptr && inner->is_object()) text_ = &inner->get_object();
  }
  const json::value* find(std::string_view key) const {
    if (text_ != nullptr)
      if (const auto* found = text_->if_contains(key); found != nullptr && !found->is_null()) return found;
    const auto* found = root_.if_contains(key);
    return found == nullptr || found->is_null() ? nullptr : found;
  }
  std::optional<std::uint32_t> number(std::initializer_list<std::string_view> keys) const {
    for (const auto key : keys)
      if (const auto* found = find(key); found != nullptr && found->is_number()) {
        const auto value = found->to_number<double>();
        if (value >= 0 && value <= kMostWidth) return static_cast<std::uint32_t>(value);
      }
    return std::nullopt;
  }
  bool yes(std::string_view key) const {
    const auto* found = find(key);
    return found != nullptr && found->is_bool() && found->get_bool();
  }
  std::string text(std::string_view key) const {
    const auto* found = find(key);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
  }

 private:
  const json::object& root_;
  const json::object* text_ = nullptr;
};

Result<std::uint32_t> needed(const Config& config, std::string_view file, std::initializer_list<std::string_view> keys, double most) {
  const auto value = config.number(keys);
  if (!value || *value == 0 || *value > most) return invalid(fmt::format("{}: `{}` must be a whole number from 1 to {:.0f}; is this the model's config.json?", file, *keys.begin(), most));
  return *value;
}

/// Layers by what stands in `layer_types`; without it, every layer slides that has a window.
void read_windows(const Config& config, ModelEntry& entry) {
  const auto window = config.number({"sliding_window"});
  if (!window || *window == 0) return;
  std::uint32_t sliding = 0;
  if (const auto* types = config.find("layer_types"); types != nullptr && types->is_array()) {
    sliding = static_cast<std::uint32_t>(std::ranges::count_if(types->get_array(), [](const json::value& one) { return one.is_string() && one.get_string() == "sliding_attention"; }));
  } else if (const auto pattern = config.number({"sliding_window_pattern"})) {
    sliding = *pattern > 0 ? entry.layers - entry.layers / *pattern : 0;
  } else if (const auto* use = config.find("use_sliding_window"); use == nullptr || (use->is_bool() && use->get_bool())) {
    sliding = entry.layers;
  }
  if (sliding == 0) return;
  entry.sliding_window = *window;
  entry.sliding_layers = sliding;
}

void read_experts(const Config& config, ModelEntry& entry) {
  const auto experts = config.number({"n_routed_experts", "num_experts", "num_local_experts"});
  if (!experts || *experts < 2 || *experts > kMostExperts) return;
  entry.experts = *experts;
  entry.experts_used = std::clamp(config.number({"num_experts_per_tok", "moe_topk"}).value_or(1), 1U, *experts);
  entry.expert_ffn = config.number({"moe_intermediate_size", "intermediate_size"});
  entry.shared_experts = config.number({"n_shared_experts", "num_shared_experts"}).value_or(0);
  if (const auto shared = config.number({"shared_expert_intermediate_size"}); shared && *shared > 0 && entry.expert_ffn.value_or(0) > 0) entry.shared_experts = std::max(1U, *shared / *entry.expert_ffn);
  entry.dense_layers = config.number({"first_k_dense_replace"}).value_or(0);
}

/// How it is stored, as one of our weight formats; empty when as its type.
std::optional<std::string> stored_as(const Config& config) {
  const auto* quantization = config.find("quantization_config");
  if (quantization == nullptr || !quantization->is_object()) return std::nullopt;
  const auto& object = quantization->get_object();
  const auto* method = object.if_contains("quant_method");
  const auto* bits = object.if_contains("bits");
  const auto name = method != nullptr && method->is_string() ? std::string(method->get_string()) : std::string();
  const auto width = bits != nullptr && bits->is_number() ? bits->to_number<double>() : 4;
  if (name == "awq") return "awq-int4";
  if (name == "gptq") return width == 8 ? "gptq-int8" : "gptq-int4";
  if (name == "fp8") return "fp8-block";
  if (name == "mxfp4") return "mxfp4";
  return std::nullopt;
}

}  // namespace

Result<ModelEntry> entry_of_config(std::string_view text, std::string_view name) {
  const auto parsed = parse_json(text);
  if (!parsed) return invalid(fmt::format("{} is no config.json: {}", name, parsed.error().message));
  if (!parsed->is_object()) return invalid(fmt::format("{} is no config.json: it must be an object", name));
  const Config config(parsed->get_object());
  ModelEntry entry;
  entry.source = fmt::format("config.json ({})", name);
  entry.architecture = config.text("model_type");
  entry.name = config.text("_name_or_path").empty() ? entry.architecture : config.text("_name_or_path");
  ASSIGN_OR_RETURN(entry.layers, needed(config, name, {"num_hidden_layers", "num_layers", "n_layer"}, kMostLayers));
  ASSIGN_OR_RETURN(entry.hidden_size, needed(config, name, {"hidden_size", "n_embd"}, kMostWidth));
  ASSIGN_OR_RETURN(entry.heads, needed(config, name, {"num_attention_heads", "n_head"}, kMostWidth));
  ASSIGN_OR_RETURN(entry.vocabulary, needed(config, name, {"vocab_size", "padded_vocab_size"}, kMostWidth));
  entry.encoder = entry.architecture == "bert" || entry.architecture == "xlm-roberta" || entry.architecture == "roberta";
  entry.kind = *entry.encoder ? "embedding" : "chat";
  entry.kv_heads = config.number({"num_key_value_heads", "multi_query_group_num"}).value_or(entry.heads);
  if (entry.kv_heads == 0 || entry.kv_heads > entry.heads) return invalid(fmt::format("{}: `num_key_value_heads` must be from 1 to the {} attention heads", name, entry.heads));
  entry.key_head_dim = config.number({"head_dim", "kv_channels"}).value_or(entry.hidden_size / entry.heads);
  entry.value_head_dim = entry.key_head_dim;
  entry.ffn = config.number({"intermediate_size", "ffn_hidden_size", "n_inner"}).value_or(4 * entry.hidden_size);
  entry.context = config.number({"max_position_embeddings", "seq_length", "n_positions"}).value_or(4096);
  // Absent means tied in transformers, but the families here that tie write it down.
  entry.tied_embeddings = config.yes("tie_word_embeddings");
  entry.qkv_bias = entry.architecture.starts_with("qwen2") || config.yes("add_qkv_bias") || config.yes("attention_bias");
  entry.qk_norm = entry.architecture.starts_with("qwen3") || config.yes("use_qk_norm");
  if (const auto rank = config.number({"kv_lora_rank"}); rank && *rank > 0) {
    entry.kv_lora_rank = *rank;
    entry.q_lora_rank = config.number({"q_lora_rank"});
    entry.qk_nope_head_dim = config.number({"qk_nope_head_dim"}).value_or(128);
    entry.qk_rope_head_dim = config.number({"qk_rope_head_dim"}).value_or(64);
    entry.v_head_dim = config.number({"v_head_dim"}).value_or(128);
    entry.key_head_dim = *entry.qk_nope_head_dim + *entry.qk_rope_head_dim;
    entry.value_head_dim = *entry.v_head_dim;
  }
  read_experts(config, entry);
  read_windows(config, entry);
  entry.native_precision = stored_as(config);
  const auto shape = shape_of(entry);
  entry.parameters = shape.parameters();
  entry.active_parameters = shape.active_parameters();
  return entry;
}

}  // namespace siyu::planner
