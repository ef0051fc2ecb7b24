// How much memory a model takes, on a server's processors or on cards: weights, KV cache, the buffers of a step, what the runtime takes,
// split over cards, with headroom. Every figure says how it came about.
#pragma once

#include <boost/describe.hpp>

#include <optional>
#include <string>
#include <vector>

#include "planner/worksheet.h"
#include "sizing/model_shape.h"
#include "sizing/worker_memory.h"

namespace siyu::planner {

enum class EngineKind {
  kSiyu,         ///< our worker on the processors: one KV cache for all sequences
  kSiyuCard,     ///< our worker with all layers on one card of NVIDIA's
  kLlamaServer,  ///< llama.cpp's server on the processors: the cache is parted among its slots
  kCards,        ///< an engine on accelerators that pages its cache: vLLM, SGLang, MindIE, TensorRT-LLM
};
BOOST_DESCRIBE_ENUM(EngineKind, kSiyu, kSiyuCard, kLlamaServer, kCards)

/// How a model is cut over cards. Experts lie on all cards of a tensor group.
struct Split {
  std::uint32_t tensor = 1, pipeline = 1;
  std::uint32_t cards() const { return tensor * pipeline; }
};
BOOST_DESCRIBE_STRUCT(Split, (), (tensor, pipeline))

struct MemoryQuestion {
  sizing::ModelShape shape;
  std::optional<std::string> weights;   ///< weight format; absent: as stored, or 16 bit
  std::string kv_type = "f16";
  double context = 8192;                ///< tokens of the longest request
  double users = 1;                     ///< requests at once
  double fill = 1;                      ///< of the context, how much a request holds on average
  double shared_prefix = 0;             ///< tokens that all requests begin with; kept once
  std::optional<double> kv_tokens;      ///< that the cache holds, instead of users × context
  std::uint32_t step_tokens = 0;        ///< tokens of a step; 0: the engine's default
  EngineKind engine = EngineKind::kSiyu;
  Split split;
  double headroom = 0.1;                ///< of the memory, that stays free
  sizing::Processor processor = sizing::this_processor();
};

/// Bytes, of one card where there are several: the fullest.
struct MemoryPlan {
  double weights = 0, kv = 0, activations = 0, runtime = 0;
  double total = 0;               ///< of one card, or of the process
  double with_headroom = 0;       ///< that the card or the server should have free
  double all_cards = 0;           ///< without headroom
  double kv_tokens = 0, kv_bytes_per_token = 0;
  std::string model, weights_format;
  double parameters = 0, active_parameters = 0;
  Split split;
  std::vector<Figure> figures;
};
BOOST_DESCRIBE_STRUCT(MemoryPlan, (), (model, weights_format, parameters, active_parameters, weights, kv, activations, runtime, total, with_headroom, all_cards, kv_tokens,
                                       kv_bytes_per_token, split, figures))

/// kInvalidArgument names the field and what was expected: sizes, formats, splits that do not divide the model.
Result<MemoryPlan> plan_memory(const MemoryQuestion& question);

/// The estimate when nothing but a size is known: parameters × bits / 8. R1.1's table is made of it.
double weight_bytes_of(double parameters, double bits);

/// "7b", "0.5B", "671e9" as a number.
Result<double> parse_parameters(std::string_view text);

}  // namespace siyu::planner
