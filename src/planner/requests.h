// What people ask of memory and speed, as the command line and the API take it: names instead of structures. Both answer the same.
#pragma once

#include <boost/describe.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "planner/catalogue.h"
#include "planner/memory.h"
#include "planner/speed.h"

namespace siyu::planner {

/// Turns a model's name into its structure. The command line takes paths too; the server looks into its library and never at a path.
using ShapeFinder = std::function<Result<sizing::ModelShape>(const std::string& model)>;

struct MemoryRequest {
  std::string model;
  std::optional<std::string> weights, kv_type;
  std::optional<double> context, users, fill, shared_prefix, kv_tokens, headroom, step_tokens;
  std::optional<std::string> accelerator;     ///< absent: on the processors
  std::optional<std::uint32_t> tensor, pipeline;
  std::optional<EngineKind> engine;
};
BOOST_DESCRIBE_STRUCT(MemoryRequest, (), (model, weights, kv_type, context, users, fill, shared_prefix, kv_tokens, headroom, step_tokens, accelerator, tensor, pipeline, engine))

/// How many of a card the model needs.
struct CardFit {
  std::string accelerator, vendor, edition;
  std::optional<std::uint32_t> cards;   ///< the fewest that hold it, cut by tensor parallelism; absent: more than the model can be cut for
  double memory_gib = 0;
  double used = 0;                      ///< share of each card's memory
};
BOOST_DESCRIBE_STRUCT(CardFit, (), (accelerator, vendor, edition, cards, memory_gib, used))

struct MemoryAnswer : MemoryPlan {
  std::optional<double> card_bytes;     ///< memory of one of the cards that were named
  std::optional<bool> fits;             ///< on them, headroom included
  std::vector<CardFit> cards;           ///< without an accelerator named: what each card of the catalogue would need, fewest first
};
BOOST_DESCRIBE_STRUCT(MemoryAnswer, (MemoryPlan), (card_bytes, fits, cards))

Result<MemoryAnswer> answer(const MemoryRequest& request, const Catalogue& catalogue, const ShapeFinder& find);

struct SpeedRequest {
  std::string model;
  std::optional<std::string> weights, kv_type;
  std::optional<double> prompt, output, cached, concurrency, headroom, step_tokens;
  std::optional<std::string> accelerator;     ///< absent: this machine, when it was calibrated
  std::optional<std::string> engine;          ///< of the catalogue's efficiencies, on that card; absent: what stands for all
  std::optional<std::uint32_t> tensor, pipeline, sequences;
  std::optional<double> link_gb_per_s;
  std::optional<double> bandwidth_efficiency, cache_efficiency, compute_efficiency, link_efficiency, step_ms;
  std::optional<double> classic_latency_s;
};
BOOST_DESCRIBE_STRUCT(SpeedRequest, (), (model, weights, kv_type, prompt, output, cached, concurrency, headroom, step_tokens, accelerator, tensor, pipeline, sequences, engine, link_gb_per_s,
                                         bandwidth_efficiency, cache_efficiency, compute_efficiency, link_efficiency, step_ms, classic_latency_s))

/// `measured`: of this machine, for each weight format; may be empty.
Result<Speed> answer(const SpeedRequest& request, const Catalogue& catalogue, const ShapeFinder& find, const std::vector<MeasuredRates>& measured);

}  // namespace siyu::planner
