#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mcp/message.h"
#include "mcp/mirror.h"
#include "mcp/server.h"
#include "mcp/sessions.h"
#include "mcp/uri.h"

namespace siyu::mcp {
namespace {

TEST(Message, RequestsNotificationsAndResponsesAreToldApart) {
  const auto request = decode_message(R"({"jsonrpc":"2.0","id":"a","method":"tools/list","params":{"cursor":"x"}})");
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->kind, Message::Kind::kRequest);
  EXPECT_EQ(*request->id, RequestId("a"));
  EXPECT_EQ(request->params.at("cursor").as_string(), "x");
  EXPECT_EQ(decode_message(R"({"jsonrpc":"2.0","method":"notifications/initialized"})")->kind, Message::Kind::kNotification);
  EXPECT_EQ(decode_message(R"({"jsonrpc":"2.0","id":-3,"result":{}})")->kind, Message::Kind::kResponse);
}

TEST(Message, WhatIsWrongIsAnsweredUnderTheIdThatWasRead) {
  struct Scenario {
    const char* text;
    int code;
    std::optional<RequestId> id;
  };
  const Scenario scenarios[] = {
      {"{", kParseError, {}},
      {"[]", kInvalidRequest, {}},
      {R"({"jsonrpc":"2.0","id":1.5,"method":"x"})", kInvalidRequest, {}},
      {R"({"jsonrpc":"2.0","id":18446744073709551615,"method":"x"})", kInvalidRequest, {}},
      {R"({"jsonrpc":"2.0","id":null,"method":"x"})", kInvalidRequest, {}},
      {R"({"jsonrpc":"2","id":7,"method":"x"})", kInvalidRequest, RequestId(7)},
      {R"({"jsonrpc":"2.0","id":7})", kInvalidRequest, RequestId(7)},
      {R"({"jsonrpc":"2.0","id":7,"result":1,"error":2})", kInvalidRequest, RequestId(7)},
      {R"({"jsonrpc":"2.0","id":7,"method":""})", kInvalidRequest, RequestId(7)},
      {R"({"jsonrpc":"2.0","id":7,"method":"x","params":[1]})", kInvalidRequest, RequestId(7)},
  };
  for (const auto& [text, code, id] : scenarios) {
    const auto message = decode_message(text);
    ASSERT_FALSE(message.has_value()) << text;
    EXPECT_EQ(message.error().error.code, code) << text;
    EXPECT_EQ(message.error().id, id) << text;
  }
}

TEST(Message, AnErrorWithoutAnIdSaysNull) {
  EXPECT_EQ(error_text({}, {.code = kParseError, .message = "m"}), R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"m"}})");
  EXPECT_EQ(error_text(RequestId("a"), {.code = 403, .message = "m", .data = json::object{{"k", 1}}}),
            R"({"jsonrpc":"2.0","id":"a","error":{"code":403,"message":"m","data":{"k":1}}})");
}

TEST(Uri, NamesOfAnyKindSurviveTheWayThereAndBack) {
  for (const auto* base : {"handbook", "手册", "a/b c%2F?#", ".."}) {
    const ResourceUri uri{.base = base, .document = DocumentId("doc_01:x/y")};
    EXPECT_EQ(parse_uri(to_text(uri)).value(), uri) << to_text(uri);
    EXPECT_EQ(parse_uri(to_text({.base = base, .document = {}})).value().base, base);
  }
}

TEST(Uri, WhatIsNoneOfOursIsRefused) {
  for (const auto* text : {"", "siyu://", "siyu://knowledge-bases", "siyu://knowledge-bases/", "file:///etc/passwd", "siyu://knowledge-bases/a/", "siyu://knowledge-bases/a/documents",
                           "siyu://knowledge-bases/a/documents/", "siyu://knowledge-bases/a/documents/b/c", "siyu://knowledge-bases/%ff", "SIYU://knowledge-bases/a"})
    EXPECT_FALSE(parse_uri(text).has_value()) << text;
}

TEST(Headers, ValuesThatNoHeaderCanHoldTravelInBase64) {
  for (const auto* value : {"ask", "siyu://knowledge-bases/a", "手册", " padded ", "line\nbreak", "=?base64?x?=", ""}) {
    net::RequestHead head;
    head.headers.add("Mcp-Name", mirror_value(value));
    EXPECT_EQ(mirrored_header(head, "mcp-name"), std::string(value)) << mirror_value(value);
  }
  EXPECT_EQ(mirror_value("ask"), "ask");
  for (const auto* broken : {"=?base64?!?=", "=?base64?YQ?=", "=?base64?/w==?=", "\xC8z"}) {
    net::RequestHead head;
    head.headers.add("Mcp-Name", broken);
    EXPECT_FALSE(mirrored_header(head, "Mcp-Name").has_value()) << broken;
  }
}

class SessionsTest : public ::testing::Test {
 protected:
  ManualClock clock;
  OsRandom random;
  Sessions sessions{clock, random};
  const UserId rita{"rita"}, otto{"otto"};
};

TEST_F(SessionsTest, ASessionIsItsUsersOnly) {
  const auto id = sessions.open(rita, Revision::k2025_06_18);
  EXPECT_EQ(id.size(), 32U);
  EXPECT_EQ(sessions.find(id, rita), Revision::k2025_06_18);
  EXPECT_FALSE(sessions.find(id, otto).has_value());
  EXPECT_FALSE(sessions.close(id, otto));
  EXPECT_TRUE(sessions.close(id, rita));
  EXPECT_FALSE(sessions.find(id, rita).has_value());
}

TEST_F(SessionsTest, IdleSessionsEndAndUsedOnesDoNot) {
  const auto used = sessions.open(rita, Revision::k2025_11_25), idle = sessions.open(rita, Revision::k2025_11_25);
  clock.advance(kSessionIdle / 2);
  EXPECT_TRUE(sessions.find(used, rita).has_value());
  clock.advance(kSessionIdle / 2 + Millis(1));
  EXPECT_TRUE(sessions.find(used, rita).has_value());
  EXPECT_FALSE(sessions.find(idle, rita).has_value());
}

TEST_F(SessionsTest, AUserWithManySessionsLosesTheOldestAndNobodyElseDoes) {
  const auto others = sessions.open(otto, Revision::k2025_11_25);
  clock.advance(Millis(1));
  const auto first = sessions.open(rita, Revision::k2025_11_25);
  for (std::size_t i = 0; i < kMaxSessionsOfUser; ++i) {
    clock.advance(Millis(1));
    sessions.open(rita, Revision::k2025_11_25);
  }
  EXPECT_EQ(sessions.size(), kMaxSessionsOfUser + 1);
  EXPECT_FALSE(sessions.find(first, rita).has_value());
  EXPECT_TRUE(sessions.find(others, otto).has_value());
}

struct Work final : Cancellable {
  int cancelled = 0;
  void cancel() noexcept override { ++cancelled; }
};

TEST_F(SessionsTest, WorkIsCancelledByTheSessionItBelongsToAndOnce) {
  const auto mine = sessions.open(rita, Revision::k2025_11_25), other = sessions.open(rita, Revision::k2025_11_25);
  const auto work = std::make_shared<Work>();
  sessions.begin(mine, RequestId(1), work);
  sessions.cancel(other, RequestId(1));
  sessions.cancel(mine, RequestId("1"));
  EXPECT_EQ(work->cancelled, 0);
  sessions.cancel(mine, RequestId(1));
  sessions.cancel(mine, RequestId(1));
  EXPECT_EQ(work->cancelled, 1);
}

TEST(Tools, AllHaveClosedSchemasAndSayThatTheyOnlyRead) {
  std::vector<std::string> names;
  for (const auto& tool : tool_definitions()) {
    names.emplace_back(tool.at("name").as_string());
    EXPECT_EQ(tool.at("inputSchema").at("additionalProperties"), json::value(false)) << names.back();
    EXPECT_EQ(tool.at("annotations").at("readOnlyHint"), json::value(true)) << names.back();
    EXPECT_TRUE(tool.at("outputSchema").is_object()) << names.back();
  }
  EXPECT_THAT(names, ::testing::ElementsAre("list_knowledge_bases", "list_documents", "search", "ask", "read_document"));
}

TEST(Results, EachRevisionGetsWhatItAsksFor) {
  const json::object plain{{"tools", json::array()}};
  EXPECT_EQ(Server::dress(Revision::k2025_11_25, "tools/list", plain), plain);
  const auto dressed = Server::dress(Revision::k2026_07_28, "tools/list", plain);
  EXPECT_EQ(dressed.at("resultType"), json::value("complete"));
  EXPECT_EQ(dressed.at("cacheScope"), json::value("public"));
  EXPECT_EQ(Server::dress(Revision::k2026_07_28, "resources/read", {}).at("cacheScope"), json::value("private"));
  EXPECT_FALSE(Server::dress(Revision::k2026_07_28, "tools/call", {}).contains("ttlMs"));
}

}  // namespace
}  // namespace siyu::mcp
