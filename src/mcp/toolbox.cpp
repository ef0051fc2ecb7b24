#include "mcp/toolbox.h"

#include <algorithm>

#include "base/text.h"
#include "mcp/uri.h"

namespace siyu::mcp {
namespace {

constexpr std::size_t kDocumentsPerPage = 100;
constexpr std::size_t kMaxQueryBytes = 8192;  // a question, not a document
constexpr std::int64_t kMaxTop = 50;
constexpr std::int64_t kDefaultLength = 40'000;
constexpr std::int64_t kMaxLength = 200'000;  // a tool's result goes into a model's context

struct NoArguments {};
BOOST_DESCRIBE_STRUCT(NoArguments, (), ())
struct ListArguments {
  std::string knowledge_base;
  std::optional<std::string> after;
};
BOOST_DESCRIBE_STRUCT(ListArguments, (), (knowledge_base, after))
struct SearchArguments {
  std::string knowledge_base, query;
  std::optional<std::int64_t> top;
  std::optional<knowledge::SearchMode> mode;
};
BOOST_DESCRIBE_STRUCT(SearchArguments, (), (knowledge_base, query, top, mode))
struct AskArguments {
  std::string knowledge_base, question;
  std::optional<std::string> model;
  std::optional<chat::Mode> mode;
};
BOOST_DESCRIBE_STRUCT(AskArguments, (), (knowledge_base, question, model, mode))
struct ReadArguments {
  std::string uri;
  std::optional<std::int64_t> page, start, length;
};
BOOST_DESCRIBE_STRUCT(ReadArguments, (), (uri, page, start, length))

struct BaseBody {
  std::string name, description;
  std::int64_t documents = 0;
  std::string uri;
};
BOOST_DESCRIBE_STRUCT(BaseBody, (), (name, description, documents, uri))
struct BasesBody {
  std::vector<BaseBody> knowledge_bases;
};
BOOST_DESCRIBE_STRUCT(BasesBody, (), (knowledge_bases))
struct DocumentBody {
  std::string uri, document, title;
  std::int64_t pages = 0;
};
BOOST_DESCRIBE_STRUCT(DocumentBody, (), (uri, document, title, pages))
struct DocumentsBody {
  std::vector<DocumentBody> documents;
  std::optional<std::string> next;
};
BOOST_DESCRIBE_STRUCT(DocumentsBody, (), (documents, next))
struct HitBody {
  std::string uri, document, title, heading;
  int page = 0;
  std::uint64_t start = 0, end = 0;
  std::string text;
  double score = 0;
};
BOOST_DESCRIBE_STRUCT(HitBody, (), (uri, document, title, heading, page, start, end, text, score))
struct HitsBody {
  std::vector<HitBody> hits;
  knowledge::SearchMode mode = knowledge::SearchMode::kFullText;
};
BOOST_DESCRIBE_STRUCT(HitsBody, (), (hits, mode))
struct PieceBody {
  std::string uri, document, title, markdown;
  std::uint64_t start = 0, end = 0, total = 0;
};
BOOST_DESCRIBE_STRUCT(PieceBody, (), (uri, document, title, markdown, start, end, total))

template <class T>
Result<T> arguments_of(const json::value& arguments) {
  return from_json<T>(arguments, UnknownKeys::kRefuse);
}

template <class Body>
json::object result_of(const std::string& text, const Body& body) {
  return tool_result(text, siyu::to_json(body).as_object());
}

Status check_query(std::string_view text, std::string_view field) {
  if (trim(text).empty()) return invalid("`" + std::string(field) + "` is empty");
  if (text.size() > kMaxQueryBytes) return invalid("`" + std::string(field) + "` may have at most " + std::to_string(kMaxQueryBytes) + " bytes");
  return {};
}

bool begins_inside_character(std::string_view text, std::size_t at) { return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U; }

/// The bytes of a document that were asked for.
Result<TextSpan> wanted_span(const knowledge::DocumentText& text, const ReadArguments& arguments) {
  const auto length = static_cast<std::size_t>(arguments.length.value_or(kDefaultLength));
  TextSpan span{.begin = 0, .end = text.markdown.size()};
  if (arguments.page) {
    const auto found = std::ranges::find_if(text.pages, [&](const auto& page) { return page.page == *arguments.page; });
    if (found == text.pages.end()) return not_found("The document has no page " + std::to_string(*arguments.page));
    span = found->span;
  }
  if (arguments.start) span.begin = std::max(span.begin, std::min(static_cast<std::size_t>(*arguments.start), span.end));
  while (begins_inside_character(text.markdown, span.begin)) --span.begin;
  const auto piece = std::string_view(text.markdown).substr(span.begin, span.end - span.begin);
  span.end = span.begin + utf8_prefix(piece, std::max<std::size_t>(length, 4)).size();
  return span;
}

std::string place_of(const HitBody& hit) {
  std::string text = hit.document;
  if (!hit.heading.empty()) text += " › " + hit.heading;
  if (hit.page > 0) text += ", page " + std::to_string(hit.page);
  return text + " <" + hit.uri + "> bytes " + std::to_string(hit.start) + "–" + std::to_string(hit.end);
}

}  // namespace

ToolOutcome Toolbox::call(const Caller& caller, std::string_view name, const json::value& arguments) const {
  const auto settle = [&](auto result) -> ToolOutcome {
    if (!result) return tool_failure(told(parts_, caller.request, result.error()));
    return *std::move(result);
  };
  if (name == "list_knowledge_bases") return settle(list_bases(caller, arguments));
  if (name == "list_documents") return settle(list_documents(caller, arguments));
  if (name == "search") return settle(search(caller, arguments));
  if (name == "ask") return settle(ask(caller, arguments));
  if (name == "read_document") return settle(read_document(caller, arguments));
  return tool_failure("There is no tool " + std::string(name));
}

Result<json::object> Toolbox::list_bases(const Caller& caller, const json::value& arguments) const {
  RETURN_IF_ERROR(arguments_of<NoArguments>(arguments));
  ASSIGN_OR_RETURN(const auto pass, obtain(parts_, caller, "knowledge.list", "knowledge-bases"));
  ASSIGN_OR_RETURN(const auto bases, parts_.knowledge.list(pass));
  BasesBody body;
  std::string text;
  for (const auto& base : bases) {
    body.knowledge_bases.push_back({.name = base.name, .description = base.description, .documents = base.indexed, .uri = to_text(ResourceUri{base.name, {}})});
    text += "- " + base.name + " (" + std::to_string(base.indexed) + " documents)" + (base.description.empty() ? "" : ": " + base.description) + "\n";
  }
  return result_of(text.empty() ? "There are no knowledge bases." : text, body);
}

Result<json::object> Toolbox::list_documents(const Caller& caller, const json::value& arguments) const {
  ASSIGN_OR_RETURN(const auto wanted, arguments_of<ListArguments>(arguments));
  ASSIGN_OR_RETURN(const auto pass, obtain(parts_, caller, "document.list", "knowledge-bases/" + wanted.knowledge_base + "/documents"));
  const auto after = wanted.after ? std::optional(DocumentId(*wanted.after)) : std::nullopt;
  ASSIGN_OR_RETURN(const auto page, parts_.knowledge.list_documents(pass, wanted.knowledge_base, kDocumentsPerPage, after, knowledge::DocumentState::kIndexed));
  DocumentsBody body;
  std::string text;
  for (const auto& document : page.documents) {
    const auto uri = to_text(ResourceUri{wanted.knowledge_base, document.id});
    body.documents.push_back({.uri = uri, .document = document.name, .title = document.title, .pages = document.pages});
    text += "- " + document.name + " <" + uri + ">\n";
  }
  if (page.next) {
    body.next = page.next->str();
    text += "More with `after` = " + page.next->str() + "\n";
  }
  return result_of(text.empty() ? "There are no documents." : text, body);
}

Result<json::object> Toolbox::search(const Caller& caller, const json::value& arguments) const {
  ASSIGN_OR_RETURN(const auto wanted, arguments_of<SearchArguments>(arguments));
  RETURN_IF_ERROR(check_query(wanted.query, "query"));
  const auto top = wanted.top.value_or(5);
  if (top < 1 || top > kMaxTop) return invalid("`top` must be from 1 to " + std::to_string(kMaxTop));
  ASSIGN_OR_RETURN(const auto pass, obtain(parts_, caller, "knowledge.search", "knowledge-bases/" + wanted.knowledge_base + "/search"));
  ASSIGN_OR_RETURN(const auto found, parts_.knowledge.search(pass, wanted.knowledge_base, wanted.query, static_cast<std::size_t>(top), wanted.mode));
  HitsBody body{.hits = {}, .mode = found.mode};
  std::string text;
  for (const auto& passage : found.passages) {
    const auto& hit = body.hits.emplace_back(HitBody{.uri = to_text(ResourceUri{wanted.knowledge_base, passage.document_id}), .document = passage.document,
                                                     .title = passage.title, .heading = passage.heading, .page = passage.page, .start = passage.start,
                                                     .end = passage.end, .text = passage.text, .score = passage.score});
    text += "[" + std::to_string(body.hits.size()) + "] " + place_of(hit) + "\n" + hit.text + "\n\n";
  }
  return result_of(text.empty() ? "Nothing was found." : text, body);
}

Result<json::object> Toolbox::read_document(const Caller& caller, const json::value& arguments) const {
  ASSIGN_OR_RETURN(const auto wanted, arguments_of<ReadArguments>(arguments));
  ASSIGN_OR_RETURN(const auto uri, parse_uri(wanted.uri));
  if (uri.document.empty()) return invalid("`uri` names a knowledge base; give a document's, as search and list_documents show it");
  if (wanted.start && *wanted.start < 0) return invalid("`start` must be 0 or more");
  if (wanted.length && (*wanted.length < 1 || *wanted.length > kMaxLength)) return invalid("`length` must be from 1 to " + std::to_string(kMaxLength));
  ASSIGN_OR_RETURN(const auto pass, obtain(parts_, caller, "document.read_text", "knowledge-bases/" + uri.base + "/documents/" + uri.document.str() + "/text"));
  ASSIGN_OR_RETURN(const auto text, parts_.knowledge.get_text(pass, uri.base, uri.document));
  ASSIGN_OR_RETURN(const auto span, wanted_span(text, wanted));
  const PieceBody body{.uri = to_text(uri), .document = text.document.name, .title = text.document.title, .markdown = text.markdown.substr(span.begin, span.end - span.begin),
                       .start = span.begin, .end = span.end, .total = text.markdown.size()};
  std::string shown = body.markdown;
  if (span.end < text.markdown.size()) shown += "\n\n(bytes " + std::to_string(span.begin) + "–" + std::to_string(span.end) + " of " + std::to_string(body.total) + ")";
  return result_of(shown, body);
}

Result<std::shared_ptr<Asking>> Toolbox::ask(const Caller& caller, const json::value& arguments) const {
  ASSIGN_OR_RETURN(const auto wanted, arguments_of<AskArguments>(arguments));
  RETURN_IF_ERROR(check_query(wanted.question, "question"));
  ASSIGN_OR_RETURN(const auto pass, obtain(parts_, caller, "knowledge.ask", "knowledge-bases/" + wanted.knowledge_base + "/ask"));
  chat::Request request{.model = wanted.model.value_or(""), .generate = {}, .knowledge = {wanted.knowledge_base}, .mode = wanted.mode.value_or(chat::Mode::kAuto)};
  request.generate.messages.push_back({.role = engine::Role::kUser, .content = wanted.question});
  request.generate.time_limit_ms = std::chrono::milliseconds(parts_.answer_limit).count();
  ASSIGN_OR_RETURN(auto answer, parts_.chat.answer(pass, std::move(request)));
  return std::make_shared<Asking>(parts_, std::move(answer), caller.request);
}

}  // namespace siyu::mcp
