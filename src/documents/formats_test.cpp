// Formats that are read without a zip around them, and how a file's format is found out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "documents/flowed_text.h"
#include "documents/html.h"
#include "documents/mail.h"
#include "documents/parse.h"
#include "documents/table_text.h"
#include "documents/wire.h"

namespace siyu::documents {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string markdown(ParsedDocument (*parser)(const ParseInput&), std::string_view bytes) { return parser({.bytes = bytes, .name = "f"}).markdown; }

TEST(HtmlTest, KeepsStructureAndDropsWhatNobodySees) {
  const auto page = parse_html({.bytes = "<title>T</title><script>alert(1)</script><style>p{}</style><h2>Leave</h2><p>Ten <b>days</b>.<br>Each year.<ol><li>a<li>b</ol>"
                                         "<table><tr><th>A<th>B<tr><td>1|2<td>3</table><pre>x  y</pre><p hidden>secret",
                                .name = "a.html"});
  EXPECT_EQ(page.markdown, "## Leave\n\nTen days.\nEach year.\n\n1. a\n2. b\n\n| A | B |\n| --- | --- |\n| 1\\|2 | 3 |\n\n```\nx  y\n```");
  EXPECT_EQ(parse_html({.bytes = "<title>T</title><p>x", .name = ""}).title, "T");
}

TEST(HtmlTest, ReadsTheDeclaredCharset) {
  EXPECT_EQ(markdown(parse_html, "<meta charset=gb2312><p>\xC4\xFA\xBA\xC3</p>"), "您好");
  EXPECT_EQ(markdown(parse_html, "<meta charset=gb2312><p>您好，这是统一码。</p>"), "您好，这是统一码。") << "valid UTF-8 is UTF-8, whatever an old template declares";
}

TEST(CsvTest, FindsTheSeparatorAndKeepsQuotedFieldsWhole) {
  EXPECT_EQ(markdown(parse_csv, "a;b\n1,5;\"x; \"\"y\"\"\nz\"\n2,5;q\n"), "| a | b |\n| --- | --- |\n| 1,5 | x; \"y\" z |\n| 2,5 | q |");
  EXPECT_EQ(markdown(parse_csv, "姓名\t部门\n张三\t财务\n"), "| 姓名 | 部门 |\n| --- | --- |\n| 张三 | 财务 |");
}

TEST(FlowedTextTest, JoinsFullLinesAndLeavesShortOnes) {
  MarkdownWriter writer;
  write_flowed(writer, "The warranty of this device lasts for three full ye-\nars from the day on which it has been sold to its first\nowner. Then it ends.\n\n"
                       "员工在本单位连续工作满一年以上的，享受带薪年休假，具体办\n法由人事部门另行规定并公布执行。\n\n• one\n• two\n");
  EXPECT_EQ(std::move(writer).finish("text", "").markdown,
            "The warranty of this device lasts for three full years from the day on which it has been sold to its first owner. Then it ends.\n\n"
            "员工在本单位连续工作满一年以上的，享受带薪年休假，具体办法由人事部门另行规定并公布执行。\n\n• one\n• two");
}

TEST(MailTest, ReadsHeadersTheBestBodyAndAttachments) {
  const auto mail = parse_mail({.bytes = "From: =?utf-8?B?5byg5LiJ?= <z@example.org>\r\nTo: b@example.org\r\nSubject: =?gb2312?B?xOq82c2o1qo=?=\r\nMIME-Version: 1.0\r\n"
                                         "Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n"
                                         "--a\r\nContent-Type: text/plain; charset=gbk\r\nContent-Transfer-Encoding: base64\r\n\r\nyq7M7MTqvNmhow==\r\n"
                                         "--a\r\nContent-Type: text/html\r\n\r\n<p>ten days</p>\r\n--a--\r\n"
                                         "--m\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=\"../../rules.txt\"\r\n\r\nrules\r\n--m--\r\n",
                                .name = "a.eml"});
  EXPECT_EQ(mail.title, "年假通知");
  EXPECT_THAT(mail.markdown, HasSubstr("张三"));
  EXPECT_THAT(mail.markdown, HasSubstr("十天年假。"));
  EXPECT_THAT(mail.markdown, Not(HasSubstr("ten days"))) << "one form of the text is enough";
  ASSERT_EQ(mail.embedded.size(), 1U);
  EXPECT_EQ(mail.embedded[0].name, "rules.txt");
}

TEST(MailTest, EncryptedMailIsRefused) {
  const auto mail = parse_mail({.bytes = "From: a@b\nMIME-Version: 1.0\nContent-Type: multipart/encrypted; boundary=b; protocol=\"application/pgp-encrypted\"\n\n--b\n"
                                         "Content-Type: application/pgp-encrypted\n\nVersion: 1\n--b\nContent-Type: application/octet-stream\n\nxyz\n--b--\n",
                                .name = "a.eml"});
  EXPECT_EQ(mail.status, ParseStatus::kRefused);
  EXPECT_THAT(mail.reason, HasSubstr("encrypted"));
}

TEST(ParseTest, TrustsContentOverAName) {
  EXPECT_EQ(parse({.bytes = "<!DOCTYPE html><p>x", .name = "a.txt"}).format, "html");
  EXPECT_EQ(parse({.bytes = "From: a@b\nSubject: s\nMIME-Version: 1.0\n\ntext", .name = "saved"}).format, "mail");
  EXPECT_EQ(parse({.bytes = "BM is a short name", .name = "a.txt"}).format, "text") << "two letters do not make a picture";
  const auto ole = std::string("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1") + std::string(600, '\0');
  EXPECT_THAT(parse({.bytes = ole, .name = "a.doc"}).reason, HasSubstr("old binary"));
  EXPECT_THAT(parse({.bytes = ole + std::string("E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0", 32), .name = "a.docx"}).reason, HasSubstr("encrypted"));
  EXPECT_EQ(parse({.bytes = "no zip at all", .name = "a.docx"}).status, ParseStatus::kFailed);
  EXPECT_EQ(parse({.bytes = "   \n", .name = "a.txt"}).status, ParseStatus::kRefused);
}

TEST(WireTest, ADocumentArrivesAsItWasSent) {
  ParsedDocument sent{.reason = "note", .format = "pdf", .title = "T", .markdown = std::string(9 << 20, 'x')};
  sent.pages = {{.page = 1, .span = {0, 5}}, {.page = 2, .span = {5, 9 << 20}}};
  sent.embedded = {{.name = "a/b.txt", .bytes = "abc"}, {.name = "c", .bytes = std::string(5 << 20, 'y')}};
  DocumentDecoder decoder;
  bool complete = false;
  ASSERT_TRUE(encode(sent, [&](const Frame& frame) -> Status {
                ASSIGN_OR_RETURN(complete, decoder.take(frame));
                return {};
              }).has_value());
  ASSERT_TRUE(complete);
  const auto got = std::move(decoder).finish();
  EXPECT_EQ(got.markdown, sent.markdown);
  EXPECT_EQ(got.embedded.at(1).bytes, sent.embedded[1].bytes);
  EXPECT_EQ(got.pages.at(1).span, sent.pages[1].span);
  EXPECT_EQ(got.title, "T");
}

TEST(WireTest, AParserThatWasTakenOverCanClaimNothingImpossible) {
  const auto refuses = [](const ParsedDocument& sent) {
    DocumentDecoder decoder;
    return !encode(sent, [&](const Frame& frame) -> Status {
              ASSIGN_OR_RETURN([[maybe_unused]] const bool complete, decoder.take(frame));
              return {};
            }).has_value();
  };
  EXPECT_TRUE(refuses({.format = "x", .markdown = "\xFF\xFE"}));
  EXPECT_TRUE(refuses({.format = "x", .markdown = "ab", .pages = {{.page = 1, .span = {0, 99}}}}));
  EXPECT_TRUE(refuses({.format = "x", .markdown = "ab", .pages = {{.page = 1, .span = {1, 2}}, {.page = 2, .span = {0, 1}}}}));
  for (const auto* name : {"/etc/passwd", "../x", "a/../../x", ""}) EXPECT_TRUE(refuses({.format = "x", .markdown = "ab", .embedded = {{.name = name, .bytes = "b"}}})) << name;
  EXPECT_FALSE(refuses({.format = "x", .markdown = "ab", .embedded = {{.name = "a..b/c", .bytes = "b"}}}));
}

}  // namespace
}  // namespace siyu::documents
