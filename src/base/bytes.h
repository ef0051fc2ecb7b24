// Bytes and their printable forms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace siyu {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<const std::byte>;

inline ByteView as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

std::string to_hex(ByteView bytes);
/// Nothing when the text is not an even number of hexadecimal digits.
std::optional<Bytes> from_hex(std::string_view text);
/// RFC 4648 §4, padded.
std::string to_base64(ByteView bytes);
/// Strict: padding required, no white space. Nothing when malformed.
std::optional<Bytes> from_base64(std::string_view text);
/// RFC 4648 §5 without padding.
std::string to_base64url(ByteView bytes);

}  // namespace siyu
