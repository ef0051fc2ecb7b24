// What siyu and a siyu-worker process say to each other, over base/frame.h frames: docs/formats/worker-protocol.md.
// Pure encoding and decoding, no I/O. A frame that decodes wrongly is a broken peer: its connection is dropped.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/frame.h"
#include "base/json.h"
#include "engine/engine.h"

namespace siyu::engine {

BOOST_DESCRIBE_ENUM(Role, kSystem, kUser, kAssistant, kTool)
BOOST_DESCRIBE_ENUM(ToolChoice, kAuto, kNone, kRequired, kNamed)
BOOST_DESCRIBE_ENUM(ResponseFormat, kText, kJsonObject, kJsonSchema)
BOOST_DESCRIBE_ENUM(PromptKind, kChat, kText, kTokens)
BOOST_DESCRIBE_ENUM(FinishReason, kStop, kLength, kToolCalls, kContentFilter)
BOOST_DESCRIBE_STRUCT(ToolCall, (), (id, name, arguments))
BOOST_DESCRIBE_STRUCT(Picture, (), (file, at))
BOOST_DESCRIBE_STRUCT(Message, (), (role, content, images, reasoning_content, name, tool_calls, tool_call_id))
BOOST_DESCRIBE_STRUCT(Tool, (), (name, description, parameters))
BOOST_DESCRIBE_STRUCT(Sampling, (), (temperature, top_p, top_k, min_p, presence_penalty, frequency_penalty,
                                     repetition_penalty, seed, logit_bias))
BOOST_DESCRIBE_STRUCT(GenerateRequest, (), (prompt_kind, messages, prompt, prompt_tokens, tools, tool_choice, tool_name,
                                            parallel_tool_calls, enable_thinking, response_format, json_schema,
                                            json_schema_name, sampling, stop, max_tokens, logprobs, top_logprobs, echo,
                                            prediction, adapter, reasoning_tokens, tenant, priority, time_limit_ms))
BOOST_DESCRIBE_STRUCT(ToolCallDelta, (), (index, id, name, arguments))
BOOST_DESCRIBE_STRUCT(Usage, (), (prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens, accepted_prediction_tokens,
                                  rejected_prediction_tokens))
BOOST_DESCRIBE_STRUCT(Timings, (), (queued_ms, prefill_ms, decode_ms))
BOOST_DESCRIBE_STRUCT(Finish, (), (reason, stop, usage, timings))
BOOST_DESCRIBE_STRUCT(ModelInfo, (), (name, architecture, context_tokens, train_context_tokens, parallel_sequences,
                                      vocabulary, embedding_dimensions, can_generate, can_embed, can_rerank, chat_template, tools,
                                      thinking, vision, adapters, accelerators, parameters, model_bytes))

/// The numbers are on the wire: never reuse one.
enum class FrameType : std::uint8_t {
  kLoad = 1, kGenerate = 2, kCancel = 3, kPause = 4, kResume = 5, kEmbed = 6, kTokenize = 7, kCountPrompt = 8, kPing = 9, kRerank = 10,
  kProgress = 33, kReady = 34, kDelta = 35, kFinish = 36, kError = 37, kVectors = 38, kTokens = 39, kCount = 40, kPong = 41,
};

/// A LoRA adapter: GGUF.
struct AdapterFile {
  std::string name;
  std::string path;
};
BOOST_DESCRIBE_STRUCT(AdapterFile, (), (name, path))

/// First message to a fresh worker; it loads one model in its life. 0 means the worker's default.
struct LoadRequest {
  std::string model_path;
  std::string name;
  std::int32_t context_tokens = 0;  ///< per sequence; default min(trained, 8192)
  std::int32_t kv_tokens = 0;       ///< shared by all sequences; default 4 × context, within a memory budget
  std::int32_t parallel = 0;        ///< sequences at once; default 64
  std::int32_t batch_tokens = 0;    ///< per step; default 512
  std::int32_t queue_limit = 0;     ///< requests waiting for a place; default 256
  std::int32_t threads = 0;         ///< default: the cores it may run on
  std::string kv_type;              ///< f16 (default), q8_0, f32
  std::int64_t spill_bytes = 0;     ///< of host memory, for beginnings that leave the KV cache; 0: none
  std::vector<AdapterFile> adapters;
  std::string draft_path;           ///< of a small model of the same vocabulary that guesses ahead; empty: none
  std::string draft_name;
  std::string projector_path;       ///< GGUF that turns pictures into what the model reads; empty: it does not see
};
BOOST_DESCRIBE_STRUCT(LoadRequest, (), (model_path, name, context_tokens, kv_tokens, parallel, batch_tokens, queue_limit,
                                        threads, kv_type, spill_bytes, adapters, draft_path, draft_name, projector_path))

struct TokenizeRequest {
  std::string text;
};
BOOST_DESCRIBE_STRUCT(TokenizeRequest, (), (text))

struct EmbedCall {
  std::vector<std::string> texts;
  std::vector<std::vector<Token>> tokens;
};
BOOST_DESCRIBE_STRUCT(EmbedCall, (), (texts, tokens))

struct RerankCall {
  std::string query;
  std::vector<std::string> documents;
};
BOOST_DESCRIBE_STRUCT(RerankCall, (), (query, documents))

struct Load { LoadRequest request; };
struct Generate { std::uint32_t stream = 0; GenerateRequest request; };
struct Embed { std::uint32_t stream = 0; EmbedCall request; };
/// Answered with vectors of length 1: the scores.
struct Rerank { std::uint32_t stream = 0; RerankCall request; };
struct Tokenize { std::uint32_t stream = 0; std::string text; };
struct CountPrompt { std::uint32_t stream = 0; GenerateRequest request; };
enum class StreamControl { kCancel, kPause, kResume };
struct Control { std::uint32_t stream = 0; StreamControl control = StreamControl::kCancel; };
struct Ping {};
using HostMessage = std::variant<Load, Generate, Embed, Rerank, Tokenize, CountPrompt, Control, Ping>;

/// How the worker is doing.
BOOST_DESCRIBE_STRUCT(WorkerStats, (), (active_sequences, waiting_requests, resident_bytes, accelerator_bytes, kv_bytes, kv_used_tokens,
                                        kv_kept_tokens, kv_total_tokens, generated_tokens, prefilled_tokens, preemptions,
                                        prefix_queried_tokens, prefix_hit_tokens, guessed_tokens, guessed_right_tokens, spilled_tokens, restored_tokens, spill_bytes,
                                        drafted_tokens, drafted_right_tokens, busy_ms))

struct ReadyReport {
  ModelInfo info;
  std::vector<std::string> sandbox;
  WorkerStats stats;
};
BOOST_DESCRIBE_STRUCT(ReadyReport, (), (info, sandbox, stats))

struct Progress { double fraction = 0; };
BOOST_DESCRIBE_STRUCT(Progress, (), (fraction))
struct Ready { ReadyReport report; };
struct DeltaMessage { std::uint32_t stream = 0; Delta delta; };
struct FinishMessage { std::uint32_t stream = 0; Finish finish; };
/// Stream 0: the model could not be loaded; the worker exits.
struct ErrorMessage { std::uint32_t stream = 0; Error error; };
/// Vectors first … first + vectors.size() − 1 of an embedding call; the last message of the call says so.
struct Vectors {
  std::uint32_t stream = 0;
  std::uint32_t first = 0;
  bool last = false;
  std::int32_t prompt_tokens = 0;  ///< of the whole call, valid in the last message
  std::vector<std::vector<float>> vectors;
};
struct Tokens { std::uint32_t stream = 0; std::vector<Token> tokens; };
struct Count { std::uint32_t stream = 0; std::int32_t tokens = 0; };
struct Pong { WorkerStats stats; };
using WorkerMessage = std::variant<Progress, Ready, DeltaMessage, FinishMessage, ErrorMessage, Vectors, Tokens, Count, Pong>;

Frame encode(const HostMessage& message);
Frame encode(const WorkerMessage& message);
Result<HostMessage> decode_host_message(const Frame& frame);
Result<WorkerMessage> decode_worker_message(const Frame& frame);

}  // namespace siyu::engine
