#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bounded_pool.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/frame.h"
#include "base/id.h"
#include "base/json.h"
#include "base/log.h"
#include "base/split_name.h"
#include "base/text.h"

namespace siyu {
namespace {

using ::testing::HasSubstr;

enum class Colour { kRed, kDarkBlue };
BOOST_DESCRIBE_ENUM(Colour, kRed, kDarkBlue)
struct Inner {
  int count = 0;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (count))
struct Outer {
  std::string name;
  std::optional<double> weight;
  std::vector<Inner> items;
  std::optional<Colour> colour;
};
BOOST_DESCRIBE_STRUCT(Outer, (), (name, weight, items, colour))

TEST(SplitName, TheFirstPartNamesAll) {
  EXPECT_THAT(model_parts("/a/b-00001-of-00003.gguf"), testing::ElementsAre("/a/b-00001-of-00003.gguf", "/a/b-00002-of-00003.gguf", "/a/b-00003-of-00003.gguf"));
  for (const char* alone : {"/a/b.gguf", "/a/b-00002-of-00003.gguf", "/a/b-00001-of-00001.gguf", "/a/b-00001-of-99999.gguf", "/a/b-00001-of-0000x.gguf", "-00001-of-00002.gguf"})
    EXPECT_THAT(model_parts(alone), testing::ElementsAre(alone));
}

TEST(Json, RoundTripsDescribedStructs) {
  const auto outer = from_json_text<Outer>(R"({"name":"a","items":[{"count":3}],"colour":"dark_blue","more":1})");
  ASSERT_TRUE(outer.has_value()) << outer.error().message;
  EXPECT_EQ(outer->colour, Colour::kDarkBlue);
  EXPECT_EQ(to_json_text(*outer), R"({"name":"a","items":[{"count":3}],"colour":"dark_blue"})");
}

TEST(Json, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(from_json_text<Outer>(R"({"name":"a","items":[{"count":1},{"count":"x"}]})").error().message,
            "`items[1].count` must be a whole number from -2147483648 to 2147483647");
  EXPECT_EQ(from_json_text<Outer>(R"({"items":[]})").error().message, "`name` is missing");
  EXPECT_THAT(from_json_text<Outer>(R"({"name":"a","items":[],"colour":"green"})").error().message, HasSubstr("red, dark_blue"));
  EXPECT_EQ(from_json_text<Outer>(R"({"name":"a","items":[],"nam":1})", UnknownKeys::kRefuse).error().message,
            "`nam` is not a known field");
}

TEST(Json, RefusesDeepNestingAndTrailingText) {
  EXPECT_THAT(parse_json(std::string(100, '[')).error().message, HasSubstr("nested deeper"));
  EXPECT_FALSE(parse_json("{} x").has_value());
  EXPECT_FALSE(parse_json("").has_value());
}

TEST(Frames, ArriveWholeHoweverTheBytesAreCut) {
  const Frame first{.type = 7, .stream = 42, .payload = "hello"}, second{.type = 1, .stream = 1, .payload = ""};
  const std::string wire = encode_frame(first) + encode_frame(second);
  FrameDecoder decoder;
  std::vector<Frame> got;
  for (const char c : wire) {
    decoder.feed({&c, 1});
    while (auto frame = decoder.next().value()) got.push_back(*frame);
  }
  EXPECT_THAT(got, ::testing::ElementsAre(first, second));
  EXPECT_EQ(decoder.buffered(), 0U);
}

TEST(Frames, RefuseForeignBytesAndOversize) {
  FrameDecoder foreign;
  foreign.feed("GET / HTTP/1.1\r\n");
  EXPECT_EQ(foreign.next().error().code, ErrorCode::kCorrupted);
  FrameDecoder small(4);
  small.feed(encode_frame({.type = 1, .stream = 1, .payload = "12345"}));
  EXPECT_EQ(small.next().error().code, ErrorCode::kCorrupted);
}

TEST(Bytes, PrintableFormsComeBack) {
  for (const std::string text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
    EXPECT_EQ(as_text(*from_base64(to_base64(as_bytes(text)))), text);
    EXPECT_EQ(as_text(*from_hex(to_hex(as_bytes(text)))), text);
  }
  EXPECT_EQ(to_base64(as_bytes("foob")), "Zm9vYg==");
  EXPECT_FALSE(from_base64("Zm9=v").has_value());
  EXPECT_FALSE(from_base64("Zg=").has_value());
  EXPECT_FALSE(from_hex("0g").has_value());
}

TEST(Ids, SortByTimeAndCarryTheirPrefix) {
  ManualClock clock;
  SeededRandom random(1);
  const auto first = new_id<DocumentId>("doc", clock, random);
  clock.advance(Millis(1));
  const auto second = new_id<DocumentId>("doc", clock, random);
  EXPECT_LT(first, second);
  EXPECT_EQ(first.str().size(), 4U + 26U);
  EXPECT_TRUE(first.str().starts_with("doc_"));
}

TEST(Text, SplitsChineseAndEnglishSentences) {
  const std::string text = "张三说：“你好。”李四走了！It costs 3.5 yuan. Is that all?\n最后一句";
  std::vector<std::string> sentences;
  for (const auto& span : split_sentences(text)) sentences.push_back(text.substr(span.begin, span.end - span.begin));
  EXPECT_THAT(sentences, ::testing::ElementsAre("张三说：“你好。”", "李四走了！", "It costs 3.5 yuan.", "Is that all?", "最后一句"));
}

TEST(Text, FoldsWidthAndCase) { EXPECT_EQ(fold("ＡＢＣ１２３Straße"), "abc123strasse"); }

TEST(Text, RepairsBrokenUtf8AndNeverCutsACharacter) {
  EXPECT_FALSE(is_valid_utf8("\xff"));
  EXPECT_EQ(repair_utf8("a\xff" "b"), "a\xEF\xBF\xBD" "b");
  EXPECT_EQ(utf8_prefix("中文", 4), "中");
  EXPECT_EQ(trim("　\n 中文 　"), "中文");
}

TEST(Log, EscapesWhatWouldBreakALine) {
  std::string out;
  append_json_string(out, "a\"b\\\n\x01\xff");
  EXPECT_EQ(out, "\"a\\\"b\\\\\\n\\u0001\xEF\xBF\xBD\"");
}

TEST(BoundedPool, RefusesWhenFullAndFinishesWhatItTook) {
  std::mutex gate;
  gate.lock();
  std::atomic<int> done = 0;
  BoundedPool pool(1, 1);
  ASSERT_TRUE(pool.try_submit([&] { const std::lock_guard wait(gate); ++done; }));
  while (pool.queued() != 0) std::this_thread::yield();
  ASSERT_TRUE(pool.try_submit([&] { ++done; }));
  EXPECT_FALSE(pool.try_submit([&] { ++done; }));
  gate.unlock();
  pool.stop();
  EXPECT_EQ(done, 2);
}

TEST(Clock, PrintsRfc3339) { EXPECT_EQ(to_rfc3339(from_unix_millis(1'700'000'000'123)), "2023-11-14T22:13:20.123Z"); }

}  // namespace
}  // namespace siyu
