// Passages of a document: what is indexed, found and cited.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "documents/document.h"

namespace siyu::knowledge {

struct Chunk {
  TextSpan span;        ///< bytes of the document's Markdown; chunks do not overlap and cover every block
  int page = 0;         ///< page of its first byte; 0 when the format has no pages
  std::string heading;  ///< the headings above it, outermost first, joined by " › "
};

/// About 300 to 800 characters each: whole blocks under one heading together; a longer block is cut between sentences.
std::vector<Chunk> split_chunks(const documents::ParsedDocument& document);

/// What full text and embeddings see of a chunk: title and headings give the passage its context.
std::string indexed_text(std::string_view title, std::string_view heading, std::string_view text);

}  // namespace siyu::knowledge
