// Knowledge bases and documents as MCP resources: listed in pages, read as Markdown.
#pragma once

#include <optional>
#include <string_view>

#include "mcp/parts.h"

namespace siyu::mcp {

constexpr std::size_t kMaxResourceBytes = 4UL << 20;  // a larger document is read in pieces, by the tool read_document

const json::array& resource_templates();

/// Thread-safe.
class Library {
 public:
  explicit Library(const Parts& parts) : parts_(parts) {}
  /// {resources, nextCursor}: each knowledge base followed by its documents. A cursor stays good when things change meanwhile.
  Result<json::object> list(const Caller& caller, std::optional<std::string_view> cursor) const;
  /// {contents}
  Result<json::object> read(const Caller& caller, std::string_view uri) const;

 private:
  Result<std::string> describe(const Caller& caller, const std::string& base) const;

  const Parts& parts_;
};

}  // namespace siyu::mcp
