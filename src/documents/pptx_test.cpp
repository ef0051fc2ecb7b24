#include "documents/pptx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "documents/zip_fixture.h"

namespace siyu::documents {
namespace {

std::string relationship(const std::string& id, const std::string& type, const std::string& target) {
  return "<Relationship Id='" + id + "' Type='http://x/" + type + "' Target='" + target + "'/>";
}

std::string shape(const std::string& text, int y, const std::string& placeholder = "", const std::string& properties = "") {
  return "<p:sp><p:nvSpPr><p:nvPr>" + placeholder + "</p:nvPr></p:nvSpPr><p:spPr><a:xfrm><a:off x='0' y='" + std::to_string(y * 1'000'000) +
         "'/></a:xfrm></p:spPr><p:txBody><a:p><a:pPr>" + properties + "</a:pPr><a:r><a:t>" + text + "</a:t></a:r></a:p></p:txBody></p:sp>";
}

std::string slide(const std::string& shapes) { return "<p:sld><p:cSld><p:spTree>" + shapes + "</p:spTree></p:cSld></p:sld>"; }

TEST(Pptx, SlidesArePagesInTheirOrderReadFromTopToBottom) {
  const std::string notes = "<p:notes><p:cSld><p:spTree>" + shape("say this", 0, "<p:ph type='body'/>") + "</p:spTree></p:cSld></p:notes>";
  const std::string table =
      "<p:graphicFrame><p:xfrm><a:off x='0' y='2000000'/></p:xfrm><a:graphic><a:graphicData><a:tbl>"
      "<a:tr><a:tc gridSpan='2'><a:txBody><a:p><a:r><a:t>wide</a:t></a:r></a:p></a:txBody></a:tc><a:tc hMerge='1'/></a:tr>"
      "<a:tr><a:tc><a:txBody><a:p><a:r><a:t>1</a:t></a:r></a:p></a:txBody></a:tc><a:tc/></a:tr></a:tbl></a:graphicData></a:graphic></p:graphicFrame>";
  const auto bytes = make_zip({
      {"_rels/.rels", "<Relationships>" + relationship("r", "officeDocument", "ppt/presentation.xml") + "</Relationships>"},
      {"ppt/presentation.xml", "<p:presentation><p:sldIdLst><p:sldId id='256' r:id='b'/><p:sldId id='257' r:id='a'/></p:sldIdLst></p:presentation>"},
      {"ppt/_rels/presentation.xml.rels",
       "<Relationships>" + relationship("a", "slide", "slides/slide1.xml") + relationship("b", "slide", "/ppt/slides/slide2.xml") + "</Relationships>"},
      {"ppt/slides/slide1.xml", slide(shape("last", 3) + shape("7", 9, "<p:ph type='sldNum'/>"))},
      {"ppt/slides/slide2.xml", slide(shape("point", 3, "", "<a:buAutoNum type='romanUcPeriod'/>") + table + shape("above", 1) + shape("标题", 5, "<p:ph type='title'/>"))},
      {"ppt/slides/_rels/slide2.xml.rels", "<Relationships>" + relationship("n", "notesSlide", "../notesSlides/n.xml") + "</Relationships>"},
      {"ppt/notesSlides/n.xml", notes},
  });
  const auto document = parse_pptx({.bytes = bytes});
  EXPECT_EQ(document.markdown, "# 标题\n\nabove\n\n| wide | wide |\n| --- | --- |\n| 1 | |\n\n- I. point\n\n> say this\n\nlast");
  EXPECT_EQ(document.title, "标题");
  ASSERT_EQ(document.pages.size(), 2U);
  EXPECT_EQ(document.markdown.substr(document.pages[1].span.begin), "last");
}

TEST(Pptx, AMissingSlideIsToldAndTheOthersAreRead) {
  const auto bytes = make_zip({
      {"_rels/.rels", "<Relationships>" + relationship("r", "officeDocument", "p.xml") + "</Relationships>"},
      {"p.xml", "<p:presentation><p:sldIdLst><p:sldId r:id='a'/><p:sldId r:id='b'/></p:sldIdLst></p:presentation>"},
      {"_rels/p.xml.rels", "<Relationships>" + relationship("a", "slide", "gone.xml") + relationship("b", "slide", "s.xml") + "</Relationships>"},
      {"s.xml", slide(shape("here", 0))},
  });
  const auto document = parse_pptx({.bytes = bytes});
  EXPECT_EQ(document.status, ParseStatus::kOk);
  EXPECT_EQ(document.markdown, "here");
  EXPECT_THAT(document.reason, ::testing::HasSubstr("Slide 1 was left out"));
}

}  // namespace
}  // namespace siyu::documents
