#include "text.h"

#include <fmt/format.h>
#include <fontconfig/fontconfig.h>
#include <unicode/uscript.h>
#include <unicode/utf8.h>

#include <algorithm>

namespace siyu::printer {
namespace {

constexpr const char* kFamilies = "Noto Sans CJK SC,Source Han Sans SC,Noto Sans SC,WenQuanYi Micro Hei,WenQuanYi Zen Hei,Noto Sans,DejaVu Sans,Sans";
constexpr const char* kCodeFamilies = "Noto Sans Mono CJK SC,Source Han Mono SC,Noto Sans Mono,DejaVu Sans Mono,Monospace";
constexpr Colour kLink = kAccent, kCodeGround = from_hex(0xf0f3f6);

double points(int pango_units) { return static_cast<double>(pango_units) / PANGO_SCALE; }
int units(double value) { return static_cast<int>(value * PANGO_SCALE); }
guint16 channel(double value) { return static_cast<guint16>(value * 65535); }

/// Adds an attribute over bytes [begin, end).
void add(PangoAttrList* list, PangoAttribute* attribute, std::size_t begin, std::size_t end) {
  attribute->start_index = static_cast<guint>(begin);
  attribute->end_index = static_cast<guint>(end);
  pango_attr_list_insert(list, attribute);
}

void add_colour(PangoAttrList* list, const Colour& colour, std::size_t begin, std::size_t end) {
  add(list, pango_attr_foreground_new(channel(colour.red), channel(colour.green), channel(colour.blue)), begin, end);
}

void add_raised(PangoAttrList* list, double size, double rise, std::size_t begin, std::size_t end) {
  add(list, pango_attr_size_new(units(size * 0.7)), begin, end);
  add(list, pango_attr_rise_new(units(size * rise)), begin, end);
}

void add_run(PangoAttrList* list, const report::Run& run, const TextStyle& style, std::size_t begin, std::size_t end) {
  if (run.bold) add(list, pango_attr_weight_new(PANGO_WEIGHT_BOLD), begin, end);
  if (run.italic) add(list, pango_attr_style_new(PANGO_STYLE_ITALIC), begin, end);
  if (run.code) {
    add(list, pango_attr_family_new(kCodeFamilies), begin, end);
    add(list, pango_attr_background_new(channel(kCodeGround.red), channel(kCodeGround.green), channel(kCodeGround.blue)), begin, end);
    if (!run.subscript && !run.superscript) add(list, pango_attr_size_new(units(style.size * 0.92)), begin, end);
  }
  if (run.subscript) add_raised(list, style.size, -0.14, begin, end);
  if (run.superscript) add_raised(list, style.size, 0.33, begin, end);
  if (!run.link.empty()) add_colour(list, kLink, begin, end);
}

bool needs_chinese(const report::Document& document) {
  if (document.language == report::Language::kZh) return true;
  const auto text = report::encode_document(document);
  for (std::int64_t at = 0, size = static_cast<std::int64_t>(text.size()); at < size;) {
    UChar32 c = 0;
    U8_NEXT(text.data(), at, size, c);
    if (c >= 0x2E80 && c < 0x3FFFF && uscript_hasScript(c, USCRIPT_HAN)) return true;
  }
  return false;
}

}  // namespace

void set_colour(cairo_t* cairo, const Colour& colour) { cairo_set_source_rgb(cairo, colour.red, colour.green, colour.blue); }

void fill_rect(cairo_t* cairo, double x, double y, double width, double height, const Colour& colour) {
  set_colour(cairo, colour);
  cairo_new_path(cairo);
  cairo_rectangle(cairo, x, y, width, height);
  cairo_fill(cairo);
}

std::string tag_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    // Addresses are ASCII in PDF; what is not goes by its bytes, as browsers send it.
    if (byte >= 0x80 || byte <= 0x20 || c == '\'' || c == '\\') out += fmt::format("%{:02X}", byte);
    else out += c;
  }
  return out + "'";
}

void Links::add(double x, double y, double width, double height, const std::string& target) {
  if (target.starts_with('#') && !anchors_.contains(target.substr(1))) return;
  const auto where = target.starts_with('#') ? "dest=" + tag_quoted(target.substr(1)) : "uri=" + tag_quoted(target);
  waiting_.push_back(fmt::format("rect=[{:.2f} {:.2f} {:.2f} {:.2f}] {}", x, y, width, height, where));
}

void Links::write(cairo_t* cairo) {
  for (const auto& attributes : waiting_) {
    cairo_tag_begin(cairo, CAIRO_TAG_LINK, attributes.c_str());
    cairo_tag_end(cairo, CAIRO_TAG_LINK);
  }
  waiting_.clear();
}

void add_destination(cairo_t* cairo, const std::string& anchor, double x, double y) {
  cairo_tag_begin(cairo, CAIRO_TAG_DEST, fmt::format("name={} x={:.2f} y={:.2f}", tag_quoted(anchor), x, y).c_str());
  cairo_tag_end(cairo, CAIRO_TAG_DEST);
}

Text::Text(Owned<PangoLayout> layout, double spacing, const Colour& colour, std::vector<std::pair<std::pair<int, int>, std::string>> links)
    : layout_(std::move(layout)), colour_(colour) {
  PangoLayoutIter* iterator = pango_layout_get_iter(layout_.get());
  double top = 0;
  do {
    PangoRectangle logical;
    pango_layout_iter_get_line_extents(iterator, nullptr, &logical);
    const double own = points(logical.height), height = own * spacing;
    TextLine line{.line = pango_layout_iter_get_line_readonly(iterator), .x = points(logical.x), .top = top, .height = height, .baseline = 0};
    line.baseline = points(pango_layout_iter_get_baseline(iterator) - logical.y) + (height - own) / 2;
    width_ = std::max(width_, points(logical.width));
    top += height;
    for (const auto& [range, target] : links) {
      int* places = nullptr;
      int count = 0;
      const int begin = std::max(range.first, pango_layout_line_get_start_index(line.line));
      const int end = std::min(range.second, pango_layout_line_get_start_index(line.line) + pango_layout_line_get_length(line.line));
      if (begin >= end) continue;
      pango_layout_line_get_x_ranges(line.line, begin, end, &places, &count);
      for (int i = 0; i < count; ++i) links_.push_back({points(places[2 * i]), line.top, points(places[2 * i + 1] - places[2 * i]), line.height, lines_.size(), target});
      g_free(places);
    }
    lines_.push_back(line);
  } while (pango_layout_iter_next_line(iterator));
  pango_layout_iter_free(iterator);
}

void Text::draw(cairo_t* cairo, double x, double y, std::size_t first, std::size_t last, Links* links) const {
  last = std::min(last, lines_.size());
  if (first >= last) return;
  const double offset = lines_[first].top;
  for (std::size_t i = first; i < last; ++i) {
    const auto& line = lines_[i];
    set_colour(cairo, colour_);
    cairo_move_to(cairo, x + line.x, y + line.top - offset + line.baseline);
    pango_cairo_show_layout_line(cairo, line.line);
    cairo_new_path(cairo);
  }
  if (links == nullptr) return;
  for (const auto& link : links_)
    if (link.line >= first && link.line < last) links->add(x + link.x, y + link.y - offset, link.width, link.height, link.target);
}

Typesetter::Typesetter(report::Language language)
    : fonts_(pango_cairo_font_map_new()),
      context_((pango_cairo_font_map_set_resolution(PANGO_CAIRO_FONT_MAP(fonts_.get()), 72), pango_font_map_create_context(fonts_.get()))) {
  cairo_font_options_t* options = cairo_font_options_create();
  cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
  cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
  pango_cairo_context_set_font_options(context_.get(), options);
  cairo_font_options_destroy(options);
  pango_context_set_round_glyph_positions(context_.get(), FALSE);
  pango_context_set_language(context_.get(), pango_language_from_string(language == report::Language::kZh ? "zh-cn" : "en"));
}

Owned<PangoLayout> Typesetter::make(const report::Rich& text, const TextStyle& style, std::vector<std::pair<std::pair<int, int>, std::string>>& links) const {
  Owned<PangoLayout> layout(pango_layout_new(context_.get()));
  std::string all;
  PangoAttrList* attributes = pango_attr_list_new();
  for (const auto& run : text.runs) {
    const auto begin = all.size();
    all += run.text;
    add_run(attributes, run, style, begin, all.size());
    if (!run.link.empty()) links.push_back({{static_cast<int>(begin), static_cast<int>(all.size())}, run.link});
    if (run.source == 0) continue;
    const auto mark = all.size();
    all += fmt::format("[{}]", run.source);
    add_raised(attributes, style.size, 0.33, mark, all.size());
    add_colour(attributes, kLink, mark, all.size());
    links.push_back({{static_cast<int>(mark), static_cast<int>(all.size())}, fmt::format("#source-{}", run.source)});
  }
  PangoFontDescription* font = pango_font_description_from_string(kFamilies);
  pango_font_description_set_size(font, units(style.size));
  if (style.bold) pango_font_description_set_weight(font, PANGO_WEIGHT_BOLD);
  pango_layout_set_font_description(layout.get(), font);
  pango_font_description_free(font);
  // Documents are read left to right whatever a text begins with.
  pango_layout_set_auto_dir(layout.get(), FALSE);
  pango_layout_set_text(layout.get(), all.c_str(), static_cast<int>(all.size()));
  pango_layout_set_attributes(layout.get(), attributes);
  pango_attr_list_unref(attributes);
  pango_layout_set_wrap(layout.get(), PANGO_WRAP_WORD_CHAR);
  if (style.width >= 0) pango_layout_set_width(layout.get(), units(std::max(style.width, style.size)));
  pango_layout_set_alignment(layout.get(), style.align == report::Align::kEnd      ? PANGO_ALIGN_RIGHT
                                           : style.align == report::Align::kCenter ? PANGO_ALIGN_CENTER
                                                                                   : PANGO_ALIGN_LEFT);
  return layout;
}

std::shared_ptr<const Text> Typesetter::lay_out(const report::Rich& text, const TextStyle& style) const {
  std::vector<std::pair<std::pair<int, int>, std::string>> links;
  auto layout = make(text, style, links);
  return std::make_shared<Text>(std::move(layout), style.spacing, style.colour, std::move(links));
}

double Typesetter::natural_width(const report::Rich& text, const TextStyle& style) const {
  std::vector<std::pair<std::pair<int, int>, std::string>> links;
  auto single = style;
  single.width = -1;
  PangoRectangle logical;
  pango_layout_get_extents(make(text, single, links).get(), nullptr, &logical);
  return points(logical.width);
}

Status check_fonts(const report::Document& document) {
  if (!needs_chinese(document)) return {};
  FcCharSet* characters = FcCharSetCreate();
  FcCharSetAddChar(characters, 0x4E2D);
  FcCharSetAddChar(characters, 0x8FD9);  // simplified only
  FcPattern* pattern = FcPatternCreate();
  FcPatternAddCharSet(pattern, FC_CHARSET, characters);
  FcObjectSet* wanted = FcObjectSetBuild(FC_FAMILY, static_cast<char*>(nullptr));
  FcFontSet* found = FcFontList(nullptr, pattern, wanted);
  const bool any = found != nullptr && found->nfont > 0;
  if (found != nullptr) FcFontSetDestroy(found);
  FcObjectSetDestroy(wanted);
  FcPatternDestroy(pattern);
  FcCharSetDestroy(characters);
  if (any) return {};
  return fail(ErrorCode::kUnsupported,
              "No font for Chinese is installed, so the report cannot be printed; install the package fonts-noto-cjk. Markdown and HTML can be had without it");
}

}  // namespace siyu::printer
