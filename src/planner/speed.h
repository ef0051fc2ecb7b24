// How fast a model answers: prefill by compute, decode by memory, on given cards or on the machine at hand.
//
// A step reads the weights once while it computes every token in it, and takes the longer of the two; then the cache of every sequence, and a
// fixed part (service_model.h). What cards reach of their peaks is a factor for each engine (catalogue/efficiency.yaml), which `siyu plan
// calibrate` measures on the machine at hand and anyone may set.
#pragma once

#include <boost/describe.hpp>

#include <optional>
#include <string>
#include <vector>

#include "planner/catalogue.h"
#include "planner/memory.h"
#include "planner/service_model.h"
#include "planner/worksheet.h"

namespace siyu::planner {

/// What an engine reaches of a card's peaks: catalogue/efficiency.yaml, where the entries are fitted to half of published.yaml; docs/benchmarks.md
/// has the other half beside it.
struct Efficiency {
  double bandwidth = 0;   ///< of the memory's peak, reading weights
  double cache = 0;       ///< of the memory's peak, reading the cache of sequences, page by page
  double compute = 0;     ///< of the dense peak
  double experts = 0;     ///< of that again, where tokens go to different experts: their matrices are multiplied in small pieces
  double link = 0;        ///< of the link between cards
  double step_s = 0;      ///< of a step, whatever the model: scheduling, sampling, launches
  double layer_s = 0;     ///< of a step, for each layer
  double sequence_s = 0;  ///< of a step, for each sequence that decodes: sampling, bookkeeping, streaming
  double exchange_s = 0;  ///< latency of one exchange between the cards of a tensor group
  Phrase source;
};
BOOST_DESCRIBE_STRUCT(Efficiency, (), (bandwidth, cache, compute, experts, link, step_s, layer_s, sequence_s, exchange_s, source))
/// Where an entry's factors are from.
Words source_of(const EfficiencyEntry& entry);

Efficiency efficiency_of(const EfficiencyEntry& entry);

/// What a machine was measured to reach, for one weight format.
struct MeasuredRates {
  std::string weights;            ///< format, or "stored"
  double weight_bytes_per_s = 0;  ///< reading weights, one sequence decoding
  double kv_ops_per_s = 0;        ///< attending to cached tokens, one sequence decoding, in cached_token_ops()
  double flop_per_s = 0;          ///< multiplying with the weights, in prefill
  std::optional<double> batch_flop_per_s;  ///< multiplying, in steps of some tokens from several sequences: slower than whole prompts
  double attention_flop_per_s = 0;///< queries with keys, weights with values, in prefill
  double step_s = 0, layer_s = 0;
  std::optional<double> prompt_step_s;     ///< more of a step that reads a prompt
  std::optional<double> word_s;   ///< for each word of the vocabulary, of a token that is sampled
  std::optional<double> spread;   ///< by how much a usual try took longer than the quickest: nothing is foretold more surely
  std::optional<std::string> accelerator;  ///< the card it was measured on; absent: the processors
  std::string source;             ///< which models, when
};
BOOST_DESCRIBE_STRUCT(MeasuredRates, (), (weights, weight_bytes_per_s, kv_ops_per_s, flop_per_s, batch_flop_per_s, attention_flop_per_s, step_s, layer_s, prompt_step_s, word_s, spread, accelerator, source))

/// What it takes a decoding sequence to attend to one cached token, in operations of arithmetic: fetching a value of the cache, which all heads that share it use,
/// takes as long as so many of them. Chosen by models whose values 2, 3, 4 and 7 heads share, on a processor of AMD's.
double cached_token_ops(const sizing::ModelShape& shape);
/// What to know of rates from a machine that did other work too; none when it was steady.
std::optional<Words> unsteady_note(const MeasuredRates& rates);

struct SpeedQuestion {
  MemoryQuestion model;                   ///< what runs: shape, formats, split, context, users at once
  double prompt = 1000, output = 300;     ///< tokens of a request
  double cached = 0;                      ///< of the prompt, whose cache is there already
  std::optional<Accelerator> card;        ///< what it runs on; or
  std::optional<MeasuredRates> measured;  ///< the machine at hand
  Efficiency efficiency;
  std::optional<double> link_gb_per_s;    ///< between the cards, one direction; absent: the card's own links, or its PCIe
  std::optional<std::uint32_t> sequences; ///< that the engine runs at once at most; absent: as many as the cache holds, up to kMostSequences
};
constexpr std::uint32_t kMostSequences = 1024;

/// As the catalogue calls an engine in the card's list of them: "Siyu", "vLLM".
bool runs_on(const std::string& engine, const Accelerator& card);
/// The card, and what an engine reaches on it; absent: what stands for all. kNotFound for an engine whose factors the catalogue does not have,
/// kUnsupported for one that does not run on the card.
Status set_card(SpeedQuestion& question, const Accelerator& card, const std::optional<std::string>& engine, const Catalogue& catalogue);

struct SpeedPoint {
  double concurrency = 0;
  double ttft_s = 0;               ///< of a prompt that arrives while the others decode
  double tpot_ms = 0;
  double output_tokens_per_s = 0;  ///< of all requests
  double prompt_tokens_per_s = 0;
  bool memory_bound = false;
};
BOOST_DESCRIBE_STRUCT(SpeedPoint, (), (concurrency, ttft_s, tpot_ms, output_tokens_per_s, prompt_tokens_per_s, memory_bound))

struct SpeedPlan {
  std::string model, hardware;
  double prefill_tokens_per_s = 0;   ///< one prompt, nothing else running
  double decode_tokens_per_s = 0;    ///< one sequence, nothing else running
  double ttft_s = 0, tpot_ms = 0;    ///< of one request alone
  SpeedPoint at_concurrency;         ///< with the users asked for
  double most_sequences = 0;         ///< that the cache holds at this length, on the cards' memory
  SpeedPoint saturated;
  std::vector<SpeedPoint> curve;
  double classic_flops = 0;          ///< parameters × tokens × 2 / latency: the rule of thumb, for a request in the seconds of `classic_latency_s`
  double classic_latency_s = 1;
  std::uint32_t lanes = 1;           ///< batches that run at once: the stages of a pipeline each hold one
  std::vector<Words> notes;
  std::vector<Figure> figures;
};
BOOST_DESCRIBE_STRUCT(SpeedPlan, (), (model, hardware, prefill_tokens_per_s, decode_tokens_per_s, ttft_s, tpot_ms, at_concurrency, most_sequences, saturated, curve, classic_flops,
                                      classic_latency_s, lanes, notes, figures))

struct Speed {
  SpeedPlan plan;
  ServiceModel replica;   ///< of one lane
};

/// kInvalidArgument as plan_memory(); kUnsupported when the catalogue has no figure for the card that is needed (it says which).
Result<Speed> plan_speed(const SpeedQuestion& question);

/// The dense peak that a weight format computes with on a card, FLOP/s or OP/s; absent when the catalogue does not know it.
std::optional<double> peak_compute(const Accelerator& card, const sizing::WeightFormat& format);
/// Between the cards of one server, bytes a second in one direction; 0: not known.
double link_bytes_per_s(const Accelerator& card);

/// parameters × tokens × 2 / latency, FLOP/s (R1.2: 130B, 500 tokens, 1 s → 130 TFLOPS).
double classic_flops(double parameters, double tokens, double latency_s);

/// A steady state with `batch` requests at once: each answered while others' prompts are prefilled in between.
SpeedPoint steady_state(const ServiceModel& replica, double prompt, double output, double batch);

}  // namespace siyu::planner
