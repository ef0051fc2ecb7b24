#include "mcp/library.h"

#include <algorithm>

#include "mcp/uri.h"
#include "net/http.h"

namespace siyu::mcp {
namespace {

constexpr std::size_t kPerPage = 100;
constexpr std::size_t kMaxBasesPerPage = 50;  // each costs a query, also when it is empty
constexpr std::size_t kDocumentsShown = 200;

json::object resource_of(const knowledge::KnowledgeBase& base) {
  json::object resource{{"uri", to_text(ResourceUri{base.name, {}})}, {"name", base.name}, {"mimeType", "text/markdown"}};
  resource["description"] = base.description.empty() ? "Knowledge base of " + std::to_string(base.indexed) + " documents" : base.description;
  return resource;
}

json::object resource_of(const std::string& base, const knowledge::Document& document) {
  json::object resource{{"uri", to_text(ResourceUri{base, document.id})}, {"name", document.name}, {"mimeType", "text/markdown"}};
  if (!document.title.empty()) resource["title"] = document.title;
  resource["description"] = "Document of " + base + (document.pages > 0 ? ", " + std::to_string(document.pages) + " pages" : "");
  resource["annotations"] = json::object{{"lastModified", to_rfc3339(document.indexed_at.value_or(document.added_at))}};
  return resource;
}

/// The next thing to list: documents of `base` after `document`, or, without one, `base` itself and all that follows.
struct Place {
  std::string base;
  std::optional<DocumentId> document;
};

std::string cursor_of(const Place& place) {
  return (place.document ? "d:" : "b:") + net::percent_encode(place.base) + (place.document ? ":" + net::percent_encode(place.document->str()) : "");
}

Result<Place> place_of(std::string_view cursor) {
  const auto wrong = [] { return invalid("`cursor` is not one that this server gave"); };
  if (cursor.size() < 3 || cursor.size() > 1024 || cursor[1] != ':') return wrong();
  const auto rest = cursor.substr(2);
  const auto colon = rest.find(':');
  if (cursor[0] == 'b' && colon == std::string_view::npos) return Place{.base = net::percent_decode(rest), .document = {}};
  if (cursor[0] != 'd' || colon == std::string_view::npos) return wrong();
  return Place{.base = net::percent_decode(rest.substr(0, colon)), .document = DocumentId(net::percent_decode(rest.substr(colon + 1)))};
}

}  // namespace

const json::array& resource_templates() {
  static const json::array kTemplates{
      json::object{{"uriTemplate", kBaseTemplate}, {"name", "knowledge_base"}, {"title", "Knowledge base"}, {"description", "What it holds, and the newest of its documents"},
                   {"mimeType", "text/markdown"}},
      json::object{{"uriTemplate", kDocumentTemplate}, {"name", "document"}, {"title", "Document"}, {"description", "The whole text of a document; `document` is its id"},
                   {"mimeType", "text/markdown"}}};
  return kTemplates;
}

Result<json::object> Library::list(const Caller& caller, std::optional<std::string_view> cursor) const {
  Place from;
  if (cursor) {
    ASSIGN_OR_RETURN(from, place_of(*cursor));
  }
  ASSIGN_OR_RETURN(const auto pass, obtain(parts_, caller, "knowledge.list", "knowledge-bases"));
  ASSIGN_OR_RETURN(auto bases, parts_.knowledge.list(pass));
  std::ranges::sort(bases, {}, &knowledge::KnowledgeBase::name);
  json::array resources;
  std::size_t looked_at = 0;
  for (const auto& base : bases) {
    if (base.name < from.base) continue;
    // A base that was deleted since the last page is passed over; its successor begins at its own beginning.
    const auto after = base.name == from.base ? from.document : std::nullopt;
    if (resources.size() >= kPerPage || looked_at++ >= kMaxBasesPerPage) return json::object{{"resources", std::move(resources)}, {"nextCursor", cursor_of({base.name, {}})}};
    if (!after) resources.push_back(resource_of(base));
    const auto room = kPerPage - std::min(resources.size(), kPerPage - 1);
    ASSIGN_OR_RETURN(const auto documents_pass, obtain(parts_, caller, "document.list", "knowledge-bases/" + base.name + "/documents"));
    ASSIGN_OR_RETURN(const auto page, parts_.knowledge.list_documents(documents_pass, base.name, room, after, knowledge::DocumentState::kIndexed));
    for (const auto& document : page.documents) resources.push_back(resource_of(base.name, document));
    if (page.next) return json::object{{"resources", std::move(resources)}, {"nextCursor", cursor_of({base.name, page.next})}};
  }
  return json::object{{"resources", std::move(resources)}};
}

Result<std::string> Library::describe(const Caller& caller, const std::string& name) const {
  ASSIGN_OR_RETURN(const auto pass, obtain(parts_, caller, "knowledge.read", "knowledge-bases/" + name));
  ASSIGN_OR_RETURN(const auto base, parts_.knowledge.get(pass, name));
  ASSIGN_OR_RETURN(const auto documents_pass, obtain(parts_, caller, "document.list", "knowledge-bases/" + name + "/documents"));
  ASSIGN_OR_RETURN(const auto page, parts_.knowledge.list_documents(documents_pass, name, kDocumentsShown, {}, knowledge::DocumentState::kIndexed));
  std::string text = "# " + base.name + "\n\n";
  if (!base.description.empty()) text += base.description + "\n\n";
  text += std::to_string(base.indexed) + " documents, " + std::to_string(base.chunks) + " passages.\n\n";
  for (const auto& document : page.documents)
    text += "- [" + (document.title.empty() ? document.name : document.title) + "](" + to_text(ResourceUri{name, document.id}) + ")" +
            (document.title.empty() ? "" : " – " + document.name) + "\n";
  if (page.next) text += "- … and older ones; search finds them all\n";
  return text;
}

Result<json::object> Library::read(const Caller& caller, std::string_view text) const {
  ASSIGN_OR_RETURN(const auto uri, parse_uri(text));
  std::string markdown;
  if (uri.document.empty()) {
    ASSIGN_OR_RETURN(markdown, describe(caller, uri.base));
  } else {
    ASSIGN_OR_RETURN(const auto pass, obtain(parts_, caller, "document.read_text", "knowledge-bases/" + uri.base + "/documents/" + uri.document.str() + "/text"));
    ASSIGN_OR_RETURN(auto document, parts_.knowledge.get_text(pass, uri.base, uri.document));
    if (document.markdown.size() > kMaxResourceBytes)
      return fail(ErrorCode::kTooLarge, "The document has " + std::to_string(document.markdown.size()) + " bytes; read it in pieces with the tool read_document");
    markdown = std::move(document.markdown);
  }
  return json::object{{"contents", json::array{json::object{{"uri", text}, {"mimeType", "text/markdown"}, {"text", std::move(markdown)}}}}};
}

}  // namespace siyu::mcp
