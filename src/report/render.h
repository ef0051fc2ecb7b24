// A document as files. Markdown, HTML and DOCX are written here; PDF, and the pictures of DOCX, come from a siyu-printer process.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "report/document.h"

namespace siyu::report {

enum class Format { kMarkdown, kHtml, kDocx, kPdf };
BOOST_DESCRIBE_ENUM(Format, kMarkdown, kHtml, kDocx, kPdf)

std::string_view extension(Format format);   ///< "md", "html", "docx", "pdf"
std::string_view media_type(Format format);  ///< for Content-Type

struct RenderedFile {
  std::string name, bytes;
};

/// The report itself comes first; beside it lie what it refers to by name (the charts of Markdown).
struct Rendered {
  std::vector<RenderedFile> files;
  const std::string& bytes() const { return files.front().bytes; }
};

/// What DOCX takes from a printed layout.
struct PrintedParts {
  std::vector<std::string> chart_pictures;  ///< PNG at 200 dots per inch of a page, in reading order
  std::vector<std::size_t> heading_pages;   ///< from 1, for every entry of the outline
};

/// What the printing libraries are asked for; report/sandboxed_printer.h is the real one.
class Printer {
 public:
  virtual ~Printer() = default;
  /// The prepared document as PDF.
  virtual Result<std::string> pdf(const Document& document) const = 0;
  /// The same document's parts for DOCX.
  virtual Result<PrintedParts> parts(const Document& document) const = 0;
};

/// `name` is the file's name without its extension; letters, digits, - and _ (of any script) remain of it, or "report".
/// Fails with kTooLarge when the document is over a limit of document.h; PDF and DOCX as `printer` does, or with
/// kUnsupported when it is null (DOCX without charts needs none: its table of contents has no page numbers then).
Result<Rendered> render(const Document& document, Format format, std::string_view name, const Printer* printer);

}  // namespace siyu::report
