// Values of a message that its HTTP headers repeat (since revision 2026-07-28), in a form that any header can hold.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/http.h"

namespace siyu::mcp {

/// How a value travels: as it is, or as `=?base64?…?=`.
std::string mirror_value(std::string_view value);
/// A header's value, decoded. Nothing when absent or malformed.
std::optional<std::string> mirrored_header(const net::RequestHead& request, std::string_view name);

}  // namespace siyu::mcp
