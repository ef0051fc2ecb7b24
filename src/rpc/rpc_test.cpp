#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rpc/convert.h"
#include "rpc/status.h"
#include "siyu.pb.h"

namespace siyu::rpc {
namespace {

using ::testing::HasSubstr;

v1::ChatRequest question(const std::string& text) {
  v1::ChatRequest request;
  auto& message = *request.add_messages();
  message.set_role(v1::ROLE_USER);
  message.set_content(text);
  return request;
}

TEST(ToChat, WhatIsNotSetIsLeftToTheModel) {
  const auto chat = to_chat(question("hi")).value();
  EXPECT_EQ(chat.generate.sampling, engine::Sampling());
  EXPECT_FALSE(chat.generate.max_tokens.has_value());
  EXPECT_EQ(chat.generate.tool_choice, engine::ToolChoice::kAuto);
  EXPECT_FALSE(chat.generate.enable_thinking.has_value());
}

TEST(ToChat, ZeroIsAValueOfItsOwn) {
  auto request = question("hi");
  request.mutable_generation()->mutable_sampling()->set_temperature(0);
  request.mutable_generation()->mutable_sampling()->set_seed(0);
  request.set_thinking(false);
  const auto generate = to_chat(request).value().generate;
  EXPECT_EQ(generate.sampling.temperature, 0.0);
  EXPECT_EQ(generate.sampling.seed, 0U);
  EXPECT_EQ(generate.enable_thinking, false);
}

TEST(ToChat, ToolsAndFormatsArrive) {
  auto request = question("hi");
  request.add_tools()->set_name("weather");
  request.set_tool_name("weather");
  request.set_json_schema("{}");
  const auto generate = to_chat(request).value().generate;
  EXPECT_EQ(generate.tool_choice, engine::ToolChoice::kNamed);
  EXPECT_EQ(generate.tool_name, "weather");
  EXPECT_EQ(generate.response_format, engine::ResponseFormat::kJsonSchema);
}

TEST(ToChat, ErrorsNameTheField) {
  EXPECT_THAT(to_chat({}).error().message, HasSubstr("messages"));
  auto no_role = question("hi");
  no_role.mutable_messages(0)->set_role(v1::ROLE_UNSPECIFIED);
  EXPECT_THAT(to_chat(no_role).error().message, HasSubstr("role"));
  auto hot = question("hi");
  hot.mutable_generation()->mutable_sampling()->set_temperature(9);
  EXPECT_THAT(to_chat(hot).error().message, HasSubstr("temperature"));
  auto odd = question("hi");
  odd.set_tool_choice(static_cast<v1::ToolChoice>(77));
  EXPECT_THAT(to_chat(odd).error().message, HasSubstr("tool_choice"));
}

TEST(Write, EachEventReplacesTheLast) {
  v1::ChatEvent event;
  write(chat::Event(engine::Delta{.content = "a", .logprobs = {{.token = "\xe4", .logprob = -1, .top = {}}}}), event);
  EXPECT_EQ(event.delta().content(), "a");
  EXPECT_EQ(event.delta().logprobs(0).token(), "\xe4");  // part of a character: bytes, not text
  write(chat::Event(engine::Finish{.reason = engine::FinishReason::kLength, .usage = {.prompt_tokens = 3}}), event);
  EXPECT_FALSE(event.has_delta());
  EXPECT_EQ(event.finish().reason(), v1::FINISH_REASON_LENGTH);
  EXPECT_EQ(event.finish().usage().prompt_tokens(), 3);
}

TEST(StatusCode, EveryErrorHasOneThatIsNotOk) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    const auto status = status_code(static_cast<ErrorCode>(code));
    EXPECT_NE(status, grpc::StatusCode::OK) << code;
    EXPECT_NE(status, grpc::StatusCode::UNKNOWN) << code;
  }
}

}  // namespace
}  // namespace siyu::rpc
