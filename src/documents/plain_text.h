// Text files of any Chinese or Unicode encoding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "documents/document.h"

namespace siyu::documents {

/// UTF-8 from UTF-8, UTF-16, UTF-32 (with or without byte order mark), GB18030, Big5 and what else ICU recognises.
/// Nothing when the bytes are no text.
std::optional<std::string> decode_text(std::string_view bytes);

/// From the named encoding (a web or mail name), whatever stands there; malformed bytes become U+FFFD. Nothing for an unknown name.
std::optional<std::string> decode_text_as(std::string_view bytes, const std::string& encoding);

/// Plain text or Markdown, by the name's ending.
ParsedDocument parse_plain_text(std::string_view bytes, std::string_view name);

}  // namespace siyu::documents
