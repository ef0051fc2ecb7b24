// Text made fit for a format. Cleaning takes out what no format may hold; escaping is each renderer's duty, and is done once.
#pragma once

#include <string>
#include <string_view>

namespace siyu::report {

/// Valid UTF-8 of XML 1.0's characters, without C1 controls, noncharacters and marks that turn the reading direction or show
/// nothing; tabs become spaces. `clean_line` makes spaces of line breaks too.
std::string clean_lines(std::string_view text);
std::string clean_line(std::string_view text);

/// & < > " ' as entities: for text and for attribute values of XML and HTML alike.
std::string escape_xml(std::string_view text);

/// What Markdown (CommonMark, with tables) reads as markup gets a backslash; a line's first character too.
std::string escape_markdown(std::string_view text);

}  // namespace siyu::report
