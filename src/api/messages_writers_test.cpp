#include "api/messages_writers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace siyu::api::anthropic {
namespace {

const ReplyHead kHead{.id = "msg_1", .model = "talker"};

std::vector<json::object> events_of(const std::string& stream) {
  net::SseParser parser;
  std::vector<json::object> events;
  for (const auto& data : parser.feed(stream).value()) events.push_back(parse_json(data).value().get_object());
  return events;
}

std::vector<std::string> types_of(const std::vector<json::object>& events) {
  std::vector<std::string> types;
  for (const auto& event : events) types.emplace_back(event.at("type").get_string());
  return types;
}

/// Thinks, speaks, and calls two tools.
std::string play(ReplyWriter& writer) {
  std::string out = writer.event(0, engine::Delta{.reasoning = "Hm"});
  out += writer.event(0, engine::Delta{.content = "Let", .reasoning = "m."});
  out += writer.event(0, engine::Delta{.content = " me"});
  out += writer.event(0, engine::Delta{.tool_calls = {{.index = 0, .id = "call_a", .name = "weather", .arguments = R"({"city")"}}});
  out += writer.event(0, engine::Delta{.tool_calls = {{.index = 0, .arguments = R"(:"X"})"}, {.index = 1, .id = "call_b", .name = "time"}}});
  out += writer.event(0, engine::Finish{.reason = engine::FinishReason::kToolCalls, .usage = {.prompt_tokens = 10, .completion_tokens = 7, .cached_tokens = 4}});
  return out + writer.end();
}

TEST(MessageStream, OpensFillsAndClosesEachBlockInOrder) {
  const auto writer = streamed_message(kHead, {.show_thinking = true, .prompt_tokens = 10, .max_tokens = 50});
  const auto events = events_of(play(*writer));
  EXPECT_THAT(types_of(events),
              testing::ElementsAre("message_start", "content_block_start", "ping", "content_block_delta", "content_block_delta", "content_block_stop",
                                   "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop",  // text
                                   "content_block_start", "content_block_delta", "content_block_delta", "content_block_stop",  // first call
                                   "content_block_start", "content_block_stop", "message_delta", "message_stop"));
  EXPECT_EQ(events[0].at("message").at("usage").at("input_tokens"), 10);
  EXPECT_EQ(events[1].at("content_block").at("type"), "thinking");
  EXPECT_EQ(events[12].at("delta").at("partial_json"), R"(:"X"})");
  EXPECT_EQ(events[14].at("index"), 3);
  EXPECT_EQ(events[16].at("delta").at("stop_reason"), "tool_use");
  EXPECT_EQ(events[16].at("usage").at("input_tokens"), 6);
  EXPECT_EQ(events[16].at("usage").at("cache_read_input_tokens"), 4);
}

TEST(MessageStream, NamesEveryEvent) {
  const auto writer = streamed_message(kHead, {});
  const auto out = writer->event(0, engine::Delta{.content = "x"});
  EXPECT_THAT(out, testing::StartsWith("event: message_start\ndata: {\"type\":\"message_start\""));
}

TEST(WholeMessage, HoldsTheSameBlocks) {
  const auto writer = whole_message(kHead, {.show_thinking = true, .max_tokens = 50});
  const auto body = parse_json(play(*writer)).value();
  const auto& content = body.at("content").get_array();
  ASSERT_EQ(content.size(), 4U);
  EXPECT_EQ(content[0].at("thinking"), "Hmm.");
  EXPECT_EQ(content[1].at("text"), "Let me");
  EXPECT_EQ(content[2].at("input").at("city"), "X");
  EXPECT_EQ(content[3].at("input"), json::object());
  EXPECT_EQ(body.at("stop_reason"), "tool_use");
}

TEST(WholeMessage, HidesThoughtsThatNobodyAskedFor) {
  const auto writer = whole_message(kHead, {.show_thinking = false, .max_tokens = 50});
  EXPECT_EQ(parse_json(play(*writer)).value().at("content").at(0).at("text"), "Let me");
}

TEST(WholeMessage, SaysWhyItEnded) {
  const auto stop_of = [](const engine::Finish& finish) {
    const auto writer = whole_message(kHead, {.max_tokens = 8});
    writer->event(0, finish);
    return parse_json(writer->end()).value().get_object();
  };
  EXPECT_EQ(stop_of({}).at("stop_reason"), "end_turn");
  const auto cut = stop_of({.stop = "END"});
  EXPECT_EQ(cut.at("stop_reason"), "stop_sequence");
  EXPECT_EQ(cut.at("stop_sequence"), "END");
  EXPECT_EQ(stop_of({.reason = engine::FinishReason::kLength, .usage = {.completion_tokens = 8}}).at("stop_reason"), "max_tokens");
  EXPECT_EQ(stop_of({.reason = engine::FinishReason::kLength, .usage = {.completion_tokens = 5}}).at("stop_reason"), "model_context_window_exceeded");
}

}  // namespace
}  // namespace siyu::api::anthropic
