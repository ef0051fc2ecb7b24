// What clients and models are told about the tools. Schemas are JSON Schema 2020-12; arguments are decoded strictly, so they are
// closed. The structured results keep the field names of the HTTP API.
#include "mcp/toolbox.h"

namespace siyu::mcp {
namespace {

constexpr std::string_view kDefinitions = R"json([
{
  "name": "list_knowledge_bases",
  "title": "List knowledge bases",
  "description": "Lists the knowledge bases that can be searched and asked, with the number of their documents. Call it first when you do not know which one holds the subject.",
  "inputSchema": {"type": "object", "properties": {}, "additionalProperties": false},
  "outputSchema": {"type": "object", "required": ["knowledge_bases"], "properties": {"knowledge_bases": {"type": "array", "items": {
    "type": "object", "required": ["name", "description", "documents", "uri"], "properties": {
      "name": {"type": "string"}, "description": {"type": "string"}, "documents": {"type": "integer", "description": "Documents that can be searched"}, "uri": {"type": "string"}}}}}}
},
{
  "name": "list_documents",
  "title": "List documents",
  "description": "Lists the documents of a knowledge base, newest first, a page at a time.",
  "inputSchema": {"type": "object", "required": ["knowledge_base"], "additionalProperties": false, "properties": {
    "knowledge_base": {"type": "string", "description": "Name of the knowledge base"},
    "after": {"type": "string", "description": "`next` of the page before"}}},
  "outputSchema": {"type": "object", "required": ["documents"], "properties": {
    "documents": {"type": "array", "items": {"type": "object", "required": ["uri", "document", "title", "pages"], "properties": {
      "uri": {"type": "string"}, "document": {"type": "string", "description": "File name"}, "title": {"type": "string"}, "pages": {"type": "integer"}}}},
    "next": {"type": "string", "description": "Absent on the last page"}}}
},
{
  "name": "search",
  "title": "Search passages",
  "description": "Finds the passages of a knowledge base that fit a query best, word for word with their document, page and position. Use it to gather evidence; use ask for a finished answer.",
  "inputSchema": {"type": "object", "required": ["knowledge_base", "query"], "additionalProperties": false, "properties": {
    "knowledge_base": {"type": "string", "description": "Name of the knowledge base"},
    "query": {"type": "string", "description": "What to look for: a question or keywords, in the documents' language"},
    "top": {"type": "integer", "minimum": 1, "maximum": 50, "default": 5, "description": "How many passages"},
    "mode": {"type": "string", "enum": ["full_text", "vector", "hybrid"], "description": "By default the best that the knowledge base can do"}}},
  "outputSchema": {"type": "object", "required": ["hits", "mode"], "properties": {
    "mode": {"type": "string"},
    "hits": {"type": "array", "items": {"type": "object", "required": ["uri", "document", "title", "page", "start", "end", "text", "score"], "properties": {
      "uri": {"type": "string"}, "document": {"type": "string"}, "title": {"type": "string"}, "heading": {"type": "string"},
      "page": {"type": "integer", "description": "0 when the document has no pages"},
      "start": {"type": "integer", "description": "First byte in the document's Markdown"}, "end": {"type": "integer"},
      "text": {"type": "string"}, "score": {"type": "number"}}}}}}
},
{
  "name": "ask",
  "title": "Ask a knowledge base",
  "description": "Answers a question from the documents of a knowledge base, with citations. Says so when the documents do not hold the answer. Takes seconds to minutes when a model writes.",
  "inputSchema": {"type": "object", "required": ["knowledge_base", "question"], "additionalProperties": false, "properties": {
    "knowledge_base": {"type": "string", "description": "Name of the knowledge base"},
    "question": {"type": "string"},
    "model": {"type": "string", "description": "Which loaded model writes; the only one when absent"},
    "mode": {"type": "string", "enum": ["auto", "extractive", "generative"], "default": "auto", "description": "extractive quotes word for word and needs no model"}}},
  "outputSchema": {"type": "object", "required": ["answer", "mode", "model", "citations"], "properties": {
    "answer": {"type": "string"},
    "mode": {"type": "string", "description": "none: nothing relevant was found"},
    "model": {"type": "string"},
    "citations": {"type": "array", "items": {"type": "object", "required": ["number", "uri", "document", "page", "start", "end", "text"], "properties": {
      "number": {"type": "integer"}, "uri": {"type": "string"}, "knowledge_base": {"type": "string"}, "document": {"type": "string"}, "title": {"type": "string"},
      "page": {"type": "integer"}, "start": {"type": "integer"}, "end": {"type": "integer"}, "text": {"type": "string"},
      "answer_start": {"type": "integer", "description": "First byte of the part of the answer that it supports"}, "answer_end": {"type": "integer"}}}}}}
},
{
  "name": "read_document",
  "title": "Read a document",
  "description": "Reads a document as Markdown: all of a short one, or the part from `start`, or one page. Use it to see what stands around a passage.",
  "inputSchema": {"type": "object", "required": ["uri"], "additionalProperties": false, "properties": {
    "uri": {"type": "string", "description": "siyu://knowledge-bases/…/documents/…, as search, ask and list_documents give it"},
    "page": {"type": "integer", "minimum": 1, "description": "Only this page; for documents with pages"},
    "start": {"type": "integer", "minimum": 0, "description": "First byte; a character is never cut"},
    "length": {"type": "integer", "minimum": 1, "maximum": 200000, "default": 40000, "description": "Bytes at most"}}},
  "outputSchema": {"type": "object", "required": ["uri", "document", "title", "markdown", "start", "end", "total"], "properties": {
    "uri": {"type": "string"}, "document": {"type": "string"}, "title": {"type": "string"}, "markdown": {"type": "string"},
    "start": {"type": "integer"}, "end": {"type": "integer", "description": "Go on reading from here when it is less than total"}, "total": {"type": "integer"}}}
}
])json";

json::array read_definitions() {
  auto tools = json::parse(kDefinitions).as_array();
  for (auto& tool : tools)
    tool.as_object()["annotations"] = {{"readOnlyHint", true}, {"idempotentHint", true}, {"destructiveHint", false}, {"openWorldHint", false}};
  return tools;
}

}  // namespace

const json::array& tool_definitions() {
  static const json::array kTools = read_definitions();
  return kTools;
}

bool Toolbox::has(std::string_view name) {
  for (const auto& tool : tool_definitions())
    if (tool.as_object().at("name").as_string() == name) return true;
  return false;
}

}  // namespace siyu::mcp
