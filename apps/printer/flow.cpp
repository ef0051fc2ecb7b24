#include "flow.h"

#include <fmt/format.h>

#include <algorithm>

namespace siyu::printer {
namespace {

class Paginator {
 public:
  explicit Paginator(const std::vector<Piece>& pieces) : pieces_(pieces) { pages_.emplace_back(); }

  Result<std::vector<Page>> run(std::size_t max_pages) && {
    for (std::size_t at = 0; at < pieces_.size();) {
      // Pieces that are kept together; a chain longer than a page is none.
      std::size_t end = at + 1;
      while (end < pieces_.size() && pieces_[end - 1].keep_with_next && !pieces_[end].new_page) ++end;
      if (height_of(at, end, true) > kHeight) end = at + 1;
      const bool page_is_empty = pages_.back().pieces.empty();
      if (!page_is_empty && (pieces_[at].new_page || y_ + height_of(at, end, false) > kTop + kHeight + 0.01)) begin_page(pieces_[at]);
      if (pages_.size() > max_pages)
        return fail(ErrorCode::kTooLarge, fmt::format("The report has more than {} pages; split it, or leave detail to an attachment", max_pages));
      for (; at < end; ++at) place(pieces_[at]);
    }
    if (pages_.size() > 1 && pages_.back().pieces.empty()) pages_.pop_back();
    return std::move(pages_);
  }

 private:
  double gap_before(const Piece& piece, bool at_top) const { return at_top ? 0 : std::max(piece.before, after_); }

  double height_of(std::size_t begin, std::size_t end, bool at_top) const {
    double height = 0;
    for (std::size_t i = begin; i < end; ++i) {
      if (i == begin) height += gap_before(pieces_[i], at_top);
      else height += std::max(pieces_[i].before, pieces_[i - 1].after);
      height += pieces_[i].height;
    }
    return height;
  }

  void begin_page(const Piece& first) {
    pages_.emplace_back();
    y_ = kTop;
    after_ = 0;
    if (first.repeated != nullptr) put(*first.repeated);
  }
  void put(const Piece& piece) {
    pages_.back().pieces.push_back({&piece, y_});
    y_ += piece.height;
    after_ = piece.after;
  }
  void place(const Piece& piece) {
    if (!piece.draw && piece.height == 0) return;  // a break alone
    y_ += gap_before(piece, pages_.back().pieces.empty());
    put(piece);
  }

  const std::vector<Piece>& pieces_;
  std::vector<Page> pages_;
  double y_ = kTop, after_ = 0;
};

}  // namespace

Result<std::vector<Page>> paginate(const std::vector<Piece>& pieces, std::size_t max_pages) { return Paginator(pieces).run(max_pages); }

}  // namespace siyu::printer
