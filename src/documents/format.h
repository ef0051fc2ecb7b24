// What every format parser takes. The parsers of untrusted formats run inside siyu-parser only.
#pragma once

#include <chrono>
#include <string_view>

#include "documents/document.h"

namespace siyu::documents {

struct ParseInput {
  std::string_view bytes;
  std::string_view name;      ///< as the user gave it, UTF-8; tells the format where the bytes do not
  std::string_view password;  ///< empty: none was given
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();  ///< slow readers stop in time and say what is missing
};

// One function per format, `ParsedDocument parse_docx(const ParseInput&)`, in a file of its name. They never throw and
// never fail otherwise than by the status and reason of what they return.

}  // namespace siyu::documents
