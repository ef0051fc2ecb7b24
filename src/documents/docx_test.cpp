#include "documents/docx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "documents/zip_fixture.h"

namespace siyu::documents {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kRootRels =
    R"(<Relationships><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>)";

std::string relationships(const std::vector<std::string>& types) {
  std::string out = "<Relationships>";
  for (const auto& type : types) out += "<Relationship Id='" + type + "' Type='http://x/" + type + "' Target='" + type + ".xml'/>";
  return out + "</Relationships>";
}

ParsedDocument parse(const std::string& body, std::vector<std::pair<std::string, std::string>> parts = {}) {
  std::vector<std::string> types;
  for (const auto& [type, content] : parts) types.push_back(type);
  std::vector<std::pair<std::string, std::string>> members = {{"_rels/.rels", kRootRels},
                                                              {"word/document.xml", "<w:document xmlns:w='u'><w:body>" + body + "</w:body></w:document>"},
                                                              {"word/_rels/document.xml.rels", relationships(types)}};
  for (auto& [type, content] : parts) members.emplace_back("word/" + type + ".xml", std::move(content));
  return parse_docx({.bytes = make_zip(members), .name = "a.docx"});
}

std::string p(const std::string& text, const std::string& properties = "") {
  return "<w:p><w:pPr>" + properties + "</w:pPr><w:r><w:t>" + text + "</w:t></w:r></w:p>";
}

TEST(Docx, HeadingsComeFromStyleNamesOutlineLevelsAndInheritance) {
  const std::string styles =
      "<w:styles><w:style w:type='paragraph' w:styleId='1'><w:name w:val='heading 1'/></w:style>"
      "<w:style w:type='paragraph' w:styleId='2'><w:name w:val='标题 2'/></w:style>"
      "<w:style w:type='paragraph' w:styleId='mine'><w:name w:val='Mine'/><w:basedOn w:val='1'/></w:style>"
      "<w:style w:type='paragraph' w:styleId='T'><w:name w:val='Title'/></w:style></w:styles>";
  const auto document = parse(p("总则", "<w:pStyle w:val='T'/>") + p("甲", "<w:pStyle w:val='1'/>") + p("乙", "<w:pStyle w:val='2'/>") +
                                  p("丙", "<w:pStyle w:val='mine'/>") + p("丁", "<w:outlineLvl w:val='2'/>") + p("text"),
                              {{"styles", styles}});
  EXPECT_EQ(document.markdown, "# 总则\n\n## 甲\n\n### 乙\n\n## 丙\n\n#### 丁\n\ntext");
  EXPECT_EQ(document.title, "总则");
  EXPECT_EQ(document.blocks.size(), 6U);
}

TEST(Docx, ListsShowTheNumbersThatWordShows) {
  const std::string numbering =
      "<w:numbering><w:abstractNum w:abstractNumId='0'>"
      "<w:lvl w:ilvl='0'><w:start w:val='1'/><w:numFmt w:val='chineseCounting'/><w:lvlText w:val='第%1条'/></w:lvl>"
      "<w:lvl w:ilvl='1'><w:start w:val='1'/><w:numFmt w:val='decimal'/><w:lvlText w:val='%2.'/></w:lvl></w:abstractNum>"
      "<w:abstractNum w:abstractNumId='1'><w:lvl w:ilvl='0'><w:numFmt w:val='bullet'/><w:lvlText w:val='•'/></w:lvl></w:abstractNum>"
      "<w:num w:numId='1'><w:abstractNumId w:val='0'/></w:num><w:num w:numId='2'><w:abstractNumId w:val='1'/></w:num></w:numbering>";
  const auto item = [](const std::string& text, int list, int level) {
    return p(text, "<w:numPr><w:ilvl w:val='" + std::to_string(level) + "'/><w:numId w:val='" + std::to_string(list) + "'/></w:numPr>");
  };
  const auto document = parse(item("a", 1, 0) + item("b", 1, 1) + item("c", 1, 1) + item("d", 1, 0) + item("e", 1, 1) + item("f", 2, 0), {{"numbering", numbering}});
  EXPECT_EQ(document.markdown, "- 第一条 a\n    1. b\n    2. c\n- 第二条 d\n    1. e\n- f");
}

TEST(Docx, MergedCellsRepeatTheirTextAndPipesAreEscaped) {
  const auto cell = [](const std::string& text, const std::string& properties = "") { return "<w:tc><w:tcPr>" + properties + "</w:tcPr>" + p(text) + "</w:tc>"; };
  const auto document = parse("<w:tbl><w:tr>" + cell("a|b") + cell("wide", "<w:gridSpan w:val='2'/>") + "</w:tr><w:tr>" + cell("tall", "<w:vMerge w:val='restart'/>") + cell("1") + cell("2") +
                              "</w:tr><w:tr>" + cell("", "<w:vMerge/>") + cell("3") + cell("") + "</w:tr></w:tbl>");
  EXPECT_EQ(document.markdown, "| a\\|b | wide | wide |\n| --- | --- | --- |\n| tall | 1 | 2 |\n| tall | 3 | |");
}

TEST(Docx, KeepsNotesCommentsBoxesAndEquationsAndDropsDeletedAndHiddenText) {
  const auto document = parse(
      "<w:p><w:r><w:t>see</w:t><w:footnoteReference w:id='7'/><w:commentReference w:id='0'/></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
      "<w:ins><w:r><w:t> new</w:t></w:r></w:ins><w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r>"
      "<w:r><mc:AlternateContent><mc:Choice><w:drawing><wps:txbx><w:txbxContent>" + p("boxed") + "</w:txbxContent></wps:txbx></w:drawing></mc:Choice>"
      "<mc:Fallback><w:pict><w:txbxContent>" + p("boxed") + "</w:txbxContent></w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>"
      "<w:p><m:oMath><m:f><m:num><m:r><m:t>α</m:t></m:r></m:num><m:den><m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup></m:den></m:f></m:oMath></w:p>",
      {{"footnotes", "<w:footnotes><w:footnote w:id='7'>" + p("the note") + "</w:footnote></w:footnotes>"},
       {"comments", "<w:comments><w:comment w:id='0' w:author='李'>" + p("why?") + "</w:comment></w:comments>"}});
  EXPECT_EQ(document.markdown, "see[^1] new\n\n> 李: why?\n\nboxed\n\n$\\frac{ \\alpha }{x^{2}}$\n\n[^1]: the note");
}

TEST(Docx, TextThatLooksLikeMarkdownStaysText) {
  EXPECT_EQ(parse(p("# no heading") + p("```") + p("after")).markdown, "\\# no heading\n\n\\```\n\nafter");
}

TEST(Docx, BrokenFilesFailWithAReason) {
  EXPECT_EQ(parse_docx({.bytes = "PK\3\4 cut off"}).status, ParseStatus::kFailed);
  const auto missing = parse_docx({.bytes = make_zip({{"_rels/.rels", kRootRels}})});
  EXPECT_EQ(missing.status, ParseStatus::kFailed);
  EXPECT_THAT(missing.reason, HasSubstr("word/document.xml is missing"));
}

}  // namespace
}  // namespace siyu::documents
