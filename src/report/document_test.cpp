#include "report/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/text.h"
#include "report/escape.h"
#include "report/sample_fixture.h"
#include "report/words.h"

namespace siyu::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Document with(Block block) {
  Document document;
  document.blocks.push_back(std::move(block));
  return document;
}

TEST(ReportDocument, SurvivesItsJson) {
  for (const auto language : {Language::kZh, Language::kEn}) {
    const auto document = prepare(sample_report(language));
    ASSERT_TRUE(document);
    const auto text = encode_document(*document);
    const auto back = decode_document(text);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(encode_document(*back), text);
    EXPECT_EQ(back->blocks.size(), document->blocks.size());
  }
}

TEST(ReportDocument, BrokenJsonIsRefusedWithTheField) {
  const auto text = encode_document(Document{.blocks = {Heading{1, "a"}}});
  for (const auto& [from, to, where] : std::vector<std::tuple<std::string, std::string, std::string>>{{"\"heading\"", "\"headline\"", "blocks[0]"},
                                                                                                      {"\"level\":1", "\"level\":\"x\"", "level"},
                                                                                                      {"\"zh\"", "\"fr\"", "language"},
                                                                                                      {"\"sources\":[]", "\"sources\":{}", "sources"}}) {
    auto broken = text;
    const auto at = broken.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    broken.replace(at, from.size(), to);
    const auto decoded = decode_document(broken);
    ASSERT_FALSE(decoded) << to;
    EXPECT_THAT(decoded.error().message, HasSubstr(where));
  }
}

TEST(ReportDocument, ValuesThatAreNoNumbersCrossAsGaps) {
  const auto nan = std::nan("");
  LineChart chart{.x = {.low = INFINITY}, .y = {}, .series = {{"s", {{1, nan}, {2, INFINITY}, {3, 1e200}, {4, 4}}}}};
  const auto prepared = prepare(with(ChartBlock{chart}));
  ASSERT_TRUE(prepared);
  const auto back = decode_document(encode_document(*prepared));
  ASSERT_TRUE(back) << back.error().message;
  const auto& points = std::get<LineChart>(std::get<ChartBlock>(back->blocks[0]).chart).series[0].points;
  EXPECT_FALSE(is_drawable(points[0].y));
  EXPECT_FALSE(is_drawable(points[1].y));
  EXPECT_FALSE(is_drawable(points[2].y));
  EXPECT_EQ(points[3].y, 4);
}

TEST(ReportDocument, TextLosesWhatNoFormatMayHold) {
  EXPECT_EQ(clean_line("a\x01\x1f\x7f b\tc\nd\r"), "a b c d");
  EXPECT_EQ(clean_lines("a\nb"), "a\nb");
  EXPECT_EQ(clean_line("\xff中\xe4\xb8"), "\xef\xbf\xbd中\xef\xbf\xbd");
  EXPECT_EQ(clean_line("a\u202Eb\u2066c\u200Fd\uFEFFe\uFFFFf\u0085g"), "abcdefg");
  EXPECT_EQ(clean_line("a\u200Bb\u2060c\u2063d\U000E0041e"), "abcde");
  EXPECT_EQ(clean_line("שלום 中文 é 😀"), "שלום 中文 é 😀");
}

TEST(ReportDocument, OnlyAllowedAddressesRemain) {
  const std::vector<std::pair<std::string, std::string>> rows{{"https://a.cn/x?y=1&z=2", "https://a.cn/x?y=1&z=2"},
                                                              {"HTTP://a.cn", "HTTP://a.cn"},
                                                              {"mailto:a@b.cn", "mailto:a@b.cn"},
                                                              {"#part-2", "#part-2"},
                                                              {"#a b\"c", "#abc"},
                                                              {"#", ""},
                                                              {"javascript:alert(1)", ""},
                                                              {"java\x01script:alert(1)", ""},
                                                              {"data:text/html,x", ""},
                                                              {"file:///etc/passwd", ""},
                                                              {"//a.cn", ""},
                                                              {"https://a.cn/\"onclick=x", ""},
                                                              {"https://a.cn/<b>", ""},
                                                              {" https://a.cn", ""}};
  for (const auto& [given, kept] : rows) {
    const auto document = prepare(with(Paragraph{link("text", given)}));
    ASSERT_TRUE(document);
    const auto& run = std::get<Paragraph>(document->blocks[0]).text.runs.at(0);
    EXPECT_EQ(run.link, kept) << given;
    EXPECT_EQ(run.text, "text");
  }
}

TEST(ReportDocument, NumbersAreBroughtIntoTheirRanges) {
  Document document{.blocks = {Heading{9, "deep"}, Heading{-3, "high"}, Paragraph{cite(7)},
                               Table{.columns = {{"a", Align::kStart, std::nan("")}, {"b"}}, .rows = {{{"1", "2", "3"}}, {{"1"}}}}},
                    .sources = {{"only one", "javascript:x"}}};
  const auto prepared = prepare(document);
  ASSERT_TRUE(prepared);
  EXPECT_EQ(std::get<Heading>(prepared->blocks[0]).level, 4);
  EXPECT_EQ(std::get<Heading>(prepared->blocks[1]).level, 1);
  EXPECT_TRUE(std::get<Paragraph>(prepared->blocks[2]).text.empty());
  const auto& table = std::get<Table>(prepared->blocks[3]);
  EXPECT_EQ(table.columns[0].width, 0);
  EXPECT_EQ(table.rows[0].cells.size(), 2U);
  EXPECT_EQ(table.rows[1].cells.size(), 2U);
  EXPECT_EQ(prepared->sources[0].address, "");
}

TEST(ReportDocument, LimitsAreToldByName) {
  const auto refused = [](const Document& document, std::string_view what) {
    const auto prepared = prepare(document);
    ASSERT_FALSE(prepared) << what;
    EXPECT_EQ(prepared.error().code, ErrorCode::kTooLarge);
    EXPECT_THAT(prepared.error().message, HasSubstr(std::string(what)));
  };
  refused(Document{.blocks = std::vector<Block>(kMaxBlocks + 1, PageBreak{})}, "blocks");
  refused(with(Paragraph{std::string(kMaxTextBytes + 1, 'x')}), "bytes of text");
  refused(with(Table{.columns = std::vector<Column>(kMaxColumns + 1)}), "columns");
  refused(with(Table{.columns = {{"a"}}, .rows = std::vector<Row>(kMaxCells + 1)}), "cells");
  refused(with(KeyFigures{std::vector<KeyFigure>(kMaxCells + 1)}), "figures");
  refused(with(Definitions{std::vector<Definition>(kMaxCells + 1)}), "cells");
  ListItem deep{"x"};
  for (int i = 0; i < kMaxListDepth; ++i) deep = ListItem{"x", {deep}};
  refused(with(List{{deep}}), "levels of a list");
  refused(with(ChartBlock{BarChart{.categories = std::vector<std::string>(kMaxChartRows + 1), .value = {}}}), "categories");
}

TEST(ReportDocument, OutlineNumbersAndAnchorsAreUnique) {
  const Document document{.numbered_headings = true,
                          .blocks = {Heading{1, "a", "same"}, Heading{2, "b", "same"}, Heading{2, "c"}, Heading{1, "d", "section-3"}, Heading{3, "e", "中文"}}};
  const auto entries = outline(document);
  ASSERT_EQ(entries.size(), 5U);
  std::vector<std::string> numbers;
  std::set<std::string> anchors;
  for (const auto& entry : entries) {
    numbers.push_back(entry.number);
    anchors.insert(entry.anchor);
  }
  EXPECT_THAT(numbers, ElementsAre("1", "1.1", "1.2", "2", "2.0.1"));
  EXPECT_EQ(anchors.size(), 5U);
  EXPECT_EQ(entries[0].anchor, "same");
}

TEST(ReportDocument, NeighboursInOneMannerBecomeOneRun) {
  const auto document = prepare(with(Paragraph{{bold("a"), bold("b"), "c", "", "d", cite(1)}}));
  ASSERT_TRUE(document);
  const auto& runs = std::get<Paragraph>(document->blocks[0]).text.runs;
  ASSERT_EQ(runs.size(), 2U);  // the source is not there
  EXPECT_EQ(runs[0].text, "ab");
  EXPECT_EQ(runs[1].text, "cd");
}

TEST(ReportDocument, DatesAreReadableInBothLanguages) {
  EXPECT_EQ(readable_date("2026-03-01", Language::kZh), "2026年3月1日");
  EXPECT_EQ(readable_date("2026-03-01", Language::kEn), "1 March 2026");
  for (const std::string other : {"2026-02-30", "spring", "2026-3-1", "", "20x6-01-01"}) EXPECT_EQ(readable_date(other, Language::kEn), other);
}

}  // namespace
}  // namespace siyu::report
