#include "documents/parse.h"

#include <algorithm>
#include <exception>
#include <new>

#include "base/text.h"
#include "documents/archive.h"
#include "documents/docx.h"
#include "documents/epub.h"
#include "documents/html.h"
#include "documents/mail.h"
#include "documents/ocr.h"
#include "documents/odf.h"
#include "documents/pdf.h"
#include "documents/plain_text.h"
#include "documents/pptx.h"
#include "documents/table_text.h"
#include "documents/xlsx.h"
#include "documents/zip_reader.h"

namespace siyu::documents {
namespace {

using Parser = ParsedDocument (*)(const ParseInput&);

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

ParsedDocument parse_text(const ParseInput& input) { return parse_plain_text(input.bytes, input.name); }

ParsedDocument refuse_ole(const ParseInput& input) {
  // The name of the stream that an encrypted .docx, .xlsx or .pptx is kept in, in UTF-16 as OLE writes names.
  static constexpr std::string_view kEncrypted("E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0", 32);
  if (input.bytes.find(kEncrypted) != std::string_view::npos) return refused("ole", "The Office file is encrypted; save it without a password");
  return refused("ole", "Files of the old binary Office formats (.doc, .xls, .ppt, .msg, .wps) are not read; save the file as .docx, .xlsx, .pptx, .eml or PDF");
}
ParsedDocument refuse_rtf(const ParseInput&) { return refused("rtf", "Rich Text Format is not read; save the file as .docx or PDF"); }

/// OOXML says in its content types what it is.
Parser parser_of_zip(std::string_view bytes) {
  auto zip = ZipReader::open(bytes);
  if (!zip) return nullptr;
  if (zip->has("[Content_Types].xml")) {
    if (zip->has("word/document.xml") || zip->has("word/document2.xml")) return parse_docx;
    if (zip->has("xl/workbook.xml") || zip->has("xl/workbook.bin")) return parse_xlsx;
    if (zip->has("ppt/presentation.xml")) return parse_pptx;
    const auto types = zip->read("[Content_Types].xml", 1 << 20);
    if (types && types->find("wordprocessingml") != std::string::npos) return parse_docx;
    if (types && types->find("spreadsheetml") != std::string::npos) return parse_xlsx;
    if (types && types->find("presentationml") != std::string::npos) return parse_pptx;
  }
  if (const auto type = zip->read("mimetype", 200)) {
    if (type->find("epub") != std::string::npos) return parse_epub;
    if (type->find("opendocument") != std::string::npos) return parse_odf;
  }
  if (zip->has("META-INF/container.xml")) return parse_epub;
  if (zip->has("content.xml") && zip->has("META-INF/manifest.xml")) return parse_odf;
  return parse_archive;
}

struct Magic {
  std::string_view bytes;
  Parser parser;
};
constexpr Magic kMagic[] = {
    {"\x89PNG\r\n", parse_image}, {"\xFF\xD8\xFF", parse_image}, {std::string_view("II*\0", 4), parse_image}, {std::string_view("MM\0*", 4), parse_image},
    {"GIF8", parse_image}, {"BM", parse_image}, {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", refuse_ole}, {"{\\rtf", refuse_rtf},
    {"\x1F\x8B", parse_archive}, {"7z\xBC\xAF\x27\x1C", parse_archive}, {"BZh", parse_archive}, {"\xFD" "7zXZ", parse_archive}, {"Rar!\x1A\x07", parse_archive}};

Parser by_content(std::string_view bytes) {
  if (bytes.substr(0, 1024).find("%PDF-") != std::string_view::npos) return parse_pdf;
  if (bytes.starts_with("PK\x03\x04") || bytes.starts_with("PK\x05\x06")) return parser_of_zip(bytes);
  for (const auto& magic : kMagic) {
    // Two letters are too little to tell a picture from a text.
    const bool certain = magic.bytes.size() > 2 || bytes.substr(0, 64).find('\0') != std::string_view::npos || magic.bytes == "\x1F\x8B";
    if (certain && bytes.starts_with(magic.bytes)) return magic.parser;
  }
  if (bytes.size() > 262 && bytes.substr(257, 5) == "ustar") return parse_archive;
  const auto head = lower(trim(bytes.substr(0, 512)));
  if (head.starts_with("<!doctype html") || head.starts_with("<html")) return parse_html;
  return nullptr;
}

struct Ending {
  std::string_view ending;
  Parser parser;
};
constexpr Ending kEndings[] = {{".html", parse_html}, {".htm", parse_html}, {".xhtml", parse_html}, {".csv", parse_csv}, {".tsv", parse_csv},
                              {".eml", parse_mail}, {".mht", parse_mail}, {".mhtml", parse_mail}, {".tar", parse_archive}};

Parser parser_of(const ParseInput& input) {
  if (const auto parser = by_content(input.bytes)) return parser;
  const auto name = lower(input.name);
  for (const auto& [ending, parser] : kEndings)
    if (name.ends_with(ending)) return parser;
  for (const auto* office : {".docx", ".xlsx", ".pptx", ".docm", ".xlsm", ".pptm", ".pdf", ".odt", ".ods", ".odp", ".epub", ".zip"})
    if (name.ends_with(office))
      return [](const ParseInput& given) {
        const auto dot = given.name.rfind('.');
        return ParsedDocument{.status = ParseStatus::kFailed, .reason = "The file is damaged, or not what its name says", .format = lower(given.name.substr(dot + 1))};
      };
  return looks_like_mail(input.bytes) ? parse_mail : parse_text;
}

}  // namespace

ParsedDocument parse(const ParseInput& input) {
  if (input.bytes.size() > kMaxDocumentBytes)
    return refused("unknown", "The file has more than " + std::to_string(kMaxDocumentBytes >> 20) + " MiB; split it");
  ParsedDocument document;
  try {
    document = parser_of(input)(input);
  } catch (const std::bad_alloc&) {
    return {.status = ParseStatus::kFailed, .reason = "Reading the file took more memory than a document may use; split it, or raise `parser.memory_bytes`", .format = "unknown"};
  } catch (const std::exception&) {
    return {.status = ParseStatus::kFailed, .reason = "The file is damaged in a way that its parser does not understand", .format = "unknown"};
  }
  if (document.status == ParseStatus::kOk && trim(document.markdown).empty() && document.embedded.empty())
    return refused(document.format, "The file holds no text");
  if (!is_valid_utf8(document.markdown)) {
    document.markdown = repair_utf8(document.markdown);
    document.blocks = find_blocks(document.markdown);
    document.pages.clear();  // their bytes have moved
  }
  return document;
}

}  // namespace siyu::documents
