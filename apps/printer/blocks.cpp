#include <fmt/format.h>

#include <algorithm>
#include <numbers>

#include "compose.h"
#include "picture.h"

namespace siyu::printer {
namespace {

using report::Align;
using report::Rich;
using report::Tone;

struct HeadingStyle {
  double size, before, after;
  Colour colour;
};
constexpr HeadingStyle kHeadings[] = {{17, 30, 11, kAccent}, {13.2, 22, 7, kInk}, {11.4, 16, 5, kInk}, {10.5, 13, 4, kMuted}};

struct ToneColours {
  Colour strong, soft;
};
ToneColours tone_colours(Tone tone) {
  switch (tone) {
    case Tone::kNote: return {from_hex(0x1f5fa8), from_hex(0xeef4fa)};
    case Tone::kGood: return {from_hex(0x17805f), from_hex(0xecf6f2)};
    case Tone::kWarning: return {from_hex(0xa8690a), from_hex(0xfdf5e8)};
    case Tone::kRisk: return {kAlarm, from_hex(0xfbefed)};
  }
  return {kAccent, kSoft};
}

/// The classification in a frame; `right` is its right edge.
void draw_mark(cairo_t* cairo, const Text& text, double right, double y) {
  const double width = text.width() + 20, height = text.height() + 7;
  set_colour(cairo, kAlarm);
  cairo_set_line_width(cairo, 0.9);
  cairo_rectangle(cairo, right - width, y, width, height);
  cairo_stroke(cairo);
  text.draw(cairo, right - width + 10, y + 3.5, {});
}

}  // namespace

Composer::Composer(const report::Document& document)
    : document_(document), words_(report::words(document.language)), typesetter_(document.language), outline_(report::outline(document)) {}

Piece& Composer::add(Piece piece) {
  pieces_.push_back(std::move(piece));
  return pieces_.back();
}

void Composer::add_all(std::vector<Piece> pieces, double before, double after) {
  if (pieces.empty()) return;
  pieces.front().before = before;
  pieces.back().after = after;
  std::ranges::move(pieces, std::back_inserter(pieces_));
}

void Composer::add_lines(std::shared_ptr<const Text> text, double x, double before, double after, std::function<void(cairo_t*, double)> ornament) {
  const auto count = text->lines().size();
  std::vector<Piece> lines;
  for (std::size_t i = 0; i < count; ++i) {
    Piece piece{.height = text->lines()[i].height};
    // No line of a paragraph stands alone on a page.
    piece.keep_with_next = i + 1 < count && (i == 0 || i + 2 == count);
    piece.draw = [text, x, i, mark = i == 0 ? ornament : nullptr](const Canvas& canvas, double y) {
      if (mark) mark(canvas.cairo, y);
      text->draw(canvas.cairo, kLeft + x, y, i, i + 1, canvas.links);
    };
    lines.push_back(std::move(piece));
  }
  add_all(std::move(lines), before, after);
}

Result<std::vector<Piece>> Composer::run() {
  document_.title_page ? title_page() : title_block();
  for (std::size_t at = 0; at < document_.blocks.size(); ++at) {
    block_ = at;
    RETURN_IF_ERROR(std::visit([&](const auto& block) { return compose(block); }, document_.blocks[at]));
  }
  sources();
  return std::move(pieces_);
}

void Composer::title_page() {
  const auto mark = typesetter_.lay_out(document_.classification, {.size = 11, .colour = kAlarm});
  const auto organisation = typesetter_.lay_out(document_.organisation, {.size = 12, .colour = kMuted, .width = kWidth - 120});
  const auto title = typesetter_.lay_out(document_.title, {.size = 27, .bold = true, .width = kWidth, .spacing = 1.0});
  const auto subtitle = typesetter_.lay_out(document_.subtitle, {.size = 14, .colour = kMuted, .width = kWidth});
  std::vector<std::pair<std::shared_ptr<const Text>, std::shared_ptr<const Text>>> facts;
  for (const auto& [label, value] : report::title_facts(document_))
    if (label != words_.organisation && label != words_.classification)
      facts.emplace_back(typesetter_.lay_out(label, {.size = 10.5, .colour = kMuted}), typesetter_.lay_out(value, {.size = 10.5, .width = kWidth - 110}));
  const bool marked = !document_.classification.empty();
  add({.height = kHeight, .draw = [=](const Canvas& canvas, double top) {
         if (marked) draw_mark(canvas.cairo, *mark, kLeft + kWidth, top - 4);
         organisation->draw(canvas.cairo, kLeft, top, {});
         double y = top + kHeight * 0.27;
         fill_rect(canvas.cairo, kLeft, y, 54, 3.5, kAccent);
         title->draw(canvas.cairo, kLeft, y += 22, {});
         subtitle->draw(canvas.cairo, kLeft, y += title->height() + 10, {});
         y = top + kHeight;
         for (const auto& [label, value] : facts) y -= std::max(label->height(), value->height()) + 4;
         if (!facts.empty()) fill_rect(canvas.cairo, kLeft, y - 12, kWidth, 0.7, kLine);
         for (const auto& [label, value] : facts) {
           label->draw(canvas.cairo, kLeft, y, {});
           value->draw(canvas.cairo, kLeft + 90, y, {});
           y += std::max(label->height(), value->height()) + 4;
         }
       }});
  add({.new_page = true});
}

void Composer::title_block() {
  const auto mark = typesetter_.lay_out(document_.classification, {.size = 9.5, .colour = kAlarm});
  const bool marked = !document_.classification.empty();
  const double room = marked ? kWidth - mark->width() - 40 : kWidth;
  const auto organisation = typesetter_.lay_out(document_.organisation, {.size = 10, .colour = kMuted, .width = room});
  const auto title = typesetter_.lay_out(document_.title, {.size = 21, .bold = true, .width = kWidth, .spacing = 1.0});
  const auto subtitle = typesetter_.lay_out(document_.subtitle, {.size = 12, .colour = kMuted, .width = kWidth});
  Rich facts;
  for (const auto& [label, value] : report::title_facts(document_))
    if (label != words_.organisation && label != words_.classification)
      facts.runs.push_back({.text = (facts.runs.empty() ? "" : "　　") + label + std::string(words_.colon) + value});
  const auto fact_line = typesetter_.lay_out(facts, {.size = 9, .colour = kMuted, .width = kWidth});
  const double top = document_.organisation.empty() && !marked ? 0 : organisation->height() + 8;
  const double under = document_.subtitle.empty() ? 0 : subtitle->height() + 4, last = facts.runs.empty() ? 0 : fact_line->height() + 8;
  const double height = std::min(top + title->height() + under + last + 12, kHeight);
  add({.height = height, .after = 18, .draw = [=](const Canvas& canvas, double y) {
         if (marked) draw_mark(canvas.cairo, *mark, kLeft + kWidth, y);
         organisation->draw(canvas.cairo, kLeft, y, {});
         title->draw(canvas.cairo, kLeft, y + top, {});
         if (under > 0) subtitle->draw(canvas.cairo, kLeft, y + top + title->height() + 4, {});
         if (last > 0) fact_line->draw(canvas.cairo, kLeft, y + top + title->height() + under + 8, {});
         fill_rect(canvas.cairo, kLeft, y + height - 2.5, kWidth, 2.5, kAccent);
       }});
}

void Composer::heading_piece(const std::string& number, const Rich& rich, int level, const std::string& anchor) {
  const auto& style = kHeadings[level - 1];
  constexpr const char* kRoles[] = {"H1", "H2", "H3", "H4"};
  Rich text;
  if (!number.empty()) text.runs.push_back({.text = number + "  "});
  text.runs.insert(text.runs.end(), rich.runs.begin(), rich.runs.end());
  const auto laid = typesetter_.lay_out(text, {.size = style.size, .colour = style.colour, .bold = true, .width = kWidth, .spacing = 1.0});
  // A heading of more than half a page is none; it flows like text.
  if (laid->height() > kHeight / 2) {
    pieces_.reserve(pieces_.size() + laid->lines().size());
    const auto first = pieces_.size();
    add_lines(laid, 0, style.before, style.after);
    pieces_[first].anchors = {anchor};
    return;
  }
  add({.height = laid->height(),
       .before = style.before,
       .after = style.after,
       .keep_with_next = true,
       .draw = [laid](const Canvas& canvas, double y) { laid->draw(canvas.cairo, kLeft, y, canvas.links); },
       .anchors = {anchor},
       .role = kRoles[level - 1]});
}

Status Composer::compose(const report::Heading& heading) {
  const auto& entry = *std::ranges::find(outline_, block_, &report::OutlineEntry::block);
  heading_piece(entry.number, heading.text, entry.level, entry.anchor);
  return {};
}

Status Composer::compose(const report::Paragraph& paragraph) {
  if (!paragraph.text.empty()) add_lines(typesetter_.lay_out(paragraph.text, {.size = kBodySize, .width = kWidth}), 0, 7, 7);
  return {};
}

void Composer::list_items(const std::vector<report::ListItem>& items, bool numbered, int depth) {
  const double indent = 18.0 * depth;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto text = typesetter_.lay_out(items[i].text, {.size = kBodySize, .width = kWidth - indent});
    const double baseline = text->lines().front().baseline;
    std::function<void(cairo_t*, double)> ornament;
    if (numbered) {
      const auto number = typesetter_.lay_out(std::to_string(i + 1) + ".", {.size = kBodySize, .colour = kAccent});
      ornament = [number, indent, baseline](cairo_t* cairo, double y) {
        number->draw(cairo, kLeft + indent - 5 - number->width(), y + baseline - number->lines().front().baseline, {});
      };
    } else {
      ornament = [indent, baseline, depth](cairo_t* cairo, double y) {
        set_colour(cairo, kAccent);
        cairo_new_path(cairo);  // text leaves its last point behind
        cairo_arc(cairo, kLeft + indent - 9.5, y + baseline - 3.7, 1.9, 0, 2 * std::numbers::pi);
        cairo_set_line_width(cairo, 0.8);
        depth == 1 ? cairo_fill(cairo) : cairo_stroke(cairo);
      };
    }
    add_lines(text, indent, i == 0 && depth == 1 ? 7 : 2.5, 2.5, ornament);
    list_items(items[i].items, items[i].numbered, depth + 1);
  }
}

Status Composer::compose(const report::List& list) {
  list_items(list.items, list.numbered, 1);
  if (!list.items.empty()) pieces_.back().after = 8;
  return {};
}

Status Composer::compose(const report::Callout& callout) {
  const auto colours = tone_colours(callout.tone);
  const auto word = callout.title.empty() ? std::string(report::tone_word(callout.tone, document_.language)) : callout.title;
  const double room = kWidth - 32;
  const auto title = typesetter_.lay_out(word, {.size = kBodySize, .colour = colours.strong, .bold = true, .width = room});
  const auto text = typesetter_.lay_out(callout.text, {.size = 10, .width = room});
  const auto ground = [colours](cairo_t* cairo, double y, double height, bool, bool) {
    fill_rect(cairo, kLeft, y, kWidth, height, colours.soft);
    fill_rect(cairo, kLeft, y, 3.5, height, colours.strong);
  };
  const bool empty = callout.text.empty();
  if (title->height() + text->height() < kMaxRow) {
    const double height = title->height() + (empty ? 0 : text->height() + 1) + 18;
    add({.height = height, .before = 12, .after = 12, .draw = [=](const Canvas& canvas, double y) {
           ground(canvas.cairo, y, height, true, true);
           title->draw(canvas.cairo, kLeft + 16, y + 9, {});
           if (!empty) text->draw(canvas.cairo, kLeft + 16, y + 10 + title->height(), canvas.links);
         }});
    return {};
  }
  auto pieces = row_pieces({{title, 16}}, {.pad = 5, .ground = ground});
  pieces.back().keep_with_next = true;
  add_all(std::move(pieces), 12, 0);
  add_all(row_pieces({{text, 16}}, {.pad = 5, .ground = ground}), 0, 12);
  return {};
}

Status Composer::compose(const report::ChartBlock& block) {
  ASSIGN_OR_RETURN(const auto picture, Picture::of(report::draw_chart(block.chart, document_.language), block.caption));
  double width = kWidth, height = kWidth * picture->height() / picture->width();
  if (height > kHeight - 40) {
    width *= (kHeight - 40) / height;
    height = kHeight - 40;
  }
  const auto caption = report::numbered_caption(words_.figure, ++figures_, block.caption, document_.language);
  add({.height = height,
       .before = 12,
       .after = caption.empty() ? 14.0 : 4.0,
       .keep_with_next = !caption.empty(),
       .draw = [=](const Canvas& canvas, double y) { (void)picture->draw(canvas.cairo, kLeft + (kWidth - width) / 2, y, width, height); },  // tried by `of`
       .role = "Figure"});
  if (!caption.empty()) add_lines(typesetter_.lay_out(caption, {.size = kSmallSize, .colour = kMuted, .width = kWidth, .align = Align::kCenter}), 0, 4, 16);
  return {};
}

Status Composer::compose(const report::PageBreak&) {
  add({.new_page = true});
  return {};
}

Status Composer::compose(const report::TableOfContents& contents) {
  const auto title = typesetter_.lay_out(words_.contents, {.size = 15, .colour = kAccent, .bold = true});
  add({.height = title->height(), .before = 10, .after = 12, .keep_with_next = true, .draw = [title](const Canvas& canvas, double y) {
         title->draw(canvas.cairo, kLeft, y, {});
       }});
  const auto dot = typesetter_.lay_out(".", {.size = 9, .colour = kMuted});
  for (const auto& entry : outline_) {
    if (entry.level > contents.levels) continue;
    const double indent = 18.0 * (entry.level - 1);
    const auto text = typesetter_.lay_out(entry.number.empty() ? entry.text : entry.number + "  " + entry.text,
                                          {.size = entry.level == 1 ? 10.5 : 10, .bold = entry.level == 1, .width = kWidth - indent - 40});
    const auto* typesetter = &typesetter_;
    const auto draw = [=, anchor = entry.anchor](const Canvas& canvas, double y) {
      text->draw(canvas.cairo, kLeft + indent, y, {});
      const auto& last = text->lines().back();
      const auto number = typesetter->lay_out(std::to_string(canvas.page_of_anchor.at(anchor)), {.size = 10});
      const double baseline = y + last.top + last.baseline;
      number->draw(canvas.cairo, kLeft + kWidth - number->width(), baseline - number->lines().front().baseline, {});
      // The dots of all entries stand beneath each other.
      PangoRectangle extent;
      pango_layout_line_get_extents(last.line, nullptr, &extent);
      const double begin = kLeft + indent + static_cast<double>(extent.width) / PANGO_SCALE + 8, end = kLeft + kWidth - number->width() - 8;
      set_colour(canvas.cairo, from_hex(0xa9b4bf));
      for (double x = kLeft + kWidth - 30; x > begin; x -= 5) {
        if (x > end) continue;
        cairo_new_path(canvas.cairo);
        cairo_arc(canvas.cairo, x, baseline - 0.6, 0.55, 0, 2 * std::numbers::pi);
        cairo_fill(canvas.cairo);
      }
      canvas.links->add(kLeft, y, kWidth, text->height(), "#" + anchor);
    };
    add({.height = std::min(text->height(), kHeight), .before = entry.level == 1 ? 6.0 : 2.0, .after = 2, .draw = draw});
  }
  if (!pieces_.empty()) pieces_.back().after = 16;
  return {};
}

void Composer::sources() {
  if (document_.sources.empty()) return;
  heading_piece({}, words_.sources, 1, "sources");
  for (std::size_t i = 0; i < document_.sources.size(); ++i) {
    const auto& source = document_.sources[i];
    Rich text(source.text);
    if (!source.address.empty()) text.runs.push_back({.text = " "}), text.runs.push_back(report::link(source.address, source.address));
    const auto laid = typesetter_.lay_out(text, {.size = 9.5, .width = kWidth - 28});
    const auto number = typesetter_.lay_out(fmt::format("[{}]", i + 1), {.size = 9.5, .colour = kMuted});
    const auto first = pieces_.size();
    add_lines(laid, 28, 4, 4, [number](cairo_t* cairo, double y) { number->draw(cairo, kLeft, y, {}); });
    pieces_[first].anchors = {fmt::format("source-{}", i + 1)};
  }
}

}  // namespace siyu::printer
