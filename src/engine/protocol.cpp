#include "engine/protocol.h"

#include <bit>
#include <cstring>

#include "base/bytes.h"

namespace siyu::engine {
namespace {

static_assert(std::endian::native == std::endian::little, "vectors travel as little-endian floats");

// Delta and Error as they stand on the wire: a token may be part of a character, which JSON text cannot hold.
struct WireProbability {
  std::string token;  // base 64
  double logprob = 0;
};
BOOST_DESCRIBE_STRUCT(WireProbability, (), (token, logprob))
struct WireLogprob {
  std::string token;
  double logprob = 0;
  std::vector<WireProbability> top;
};
BOOST_DESCRIBE_STRUCT(WireLogprob, (), (token, logprob, top))
struct WireDelta {
  std::optional<std::string> content, reasoning;
  std::optional<std::vector<ToolCallDelta>> tool_calls;
  std::optional<std::vector<WireLogprob>> logprobs;
  std::optional<std::int32_t> tokens, prompt, cached;  // short names: one of these goes out for every token
};
BOOST_DESCRIBE_STRUCT(WireDelta, (), (content, reasoning, tool_calls, logprobs, tokens, prompt, cached))
struct WireError {
  std::string code, message, detail, reason;
};
BOOST_DESCRIBE_STRUCT(WireError, (), (code, message, detail, reason))
struct WireTokens {
  std::vector<Token> tokens;
};
BOOST_DESCRIBE_STRUCT(WireTokens, (), (tokens))
struct WireCount {
  std::int32_t tokens = 0;
};
BOOST_DESCRIBE_STRUCT(WireCount, (), (tokens))

constexpr ErrorCode kCodes[] = {
    ErrorCode::kInvalidArgument, ErrorCode::kUnauthenticated, ErrorCode::kPermissionDenied, ErrorCode::kNotFound,
    ErrorCode::kAlreadyExists,   ErrorCode::kConflict,        ErrorCode::kTooLarge,         ErrorCode::kUnsupported,
    ErrorCode::kResourceExhausted, ErrorCode::kUnavailable,   ErrorCode::kDeadlineExceeded, ErrorCode::kCancelled,
    ErrorCode::kStorageFull,     ErrorCode::kCorrupted,       ErrorCode::kInternal};

ErrorCode code_from_text(std::string_view text) {
  for (const auto code : kCodes)
    if (to_string(code) == text) return code;
  return ErrorCode::kInternal;
}

template <class T>
Frame frame_of(FrameType type, std::uint32_t stream, const T& body) {
  return {.type = static_cast<std::uint8_t>(type), .stream = stream, .payload = to_json_text(body)};
}
Frame empty_frame(FrameType type, std::uint32_t stream) {
  return {.type = static_cast<std::uint8_t>(type), .stream = stream, .payload = {}};
}

WireDelta to_wire(const Delta& delta) {
  WireDelta wire;
  if (!delta.content.empty()) wire.content = delta.content;
  if (!delta.reasoning.empty()) wire.reasoning = delta.reasoning;
  if (!delta.tool_calls.empty()) wire.tool_calls = delta.tool_calls;
  if (delta.usage.completion_tokens != 0) wire.tokens = delta.usage.completion_tokens;
  if (delta.usage.prompt_tokens != 0) wire.prompt = delta.usage.prompt_tokens;
  if (delta.usage.cached_tokens != 0) wire.cached = delta.usage.cached_tokens;
  if (delta.logprobs.empty()) return wire;
  auto& logprobs = wire.logprobs.emplace();
  for (const auto& one : delta.logprobs) {
    auto& out = logprobs.emplace_back(to_base64(as_bytes(one.token)), one.logprob, std::vector<WireProbability>());
    for (const auto& other : one.top) out.top.emplace_back(to_base64(as_bytes(other.token)), other.logprob);
  }
  return wire;
}

Result<std::string> token_from_wire(const std::string& text) {
  const auto bytes = from_base64(text);
  if (!bytes) return fail(ErrorCode::kCorrupted, "A token in a delta is not base 64");
  return std::string(as_text(*bytes));
}

Result<Delta> from_wire(WireDelta wire) {
  Delta delta{.content = std::move(wire.content).value_or(""), .reasoning = std::move(wire.reasoning).value_or(""),
              .tool_calls = std::move(wire.tool_calls).value_or(std::vector<ToolCallDelta>()), .logprobs = {},
              .usage = {.prompt_tokens = wire.prompt.value_or(0), .completion_tokens = wire.tokens.value_or(0), .cached_tokens = wire.cached.value_or(0)}};
  if (delta.usage.prompt_tokens < 0 || delta.usage.completion_tokens < 0 || delta.usage.cached_tokens < 0)
    return fail(ErrorCode::kCorrupted, "A delta counts fewer than no tokens");
  if (!wire.logprobs) return delta;
  for (const auto& one : *wire.logprobs) {
    ASSIGN_OR_RETURN(auto token, token_from_wire(one.token));
    auto& out = delta.logprobs.emplace_back(std::move(token), one.logprob, std::vector<TokenProbability>());
    for (const auto& other : one.top) {
      ASSIGN_OR_RETURN(auto other_token, token_from_wire(other.token));
      out.top.emplace_back(std::move(other_token), other.logprob);
    }
  }
  return delta;
}

// u32 first | u32 count | u32 dimensions | u32 prompt tokens | u8 last, 3 zero bytes | count × dimensions f32
struct VectorsHeader {
  std::uint32_t first, count, dimensions, prompt_tokens;
  std::uint8_t last, reserved[3];
};
static_assert(sizeof(VectorsHeader) == 20);

Frame encode_vectors(const Vectors& message) {
  const std::size_t dimensions = message.vectors.empty() ? 0 : message.vectors.front().size();
  VectorsHeader header{.first = message.first, .count = static_cast<std::uint32_t>(message.vectors.size()),
                       .dimensions = static_cast<std::uint32_t>(dimensions),
                       .prompt_tokens = static_cast<std::uint32_t>(message.prompt_tokens), .last = message.last, .reserved = {}};
  Frame frame = empty_frame(FrameType::kVectors, message.stream);
  frame.payload.append(reinterpret_cast<const char*>(&header), sizeof header);
  for (const auto& vector : message.vectors)
    frame.payload.append(reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float));
  return frame;
}

Result<WorkerMessage> decode_vectors(const Frame& frame) {
  const auto broken = [] { return fail(ErrorCode::kCorrupted, "A frame of vectors does not add up"); };
  VectorsHeader header;
  if (frame.payload.size() < sizeof header) return broken();
  std::memcpy(&header, frame.payload.data(), sizeof header);
  const std::uint64_t floats = std::uint64_t{header.count} * header.dimensions;
  if (header.prompt_tokens > INT32_MAX || (header.count > 0 && header.dimensions == 0)) return broken();
  if (floats > kMaxFramePayload / sizeof(float) || frame.payload.size() != sizeof header + floats * sizeof(float)) return broken();
  Vectors message{.stream = frame.stream, .first = header.first, .last = header.last != 0,
                  .prompt_tokens = static_cast<std::int32_t>(header.prompt_tokens), .vectors = {}};
  message.vectors.resize(header.count, std::vector<float>(header.dimensions));
  const char* from = frame.payload.data() + sizeof header;
  for (auto& vector : message.vectors) {
    std::memcpy(vector.data(), from, vector.size() * sizeof(float));
    from += vector.size() * sizeof(float);
  }
  return message;
}

struct HostEncoder {
  Frame operator()(const Load& m) const { return frame_of(FrameType::kLoad, 0, m.request); }
  Frame operator()(const Generate& m) const { return frame_of(FrameType::kGenerate, m.stream, m.request); }
  Frame operator()(const Embed& m) const { return frame_of(FrameType::kEmbed, m.stream, m.request); }
  Frame operator()(const Rerank& m) const { return frame_of(FrameType::kRerank, m.stream, m.request); }
  Frame operator()(const Tokenize& m) const { return frame_of(FrameType::kTokenize, m.stream, TokenizeRequest{m.text}); }
  Frame operator()(const CountPrompt& m) const { return frame_of(FrameType::kCountPrompt, m.stream, m.request); }
  Frame operator()(const Control& m) const {
    const auto type = m.control == StreamControl::kCancel  ? FrameType::kCancel
                      : m.control == StreamControl::kPause ? FrameType::kPause
                                                           : FrameType::kResume;
    return empty_frame(type, m.stream);
  }
  Frame operator()(const Ping&) const { return empty_frame(FrameType::kPing, 0); }
};

struct WorkerEncoder {
  Frame operator()(const Progress& m) const { return frame_of(FrameType::kProgress, 0, m); }
  Frame operator()(const Ready& m) const { return frame_of(FrameType::kReady, 0, m.report); }
  Frame operator()(const DeltaMessage& m) const { return frame_of(FrameType::kDelta, m.stream, to_wire(m.delta)); }
  Frame operator()(const FinishMessage& m) const { return frame_of(FrameType::kFinish, m.stream, m.finish); }
  Frame operator()(const ErrorMessage& m) const {
    return frame_of(FrameType::kError, m.stream, WireError{std::string(to_string(m.error.code)), m.error.message, m.error.detail, m.error.reason});
  }
  Frame operator()(const Vectors& m) const { return encode_vectors(m); }
  Frame operator()(const Tokens& m) const { return frame_of(FrameType::kTokens, m.stream, WireTokens{m.tokens}); }
  Frame operator()(const Count& m) const { return frame_of(FrameType::kCount, m.stream, WireCount{m.tokens}); }
  Frame operator()(const Pong& m) const { return frame_of(FrameType::kPong, 0, m.stats); }
};

std::unexpected<Error> unknown_type(const Frame& frame) {
  return fail(ErrorCode::kCorrupted, "Frame type " + std::to_string(frame.type) + " is not part of the worker protocol");
}

}  // namespace

Frame encode(const HostMessage& message) { return std::visit(HostEncoder{}, message); }
Frame encode(const WorkerMessage& message) { return std::visit(WorkerEncoder{}, message); }

Result<HostMessage> decode_host_message(const Frame& frame) {
  switch (static_cast<FrameType>(frame.type)) {
    case FrameType::kLoad: {
      ASSIGN_OR_RETURN(auto request, from_json_text<LoadRequest>(frame.payload));
      return Load{std::move(request)};
    }
    case FrameType::kGenerate: {
      ASSIGN_OR_RETURN(auto request, from_json_text<GenerateRequest>(frame.payload));
      return Generate{frame.stream, std::move(request)};
    }
    case FrameType::kCountPrompt: {
      ASSIGN_OR_RETURN(auto request, from_json_text<GenerateRequest>(frame.payload));
      return CountPrompt{frame.stream, std::move(request)};
    }
    case FrameType::kEmbed: {
      ASSIGN_OR_RETURN(auto request, from_json_text<EmbedCall>(frame.payload));
      return Embed{frame.stream, std::move(request)};
    }
    case FrameType::kRerank: {
      ASSIGN_OR_RETURN(auto request, from_json_text<RerankCall>(frame.payload));
      return Rerank{frame.stream, std::move(request)};
    }
    case FrameType::kTokenize: {
      ASSIGN_OR_RETURN(auto request, from_json_text<TokenizeRequest>(frame.payload));
      return Tokenize{frame.stream, std::move(request.text)};
    }
    case FrameType::kCancel: return Control{frame.stream, StreamControl::kCancel};
    case FrameType::kPause: return Control{frame.stream, StreamControl::kPause};
    case FrameType::kResume: return Control{frame.stream, StreamControl::kResume};
    case FrameType::kPing: return Ping{};
    default: return unknown_type(frame);
  }
}

Result<WorkerMessage> decode_worker_message(const Frame& frame) {
  switch (static_cast<FrameType>(frame.type)) {
    case FrameType::kProgress: return from_json_text<Progress>(frame.payload);
    case FrameType::kReady: {
      ASSIGN_OR_RETURN(auto report, from_json_text<ReadyReport>(frame.payload));
      return Ready{std::move(report)};
    }
    case FrameType::kDelta: {
      ASSIGN_OR_RETURN(auto wire, from_json_text<WireDelta>(frame.payload));
      ASSIGN_OR_RETURN(auto delta, from_wire(std::move(wire)));
      return DeltaMessage{frame.stream, std::move(delta)};
    }
    case FrameType::kFinish: {
      ASSIGN_OR_RETURN(auto finish, from_json_text<Finish>(frame.payload));
      return FinishMessage{frame.stream, finish};
    }
    case FrameType::kError: {
      ASSIGN_OR_RETURN(auto wire, from_json_text<WireError>(frame.payload));
      return ErrorMessage{frame.stream, Error{code_from_text(wire.code), std::move(wire.message), std::move(wire.detail), std::move(wire.reason)}};
    }
    case FrameType::kVectors: return decode_vectors(frame);
    case FrameType::kTokens: {
      ASSIGN_OR_RETURN(auto wire, from_json_text<WireTokens>(frame.payload));
      return Tokens{frame.stream, std::move(wire.tokens)};
    }
    case FrameType::kCount: {
      ASSIGN_OR_RETURN(const auto wire, from_json_text<WireCount>(frame.payload));
      return Count{frame.stream, wire.tokens};
    }
    case FrameType::kPong: {
      ASSIGN_OR_RETURN(const auto stats, from_json_text<WorkerStats>(frame.payload));
      return Pong{stats};
    }
    default: return unknown_type(frame);
  }
}

}  // namespace siyu::engine
