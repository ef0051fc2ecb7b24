// What stands in columns: tables, definitions, cards.
#include <algorithm>

#include "compose.h"
#include "report/column_shares.h"

namespace siyu::printer {
namespace {

using report::Align;
using report::Rich;

constexpr double kPad = 6, kPadAbove = 4.5;
constexpr Colour kSumGround = from_hex(0xeef4fa);
constexpr std::size_t kMeasuredRows = 200;  // column widths are judged by these; measuring all of a long table would cost as much as setting it

/// The lines [begin, end) of every cell that stand in one piece of a split row.
struct Slice {
  std::vector<std::pair<std::size_t, std::size_t>> ranges;
  double height = 0;
};

std::vector<Slice> slices_of(const std::vector<Cell>& cells) {
  std::vector<Slice> slices;
  std::vector<std::size_t> at(cells.size());
  for (;;) {
    Slice slice;
    bool more = false;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const auto& lines = cells[i].text->lines();
      const auto begin = at[i];
      double height = 0;
      while (at[i] < lines.size() && (at[i] == begin || height + lines[at[i]].height <= kMaxRow)) height += lines[at[i]++].height;
      slice.ranges.emplace_back(begin, at[i]);
      slice.height = std::max(slice.height, height);
      more = more || at[i] < lines.size();
    }
    slices.push_back(std::move(slice));
    if (!more) return slices;
  }
}

Rich bold_of(const Rich& text) {
  Rich out = text;
  for (auto& run : out.runs) run.bold = true;
  return out;
}

}  // namespace

std::vector<Piece> row_pieces(std::vector<Cell> cells, const RowStyle& style) {
  const auto slices = slices_of(cells);
  const auto shared = std::make_shared<const std::vector<Cell>>(std::move(cells));
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < slices.size(); ++i) {
    const bool first = i == 0, last = i + 1 == slices.size();
    const double above = first ? style.pad : 0, height = slices[i].height + above + (last ? style.pad : 0);
    Piece piece{.height = height};
    piece.draw = [shared, style, slice = slices[i], above, height, first, last](const Canvas& canvas, double y) {
      if (style.ground) style.ground(canvas.cairo, y, height, first, last);
      if (first && style.ornament) style.ornament(canvas.cairo, y + above);
      for (std::size_t cell = 0; cell < shared->size(); ++cell)
        (*shared)[cell].text->draw(canvas.cairo, kLeft + (*shared)[cell].x, y + above, slice.ranges[cell].first, slice.ranges[cell].second, canvas.links);
    };
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

std::vector<double> Composer::column_widths(const report::Table& table) const {
  const auto count = table.columns.size();
  std::vector<double> wanted(count), floor(count);
  for (std::size_t i = 0; i < count && !report::has_given_widths(table); ++i) {
    const auto consider = [&](const Rich& text, bool bold) {
      const double width = typesetter_.natural_width(text, {.size = kTableSize, .bold = bold}) + 2 * kPad + 1;
      wanted[i] = std::max(wanted[i], width);
      // Numbers are not broken.
      if (table.columns[i].align == Align::kEnd) floor[i] = std::max(floor[i], std::min(width, 90.0));
    };
    consider(table.columns[i].title, true);
    floor[i] = std::max(floor[i], std::min(wanted[i], 44.0));
    const auto step = std::max<std::size_t>(table.rows.size() / kMeasuredRows, 1);
    for (std::size_t row = 0; row < table.rows.size(); row += step) consider(table.rows[row].cells[i], table.rows[row].emphasised);
    if (!table.rows.empty()) consider(table.rows.back().cells[i], table.rows.back().emphasised);
  }
  return report::column_shares(table, wanted, floor, kWidth);
}

Status Composer::compose(const report::Table& table) {
  if (table.columns.empty()) return {};
  const auto caption = report::numbered_caption(words_.table, ++tables_, table.caption, document_.language);
  if (!caption.empty()) {
    add_lines(typesetter_.lay_out(caption, {.size = kSmallSize + 0.4, .bold = true, .width = kWidth}), 0, 12, 5);
    pieces_.back().keep_with_next = true;
  }
  const auto widths = column_widths(table);
  const auto cells_of = [&](auto text_of, bool strong) {
    std::vector<Cell> cells;
    double x = 0;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      cells.push_back({typesetter_.lay_out(text_of(i), {.size = kTableSize, .bold = strong, .width = widths[i] - 2 * kPad, .align = table.columns[i].align}), x + kPad});
      x += widths[i];
    }
    return cells;
  };
  auto header_pieces = row_pieces(cells_of([&](std::size_t i) { return Rich(table.columns[i].title); }, true),
                                  {.pad = kPadAbove + 0.5, .ground = [](cairo_t* cairo, double y, double height, bool, bool last) {
                                     fill_rect(cairo, kLeft, y, kWidth, height, kSoft);
                                     if (last) fill_rect(cairo, kLeft, y + height - 1.2, kWidth, 1.2, kAccent);
                                   }});
  // A header of half a page is repeated nowhere.
  std::shared_ptr<const Piece> repeated;
  if (header_pieces.size() == 1 && header_pieces[0].height < kHeight / 3) repeated = std::make_shared<const Piece>(header_pieces[0]);
  header_pieces.back().keep_with_next = true;
  add_all(std::move(header_pieces), caption.empty() ? 12 : 0, 0);
  for (std::size_t at = 0; at < table.rows.size(); ++at) {
    const auto& row = table.rows[at];
    const bool strong = row.emphasised;
    auto pieces = row_pieces(cells_of([&](std::size_t i) { return strong ? bold_of(row.cells[i]) : row.cells[i]; }, strong),
                             {.pad = kPadAbove, .ground = [strong](cairo_t* cairo, double y, double height, bool, bool last) {
                                if (strong) fill_rect(cairo, kLeft, y, kWidth, height, kSumGround);
                                if (last) fill_rect(cairo, kLeft, y + height - 0.6, kWidth, 0.6, strong ? kAccent : kLine);
                              }});
    for (auto& piece : pieces) piece.repeated = repeated;
    // A sum does not stand alone on a page.
    if (at + 2 == table.rows.size()) pieces.back().keep_with_next = true;
    add_all(std::move(pieces), 0, 0);
  }
  pieces_.back().after = 16;
  pieces_.back().keep_with_next = false;
  return {};
}

Status Composer::compose(const report::Definitions& definitions) {
  const double term = kWidth * 0.26;
  for (std::size_t i = 0; i < definitions.items.size(); ++i) {
    const auto& item = definitions.items[i];
    std::vector<Cell> cells{{typesetter_.lay_out(bold_of(item.term), {.size = 10, .width = term - 14}), 0},
                            {typesetter_.lay_out(item.meaning, {.size = 10, .width = kWidth - term}), term}};
    add_all(row_pieces(std::move(cells), {.pad = 2.5}), i == 0 ? 8 : 0, i + 1 == definitions.items.size() ? 12 : 0);
  }
  return {};
}

Status Composer::compose(const report::KeyFigures& figures) {
  constexpr std::size_t kBeside = 4;
  constexpr double kGap = 10, kInset = 10;
  struct Card {
    std::shared_ptr<const Text> label, value, note;
    double height() const { return label->height() + value->height() + note->height() + 20; }
  };
  const auto count = figures.figures.size();
  // Five stand as three and two, not as four and one.
  const auto rows = (count + kBeside - 1) / kBeside;
  const auto beside = rows == 0 ? 0 : (count + rows - 1) / rows;
  for (std::size_t first = 0; first < count; first += beside) {
    const auto columns = std::max<std::size_t>(beside, 2);
    const double width = (kWidth - kGap * static_cast<double>(columns - 1)) / static_cast<double>(columns), room = width - 2 * kInset;
    std::vector<Card> cards;
    double height = 0, size = 16;  // one size for all of a row, so that they stand on one line
    for (std::size_t i = first; i < std::min(first + beside, count); ++i)
      size = std::min(size, 16 * room / (typesetter_.natural_width(figures.figures[i].value, {.size = 16, .bold = true}) + 1));
    size = std::max(size, 10.0);
    for (std::size_t i = first; i < std::min(first + beside, count); ++i) {
      const auto& figure = figures.figures[i];
      cards.push_back({typesetter_.lay_out(figure.label, {.size = 8.6, .colour = kMuted, .width = room}),
                       typesetter_.lay_out(figure.value, {.size = size, .bold = true, .width = room, .spacing = 1.0}),
                       typesetter_.lay_out(figure.note, {.size = 8.2, .colour = kMuted, .width = room, .spacing = 0.98})});
      height = std::max(height, cards.back().height());
    }
    height = std::min(height, kHeight);
    add({.height = height, .before = first == 0 ? 12 : kGap, .after = first + beside >= count ? 14 : kGap, .draw = [=](const Canvas& canvas, double y) {
           for (std::size_t i = 0; i < cards.size(); ++i) {
             const double x = kLeft + static_cast<double>(i) * (width + kGap);
             set_colour(canvas.cairo, kLine);
             cairo_set_line_width(canvas.cairo, 0.7);
             cairo_rectangle(canvas.cairo, x + 0.35, y + 0.35, width - 0.7, height - 0.7);
             cairo_stroke(canvas.cairo);
             fill_rect(canvas.cairo, x, y, width, 2.4, kAccent);
             cards[i].label->draw(canvas.cairo, x + kInset, y + 10, {});
             cards[i].value->draw(canvas.cairo, x + kInset, y + 10 + cards[i].label->height(), {});
             cards[i].note->draw(canvas.cairo, x + kInset, y + 10 + cards[i].label->height() + cards[i].value->height(), {});
           }
         }});
  }
  return {};
}

}  // namespace siyu::printer
