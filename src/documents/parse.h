// Any file to Markdown: finds out what it is and lets that format's parser read it. Runs inside siyu-parser.
#pragma once

#include "documents/format.h"

namespace siyu::documents {

constexpr std::uint64_t kMaxDocumentBytes = 200ULL << 20;

/// Known by its first bytes, or, where those do not tell, by the name's ending. Never throws; what does throws below (no
/// memory, a library's fault) becomes the reason of a failed document. The text is valid UTF-8.
ParsedDocument parse(const ParseInput& input);

}  // namespace siyu::documents
