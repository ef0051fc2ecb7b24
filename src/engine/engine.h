// Engine: something that answers generation and embedding requests for one model. LocalWorker runs a supervised
// siyu-worker process; RemoteEngine speaks to any OpenAI-compatible HTTP endpoint. Callers never care which.
//
//   ASSIGN_OR_RETURN(auto stream, engine.generate(std::move(request)));
//   stream->pull([](Result<std::optional<Event>> event) { … });   // or: ASSIGN_OR_RETURN(auto whole, collect(*stream));
//
// Faults of a request (too long a prompt, a schema that cannot be met) may come from generate() or from the first pull;
// wait for the first event before promising success to a client.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace siyu::engine {

using Token = std::int32_t;

enum class Role { kSystem, kUser, kAssistant, kTool };

struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  ///< JSON text as the model wrote it
  bool operator==(const ToolCall&) const = default;
};

/// A picture in a message. picture.h says what is let in.
struct Picture {
  std::string file;    ///< PNG or JPEG, base64
  std::size_t at = 0;  ///< where in the message's content it stands: before this byte
  bool operator==(const Picture&) const = default;
};

struct Message {
  Role role = Role::kUser;
  std::string content;  ///< text parts joined with newlines
  std::vector<Picture> images = {};  ///< in the order in which they stand
  std::string reasoning_content = {};
  std::string name = {};
  std::vector<ToolCall> tool_calls = {};
  std::string tool_call_id = {};
  bool operator==(const Message&) const = default;
};

struct Tool {
  std::string name;
  std::string description;
  std::string parameters;  ///< JSON schema text; empty: the tool takes no arguments
  bool operator==(const Tool&) const = default;
};

enum class ToolChoice { kAuto, kNone, kRequired, kNamed };

enum class ResponseFormat {
  kText,
  kJsonObject,  ///< any JSON object
  kJsonSchema,  ///< GenerateRequest::json_schema
};

struct Sampling {
  std::optional<double> temperature;  ///< 0 is greedy. Unset values fall to the engine's defaults.
  std::optional<double> top_p;
  std::optional<std::int32_t> top_k;  ///< 0: all tokens
  std::optional<double> min_p;
  std::optional<double> presence_penalty;
  std::optional<double> frequency_penalty;
  std::optional<double> repetition_penalty;  ///< 1 is off
  std::optional<std::uint32_t> seed;         ///< same request, seed and engine build: same text
  std::map<std::string, double> logit_bias;  ///< token id (decimal) → bias, −100 … 100
  bool operator==(const Sampling&) const = default;
};

enum class PromptKind { kChat, kText, kTokens };

/// One answer to one prompt. `n` > 1 is several requests.
struct GenerateRequest {
  PromptKind prompt_kind = PromptKind::kChat;
  std::vector<Message> messages;       ///< for kChat
  std::string prompt;                  ///< for kText
  std::vector<Token> prompt_tokens;    ///< for kTokens

  std::vector<Tool> tools;
  ToolChoice tool_choice = ToolChoice::kAuto;
  std::string tool_name;               ///< for kNamed
  std::optional<bool> parallel_tool_calls;
  std::optional<bool> enable_thinking; ///< unset: the template's own default

  ResponseFormat response_format = ResponseFormat::kText;
  std::string json_schema;             ///< JSON text, for kJsonSchema
  std::string json_schema_name;        ///< only handed on to remote engines

  Sampling sampling;
  std::vector<std::string> stop;       ///< the text ends before the first of these; at most kMaxStopStrings
  std::optional<std::int32_t> max_tokens;  ///< unset: up to the context's end
  bool logprobs = false;
  std::int32_t top_logprobs = 0;       ///< 0 … kMaxTopLogprobs; only with logprobs
  bool echo = false;                   ///< the prompt's text comes first (kText, kTokens)

  std::string prediction;              ///< what the answer is likely to be or to hold; it changes the speed only. At most kMaxPredictionBytes
  std::string adapter;                 ///< a LoRA adapter that was loaded with the model; empty: none
  std::optional<std::int32_t> reasoning_tokens;  ///< at most so many tokens of reasoning, then the answer must begin

  // How it is scheduled.
  std::string tenant;                  ///< whom it is for: tenants share the model's tokens fairly
  std::int32_t priority = 0;           ///< smaller goes first, as in vLLM; kMostUrgent … kLeastUrgent
  std::optional<std::int64_t> time_limit_ms;  ///< from its arrival at the engine; then it fails with kDeadlineExceeded
  bool restartable = false;            ///< nothing of the answer is shown before it is whole, so another replica may begin it anew
  bool at_once = false;                ///< generate() is called where nothing may wait: it answers at once, or fails for kWouldWait
};

/// The reason of a kUnavailable that says: too much to do. It tells nothing against the engine's health.
constexpr const char* kOverloaded = "overloaded";

constexpr std::int32_t kMostUrgent = -100;
constexpr std::int32_t kLeastUrgent = 100;

constexpr std::size_t kMaxStopStrings = 16;      // OpenAI allows 4; a few more cost nothing
constexpr std::size_t kMaxStopStringBytes = 1024;
constexpr std::size_t kMaxPredictionBytes = 1UL << 20;  // far over any answer
constexpr std::int32_t kMaxTopLogprobs = 20;     // OpenAI's limit

/// The reason of a failure that says: ask again, at_once being false, on a thread that may wait. Nobody outside gets to see it.
constexpr std::string_view kWouldWait = "would_wait";
inline std::unexpected<Error> would_wait() { return fail_because(ErrorCode::kUnavailable, std::string(kWouldWait), "This cannot be answered without waiting"); }
/// Pictures of all messages together.
std::size_t picture_count(const GenerateRequest& request);
constexpr std::size_t kMaxPictures = 16;  // of one request; each is hundreds of tokens or more

/// Checks ranges that hold for every engine: kInvalidArgument names the field and the range.
Status validate(const GenerateRequest& request);

struct TokenProbability {
  std::string token;  ///< the token's bytes; one character may be spread over several tokens
  double logprob = 0;
  bool operator==(const TokenProbability&) const = default;
};

struct TokenLogprob {
  std::string token;
  double logprob = 0;
  std::vector<TokenProbability> top;
  bool operator==(const TokenLogprob&) const = default;
};

/// The first delta of a call carries id and name; arguments come in pieces.
struct ToolCallDelta {
  std::int32_t index = 0;
  std::string id;
  std::string name;
  std::string arguments;
  bool operator==(const ToolCallDelta&) const = default;
};

struct Usage {
  std::int32_t prompt_tokens = 0;
  std::int32_t completion_tokens = 0;
  std::int32_t cached_tokens = 0;  ///< part of the prompt that needed no computing
  // Known at the end only, so in a Finish.
  std::int32_t reasoning_tokens = 0;            ///< part of the completion, its marks included
  std::int32_t accepted_prediction_tokens = 0;  ///< part of the completion that was taken from the request's prediction
  std::int32_t rejected_prediction_tokens = 0;  ///< taken from it and found wrong: computed, and no part of the completion
  bool operator==(const Usage&) const = default;
  Usage& operator+=(const Usage& more) {
    prompt_tokens += more.prompt_tokens;
    completion_tokens += more.completion_tokens;
    cached_tokens += more.cached_tokens;
    reasoning_tokens += more.reasoning_tokens;
    accepted_prediction_tokens += more.accepted_prediction_tokens;
    rejected_prediction_tokens += more.rejected_prediction_tokens;
    return *this;
  }
};

/// What has been generated since the last delta. Texts are whole UTF-8 characters.
struct Delta {
  std::string content;
  std::string reasoning;
  std::vector<ToolCallDelta> tool_calls;
  std::vector<TokenLogprob> logprobs;
  Usage usage = {};  ///< what it adds to the answer's usage, so that one that is cut can be charged; the first brings the prompt's tokens
  bool operator==(const Delta&) const = default;
};

enum class FinishReason { kStop, kLength, kToolCalls, kContentFilter };

/// Milliseconds; 0 where an engine does not tell.
struct Timings {
  double queued_ms = 0;
  double prefill_ms = 0;
  double decode_ms = 0;
  bool operator==(const Timings&) const = default;
};

struct Finish {
  FinishReason reason = FinishReason::kStop;
  std::string stop = {};  ///< the stop string that ended it; empty where the model ended by itself, or the engine does not tell
  Usage usage;
  Timings timings;
  bool operator==(const Finish&) const = default;
};

/// Deltas, then one Finish, then the end (nullopt). An error ends the stream at once.
using Event = std::variant<Delta, Finish>;

/// One running generation. Destroying it cancels it. Thread-safe, but only one pull may be pending.
class GenerationStream {
 public:
  using Ready = std::move_only_function<void(Result<std::optional<Event>>)>;
  virtual ~GenerationStream() = default;
  /// `ready` is called exactly once, from any thread, perhaps before this returns. It must not block.
  virtual void pull(Ready ready) = 0;
  /// Stops the generation within one step of the model; a pending pull is answered with kCancelled.
  virtual void cancel() noexcept = 0;
};

/// A whole answer, put together from a stream.
struct Generation {
  std::string content;
  std::string reasoning;
  std::vector<ToolCall> tool_calls;
  std::vector<TokenLogprob> logprobs;
  Finish finish;
};

/// Pulls to the end; cancels and fails with kDeadlineExceeded when `limit` passes first.
Result<Generation> collect(GenerationStream& stream, std::chrono::milliseconds limit = std::chrono::minutes(10));
/// Adds one delta to a whole answer.
void append(Generation& whole, const Delta& delta);

struct EmbedRequest {
  std::vector<std::string> texts;                 ///< when there are none, `tokens` is used
  std::vector<std::vector<Token>> tokens;
  std::chrono::milliseconds timeout = std::chrono::minutes(2);
};

struct EmbedResult {
  std::vector<std::vector<float>> vectors;  ///< one per text, of length 1 (L2)
  std::int32_t prompt_tokens = 0;
};

constexpr std::size_t kMaxEmbedTexts = 2048;  // OpenAI's limit; of documents to rank as well

struct RerankRequest {
  std::string query;
  std::vector<std::string> documents;
  std::chrono::milliseconds timeout = std::chrono::minutes(2);
};

struct RerankResult {
  std::vector<float> scores;  ///< one per document, in their order; larger is more relevant, from 0 to 1 for models here
  std::int32_t prompt_tokens = 0;
};

/// kInvalidArgument names the field and the range.
Status validate(const RerankRequest& request);
/// Indexes of at most `most` documents, the most relevant first; equals in their order.
std::vector<std::size_t> best_first(const RerankResult& ranking, std::size_t most);

/// A recording, and what else an OpenAI-compatible endpoint takes with it.
struct TranscribeRequest {
  std::string audio;     ///< the file's bytes
  std::string filename;  ///< its ending tells the format
  std::vector<std::pair<std::string, std::string>> fields;  ///< language, response_format …; without the model
  std::chrono::milliseconds timeout = std::chrono::minutes(10);
};

struct TranscribeResult {
  std::string content_type, body;  ///< as the endpoint answered
  std::int32_t prompt_tokens = 0;  ///< 0: endpoints count seconds, not tokens
};

/// What is known about the model behind an engine. Numbers are 0 where a remote engine does not tell.
struct ModelInfo {
  std::string name;
  std::string architecture;
  std::int32_t context_tokens = 0;        ///< the most one sequence may hold, prompt and answer together
  std::int32_t train_context_tokens = 0;
  std::int32_t parallel_sequences = 0;
  std::int32_t vocabulary = 0;
  std::int32_t embedding_dimensions = 0;
  bool can_generate = false;
  bool can_embed = false;
  bool can_rerank = false;
  bool can_transcribe = false;
  bool chat_template = false;             ///< the model brings its own; without it messages are joined plainly
  bool tools = false;                     ///< its template knows tools
  bool thinking = false;                  ///< its template can switch thinking on and off
  bool vision = false;                    ///< it sees pictures
  std::vector<std::string> adapters;      ///< LoRA adapters a request may name
  std::vector<std::string> accelerators;  ///< of the machine, that its worker computes on
  std::int64_t parameters = 0;
  std::int64_t model_bytes = 0;
};

enum class EngineState { kStarting, kReady, kRestarting, kFailed, kStopped };

/// Of a process that computes a model; totals are since it started.
struct WorkerStats {
  std::int32_t active_sequences = 0;
  std::int32_t waiting_requests = 0;
  std::int64_t resident_bytes = 0;
  std::int64_t accelerator_bytes = 0;  ///< by which the memory in use on all accelerators grew since the worker began
  std::int64_t kv_bytes = 0;
  std::int32_t kv_used_tokens = 0;  ///< by what runs
  std::int32_t kv_kept_tokens = 0;  ///< of ended requests, kept for later ones and evicted when room is needed
  std::int32_t kv_total_tokens = 0;
  std::int64_t generated_tokens = 0;
  std::int64_t prefilled_tokens = 0;
  std::int64_t preemptions = 0;  ///< sequences that gave their KV place up and were computed again
  std::int64_t prefix_queried_tokens = 0;  ///< of the prompts admitted
  std::int64_t prefix_hit_tokens = 0;      ///< those of them that needed no computing
  std::int64_t guessed_tokens = 0;         ///< by prompt lookup
  std::int64_t guessed_right_tokens = 0;
  std::int64_t spilled_tokens = 0;   ///< that left the KV cache for host memory
  std::int64_t restored_tokens = 0;  ///< that came back from there instead of being computed
  std::int64_t spill_bytes = 0;      ///< of host memory in use for them
  std::int64_t drafted_tokens = 0;   ///< guesses of the draft model
  std::int64_t drafted_right_tokens = 0;
  double busy_ms = 0;            ///< since the present step of the model began; 0 between steps
};

struct EngineHealth {
  EngineState state = EngineState::kStarting;
  std::string message;             ///< why it is not ready, for people
  double load_progress = 0;        ///< 0 … 1 while starting
  std::int32_t pid = 0;            ///< 0: no local process
  std::int32_t restarts = 0;
  WorkerStats stats;
  std::vector<std::string> sandbox;   ///< what confines the process: "seccomp", "landlock v3", …
};

/// Thread-safe.
class Engine {
 public:
  virtual ~Engine() = default;
  /// kUnavailable when it is not ready or its queue is full.
  virtual Result<std::unique_ptr<GenerationStream>> generate(GenerateRequest request) = 0;
  /// Whether generate() only hands the request on: no disk, no other process, no lock that is held for long.
  virtual bool answers_at_once() const { return false; }
  /// Blocks until the vectors are there or the request's timeout passes.
  virtual Result<EmbedResult> embed(const EmbedRequest& request) = 0;
  /// Blocks like embed(). kUnsupported unless the model is a reranker.
  virtual Result<RerankResult> rerank(const RerankRequest& request) = 0;
  /// Speech to text. Only engines elsewhere can.
  virtual Result<TranscribeResult> transcribe(const TranscribeRequest&) {
    return fail(ErrorCode::kUnsupported, "The model " + info().name + " cannot hear; speech needs an engine elsewhere that was added with --audio");
  }
  /// Tokens of a text as the model counts them, without begin and end marks. kUnsupported on most remote engines.
  virtual Result<std::vector<Token>> tokenize(const std::string& text) = 0;
  /// Prompt tokens of a request after its template is applied.
  virtual Result<std::int32_t> count_prompt_tokens(const GenerateRequest& request) = 0;
  /// Of the model as last loaded.
  virtual ModelInfo info() const = 0;
  virtual EngineHealth health() const = 0;
};

}  // namespace siyu::engine
