#include "documents/markdown_writer.h"

#include <algorithm>

namespace siyu::documents {
namespace {

bool reads_as_structure(std::string_view line) { return line.starts_with('#') || line.starts_with('|') || line.starts_with("```"); }

/// Every line trimmed at its end, empty ones left out, structure escaped.
std::string plain_lines(std::string_view text, std::string_view prefix) {
  std::string out;
  for (std::size_t at = 0; at <= text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = trim(text.substr(at, end - at));
    at = end + 1;
    if (line.empty()) continue;
    if (!out.empty()) out += '\n';
    out += prefix;
    if (prefix.empty() && reads_as_structure(line)) out += '\\';
    out += line;
  }
  return out;
}

/// "1." and "12)" are Markdown's own; every other label stands behind a dash.
bool is_markdown_number(std::string_view label) {
  const auto digits = label.find_first_not_of("0123456789");
  return digits != std::string_view::npos && digits >= 1 && digits <= 3 && digits + 1 == label.size() && (label.back() == '.' || label.back() == ')');
}

std::string cell(std::string_view text) {
  std::string out;
  for (const char c : one_line(text)) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string out;
  bool space = false;
  for (const char c : text) {
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v') {
      space = !out.empty();
      continue;
    }
    if (space) out += ' ';
    space = false;
    out += c;
  }
  return out;
}

void MarkdownWriter::block(std::string_view text, bool tight) {
  if (text.empty()) return;
  if (text_.size() + text.size() + 2 > max_bytes_) full_ = true;
  if (full_) return;
  if (!text_.empty()) text_ += tight ? "\n" : "\n\n";
  if (page_pending_) pages_.back().span.begin = text_.size();
  page_pending_ = false;
  text_ += text;
  if (!pages_.empty()) pages_.back().span.end = text_.size();
}

void MarkdownWriter::begin_page(int page) {
  const auto at = text_.size();
  pages_.push_back({.page = page, .span = {at, at}});
  page_pending_ = true;
  in_list_ = false;
}

void MarkdownWriter::heading(int level, std::string_view text) {
  const auto line = one_line(text);
  if (!line.empty()) block(std::string(static_cast<std::size_t>(std::clamp(level, 1, 6)), '#') + " " + line);
  in_list_ = false;
}

void MarkdownWriter::paragraph(std::string_view text) {
  const auto lines = plain_lines(text, "");
  block(lines);
  if (!lines.empty()) in_list_ = false;
}

void MarkdownWriter::quote(std::string_view text) {
  block(plain_lines(text, "> "));
  in_list_ = false;
}

void MarkdownWriter::list_item(int level, std::string_view label, std::string_view text) {
  const auto line = one_line(text);
  if (line.empty()) return;
  std::string item(static_cast<std::size_t>(std::clamp(level, 0, 8)) * 4, ' ');
  if (label.empty()) item += "- ";
  else item.append(is_markdown_number(label) ? "" : "- ").append(label).append(" ");
  block(item + line, in_list_);
  in_list_ = true;
}

void MarkdownWriter::table(const TableRows& rows) {
  std::size_t width = 0;
  for (const auto& row : rows) width = std::max(width, row.size());
  if (width == 0) return;
  std::string out;
  for (std::size_t i = 0; i < rows.size() && out.size() < max_bytes_; ++i) {
    if (i > 0) out += '\n';
    out += '|';
    for (std::size_t column = 0; column < width; ++column) {
      const auto text = column < rows[i].size() ? cell(rows[i][column]) : std::string();
      out.append(" ").append(text).append(text.empty() ? "|" : " |");
    }
    if (i > 0) continue;
    out += "\n|";
    for (std::size_t column = 0; column < width; ++column) out += " --- |";
  }
  block(out);
  in_list_ = false;
}

void MarkdownWriter::code(std::string_view text) {
  if (!trim(text).empty()) block("```\n" + std::string(text) + "\n```");
  in_list_ = false;
}

void MarkdownWriter::raw(std::string_view markdown) {
  block(trim(markdown));
  in_list_ = false;
}

ParsedDocument MarkdownWriter::finish(std::string format, std::string title) && {
  ParsedDocument document;
  document.format = std::move(format);
  if (is_valid_utf8(text_)) {
    document.markdown = std::move(text_);
    document.pages = std::move(pages_);
  } else {
    // Repairing changes lengths, so each page is repaired for itself.
    std::size_t at = 0;
    for (auto& page : pages_) {
      document.markdown += repair_utf8(std::string_view(text_).substr(at, page.span.begin - at));
      const auto begin = document.markdown.size();
      document.markdown += repair_utf8(std::string_view(text_).substr(page.span.begin, page.span.end - page.span.begin));
      at = page.span.end;
      page.span = {begin, document.markdown.size()};
    }
    document.markdown += repair_utf8(std::string_view(text_).substr(at));
    document.pages = std::move(pages_);
  }
  document.blocks = find_blocks(document.markdown);
  document.title = first_heading(document.markdown, document.blocks);
  if (document.title.empty()) document.title = repair_utf8(one_line(title));
  if (full_) document.reason = "The text is longer than what is kept of one document; its end was left out. Split the file";
  return document;
}

}  // namespace siyu::documents
