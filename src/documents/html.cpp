#include "documents/html.h"

#include <gumbo.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/text.h"
#include "documents/markdown_writer.h"
#include "documents/plain_text.h"

namespace siyu::documents {
namespace {

constexpr int kMaxDepth = 400;                     // of elements; what lies deeper is left out
constexpr std::size_t kMaxHtml = 64UL << 20;       // the parser's tree takes about ten times as much
constexpr std::size_t kMaxColumns = 1000;
constexpr std::size_t kCharsetWithin = 4096;       // bytes; the standard says 1024, pages do otherwise

std::string_view attribute(const GumboNode* node, const char* name) {
  const auto* found = gumbo_get_attribute(&node->v.element.attributes, name);
  return found == nullptr ? std::string_view() : std::string_view(found->value);
}

int heading_level(GumboTag tag) { return tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6 ? static_cast<int>(tag) - static_cast<int>(GUMBO_TAG_H1) + 1 : 0; }

bool is_silent(const GumboNode* node) {
  switch (node->v.element.tag) {
    case GUMBO_TAG_SCRIPT: case GUMBO_TAG_STYLE: case GUMBO_TAG_TEMPLATE: case GUMBO_TAG_NOSCRIPT: case GUMBO_TAG_HEAD: case GUMBO_TAG_IFRAME:
    case GUMBO_TAG_OBJECT: case GUMBO_TAG_SVG: case GUMBO_TAG_SELECT: case GUMBO_TAG_TEXTAREA: return true;
    default: return gumbo_get_attribute(&node->v.element.attributes, "hidden") != nullptr;
  }
}

bool is_inline(GumboTag tag) {
  static constexpr std::array kInline{GUMBO_TAG_A, GUMBO_TAG_ABBR, GUMBO_TAG_B, GUMBO_TAG_BDI, GUMBO_TAG_BDO, GUMBO_TAG_CITE, GUMBO_TAG_CODE, GUMBO_TAG_DATA,
                                      GUMBO_TAG_DEL, GUMBO_TAG_DFN, GUMBO_TAG_EM, GUMBO_TAG_FONT, GUMBO_TAG_I, GUMBO_TAG_IMG, GUMBO_TAG_INPUT, GUMBO_TAG_INS,
                                      GUMBO_TAG_KBD, GUMBO_TAG_LABEL, GUMBO_TAG_MARK, GUMBO_TAG_Q, GUMBO_TAG_S, GUMBO_TAG_SAMP, GUMBO_TAG_SMALL, GUMBO_TAG_SPAN,
                                      GUMBO_TAG_STRIKE, GUMBO_TAG_STRONG, GUMBO_TAG_SUB, GUMBO_TAG_SUP, GUMBO_TAG_TIME, GUMBO_TAG_TT, GUMBO_TAG_U, GUMBO_TAG_VAR,
                                      GUMBO_TAG_WBR, GUMBO_TAG_RUBY, GUMBO_TAG_RB, GUMBO_TAG_RT, GUMBO_TAG_RP, GUMBO_TAG_BUTTON, GUMBO_TAG_UNKNOWN};
  return std::ranges::find(kInline, tag) != kInline.end();
}

class HtmlReader {
 public:
  explicit HtmlReader(MarkdownWriter& writer) : writer_(writer) {}

  void read(const GumboNode* root) {
    walk(root, 0);
    flush();
  }
  std::string title() const { return title_; }

 private:
  void walk(const GumboNode* node, int depth) {
    if (depth > kMaxDepth || writer_.full()) return;
    if (node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_CDATA || node->type == GUMBO_NODE_WHITESPACE) {
      add_text(node->v.text.text, text_);
      return;
    }
    if (node->type != GUMBO_NODE_ELEMENT && node->type != GUMBO_NODE_DOCUMENT) return;
    if (node->type == GUMBO_NODE_DOCUMENT) return children(node->v.document.children, depth);
    const auto tag = node->v.element.tag;
    if (tag == GUMBO_TAG_HEAD) return find_title(node);
    if (is_silent(node)) return;
    if (tag == GUMBO_TAG_BR) {
      text_ += '\v';  // survives the joining of white space
    } else if (is_inline(tag)) {
      children(node->v.element.children, depth);
    } else {
      flush();
      block(node, tag, depth);
    }
  }

  /// A no-break space is a space to a reader.
  static void add_text(std::string_view text, std::string& out) {
    for (auto at = text.find("\xC2\xA0"); at != std::string_view::npos; at = text.find("\xC2\xA0")) {
      out.append(text.substr(0, at)).append(" ");
      text.remove_prefix(at + 2);
    }
    out += text;
  }

  void children(const GumboVector& list, int depth) {
    for (unsigned i = 0; i < list.length; ++i) walk(static_cast<const GumboNode*>(list.data[i]), depth + 1);
  }

  void block(const GumboNode* node, GumboTag tag, int depth) {
    const auto& list = node->v.element.children;
    if (const int level = heading_level(tag)) {
      writer_.heading(level, one_line(gather(list, depth)));
    } else if (tag == GUMBO_TAG_PRE) {
      writer_.code(gather(list, depth));
    } else if (tag == GUMBO_TAG_TABLE && !is_layout(node)) {
      TableRows rows;
      rows_of(node, rows, depth);
      writer_.table(rows);
    } else if (tag == GUMBO_TAG_UL || tag == GUMBO_TAG_OL) {
      lists_.push_back({.numbered = tag == GUMBO_TAG_OL});
      children(list, depth);
      flush();
      lists_.pop_back();
    } else if (tag == GUMBO_TAG_LI && !lists_.empty()) {
      auto& current = lists_.back();
      ++current.count;
      item_label_ = current.numbered ? std::to_string(current.count) + "." : std::string("-");
      children(list, depth);
      flush();
      item_label_.clear();
    } else {
      children(list, depth);
      flush();
    }
  }

  /// What has been gathered of running text becomes a paragraph or the text of the list item that has just begun.
  void flush() {
    const auto text = lines_of(text_);
    text_.clear();
    if (text.empty()) return;
    if (item_label_.empty()) return writer_.paragraph(text);
    writer_.list_item(static_cast<int>(lists_.size()) - 1, item_label_ == "-" ? "" : item_label_, text);
    item_label_.clear();
  }

  static std::string lines_of(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at <= text.size();) {
      const auto end = std::min(text.find('\v', at), text.size());
      const auto line = one_line(text.substr(at, end - at));
      at = end + 1;
      if (line.empty()) continue;
      if (!out.empty()) out += '\n';
      out += line;
    }
    return out;
  }

  /// All text below, blocks among it, as one running text.
  std::string gather(const GumboVector& list, int depth) {
    std::string out;
    gather_into(list, depth, out);
    return out;
  }
  void gather_into(const GumboVector& list, int depth, std::string& out) {
    if (depth > kMaxDepth) return;
    for (unsigned i = 0; i < list.length; ++i) {
      const auto* node = static_cast<const GumboNode*>(list.data[i]);
      if (node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_CDATA || node->type == GUMBO_NODE_WHITESPACE) {
        add_text(node->v.text.text, out);
      } else if (node->type == GUMBO_NODE_ELEMENT && !is_silent(node)) {
        const bool apart = !is_inline(node->v.element.tag);
        if (apart) out += node->v.element.tag == GUMBO_TAG_BR ? '\n' : ' ';
        gather_into(node->v.element.children, depth + 1, out);
        if (apart && node->v.element.tag != GUMBO_TAG_BR) out += ' ';
      }
    }
  }

  /// A table that holds headings or another table arranges the page; it is no table of data.
  static bool is_layout(const GumboNode* table) {
    return attribute(table, "role") == "presentation" || holds(table, 0, [](GumboTag tag) { return tag == GUMBO_TAG_TABLE || heading_level(tag) > 0 || tag == GUMBO_TAG_FORM; });
  }
  template <class Wanted>
  static bool holds(const GumboNode* node, int depth, Wanted wanted) {
    if (depth > kMaxDepth) return false;
    const auto& list = node->v.element.children;
    for (unsigned i = 0; i < list.length; ++i) {
      const auto* inner = static_cast<const GumboNode*>(list.data[i]);
      if (inner->type == GUMBO_NODE_ELEMENT && (wanted(inner->v.element.tag) || holds(inner, depth + 1, wanted))) return true;
    }
    return false;
  }

  void rows_of(const GumboNode* node, TableRows& rows, int depth) {
    if (depth > kMaxDepth) return;
    const auto& list = node->v.element.children;
    for (unsigned i = 0; i < list.length; ++i) {
      const auto* inner = static_cast<const GumboNode*>(list.data[i]);
      if (inner->type != GUMBO_NODE_ELEMENT || is_silent(inner)) continue;
      const auto tag = inner->v.element.tag;
      if (tag == GUMBO_TAG_TR) rows.push_back(cells_of(inner, depth));
      else if (tag == GUMBO_TAG_CAPTION) writer_.paragraph(one_line(gather(inner->v.element.children, depth)));
      else rows_of(inner, rows, depth + 1);
    }
  }

  std::vector<std::string> cells_of(const GumboNode* row, int depth) {
    std::vector<std::string> cells;
    const auto& list = row->v.element.children;
    for (unsigned i = 0; i < list.length && cells.size() < kMaxColumns; ++i) {
      const auto* cell = static_cast<const GumboNode*>(list.data[i]);
      if (cell->type == GUMBO_NODE_ELEMENT && !is_silent(cell)) cells.push_back(one_line(gather(cell->v.element.children, depth)));
    }
    return cells;
  }

  void find_title(const GumboNode* head) {
    const auto& list = head->v.element.children;
    for (unsigned i = 0; i < list.length; ++i) {
      const auto* node = static_cast<const GumboNode*>(list.data[i]);
      if (node->type == GUMBO_NODE_ELEMENT && node->v.element.tag == GUMBO_TAG_TITLE && title_.empty()) title_ = one_line(gather(node->v.element.children, 0));
    }
  }

  struct List {
    bool numbered = false;
    int count = 0;
  };
  MarkdownWriter& writer_;
  std::string text_, title_, item_label_;
  std::vector<List> lists_;
};

/// charset=… within the first bytes, as pages declare it.
std::string declared_charset(std::string_view bytes) {
  std::string head(bytes.substr(0, kCharsetWithin));
  std::ranges::transform(head, head.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto at = head.find("charset=");
  if (at == std::string::npos) return {};
  auto begin = at + 8;
  while (begin < head.size() && (head[begin] == '"' || head[begin] == '\'' || head[begin] == ' ')) ++begin;
  auto end = begin;
  while (end < head.size() && (std::isalnum(static_cast<unsigned char>(head[end])) != 0 || head[end] == '-' || head[end] == '_' || head[end] == ':')) ++end;
  return head.substr(begin, end - begin);
}

std::optional<std::string> decode_html(std::string_view bytes) {
  // What is valid UTF-8 is UTF-8, whatever an old template declares; a byte order mark outranks both.
  if (is_valid_utf8(bytes) || bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF") || bytes.find('\0') != std::string_view::npos) return decode_text(bytes);
  if (const auto charset = declared_charset(bytes); !charset.empty() && !charset.starts_with("utf-16"))
    if (auto text = decode_text_as(bytes, charset)) return text;
  return decode_text(bytes);
}

}  // namespace

std::string write_html(MarkdownWriter& writer, std::string_view utf8) {
  const auto clean = is_valid_utf8(utf8) ? std::string() : repair_utf8(utf8);
  const auto text = clean.empty() ? utf8 : std::string_view(clean);
  auto options = kGumboDefaultOptions;
  options.max_errors = 0;
  GumboOutput* output = gumbo_parse_with_options(&options, text.data(), text.size());
  if (output == nullptr) return {};
  const auto destroy = [&](GumboOutput* made) { gumbo_destroy_output(&options, made); };
  const std::unique_ptr<GumboOutput, decltype(destroy)> owner(output, destroy);
  HtmlReader reader(writer);
  reader.read(output->root);
  return reader.title();
}

ParsedDocument parse_html(const ParseInput& input) {
  if (input.bytes.size() > kMaxHtml) return refused("html", "The page has more than 64 MiB; split it");
  const auto text = decode_html(input.bytes);
  if (!text) return refused("html", "The page is not text in a known encoding");
  MarkdownWriter writer;
  auto title = write_html(writer, *text);
  return std::move(writer).finish("html", std::move(title));
}

}  // namespace siyu::documents
