// A document's blocks as pieces of flow.
#pragma once

#include <memory>
#include <vector>

#include "flow.h"
#include "report/document.h"
#include "report/words.h"
#include "text.h"

namespace siyu::printer {

constexpr double kBodySize = 10.5, kTableSize = 9.2, kSmallSize = 8.8;

/// Text cells beside each other, split by lines where they are higher than `kMaxRow`.
struct Cell {
  std::shared_ptr<const Text> text;
  double x = 0;  ///< from the left of the content
};
struct RowStyle {
  double pad = 0;  ///< above and below
  std::function<void(cairo_t*, double y, double height, bool first, bool last)> ground = {};
  std::function<void(cairo_t*, double y)> ornament = {};  ///< beside the first line
};
constexpr double kMaxRow = kHeight * 0.45;
std::vector<Piece> row_pieces(std::vector<Cell> cells, const RowStyle& style);

/// Composes one document. The document must outlive what it gives.
class Composer {
 public:
  explicit Composer(const report::Document& document);
  Result<std::vector<Piece>> run();
  const std::vector<report::OutlineEntry>& outline() const { return outline_; }
  const Typesetter& typesetter() const { return typesetter_; }

 private:
  Piece& add(Piece piece);
  void add_all(std::vector<Piece> pieces, double before, double after);
  void add_lines(std::shared_ptr<const Text> text, double x, double before, double after, std::function<void(cairo_t*, double)> ornament = {});
  void title_page();
  void title_block();
  void sources();

  Status compose(const report::Heading& heading);
  Status compose(const report::Paragraph& paragraph);
  Status compose(const report::List& list);
  Status compose(const report::Table& table);
  Status compose(const report::KeyFigures& figures);
  Status compose(const report::Callout& callout);
  Status compose(const report::ChartBlock& block);
  Status compose(const report::Definitions& definitions);
  Status compose(const report::PageBreak&);
  Status compose(const report::TableOfContents& contents);

  void list_items(const std::vector<report::ListItem>& items, bool numbered, int depth);
  std::vector<double> column_widths(const report::Table& table) const;
  void heading_piece(const std::string& text, const report::Rich& rich, int level, const std::string& anchor);

  const report::Document& document_;
  const report::Words& words_;
  Typesetter typesetter_;
  std::vector<report::OutlineEntry> outline_;
  std::vector<Piece> pieces_;
  std::size_t block_ = 0, tables_ = 0, figures_ = 0;
};

}  // namespace siyu::printer
