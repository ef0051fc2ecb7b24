// Web pages by Gumbo, the HTML5 parser.
#pragma once

#include <string>

#include "documents/format.h"

namespace siyu::documents {

class MarkdownWriter;

/// The text that a reader sees, with headings, lists, tables and code. Scripts are never run.
ParsedDocument parse_html(const ParseInput& input);
/// A page that is UTF-8 already, such as a part of a mail or of a book; gives its <title>.
std::string write_html(MarkdownWriter& writer, std::string_view utf8);

}  // namespace siyu::documents
