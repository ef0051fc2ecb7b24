// The structure of a model, as far as memory and speed depend on it. It comes from a GGUF header (models/shape.h), or from a catalogue
// entry or a config.json (planner/shapes.h); the reckoning is the same from there on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "sizing/weight_types.h"

namespace siyu::sizing {

/// A tensor, or several alike.
struct Tensor {
  Role role = Role::kOther;
  std::uint32_t layer = 0;
  std::uint64_t columns = 0, rows = 0;  ///< a row is what lies together in memory
  std::uint32_t experts = 1;            ///< that many of them, of which a token uses some
  const TensorType* stored = nullptr;   ///< as it lies in the file; null: any format may be chosen
  std::uint64_t elements() const { return columns * rows * experts; }
};

/// What one layer keeps of a sequence.
struct LayerMemory {
  std::uint32_t key_values = 0, value_values = 0;  ///< numbers for each token; a latent cache has keys only
  std::uint32_t window = 0;                        ///< it keeps only so many tokens; 0: all
  std::uint64_t state_values = 0;                  ///< of a sequence, however long (linear attention); always 32 bit
};

struct ModelShape {
  std::string name, architecture, origin;  ///< origin: where the shape is from, for people
  bool embeds = false;                     ///< makes vectors or scores: no KV cache is kept
  std::uint32_t layers = 0, width = 0, heads = 0, kv_heads = 0, key_width = 0, value_width = 0;
  std::uint32_t feed_forward = 0;          ///< inner width of the dense layers, 0 when there are none
  std::uint32_t vocabulary = 0, context = 0;
  std::uint32_t experts = 0, experts_used = 0, expert_feed_forward = 0, shared_feed_forward = 0;  ///< inner width of one expert, and of those that every token uses
  std::uint32_t latent_rank = 0, rope_width = 0;  ///< of multi-head latent attention; 0: none
  bool tied = false;                       ///< the token embedding is the output matrix too
  std::vector<Tensor> tensors;
  std::vector<LayerMemory> memory;         ///< of each layer

  std::uint64_t parameters() const;
  /// As publishers count them: all but the experts that a token does not use.
  std::uint64_t active_parameters() const;
  /// That a token is multiplied with: of the token embedding it takes one row only, unless that is the output matrix too.
  std::uint64_t computed_parameters() const;
  /// Of these, the output matrix: multiplied with for tokens whose successor is asked for, so not for those of a prompt but its last.
  std::uint64_t output_parameters() const;
  /// Numbers that are kept for each further token of a long sequence, sliding windows aside.
  std::uint64_t kv_values_per_token() const;
};

/// Bytes of the weights in a format; tensors that are stored already keep their type when `format` is null.
double weight_bytes(const ModelShape& shape, const WeightFormat* format);
/// Of these, what one token reads: as computed_parameters().
double active_weight_bytes(const ModelShape& shape, const WeightFormat* format);
/// Of the experts alone, all of them.
double expert_weight_bytes(const ModelShape& shape, const WeightFormat* format);

/// Multiplications and additions of one token's attention to one other, in all layers that attend; a latent cache is attended to in its rank.
double attention_flop(const ModelShape& shape);

/// The type of most of what is stored, such as "q4_k": what a processor's kernels are chosen by. Empty when nothing is stored yet.
std::string main_type(const ModelShape& shape);

/// Types in which a cache may keep keys and values: f32, f16, bf16, fp8, q8_0 (blocks of 32 with a scale), int8, q4_0.
Result<double> kv_bits(std::string_view type);
/// Bytes that a sequence of so many tokens takes in the cache.
double kv_bytes(const ModelShape& shape, double tokens, double bits);

}  // namespace siyu::sizing
