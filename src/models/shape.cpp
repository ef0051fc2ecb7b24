#include "models/shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>

namespace siyu::models {
namespace {

using sizing::LayerMemory;
using sizing::ModelShape;
using sizing::Role;
using sizing::Tensor;

constexpr std::uint64_t kMaxLayers = 4096;
constexpr std::uint64_t kMaxWidth = 1 << 24;

/// Architectures whose layers take turns with a sliding window when the file does not say which: every so many-th sees all. From
/// llama.cpp's loaders of these architectures.
constexpr std::array<std::pair<std::string_view, std::uint32_t>, 6> kWindowPatterns{{{"gemma2", 2}, {"gemma3", 6}, {"gemma3n", 5}, {"gpt-oss", 2}, {"cohere2", 4}, {"phi3", 1}}};

struct NamedPart {
  std::string_view part;
  Role role;
};
/// The first that a name holds counts.
constexpr std::array kParts{
    NamedPart{"_norm", Role::kNorm},          NamedPart{"ffn_gate_inp", Role::kRouter},   NamedPart{"token_embd", Role::kTokenEmbedding}, NamedPart{"ssm_", Role::kRecurrent},
    NamedPart{"attn_q_a", Role::kAttentionLatent}, NamedPart{"attn_q_b", Role::kAttentionLatent}, NamedPart{"attn_kv_", Role::kAttentionLatent}, NamedPart{"attn_k_b", Role::kAttentionLatent},
    NamedPart{"attn_v_b", Role::kAttentionLatent}, NamedPart{"attn_qkv", Role::kAttentionQ}, NamedPart{"attn_q", Role::kAttentionQ},  NamedPart{"attn_k", Role::kAttentionK},
    NamedPart{"attn_v", Role::kAttentionV},   NamedPart{"attn_output", Role::kAttentionOutput}, NamedPart{"ffn_gate", Role::kFfnGate}, NamedPart{"ffn_up", Role::kFfnUp},
    NamedPart{"ffn_down", Role::kFfnDown},
};

Role role_of(std::string_view name) {
  if (name.ends_with(".bias")) return Role::kBias;
  if (name == "output.weight") return Role::kOutput;
  for (const auto& [part, role] : kParts)
    if (name.find(part) != std::string_view::npos) return role;
  return Role::kOther;
}

/// "blk.17.attn_q.weight" → 17; nothing for tensors that belong to no layer.
std::optional<std::uint32_t> layer_of(std::string_view name) {
  if (!name.starts_with("blk.")) return std::nullopt;
  std::uint32_t layer = 0;
  const auto [end, error] = std::from_chars(name.data() + 4, name.data() + name.size(), layer);
  return error == std::errc() && layer < kMaxLayers ? std::optional(layer) : std::nullopt;
}

Tensor tensor_of(const GgufTensor& from, const sizing::TensorType& type) {
  Tensor tensor{.role = role_of(from.name), .layer = layer_of(from.name).value_or(0), .columns = from.shape.empty() ? 1 : from.shape[0], .rows = 1, .stored = &type};
  const bool experts = from.name.find("_exps") != std::string::npos && from.shape.size() == 3;
  for (std::size_t i = 1; i < from.shape.size() - (experts ? 1 : 0); ++i) tensor.rows *= from.shape[i];
  if (experts) tensor.experts = static_cast<std::uint32_t>(std::min(from.shape[2], kMaxWidth));
  return tensor;
}

/// A header's numbers, under the architecture's name.
class Header {
 public:
  Header(const GgufFile& file, std::string architecture) : file_(file), architecture_(std::move(architecture)) {}
  std::uint32_t number(const char* key, std::uint64_t fallback = 0) const {
    const auto value = file_.number(architecture_ + "." + key);
    return static_cast<std::uint32_t>(std::min(value > 0 ? value : fallback, kMaxWidth));
  }
  std::uint32_t of_layer(const char* key, std::size_t layer) const {
    return static_cast<std::uint32_t>(std::min(file_.number_of_layer(architecture_ + "." + key, layer), kMaxWidth));
  }
  bool lists(const char* key) const { return file_.lists.contains(architecture_ + "." + key); }

 private:
  const GgufFile& file_;
  std::string architecture_;
};

bool slides(const Header& header, const std::string& architecture, std::uint32_t layer) {
  if (header.lists("attention.sliding_window_pattern")) return header.of_layer("attention.sliding_window_pattern", layer) != 0;
  const auto* known = std::ranges::find(kWindowPatterns, architecture, [](const auto& one) { return one.first; });
  const auto pattern = header.number("attention.sliding_window_pattern", known == kWindowPatterns.end() ? 0 : known->second);
  return pattern > 0 && (pattern == 1 || layer % pattern < pattern - 1);
}

/// What Mamba and its kin keep of a sequence: the last inputs of a convolution, and a state.
std::uint64_t recurrent_state(const Header& header) {
  const std::uint64_t inner = header.number("ssm.inner_size"), state = header.number("ssm.state_size"), groups = header.number("ssm.group_count", 1);
  const std::uint64_t kernel = header.number("ssm.conv_kernel", 1);
  return (kernel - 1) * (inner + 2 * groups * state) + inner * state;
}

std::vector<LayerMemory> memory_of(const GgufFile& file, const ModelShape& shape, const Header& header) {
  std::vector<bool> attends(shape.layers, false), recurs(shape.layers, false);
  for (const auto& tensor : file.tensors) {
    const auto layer = layer_of(tensor.name);
    if (!layer || *layer >= shape.layers) continue;
    const auto role = role_of(tensor.name);
    if (role == Role::kAttentionK || role == Role::kAttentionLatent || tensor.name.find("attn_qkv") != std::string::npos) attends[*layer] = true;
    if (role == Role::kRecurrent) recurs[*layer] = true;
  }
  // A file of one part of several may hold no layer at all: its layers are taken to attend, as most do.
  if (std::ranges::none_of(attends, std::identity()) && std::ranges::none_of(recurs, std::identity())) attends.assign(shape.layers, true);
  const auto window = header.number("attention.sliding_window");
  std::vector<LayerMemory> memory(shape.layers);
  for (std::uint32_t i = 0; i < shape.layers; ++i) {
    if (recurs[i]) memory[i].state_values = recurrent_state(header);
    else if (attends[i] && shape.latent_rank > 0) memory[i].key_values = shape.key_width;
    else if (attends[i]) {
      const auto heads = header.of_layer("attention.head_count_kv", i);
      const auto kv_heads = heads > 0 ? heads : shape.kv_heads;
      memory[i].key_values = kv_heads * shape.key_width;
      memory[i].value_values = kv_heads * shape.value_width;
    }
    if (window > 0 && slides(header, shape.architecture, i)) memory[i].window = window;
  }
  return memory;
}

}  // namespace

Result<ModelShape> shape_of(const GgufFile& file) {
  const auto facts = facts_of(file);
  if (facts.architecture.empty() || facts.layers == 0 || facts.embedding_length == 0)
    return invalid("The GGUF file holds no language model that could be planned for: it names no layers; adapters and projectors are planned with their model");
  if (facts.layers > kMaxLayers || facts.embedding_length > kMaxWidth || facts.heads > kMaxWidth || facts.vocabulary > kMaxWidth) return invalid("The GGUF file says impossible sizes of itself; get it again");
  const Header header(file, facts.architecture);
  ModelShape shape{.name = facts.title, .architecture = facts.architecture, .origin = "GGUF header", .embeds = facts.embedding};
  shape.layers = static_cast<std::uint32_t>(facts.layers);
  shape.width = static_cast<std::uint32_t>(facts.embedding_length);
  // Heads may differ from layer to layer: then the header lists them.
  for (std::size_t i = 0; i < shape.layers; ++i) {
    shape.heads = std::max(shape.heads, header.of_layer("attention.head_count", i));
    shape.kv_heads = std::max(shape.kv_heads, header.of_layer("attention.head_count_kv", i));
    shape.feed_forward = std::max(shape.feed_forward, header.of_layer("feed_forward_length", i));
  }
  shape.heads = std::max(1U, shape.heads);
  if (shape.kv_heads == 0) shape.kv_heads = shape.heads;
  shape.key_width = header.number("attention.key_length", shape.width / shape.heads);
  shape.value_width = header.number("attention.value_length", shape.width / shape.heads);
  shape.vocabulary = static_cast<std::uint32_t>(facts.vocabulary);
  shape.context = static_cast<std::uint32_t>(std::min<std::uint64_t>(facts.context_length, UINT32_MAX));
  shape.experts = header.number("expert_count");
  shape.experts_used = header.number("expert_used_count");
  shape.expert_feed_forward = header.number("expert_feed_forward_length", shape.experts > 0 ? shape.feed_forward : 0);
  shape.shared_feed_forward = header.number("expert_shared_feed_forward_length", std::uint64_t{header.number("expert_shared_count")} * shape.expert_feed_forward);
  // Of latent attention the cache keeps one row for all heads, from which keys and values are made.
  if (header.number("attention.key_length_mla") > 0) {
    shape.latent_rank = header.number("attention.kv_lora_rank");
    shape.rope_width = header.number("rope.dimension_count");
  }
  shape.tied = std::ranges::none_of(file.tensors, [](const GgufTensor& one) { return one.name == "output.weight"; });
  for (const auto& from : file.tensors) {
    const auto* type = sizing::tensor_type(from.type);
    if (type == nullptr) return fail(ErrorCode::kUnsupported, fmt::format("The tensor {} of the GGUF file has the type {}, which this version does not know", from.name.substr(0, 64), from.type));
    shape.tensors.push_back(tensor_of(from, *type));
  }
  shape.memory = shape.embeds ? std::vector<LayerMemory>(shape.layers) : memory_of(file, shape, header);
  return shape;
}

}  // namespace siyu::models
