#include "mcp/mirror.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"

namespace siyu::mcp {
namespace {

constexpr std::string_view kBegin = "=?base64?", kEnd = "?=";

bool is_wrapped(std::string_view value) { return value.size() >= kBegin.size() + kEnd.size() && value.starts_with(kBegin) && value.ends_with(kEnd); }

}  // namespace

std::string mirror_value(std::string_view value) {
  const bool plain = std::ranges::all_of(value, [](char c) { return c >= 0x20 && c <= 0x7E; }) && trim(value) == value && !is_wrapped(value);
  return plain ? std::string(value) : std::string(kBegin) + to_base64(as_bytes(value)) + std::string(kEnd);
}

std::optional<std::string> mirrored_header(const net::RequestHead& request, std::string_view name) {
  const auto value = request.headers.get(name);
  if (!value) return std::nullopt;
  // Bytes that are no text have no wrapped form either.
  if (!is_wrapped(*value)) return is_valid_utf8(*value) ? std::optional(std::string(*value)) : std::nullopt;
  const auto bytes = from_base64(value->substr(kBegin.size(), value->size() - kBegin.size() - kEnd.size()));
  if (!bytes || !is_valid_utf8(as_text(*bytes))) return std::nullopt;
  return std::string(as_text(*bytes));
}

}  // namespace siyu::mcp
