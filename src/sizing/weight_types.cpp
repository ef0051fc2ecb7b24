#include "sizing/weight_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace siyu::sizing {
namespace {

constexpr std::array kTensorTypes{
    TensorType{0, "f32", 1, 4},          TensorType{1, "f16", 1, 2},          TensorType{2, "q4_0", 32, 18},       TensorType{3, "q4_1", 32, 20},
    TensorType{6, "q5_0", 32, 22},       TensorType{7, "q5_1", 32, 24},       TensorType{8, "q8_0", 32, 34},       TensorType{9, "q8_1", 32, 36},
    TensorType{10, "q2_k", 256, 84},     TensorType{11, "q3_k", 256, 110},    TensorType{12, "q4_k", 256, 144},    TensorType{13, "q5_k", 256, 176},
    TensorType{14, "q6_k", 256, 210},    TensorType{15, "q8_k", 256, 292},    TensorType{16, "iq2_xxs", 256, 66},  TensorType{17, "iq2_xs", 256, 74},
    TensorType{18, "iq3_xxs", 256, 98},  TensorType{19, "iq1_s", 256, 50},    TensorType{20, "iq4_nl", 32, 18},    TensorType{21, "iq3_s", 256, 110},
    TensorType{22, "iq2_s", 256, 82},    TensorType{23, "iq4_xs", 256, 136},  TensorType{24, "i8", 1, 1},          TensorType{25, "i16", 1, 2},
    TensorType{26, "i32", 1, 4},         TensorType{27, "i64", 1, 8},         TensorType{28, "f64", 1, 8},         TensorType{29, "iq1_m", 256, 56},
    TensorType{30, "bf16", 1, 2},        TensorType{34, "tq1_0", 256, 54},    TensorType{35, "tq2_0", 256, 66},    TensorType{39, "mxfp4", 32, 17},
    TensorType{40, "nvfp4", 64, 36},     TensorType{41, "q1_0", 128, 18},     TensorType{42, "q2_0", 64, 18},
};

const TensorType& named(std::string_view name) { return *tensor_type_named(name); }

/// What llama.cpp's quantiser takes when the rows are no whole blocks.
std::string_view smaller_blocks(std::string_view name) {
  if (name == "q2_k" || name == "q3_k" || name == "iq4_xs") return "iq4_nl";
  if (name == "q4_k") return "q5_0";
  if (name == "q5_k") return "q5_1";
  if (name == "q6_k") return "q8_0";
  return "f16";
}

/// The layers of which llama.cpp's *_M mixtures think that they need more bits.
bool needs_more_bits(std::uint32_t layer, std::uint32_t layers) { return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2; }

std::string_view attention_v_type(std::string_view mix, std::string_view base, const TensorPlace& at) {
  if (at.experts == 8) return "q8_0";
  if (mix == "q2_k") return at.heads_per_kv_head >= 4 ? "q4_k" : "q3_k";
  if (mix == "q3_k_m") return at.layer < 2 ? "q5_k" : "q4_k";
  if (mix == "q3_k_l") return "q5_k";
  if ((mix == "iq4_nl" || mix == "iq4_xs") && at.heads_per_kv_head >= 4) return "q5_k";
  if ((mix == "q4_k_m" || mix == "q5_k_m") && needs_more_bits(at.layer, at.layers)) return "q6_k";
  if (mix == "q4_k_s" && at.layer < 4) return "q5_k";
  if ((base == "q3_k" || base == "q4_k") && at.layers == 80 && at.heads_per_kv_head >= 8) return "q5_k";  // the 70B llamas
  return base;
}

std::string_view ffn_down_type(std::string_view mix, std::string_view base, const TensorPlace& at) {
  if (mix == "q2_k") return "q3_k";
  if (mix == "q3_k_m") return at.layer < at.layers / 16 ? "q5_k" : "q4_k";
  if (mix == "q3_k_l") return "q5_k";
  if ((mix == "q4_k_m" || mix == "q5_k_m") && needs_more_bits(at.layer, at.layers)) return "q6_k";
  if ((mix == "q4_k_s" || mix == "iq4_nl" || mix == "iq4_xs") && at.layer < at.layers / 8) return "q5_k";
  return base;
}

std::string_view attention_output_type(std::string_view mix, std::string_view base, const TensorPlace& at) {
  if (at.experts == 8 && mix != "q5_k_m" && mix != "q5_k_s" && mix != "q6_k" && mix.find('k') != mix.npos) return "q5_k";
  if (mix == "q2_k") return "q3_k";
  if (mix == "q3_k_m") return "q4_k";
  if (mix == "q3_k_l") return "q5_k";
  return base;
}

std::string_view gguf_type(std::string_view mix, const TensorPlace& at) {
  // A mixture's base type is its name without the size: q4_k_m → q4_k.
  const auto base = mix.ends_with("_s") || mix.ends_with("_m") || mix.ends_with("_l") ? mix.substr(0, mix.size() - 2) : mix;
  if (base == "f32" || base == "f16" || base == "bf16") return base;
  if (at.role == Role::kOutput || (at.role == Role::kTokenEmbedding && at.tied)) return base == "q8_0" || mix == "mxfp4" || at.columns % named(base).block != 0 ? "q8_0" : "q6_k";
  if (mix == "mxfp4") return at.experts > 0 && (at.role == Role::kFfnGate || at.role == Role::kFfnUp || at.role == Role::kFfnDown) ? "mxfp4" : "q8_0";
  switch (at.role) {
    case Role::kAttentionV: return attention_v_type(mix, base, at);
    case Role::kAttentionK: return at.experts == 8 ? "q8_0" : base;
    case Role::kFfnDown: return ffn_down_type(mix, base, at);
    case Role::kAttentionOutput: return attention_output_type(mix, base, at);
    default: return base;
  }
}

std::string plain(std::string_view name) {
  std::string out;
  for (const char c : fold(name))
    if (c != '-' && c != '_' && c != ' ') out += c;
  return out;
}

std::vector<WeightFormat> make_formats() {
  std::vector<WeightFormat> all{
      {"fp32", "plain", 32, 32, "4 bytes a weight"},
      {"fp16", "plain", 16, 16, "2 bytes a weight"},
      {"bf16", "plain", 16, 16, "2 bytes a weight"},
      {"fp8", "plain", 8, 8, "1 byte a weight"},
      {"int8", "plain", 8, 8, "1 byte a weight"},
      {"int4", "plain", 4, 16, "half a byte a weight, no scales: the round figure of a first estimate"},
      {"fp4", "compressed", 4.5, 4, "4 bits, and a scale of 8 bits for each 16 weights (NVFP4)"},
      {"fp8-block", "compressed", 8 + 32.0 / (128 * 128), 8, "a 32-bit scale for each block of 128 × 128 (DeepSeek-V3)"},
      {"w8a8", "compressed", 8, 8, "8-bit weights and activations, a scale for each row (below 0.1 % more)"},
      {"awq-int4", "compressed", 4 + 20.0 / 128, 16, "4 bits, a 16-bit scale and a 4-bit zero for each 128 weights; embeddings and output stay 16 bit"},
      {"gptq-int4", "compressed", 4 + 20.0 / 128, 16, "as awq-int4"},
      {"gptq-int8", "compressed", 8 + 24.0 / 128, 16, "8 bits, a 16-bit scale and an 8-bit zero for each 128 weights; embeddings and output stay 16 bit"},
  };
  for (const char* name : {"f32", "f16", "bf16", "q8_0", "q6_k", "q5_k_m", "q5_k_s", "q5_1", "q5_0", "q4_k_m", "q4_k_s", "q4_1", "q4_0", "iq4_nl", "iq4_xs", "mxfp4", "q3_k_l", "q3_k_m", "q3_k_s", "q2_k"}) {
    if (std::string_view(name) == "bf16") continue;  // the plain one is the same
    const auto base = gguf_type(name, {.role = Role::kFfnUp, .columns = 256, .experts = std::string_view(name) == "mxfp4" ? 1U : 0U});
    all.push_back({name, "gguf", named(base).bits(), 16, "GGUF, as llama.cpp's quantiser makes it"});
  }
  return all;
}

}  // namespace

const TensorType* tensor_type(std::uint32_t number) {
  const auto* at = std::ranges::find(kTensorTypes, number, &TensorType::number);
  return at == kTensorTypes.end() ? nullptr : at;
}

const TensorType* tensor_type_named(std::string_view name) {
  const auto* at = std::ranges::find(kTensorTypes, name, &TensorType::name);
  return at == kTensorTypes.end() ? nullptr : at;
}

const std::vector<WeightFormat>& weight_formats() {
  static const auto kFormats = make_formats();
  return kFormats;
}

Result<WeightFormat> weight_format(std::string_view name) {
  const auto wanted = plain(name);
  std::string known;
  for (const auto& format : weight_formats()) {
    if (plain(format.name) == wanted) return format;
    known += (known.empty() ? "" : ", ") + format.name;
  }
  return invalid_field("weights", fmt::format("is `{}`, which is no known weight type; known are {}", utf8_prefix(name, 64), known));
}

double bits_of(const WeightFormat& format, const TensorPlace& at) {
  if (at.role == Role::kVision) return std::min(format.bits, 16.0) < 16 ? 16 : format.bits;  // encoders of pictures are not quantised
  if (format.family == "plain") return format.bits;
  const bool small = at.role == Role::kNorm || at.role == Role::kBias || at.role == Role::kRouter;
  if (format.family == "compressed") return small || at.role == Role::kTokenEmbedding || at.role == Role::kOutput ? 16 : format.bits;
  if (small || at.role == Role::kRecurrent) return 32;
  auto type = gguf_type(format.name, at);
  while (at.columns % named(type).block != 0) type = smaller_blocks(type);
  return named(type).bits();
}

}  // namespace siyu::sizing
