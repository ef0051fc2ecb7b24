#include "report/docx_parts.h"

#include <fmt/format.h>
#include <zip.h>

#include <memory>

#include "report/escape.h"
#include "report/svg.h"
#include "report/words.h"

namespace siyu::report {
namespace {

constexpr double kRunningWidth = kDocxWidth / 20.0 - 130;  // points, of what stands at the left of a header or footer
constexpr std::string_view kXml = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
constexpr std::string_view kWord = "xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"";

/// One paragraph style; sizes in half points, spaces in twips.
std::string paragraph_style(std::string_view id, std::string_view name, std::string_view paragraph, std::string_view run, std::string_view based_on = "Normal",
                            std::string_view next = "Normal") {
  return fmt::format(
      R"(<w:style w:type="paragraph" w:styleId="{}"><w:name w:val="{}"/><w:basedOn w:val="{}"/><w:next w:val="{}"/><w:qFormat/><w:pPr>{}</w:pPr><w:rPr>{}</w:rPr></w:style>)",
      id, name, based_on, next, paragraph, run);
}

std::string heading_style(int level, int half_points, std::string_view colour, int before, int after) {
  return paragraph_style(fmt::format("Heading{}", level), fmt::format("heading {}", level),
                         fmt::format(R"(<w:keepNext/><w:keepLines/><w:spacing w:before="{}" w:after="{}" w:line="276" w:lineRule="auto"/><w:outlineLvl w:val="{}"/>)",
                                     before, after, level - 1),
                         fmt::format(R"(<w:b/><w:bCs/><w:color w:val="{}"/><w:sz w:val="{}"/><w:szCs w:val="{}"/>)", colour, half_points, half_points));
}

std::string toc_style(int level) {
  return paragraph_style(fmt::format("TOC{}", level), fmt::format("toc {}", level),
                         fmt::format(R"(<w:tabs><w:tab w:val="right" w:leader="dot" w:pos="{}"/></w:tabs><w:spacing w:before="{}" w:after="20"/><w:ind w:left="{}"/>)",
                                     kDocxWidth, level == 1 ? 100 : 20, (level - 1) * 360),
                         level == 1 ? "<w:b/><w:bCs/>" : "");
}

std::string small(std::string_view text, std::string_view colour) {
  return fmt::format(R"(<w:r><w:rPr><w:color w:val="{}"/></w:rPr><w:t xml:space="preserve">{}</w:t></w:r>)", colour, escape_xml(text));
}
std::string field(std::string_view name) {
  return fmt::format(
      R"(<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText xml:space="preserve"> {} </w:instrText></w:r><w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>1</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>)",
      name);
}
std::string right_tab() {
  return fmt::format(R"(<w:tabs><w:tab w:val="clear" w:pos="4153"/><w:tab w:val="clear" w:pos="8306"/><w:tab w:val="right" w:pos="{}"/></w:tabs>)", kDocxWidth);
}

}  // namespace

std::string docx_styles() {
  std::string out(kXml);
  out += fmt::format("<w:styles {}>", kWord);
  // Word has these fonts on Windows and macOS; elsewhere the font table names what stands in for them.
  out += fmt::format(
      R"(<w:docDefaults><w:rPrDefault><w:rPr><w:rFonts w:ascii="Arial" w:hAnsi="Arial" w:cs="Arial" w:eastAsia="Microsoft YaHei"/><w:color w:val="1F2933"/><w:sz w:val="21"/><w:szCs w:val="21"/><w:lang w:val="en-US" w:eastAsia="{}" w:bidi="ar-SA"/></w:rPr></w:rPrDefault>)"
      R"(<w:pPrDefault><w:pPr><w:spacing w:after="140" w:line="312" w:lineRule="auto"/></w:pPr></w:pPrDefault></w:docDefaults>)",
      "zh-CN");
  out += R"(<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/><w:qFormat/></w:style>)";
  out += R"(<w:style w:type="character" w:default="1" w:styleId="DefaultParagraphFont"><w:name w:val="Default Paragraph Font"/></w:style>)";
  out +=
      R"(<w:style w:type="table" w:default="1" w:styleId="TableNormal"><w:name w:val="Normal Table"/><w:tblPr><w:tblInd w:w="0" w:type="dxa"/><w:tblCellMar><w:top w:w="0" w:type="dxa"/><w:left w:w="108" w:type="dxa"/><w:bottom w:w="0" w:type="dxa"/><w:right w:w="108" w:type="dxa"/></w:tblCellMar></w:tblPr></w:style>)";
  out += paragraph_style("Title", "Title", R"(<w:spacing w:before="0" w:after="120" w:line="264" w:lineRule="auto"/>)",
                         R"(<w:b/><w:bCs/><w:sz w:val="52"/><w:szCs w:val="52"/>)");
  out += paragraph_style("Subtitle", "Subtitle", R"(<w:spacing w:after="200"/>)", R"(<w:color w:val="5F6B76"/><w:sz w:val="27"/><w:szCs w:val="27"/>)");
  out += heading_style(1, 34, "1F5FA8", 520, 180) + heading_style(2, 27, "1F2933", 380, 120) + heading_style(3, 23, "1F2933", 280, 90) +
         heading_style(4, 21, "5F6B76", 220, 70);
  for (int level = 1; level <= 4; ++level) out += toc_style(level);
  out += paragraph_style("TOCHeading", "TOC Heading", R"(<w:keepNext/><w:spacing w:before="120" w:after="180"/>)",
                         R"(<w:b/><w:bCs/><w:color w:val="1F5FA8"/><w:sz w:val="30"/><w:szCs w:val="30"/>)");
  out += paragraph_style("ListParagraph", "List Paragraph", R"(<w:spacing w:after="50"/>)", "", "Normal", "ListParagraph");
  out += paragraph_style("Caption", "caption", R"(<w:spacing w:before="40" w:after="280"/><w:jc w:val="center"/>)",
                         R"(<w:color w:val="5F6B76"/><w:sz w:val="18"/><w:szCs w:val="18"/>)");
  out += paragraph_style("TableCaption", "Table Caption", R"(<w:keepNext/><w:spacing w:before="240" w:after="90"/>)",
                         R"(<w:b/><w:bCs/><w:sz w:val="19"/><w:szCs w:val="19"/>)");
  out += paragraph_style("TableText", "Table Text", R"(<w:spacing w:before="50" w:after="50" w:line="276" w:lineRule="auto"/>)",
                         R"(<w:sz w:val="18"/><w:szCs w:val="18"/>)", "Normal", "TableText");
  out += paragraph_style("Figure", "Figure", R"(<w:spacing w:before="200" w:after="60" w:line="240" w:lineRule="auto"/><w:jc w:val="center"/>)", "");
  out += paragraph_style("Spacer", "Spacer", R"(<w:spacing w:before="0" w:after="0" w:line="200" w:lineRule="exact"/>)", R"(<w:sz w:val="8"/><w:szCs w:val="8"/>)");
  out += paragraph_style("Header", "header",
                         R"(<w:pBdr><w:bottom w:val="single" w:sz="4" w:space="6" w:color="D5DDE5"/></w:pBdr>)" + right_tab() + R"(<w:spacing w:after="0"/>)",
                         R"(<w:color w:val="5F6B76"/><w:sz w:val="16"/><w:szCs w:val="16"/>)");
  out += paragraph_style("Footer", "footer", right_tab() + R"(<w:spacing w:after="0"/>)", R"(<w:color w:val="5F6B76"/><w:sz w:val="16"/><w:szCs w:val="16"/>)");
  out += R"(<w:style w:type="character" w:styleId="Hyperlink"><w:name w:val="Hyperlink"/><w:rPr><w:color w:val="1F5FA8"/></w:rPr></w:style>)";
  out +=
      R"(<w:style w:type="character" w:styleId="Code"><w:name w:val="Code"/><w:rPr><w:rFonts w:ascii="Consolas" w:hAnsi="Consolas" w:cs="Consolas"/><w:sz w:val="19"/><w:shd w:val="clear" w:color="auto" w:fill="F0F3F6"/></w:rPr></w:style>)";
  return out + "</w:styles>";
}

std::string docx_numbering(int lists) {
  std::string out(kXml);
  out += fmt::format("<w:numbering {}>", kWord);
  constexpr std::string_view kBullets[] = {"•", "◦", "–"};
  for (int kind = 0; kind < 2; ++kind) {
    out += fmt::format(R"(<w:abstractNum w:abstractNumId="{}"><w:multiLevelType w:val="hybridMultilevel"/>)", kind);
    for (int level = 0; level < 9; ++level)
      out += fmt::format(
          R"(<w:lvl w:ilvl="{0}"><w:start w:val="1"/><w:numFmt w:val="{1}"/><w:lvlText w:val="{2}"/><w:lvlJc w:val="left"/><w:pPr><w:ind w:left="{3}" w:hanging="340"/></w:pPr><w:rPr><w:color w:val="1F5FA8"/></w:rPr></w:lvl>)",
          level, kind == 0 ? "bullet" : "decimal", kind == 0 ? std::string(kBullets[level % 3]) : fmt::format("%{}.", level + 1), 400 + level * 380);
    out += "</w:abstractNum>";
  }
  out += R"(<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>)";
  for (int id = 2; id <= lists; ++id) {
    out += fmt::format(R"(<w:num w:numId="{}"><w:abstractNumId w:val="1"/>)", id);
    for (int level = 0; level < 9; ++level) out += fmt::format(R"(<w:lvlOverride w:ilvl="{}"><w:startOverride w:val="1"/></w:lvlOverride>)", level);
    out += "</w:num>";
  }
  return out + "</w:numbering>";
}

std::string docx_settings() {
  return std::string(kXml) +
         fmt::format(
             R"(<w:settings {}><w:zoom w:percent="100"/><w:defaultTabStop w:val="420"/><w:characterSpacingControl w:val="compressPunctuation"/><w:compat><w:compatSetting w:name="compatibilityMode" w:uri="http://schemas.microsoft.com/office/word" w:val="15"/></w:compat></w:settings>)",
             kWord);
}

std::string docx_header(const Document& document) {
  std::string out(kXml);
  out += fmt::format(R"(<w:hdr {}><w:p><w:pPr><w:pStyle w:val="Header"/></w:pPr>)", kWord);
  // One line: a header that fills its page leaves none for the text.
  out += small(fit_text(document.title, kRunningWidth, 8), "5F6B76") + "<w:r><w:tab/></w:r>";
  if (!document.classification.empty()) out += small(fit_text(document.classification, 90, 8), "B83A2C");
  return out + "</w:p></w:hdr>";
}

std::string docx_footer(const Document& document) {
  std::string out(kXml);
  out += fmt::format(R"(<w:ftr {}><w:p><w:pPr><w:pStyle w:val="Footer"/></w:pPr>)", kWord);
  const auto left = document.organisation + (document.organisation.empty() || document.revision.empty() ? "" : "  ·  ") + document.revision;
  out += small(fit_text(left, kRunningWidth, 8), "5F6B76") + "<w:r><w:tab/></w:r>";
  const bool chinese = document.language == Language::kZh;
  out += small(chinese ? "第 " : "Page ", "5F6B76") + field("PAGE") + small(chinese ? " 页，共 " : " of ", "5F6B76") + field("NUMPAGES");
  if (chinese) out += small(" 页", "5F6B76");
  return out + "</w:p></w:ftr>";
}

std::string docx_core_properties(const Document& document) {
  std::string out(kXml);
  out +=
      R"(<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">)";
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) out += fmt::format("<{0}>{1}</{0}>", name, escape_xml(value));
  };
  add("dc:title", document.title);
  add("dc:subject", document.subtitle);
  add("dc:creator", document.author.empty() ? document.organisation : document.author);
  add("cp:keywords", document.classification);
  add("dc:language", std::string(language_tag(document.language)));
  add("cp:version", document.revision);
  const auto day = parse_date(document.date) ? document.date : "2000-01-01";
  out += fmt::format(
      R"(<dcterms:created xsi:type="dcterms:W3CDTF">{0}T00:00:00Z</dcterms:created><dcterms:modified xsi:type="dcterms:W3CDTF">{0}T00:00:00Z</dcterms:modified>)", day);
  return out + "</cp:coreProperties>";
}

std::string docx_content_types() {
  std::string out(kXml);
  out +=
      R"(<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Default Extension="png" ContentType="image/png"/>)";
  for (const auto& [part, type] : {std::pair{"document", "document.main"},
                                   {"styles", "styles"},
                                   {"numbering", "numbering"},
                                   {"settings", "settings"},
                                   {"header1", "header"},
                                   {"footer1", "footer"},
                                   {"fontTable", "fontTable"}})
    out += fmt::format(R"(<Override PartName="/word/{}.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.{}+xml"/>)", part, type);
  out += R"(<Override PartName="/docProps/core.xml" ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>)";
  return out + "</Types>";
}

Result<std::string> zip_parts(const std::vector<std::pair<std::string, std::string>>& parts, const std::string& date) {
  zip_error_t error;
  zip_error_init(&error);
  const std::unique_ptr<zip_error_t, decltype(&zip_error_fini)> owned_error(&error, zip_error_fini);
  zip_source_t* target = zip_source_buffer_create(nullptr, 0, 0, &error);
  if (target == nullptr) return internal("The DOCX container cannot be made", zip_error_strerror(&error));
  zip_source_keep(target);
  const std::unique_ptr<zip_source_t, decltype(&zip_source_free)> owned(target, zip_source_free);
  zip_t* archive = zip_open_from_source(target, ZIP_TRUNCATE, &error);
  if (archive == nullptr) {
    zip_source_free(target);
    return internal("The DOCX container cannot be made", zip_error_strerror(&error));
  }
  // MS-DOS dates begin in 1980.
  const auto day = parse_date(date);
  const bool known = day && static_cast<int>(day->year()) >= 1980 && static_cast<int>(day->year()) < 2108;
  const auto dos_date = static_cast<zip_uint16_t>(known ? (static_cast<int>(day->year()) - 1980) << 9 | static_cast<int>(static_cast<unsigned>(day->month())) << 5 |
                                                              static_cast<int>(static_cast<unsigned>(day->day()))
                                                        : 1 << 5 | 1);
  for (const auto& [name, content] : parts) {
    zip_source_t* source = zip_source_buffer(archive, content.data(), content.size(), 0);
    const auto index = source == nullptr ? -1 : zip_file_add(archive, name.c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) zip_source_free(source);  // the archive takes it only when it is added
    if (index < 0 || zip_file_set_dostime(archive, static_cast<zip_uint64_t>(index), 0, dos_date, 0) != 0) {
      zip_discard(archive);
      return internal("The DOCX container cannot be made", name);
    }
  }
  if (zip_close(archive) != 0) {
    zip_discard(archive);
    return internal("The DOCX container cannot be written");
  }
  std::string bytes;
  if (zip_source_open(target) != 0) return internal("The DOCX container cannot be read back");
  zip_source_seek(target, 0, SEEK_END);
  bytes.resize(static_cast<std::size_t>(zip_source_tell(target)));
  zip_source_seek(target, 0, SEEK_SET);
  const auto read = zip_source_read(target, bytes.data(), bytes.size());
  zip_source_close(target);
  if (read != static_cast<zip_int64_t>(bytes.size())) return internal("The DOCX container cannot be read back");
  return bytes;
}

}  // namespace siyu::report
