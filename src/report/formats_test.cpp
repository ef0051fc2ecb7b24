// Markdown, HTML and DOCX, as text and as a container; what other programs make of them is in printer_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zip.h>

#include <map>
#include <pugixml.hpp>

#include "base/text.h"
#include "report/docx_parts.h"
#include "report/escape.h"
#include "report/hostile_fixture.h"
#include "report/render.h"
#include "report/sample_fixture.h"

namespace siyu::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// A printer without a process: one grey pixel for every chart.
class PixelPrinter : public Printer {
 public:
  Result<std::string> pdf(const Document&) const override { return std::string("%PDF-"); }
  Result<PrintedParts> parts(const Document& document) const override {
    const std::string pixel("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\4\0\0\0\2\x08\0\0\0\0\0\0\0\0", 33);
    PrintedParts parts;
    for (const auto& block : document.blocks)
      if (std::holds_alternative<ChartBlock>(block)) parts.chart_pictures.push_back(pixel);
    for (std::size_t i = 0; i < outline(document).size(); ++i) parts.heading_pages.push_back(i + 3);
    return parts;
  }
};
const PixelPrinter kPixels;

std::string one(const Document& document, Format format) {
  const auto rendered = render(document, format, "r", &kPixels);
  EXPECT_TRUE(rendered) << rendered.error().message;
  return rendered ? rendered->bytes() : "";
}
std::string markdown_of(Block block) { return one(Document{.title = "t", .blocks = {std::move(block)}}, Format::kMarkdown); }
std::string html_of(Block block) { return one(Document{.title = "t", .blocks = {std::move(block)}}, Format::kHtml); }

std::map<std::string, std::string> unzip(const std::string& bytes) {
  std::map<std::string, std::string> parts;
  zip_error_t error;
  zip_error_init(&error);
  zip_t* archive = zip_open_from_source(zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error), ZIP_RDONLY | ZIP_CHECKCONS, &error);
  EXPECT_NE(archive, nullptr);
  if (archive == nullptr) return parts;
  for (zip_int64_t i = 0; i < zip_get_num_entries(archive, 0); ++i) {
    zip_stat_t info;
    zip_stat_index(archive, static_cast<zip_uint64_t>(i), 0, &info);
    std::string content(info.size, '\0');
    zip_file_t* file = zip_fopen_index(archive, static_cast<zip_uint64_t>(i), 0);
    EXPECT_EQ(zip_fread(file, content.data(), content.size()), static_cast<zip_int64_t>(content.size()));
    zip_fclose(file);
    parts.emplace(info.name, std::move(content));
  }
  zip_discard(archive);
  return parts;
}

pugi::xml_document xml(const std::string& text) {
  pugi::xml_document document;
  const auto parsed = document.load_buffer(text.data(), text.size(), pugi::parse_full | pugi::parse_ws_pcdata);
  EXPECT_TRUE(parsed) << parsed.description() << " at " << parsed.offset;
  return document;
}

// Markdown.

TEST(ReportMarkdown, WhatReadsAsMarkupIsEscaped) {
  EXPECT_EQ(escape_markdown("a*b_c`d[e]<f>|g\\h~i&j"), "a\\*b\\_c\\`d\\[e\\]\\<f\\>\\|g\\\\h\\~i\\&j");
  EXPECT_EQ(escape_markdown("# no"), "\\# no");
  EXPECT_EQ(escape_markdown("- no"), "\\- no");
  EXPECT_EQ(escape_markdown("12. no"), "12\\. no");
  EXPECT_EQ(escape_markdown("3.14 yes"), "3.14 yes");
  EXPECT_EQ(escape_markdown("a - b # c 12. d"), "a - b # c 12. d");
  EXPECT_EQ(escape_markdown("https://x.cn"), "https:\\//x.cn");
}

TEST(ReportMarkdown, MannersStandWhereAsterisksCannot) {
  EXPECT_THAT(markdown_of(Paragraph{{"a", bold("中文"), "b"}}), HasSubstr("a**中文**b"));
  EXPECT_THAT(markdown_of(Paragraph{{"a", bold("中文。"), "b"}}), HasSubstr("a<strong>中文。</strong>b"));
  EXPECT_THAT(markdown_of(Paragraph{{bold("x"), italic("y")}}), HasSubstr("**x**<em>y</em>"));
  EXPECT_THAT(markdown_of(Paragraph{code("a``b")}), HasSubstr("```a``b```"));
  EXPECT_THAT(markdown_of(Paragraph{code("`")}), HasSubstr("`` ` ``"));
  EXPECT_THAT(markdown_of(Paragraph{{"n", subscript("ctx")}}), HasSubstr("n<sub>ctx</sub>"));
  EXPECT_THAT(markdown_of(Paragraph{link("see", "https://a.cn/(x)|y_z")}), Not(HasSubstr("](https://a.cn/(x)")));
}

TEST(ReportMarkdown, TableCellsStayCells) {
  const auto text = markdown_of(Table{.columns = {{"a|b"}, {"n", Align::kEnd}}, .rows = {{{code("x|y"), "1\n2"}}, {{"", "3"}, true}}, .caption = "c"});
  EXPECT_THAT(text, HasSubstr("| a\\|b | n |\n| --- | --: |\n| `x\\|y` | 1<br>2 |\n|  | <strong>3</strong> |\n"));
}

TEST(ReportMarkdown, ChartsLieBesideIt) {
  const auto rendered = render(sample_report(Language::kZh), Format::kMarkdown, "方案 / ../x", nullptr);
  ASSERT_TRUE(rendered);
  ASSERT_EQ(rendered->files.size(), 7U);
  EXPECT_EQ(rendered->files[0].name, "方案x.md");
  for (std::size_t i = 1; i < rendered->files.size(); ++i) {
    EXPECT_EQ(rendered->files[i].name, "方案x-chart-" + std::to_string(i) + ".svg");
    EXPECT_THAT(rendered->bytes(), HasSubstr("](<" + rendered->files[i].name + ">)"));
    EXPECT_THAT(rendered->files[i].bytes, testing::StartsWith("<svg "));
  }
  EXPECT_THAT(rendered->bytes(), HasSubstr("- [1 结论](#section-1)"));
  EXPECT_THAT(rendered->bytes(), HasSubstr("[\\[2\\]](#source-2)"));
}

TEST(ReportMarkdown, NestedListsKeepTheirDepth) { EXPECT_THAT(markdown_of(List{{{"a", {{"b", {{"c"}}, true}}}}}), HasSubstr("- a\n  - b\n    1. c\n")); }

// HTML.

TEST(ReportHtml, SaysWhatItIs) {
  const auto text = one(sample_report(Language::kZh), Format::kHtml);
  EXPECT_THAT(text, HasSubstr("<html lang=\"zh-CN\">"));
  EXPECT_THAT(text, HasSubstr("<title>私域大模型一体机部署方案</title>"));
  EXPECT_THAT(text, HasSubstr("<p class=\"mark\">内部</p>"));
  EXPECT_THAT(text, HasSubstr("<h2 id=\"sizing\"><span class=\"number\">2</span> 容量测算</h2>"));
  EXPECT_THAT(text, HasSubstr("<a href=\"#sizing\">"));
  EXPECT_THAT(text, HasSubstr("<li id=\"source-3\">"));
  EXPECT_THAT(text, HasSubstr("<tr class=\"sum\">"));
  EXPECT_THAT(one(sample_report(Language::kEn), Format::kHtml), HasSubstr("<html lang=\"en-US\">"));
}

TEST(ReportHtml, RefersToNothingOutside) {
  const auto text = one(sample_report(Language::kEn), Format::kHtml);
  for (const std::string reference : {"src=", "url(", "@import", "<link", "<script", "<iframe", "<img"}) EXPECT_THAT(text, Not(HasSubstr(reference)));
  EXPECT_THAT(text, HasSubstr("default-src 'none'"));
}

TEST(ReportHtml, TextIsText) {
  EXPECT_THAT(html_of(Paragraph{"<b>&\"'"}), HasSubstr("<p>&lt;b&gt;&amp;&quot;&#39;</p>"));
  EXPECT_THAT(html_of(Paragraph{link("a", "https://x.cn/?a=1&b='2'")}), HasSubstr("href=\"https://x.cn/?a=1&amp;b=&#39;2&#39;\""));
  EXPECT_THAT(html_of(Paragraph{"a\nb"}), HasSubstr("<p>a<br>b</p>"));
}

// DOCX.

TEST(ReportDocx, EveryPartIsWellFormedAndNamed) {
  const auto parts = unzip(one(sample_report(Language::kZh), Format::kDocx));
  for (const std::string name : {"[Content_Types].xml", "_rels/.rels", "word/document.xml", "word/_rels/document.xml.rels", "word/styles.xml", "word/numbering.xml",
                                 "word/settings.xml", "word/header1.xml", "word/footer1.xml", "word/fontTable.xml", "docProps/core.xml", "word/media/chart6.png"})
    EXPECT_TRUE(parts.contains(name)) << name;
  for (const auto& [name, content] : parts)
    if (!name.ends_with(".png")) xml(content);
  // Every relation's target is there, and every id used is a relation.
  const auto relations = xml(parts.at("word/_rels/document.xml.rels"));
  std::set<std::string> ids;
  for (const auto& relation : relations.child("Relationships").children()) {
    ids.insert(relation.attribute("Id").value());
    if (std::string_view(relation.attribute("TargetMode").value()) != "External")
      EXPECT_TRUE(parts.contains(std::string("word/") + relation.attribute("Target").value()));
  }
  const auto body = xml(parts.at("word/document.xml"));
  for (const auto& found : body.select_nodes("//@r:id|//@r:embed")) EXPECT_TRUE(ids.contains(found.attribute().value())) << found.attribute().value();
}

TEST(ReportDocx, HeadingsContentsAndBookmarksBelongTogether) {
  const auto body = xml(unzip(one(sample_report(Language::kZh), Format::kDocx)).at("word/document.xml"));
  EXPECT_EQ(body.select_nodes("//w:pStyle[@w:val='Heading1']").size(), 6U);  // with the sources
  EXPECT_EQ(body.select_nodes("//w:pStyle[@w:val='Heading2']").size(), 5U);
  std::set<std::string> bookmarks;
  for (const auto& found : body.select_nodes("//w:bookmarkStart/@w:name")) EXPECT_TRUE(bookmarks.insert(found.attribute().value()).second);
  for (const auto& found : body.select_nodes("//w:hyperlink/@w:anchor")) EXPECT_TRUE(bookmarks.contains(found.attribute().value())) << found.attribute().value();
  const auto first = body.select_node("//w:p[w:pPr/w:pStyle/@w:val='TOC1']").node();
  std::string text;
  for (const auto& found : first.select_nodes(".//w:t")) text += found.node().text().get();
  EXPECT_EQ(text, "1  结论3");
  EXPECT_EQ(body.select_nodes("//w:fldChar[@w:fldCharType='begin']").size(), body.select_nodes("//w:fldChar[@w:fldCharType='end']").size());
}

TEST(ReportDocx, TableHeadersRepeatAndGridsFit) {
  const auto body = xml(unzip(one(sample_report(Language::kEn), Format::kDocx)).at("word/document.xml"));
  EXPECT_EQ(body.select_nodes("//w:tbl[w:tr[1]/w:trPr/w:tblHeader]").size(), 2U);
  for (const auto& table : body.select_nodes("//w:tbl")) {
    const auto columns = table.node().select_nodes("w:tblGrid/w:gridCol").size();
    for (const auto& row : table.node().select_nodes("w:tr")) EXPECT_EQ(row.node().select_nodes("w:tc").size(), columns);
    for (const auto& cell : table.node().select_nodes(".//w:tc")) EXPECT_STREQ(cell.node().last_child().name(), "w:p");
    // Two tables beside each other would be read as one.
    EXPECT_STREQ(table.node().next_sibling().name(), "w:p");
  }
}

TEST(ReportDocx, PropertiesLanguageAndFontsAreSet) {
  const auto parts = unzip(one(sample_report(Language::kZh), Format::kDocx));
  EXPECT_THAT(parts.at("docProps/core.xml"), HasSubstr("<dc:title>私域大模型一体机部署方案</dc:title>"));
  EXPECT_THAT(parts.at("docProps/core.xml"), HasSubstr("2026-02-18T00:00:00Z"));
  EXPECT_THAT(parts.at("word/styles.xml"), HasSubstr("w:eastAsia=\"Microsoft YaHei\""));
  EXPECT_THAT(parts.at("word/styles.xml"), HasSubstr("w:eastAsia=\"zh-CN\""));
  EXPECT_THAT(parts.at("word/header1.xml"), HasSubstr("内部"));
  EXPECT_THAT(parts.at("word/footer1.xml"), HasSubstr(" NUMPAGES "));
}

TEST(ReportDocx, NumberedListsBeginAtOne) {
  const auto parts = unzip(one(Document{.blocks = {List{{{"a"}}, true}, List{{{"b"}}, true}, List{{{"c"}}}}}, Format::kDocx));
  const auto body = xml(parts.at("word/document.xml"));
  std::vector<std::string> lists;
  for (const auto& found : body.select_nodes("//w:numId/@w:val")) lists.push_back(found.attribute().value());
  EXPECT_THAT(lists, testing::ElementsAre("2", "3", "1"));
  const auto numbering = xml(parts.at("word/numbering.xml"));
  EXPECT_EQ(numbering.select_nodes("//w:num").size(), 3U);
  EXPECT_EQ(numbering.select_nodes("//w:num[@w:numId='3']//w:startOverride[@w:val='1']").size(), 9U);
}

// All of them.

TEST(ReportFormats, EqualReportsAreEqualBytes) {
  for (const auto format : {Format::kMarkdown, Format::kHtml, Format::kDocx})
    EXPECT_EQ(one(sample_report(Language::kZh), format), one(sample_report(Language::kZh), format));
}

TEST(ReportFormats, HostileTextBreaksNone) {
  const auto report = hostile_report();
  const auto html = one(report, Format::kHtml);
  EXPECT_TRUE(is_valid_utf8(html));
  for (const std::string bad : {"<script", "\"javascript:", "\x01", "\u202E", "<img"}) EXPECT_EQ(html.find(bad), std::string::npos) << bad;
  const auto rendered = render(report, Format::kMarkdown, "../../etc/passwd", nullptr);
  ASSERT_TRUE(rendered);
  for (const auto& file : rendered->files) {
    EXPECT_THAT(file.name, Not(HasSubstr("/")));
    EXPECT_TRUE(is_valid_utf8(file.bytes));
  }
  // Code stands in fences of four backticks here; outside of them no link and no element is but our own.
  auto text = rendered->bytes();
  for (auto begin = text.find("````"); begin != std::string::npos; begin = text.find("````")) text.erase(begin, text.find("````", begin + 4) + 4 - begin);
  for (auto at = text.find("]("); at != std::string::npos; at = text.find("](", at + 1))
    EXPECT_TRUE(text[at - 1] == '\\' || text.substr(at + 2, 1) == "#" || text.substr(at + 2, 1) == "<" || text.substr(at + 2, 8) == "https://") << text.substr(at, 40);
  for (auto at = text.find('<'); at != std::string::npos; at = text.find('<', at + 1)) {
    if (at > 0 && text[at - 1] == '\\') continue;
    const auto rest = std::string_view(text).substr(at, 12);
    const bool ours = std::ranges::any_of(std::vector<std::string_view>{"<a id=\"", "</a>", "<br>", "<strong>", "</strong>", "<em>", "</em>", "<sub>", "</sub>", "<sup>",
                                                                        "</sup>", "<!-- -->", "<etcpasswd", "<https://"},
                                          [&](std::string_view element) { return rest.starts_with(element); });
    EXPECT_TRUE(ours) << rest;
  }
  const auto parts = unzip(one(report, Format::kDocx));
  for (const auto& [name, content] : parts)
    if (!name.ends_with(".png")) xml(content);
  const auto body = xml(parts.at("word/document.xml"));
  EXPECT_FALSE(body.select_node("//script"));
  for (const auto& relation : xml(parts.at("word/_rels/document.xml.rels")).child("Relationships").children())
    if (std::string_view(relation.attribute("TargetMode").value()) == "External") EXPECT_THAT(relation.attribute("Target").value(), testing::StartsWith("https://"));
}

TEST(ReportDocx, APartThatTheContainerRefusesIsNamed) {
  for (const std::string name : {"\xff.xml", "same.xml"}) {  // no UTF-8; there already
    const auto made = zip_parts({{"same.xml", "a"}, {name, "b"}}, "2026-02-18");
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().detail, name);
  }
  EXPECT_EQ(unzip(zip_parts({{"a.xml", "a"}, {"b.xml", ""}}, "").value()), (std::map<std::string, std::string>{{"a.xml", "a"}, {"b.xml", ""}}));
}

TEST(ReportFormats, AnEmptyReportIsAReport) {
  for (const auto format : {Format::kMarkdown, Format::kHtml, Format::kDocx}) EXPECT_FALSE(one(Document{}, format).empty());
}

TEST(ReportFormats, WithoutAPrinterTheErrorNamesTheOthers) {
  for (const auto format : {Format::kPdf, Format::kDocx}) {
    const auto rendered = render(sample_report(Language::kZh), format, "r", nullptr);
    ASSERT_FALSE(rendered);
    EXPECT_EQ(rendered.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(rendered.error().message, HasSubstr("Markdown and HTML"));
  }
  EXPECT_TRUE(render(Document{.blocks = {Heading{1, "a"}, TableOfContents{}}}, Format::kDocx, "r", nullptr));
}

}  // namespace
}  // namespace siyu::report
