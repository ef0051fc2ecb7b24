// What a siyu-worker process takes of a machine's memory for a model: part by part, from the model's structure.
//
// The parts follow how llama.cpp lays a model out on a CPU. Weights, KV cache and rows of logits are exact; the buffers of a step follow
// from what lives at its widest point; the tokenizer and the program were measured (docs/benchmarks.md has predicted against measured).
#pragma once

#include <cstdint>

#include "sizing/model_shape.h"

namespace siyu::sizing {

/// What the processor can, as far as it decides in which order ggml keeps weights (ggml-cpu/repack.cpp).
struct Processor {
  bool avx2 = false, avx512 = false, neon_dot = false, neon_int8 = false;
};
Processor this_processor();
/// Matrices of this type are stored anew at loading, in an order that suits the processor.
bool stored_anew(const TensorType& type, std::uint64_t rows, const Processor& processor);

/// Sizes of a worker, all of them known.
struct WorkerSizes {
  double kv_tokens = 0;            ///< that the cache holds, of all sequences together
  double kv_bits = 16;
  std::uint32_t sequences = 1;     ///< computed together
  std::uint32_t step_tokens = 512;
  std::uint32_t text_tokens = 512; ///< of the longest text, for a model that embeds
  std::uint32_t checked = 0;       ///< guessed tokens whose logits a step may need besides
};

/// Code and libraries, heaps and stacks of a worker, measured.
constexpr double kWorkerProgramBytes = 14.5e6;

/// Bytes.
struct WorkerMemory {
  double weights = 0;      ///< mapped from the file, or stored anew
  double stored_anew = 0;  ///< part of the weights: a worker's own, while those that are mapped are shared by workers of one file
  double second_output = 0;///< the output matrix stored anew, where the token embedding is the same matrix
  double kv = 0;
  double step = 0;         ///< buffers in which a step is computed
  double logits = 0;       ///< the rows that come out
  double tokenizer = 0;
  double program = 0;
  double total() const { return weights + second_output + kv + step + logits + tokenizer + program; }
};

/// `format`: null for the types in which the tensors are stored.
WorkerMemory worker_memory(const ModelShape& shape, const WeightFormat* format, const WorkerSizes& sizes, const Processor& processor);

/// Bytes of a worker whose layers all lie on one card, by llama.cpp's backend for NVIDIA's.
struct CardMemory {
  double weights = 0;        ///< all but the token embedding, whose rows are looked up on the server
  double second_output = 0;  ///< the token embedding after all, where it is the output matrix too
  double kv = 0;
  double step = 0;           ///< buffers in which a step is computed
  double runtime = 0;        ///< the driver's context, kernels and libraries, measured
  double host = 0;           ///< beside it, of the server's memory
  double total() const { return weights + second_output + kv + step + runtime; }
};
CardMemory card_memory(const ModelShape& shape, const WeightFormat* format, const WorkerSizes& sizes);

/// Numbers that a worker's cache holds for each token: sliding windows do not shorten it, as it keeps whole beginnings.
std::uint64_t cached_values_per_token(const ModelShape& shape);

/// Numbers that are alive for each token at the widest point of a step.
double activations_per_token(const ModelShape& shape);

}  // namespace siyu::sizing
