#include "mcp/uri.h"

#include "base/text.h"
#include "net/http.h"

namespace siyu::mcp {
namespace {

constexpr std::string_view kPrefix = "siyu://knowledge-bases/";
constexpr std::string_view kDocuments = "documents/";

std::unexpected<Error> wrong() {
  return invalid("The URI must be " + std::string(kBaseTemplate) + " or " + std::string(kDocumentTemplate) + ", as search and the lists give it");
}

/// A part of a path, decoded; empty when it is none.
std::string part_of(std::string_view text) {
  if (text.empty() || text.find('/') != std::string_view::npos) return {};
  auto decoded = net::percent_decode(text);
  return is_valid_utf8(decoded) ? decoded : std::string();
}

}  // namespace

std::string to_text(const ResourceUri& uri) {
  auto text = std::string(kPrefix) + net::percent_encode(uri.base);
  if (!uri.document.empty()) text += "/" + std::string(kDocuments) + net::percent_encode(uri.document.str());
  return text;
}

Result<ResourceUri> parse_uri(std::string_view text) {
  if (!text.starts_with(kPrefix)) return wrong();
  text.remove_prefix(kPrefix.size());
  const auto slash = text.find('/');
  ResourceUri uri{.base = part_of(text.substr(0, slash)), .document = {}};
  if (uri.base.empty()) return wrong();
  if (slash == std::string_view::npos) return uri;
  text.remove_prefix(slash + 1);
  if (!text.starts_with(kDocuments)) return wrong();
  uri.document = DocumentId(part_of(text.substr(kDocuments.size())));
  if (uri.document.empty()) return wrong();
  return uri;
}

}  // namespace siyu::mcp
