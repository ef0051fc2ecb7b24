// siyu://knowledge-bases/BASE and siyu://knowledge-bases/BASE/documents/ID, each part percent-encoded.
#pragma once

#include <string>
#include <string_view>

#include "base/id.h"
#include "base/result.h"

namespace siyu::mcp {

constexpr std::string_view kBaseTemplate = "siyu://knowledge-bases/{knowledge_base}";
constexpr std::string_view kDocumentTemplate = "siyu://knowledge-bases/{knowledge_base}/documents/{document}";

struct ResourceUri {
  std::string base;
  DocumentId document;  ///< empty: the knowledge base itself
  bool operator==(const ResourceUri&) const = default;
};

std::string to_text(const ResourceUri& uri);
Result<ResourceUri> parse_uri(std::string_view text);

}  // namespace siyu::mcp
