// Comma, tab, semicolon and pipe separated values (RFC 4180, and what spreadsheets write in other countries).
#pragma once

#include "documents/format.h"

namespace siyu::documents {

ParsedDocument parse_csv(const ParseInput& input);

}  // namespace siyu::documents
