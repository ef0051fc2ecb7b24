// links: siyu_documents
// Office, OpenDocument and EPUB parsers. The zip around them is libzip's; the parts inside come from the input, so that the
// bytes meet our own code: the first byte says which kind, lines of 0xFF part the parts.
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "documents/docx.h"
#include "documents/epub.h"
#include "documents/odf.h"
#include "documents/pptx.h"
#include "documents/xlsx.h"
#include "documents/zip_fixture.h"

namespace {

using namespace siyu::documents;

struct Kind {
  ParsedDocument (*parse)(const ParseInput&);
  std::vector<std::pair<std::string, std::string>> fixed;  ///< parts that only lead to the others
  std::vector<std::string> parts;
};

std::string relation(std::string_view id, std::string_view type, std::string_view target) {
  return "<Relationship Id=\"" + std::string(id) + "\" Type=\"http://x/" + std::string(type) + "\" Target=\"" + std::string(target) + "\"/>";
}
std::string relations(const std::string& inner) { return "<Relationships>" + inner + "</Relationships>"; }

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      {parse_docx,
       {{"_rels/.rels", relations(relation("r1", "officeDocument", "word/document.xml"))},
        {"word/_rels/document.xml.rels", relations(relation("r1", "styles", "styles.xml") + relation("r2", "numbering", "numbering.xml") + relation("r3", "footnotes", "footnotes.xml") +
                                                   relation("r4", "comments", "comments.xml"))}},
       {"word/document.xml", "word/styles.xml", "word/numbering.xml", "word/footnotes.xml", "word/comments.xml"}},
      {parse_xlsx,
       {{"_rels/.rels", relations(relation("r1", "officeDocument", "xl/workbook.xml"))},
        {"xl/_rels/workbook.xml.rels", relations(relation("r1", "worksheet", "worksheets/sheet1.xml") + relation("r2", "sharedStrings", "sharedStrings.xml") + relation("r3", "styles", "styles.xml"))},
        {"xl/workbook.xml", "<workbook xmlns:r=\"r\"><sheets><sheet name=\"A\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"}},
       {"xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml"}},
      {parse_pptx,
       {{"_rels/.rels", relations(relation("r1", "officeDocument", "ppt/presentation.xml"))},
        {"ppt/_rels/presentation.xml.rels", relations(relation("r1", "slide", "slides/slide1.xml"))},
        {"ppt/slides/_rels/slide1.xml.rels", relations(relation("r1", "notesSlide", "../notesSlides/n1.xml"))},
        {"ppt/presentation.xml", "<p:presentation xmlns:r=\"r\"><p:sldIdLst><p:sldId id=\"1\" r:id=\"r1\"/></p:sldIdLst></p:presentation>"}},
       {"ppt/slides/slide1.xml", "ppt/notesSlides/n1.xml"}},
      {parse_odf, {{"mimetype", "application/vnd.oasis.opendocument.text"}}, {"content.xml", "styles.xml", "meta.xml"}},
      {parse_epub,
       {{"META-INF/container.xml", "<container><rootfiles><rootfile full-path=\"book.opf\"/></rootfiles></container>"}},
       {"book.opf", "a.html", "b.html"}}};
  return all;
}

std::string zip_of(const Kind& kind, std::string_view input) {
  auto members = kind.fixed;
  for (const auto& name : kind.parts) {
    const auto end = std::min(input.find('\xFF'), input.size());
    members.emplace_back(name, input.substr(0, end));
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  return make_zip(members);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto& kind = kinds()[data[0] % kinds().size()];
  const auto bytes = zip_of(kind, {reinterpret_cast<const char*>(data) + 1, size - 1});
  const auto document = kind.parse({.bytes = bytes, .name = "f"});
  for (const auto& page : document.pages)
    if (page.span.begin > page.span.end || page.span.end > document.markdown.size()) std::abort();
  return 0;
}
