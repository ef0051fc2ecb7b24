// Pure parts: requests, stop strings, the wire, and the buffers between a worker and its readers.
#include "engine/engine.h"

#include <gmock/gmock.h>

#include "base/random.h"
#include "engine/protocol.h"
#include "engine/reply_sink.h"
#include "engine/stop_filter.h"

namespace siyu::engine {
namespace {

GenerateRequest rich_request() {
  GenerateRequest request;
  request.messages = {{.role = Role::kSystem, .content = "回答要短"},
                      {.role = Role::kAssistant, .content = "", .tool_calls = {{"call_1", "weather", R"({"city":"上海"})"}}},
                      {.role = Role::kTool, .content = "晴", .tool_call_id = "call_1"}};
  request.tools = {{"weather", "the weather of a city", R"({"type":"object"})"}};
  request.tool_choice = ToolChoice::kNamed;
  request.tool_name = "weather";
  request.response_format = ResponseFormat::kJsonSchema;
  request.json_schema = R"({"type":"integer"})";
  request.sampling = {.temperature = 0.5, .top_k = 7, .seed = 42, .logit_bias = {{"17", -100.0}}};
  request.stop = {"\n\n", "结束"};
  request.max_tokens = 9;
  request.logprobs = true;
  request.top_logprobs = 3;
  return request;
}

TEST(Validation, NamesTheFieldAndItsRange) {
  GenerateRequest request = rich_request();
  EXPECT_TRUE(validate(request));
  request.sampling.temperature = 3;
  EXPECT_EQ(validate(request).error().message, "temperature must be between 0 and 2");
  request = rich_request();
  request.tool_name = "clock";
  EXPECT_EQ(validate(request).error().code, ErrorCode::kInvalidArgument);
  request = rich_request();
  request.stop.assign(kMaxStopStrings + 1, "x");
  EXPECT_FALSE(validate(request));
  request = rich_request();
  request.sampling.logit_bias = {{"hello", 1.0}};
  EXPECT_FALSE(validate(request));
  request = rich_request();
  request.messages.clear();
  EXPECT_FALSE(validate(request));
}

TEST(StopFilter, NeverShowsPartOfAStopString) {
  StopFilter filter({"END", "\n\nUser:"});
  EXPECT_EQ(filter.push("one E"), "one ");
  EXPECT_EQ(filter.push("N"), "");
  EXPECT_EQ(filter.push("trance\n"), "ENtrance");
  EXPECT_EQ(filter.push("\nUse"), "");
  EXPECT_EQ(filter.push("r: hi"), "");
  EXPECT_TRUE(filter.stopped());
  EXPECT_EQ(filter.finish(), "");
}

TEST(StopFilter, TakesTheEarliestOfSeveralStopStrings) {
  StopFilter filter({"late", "early"});
  EXPECT_EQ(filter.push("so early and late"), "so ");
  EXPECT_TRUE(filter.stopped());
}

TEST(StopFilter, GivesBackWhatOnlyLookedLikeAStopString) {
  StopFilter filter({"END"});
  EXPECT_EQ(filter.push("the EN"), "the ");
  EXPECT_EQ(filter.finish(), "EN");
}

TEST(StopFilter, NeverCutsACharacter) {
  const std::string text = "思语 🙂 é";
  StopFilter filter({});
  std::string seen;
  for (const char byte : text) {
    const std::string piece = filter.push(std::string_view(&byte, 1));
    EXPECT_TRUE(parse_json(to_json_text(piece))) << "invalid UTF-8 was shown";
    seen += piece;
  }
  EXPECT_EQ(seen, text);
  EXPECT_EQ(filter.finish(), "");
  StopFilter cut({});
  EXPECT_EQ(cut.push("\xE6\x80"), "");
  EXPECT_EQ(cut.finish(), "\xEF\xBF\xBD");
}

TEST(StopFilter, HoldsAStopStringThatBeginsInsideTheHeldBytes) {
  StopFilter filter({"。。"});
  EXPECT_EQ(filter.push("好。"), "好");
  EXPECT_EQ(filter.push("。"), "");
  EXPECT_TRUE(filter.stopped());
}

template <class Message, class Variant>
Message through_the_wire(const Variant& message, Result<Variant> (*decode)(const Frame&)) {
  FrameDecoder decoder;
  decoder.feed(encode_frame(encode(message)));
  auto frame = decoder.next();
  auto decoded = decode(**frame);
  EXPECT_TRUE(decoded) << decoded.error().message;
  return std::get<Message>(*decoded);
}

TEST(WorkerProtocol, CarriesARequestUnchanged) {
  const GenerateRequest request = rich_request();
  const auto back = through_the_wire<Generate>(HostMessage(Generate{7, request}), &decode_host_message);
  EXPECT_EQ(back.stream, 7U);
  EXPECT_EQ(back.request.messages, request.messages);
  EXPECT_EQ(back.request.tools, request.tools);
  EXPECT_EQ(back.request.sampling, request.sampling);
  EXPECT_EQ(back.request.stop, request.stop);
  EXPECT_EQ(back.request.tool_choice, ToolChoice::kNamed);
  EXPECT_EQ(back.request.max_tokens, 9);
}

TEST(WorkerProtocol, CarriesTokensThatAreHalfACharacter) {
  const Delta delta{.content = "思", .reasoning = "", .tool_calls = {{0, "call_1", "f", "{"}},
                    .logprobs = {{"\xE6\x80", -0.5, {{"\x9D", -1.25}}}}};
  EXPECT_EQ((through_the_wire<DeltaMessage>(WorkerMessage(DeltaMessage{3, delta}), &decode_worker_message)).delta, delta);
}

TEST(WorkerProtocol, CarriesVectorsExactly) {
  const Vectors vectors{.stream = 2, .first = 4, .last = true, .prompt_tokens = 11, .vectors = {{1.5F, -2.25F}, {0.0F, 3.0F}}};
  const auto back = through_the_wire<Vectors>(WorkerMessage(vectors), &decode_worker_message);
  EXPECT_EQ(back.vectors, vectors.vectors);
  EXPECT_EQ(back.first, 4U);
  EXPECT_TRUE(back.last);
  EXPECT_EQ(back.prompt_tokens, 11);
}

TEST(WorkerProtocol, RefusesFramesThatDoNotAddUp) {
  Frame frame = encode(WorkerMessage(Vectors{.stream = 1, .vectors = {{1.0F}}}));
  frame.payload.pop_back();
  EXPECT_FALSE(decode_worker_message(frame));
  frame.payload.assign(20, '\xff');
  EXPECT_FALSE(decode_worker_message(frame));
  EXPECT_FALSE(decode_worker_message({.type = 99, .stream = 1, .payload = "{}"}));
  EXPECT_FALSE(decode_host_message({.type = static_cast<std::uint8_t>(FrameType::kGenerate), .stream = 1, .payload = "{}"}));
}

TEST(WorkerProtocol, SurvivesRandomPayloads) {
  SeededRandom random(5);
  for (int i = 0; i < 20'000; ++i) {
    Frame frame{.type = static_cast<std::uint8_t>(random.next_u64() % 48), .stream = 1, .payload = {}};
    frame.payload.resize(random.next_u64() % 64);
    random.fill(std::as_writable_bytes(std::span(frame.payload)));
    (void)decode_host_message(frame);
    (void)decode_worker_message(frame);
  }
}

TEST(StreamSink, JoinsDeltasForASlowReaderAndAsksForAPause) {
  StreamSink sink(100);
  EXPECT_EQ(sink.on_message(DeltaMessage{1, {.content = std::string(60, 'a')}}), ReplySink::Reaction::kMore);
  EXPECT_EQ(sink.on_message(DeltaMessage{1, {.content = std::string(60, 'b')}}), ReplySink::Reaction::kTooMuch);
  EXPECT_TRUE(sink.wants_pause());
  std::string content;
  EXPECT_TRUE(sink.pull([&](auto event) { content = std::get<Delta>(**event).content; })) << "drained: resume";
  EXPECT_EQ(content, std::string(60, 'a') + std::string(60, 'b'));
  EXPECT_FALSE(sink.wants_pause());
}

TEST(StreamSink, EndsWithFinishThenNothing) {
  StreamSink sink(100);
  std::vector<std::string> seen;
  const auto note = [&](Result<std::optional<Event>> event) {
    seen.emplace_back(!event ? "error" : !*event ? "end" : std::holds_alternative<Delta>(**event) ? "delta" : "finish");
  };
  sink.pull(note);
  EXPECT_TRUE(seen.empty());
  sink.on_message(DeltaMessage{1, {.content = "x"}});
  EXPECT_EQ(sink.on_message(FinishMessage{1, {}}), ReplySink::Reaction::kDone);
  sink.on_failure({ErrorCode::kUnavailable, "too late to matter"});
  sink.pull(note);
  sink.pull(note);
  EXPECT_THAT(seen, testing::ElementsAre("delta", "finish", "end"));
}

TEST(StreamSink, AFailureComesAfterWhatArrivedBefore) {
  StreamSink sink(100);
  sink.on_message(DeltaMessage{1, {.content = "x"}});
  EXPECT_FALSE(sink.untouched());
  sink.on_failure({ErrorCode::kUnavailable, "stopped"});
  std::vector<bool> good;
  for (int i = 0; i < 2; ++i) sink.pull([&](auto event) { good.push_back(event.has_value()); });
  EXPECT_THAT(good, testing::ElementsAre(true, false));
}

TEST(Generation, IsPutTogetherFromDeltas) {
  Generation whole;
  append(whole, {.content = "a", .tool_calls = {{0, "call_1", "weather", "{\"ci"}}});
  append(whole, {.content = "b", .tool_calls = {{0, "", "", "ty\":1}"}, {1, "call_2", "clock", "{}"}, {9, "", "", "stray"}}});
  EXPECT_EQ(whole.content, "ab");
  ASSERT_EQ(whole.tool_calls.size(), 2U);
  EXPECT_EQ(whole.tool_calls[0].arguments, "{\"city\":1}");
  EXPECT_EQ(whole.tool_calls[1].id, "call_2");
}

}  // namespace
}  // namespace siyu::engine
