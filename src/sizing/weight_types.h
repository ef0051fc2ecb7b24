// How many bits a weight takes in each type that models are stored in, with the scales that its blocks carry.
//
// GGUF types: ggml's block structures (ggml-common.h), bytes of a block over its weights. File-wide mixtures such as Q4_K_M give each
// tensor a type by its role; the rules are those of llama.cpp's quantiser (llama-quant.cpp) for models without an importance matrix.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace siyu::sizing {

/// The tensor types of GGUF files, by ggml's numbers.
struct TensorType {
  std::uint32_t number = 0;
  std::string_view name;
  std::uint32_t block = 1;        ///< weights that are stored together; rows are whole blocks
  std::uint32_t block_bytes = 0;
  double bits() const { return 8.0 * block_bytes / block; }
  std::uint64_t bytes(std::uint64_t elements) const { return elements / block * block_bytes; }
};
/// Null for a number that this version does not know.
const TensorType* tensor_type(std::uint32_t number);
const TensorType* tensor_type_named(std::string_view name);  ///< "q4_k"; null when unknown

/// What a tensor is for; quantisers treat roles differently.
enum class Role { kTokenEmbedding, kOutput, kNorm, kBias, kAttentionQ, kAttentionK, kAttentionV, kAttentionOutput, kAttentionLatent, kFfnGate, kFfnUp, kFfnDown, kRouter, kRecurrent, kVision, kOther };

/// A way to store a whole model: "q4_k_m", "fp16", "awq-int4".
struct WeightFormat {
  std::string name;
  std::string family;             ///< gguf, plain (every weight alike), compressed (scales beside; embeddings and head stay 16 bit)
  double bits = 0;                ///< of the large matrices, scales included; of a mixture: its base type
  double compute_bits = 16;       ///< of the numbers that are multiplied: 16, 8 or 4
  std::string note;
};
/// All that are known, small ones last. Names as people write them: case and "-"/"_" do not matter.
const std::vector<WeightFormat>& weight_formats();
/// kInvalidArgument names what there is.
Result<WeightFormat> weight_format(std::string_view name);

/// Where the tensor stands, as far as the rules of mixtures ask.
struct TensorPlace {
  Role role = Role::kOther;
  std::uint32_t layer = 0, layers = 1;
  std::uint64_t columns = 1;      ///< length of a row; a type whose blocks do not fit falls back to a larger one
  std::uint32_t experts = 0;      ///< of the model
  std::uint32_t heads_per_kv_head = 1;
  bool tied = false;              ///< the token embedding is the output matrix too
};
/// Bits of each of the tensor's weights in this format.
double bits_of(const WeightFormat& format, const TensorPlace& place);

}  // namespace siyu::sizing
