#include "report/render.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>

#include "base/text.h"
#include "report/escape.h"
#include "report/renderers.h"

namespace siyu::report {
namespace {

std::string file_stem(std::string_view name) {
  const auto text = clean_line(name);
  std::string out;
  for (std::int64_t at = 0, size = static_cast<std::int64_t>(text.size()); at < size;) {
    const auto before = static_cast<std::size_t>(at);
    UChar32 c = 0;
    U8_NEXT(text.data(), at, size, c);
    if (c == '-' || c == '_' || u_isalnum(c)) out.append(text, before, static_cast<std::size_t>(at) - before);
  }
  const auto kept = utf8_prefix(out, 100);
  return kept.empty() ? "report" : std::string(kept);
}

bool has_charts(const Document& document) {
  return std::ranges::any_of(document.blocks, [](const Block& block) { return std::holds_alternative<ChartBlock>(block); });
}

std::unexpected<Error> no_printer(std::string_view what) {
  return fail(ErrorCode::kUnsupported, std::string(what) + " needs siyu-printer, which is not set up here; Markdown and HTML can be had without it");
}

}  // namespace

std::string_view extension(Format format) {
  switch (format) {
    case Format::kMarkdown: return "md";
    case Format::kHtml: return "html";
    case Format::kDocx: return "docx";
    case Format::kPdf: return "pdf";
  }
  return "bin";
}

std::string_view media_type(Format format) {
  switch (format) {
    case Format::kMarkdown: return "text/markdown; charset=utf-8";
    case Format::kHtml: return "text/html; charset=utf-8";
    case Format::kDocx: return "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    case Format::kPdf: return "application/pdf";
  }
  return "application/octet-stream";
}

Result<Rendered> render(const Document& given, Format format, std::string_view name, const Printer* printer) {
  ASSIGN_OR_RETURN(const auto document, prepare(given));
  const auto stem = file_stem(name);
  const auto file = stem + "." + std::string(extension(format));
  switch (format) {
    case Format::kMarkdown: return Rendered{render_markdown(document, stem)};
    case Format::kHtml: return Rendered{{{file, render_html(document)}}};
    case Format::kDocx: {
      PrintedParts parts;
      if (printer == nullptr && has_charts(document)) return no_printer("A DOCX report with charts");
      if (printer != nullptr) {
        ASSIGN_OR_RETURN(parts, printer->parts(document));
      }
      ASSIGN_OR_RETURN(auto bytes, render_docx(document, parts));
      return Rendered{{{file, std::move(bytes)}}};
    }
    case Format::kPdf: {
      if (printer == nullptr) return no_printer("A PDF report");
      ASSIGN_OR_RETURN(auto bytes, printer->pdf(document));
      return Rendered{{{file, std::move(bytes)}}};
    }
  }
  return internal("A report was asked for in a format that does not exist");
}

}  // namespace siyu::report
