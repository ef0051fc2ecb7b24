// Text that was laid out in lines (PDF, text recognition) back into paragraphs.
#pragma once

#include <string>
#include <string_view>

#include "documents/markdown_writer.h"

namespace siyu::documents {

/// Blank lines part paragraphs. Full lines are joined: Chinese, Japanese and Korean without a space, a word divided by a
/// hyphen whole again. Short lines and list items stay lines.
void write_flowed(MarkdownWriter& writer, std::string_view page);

}  // namespace siyu::documents
