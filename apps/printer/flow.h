// What is laid out flows in pieces, and pieces go onto pages.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "text.h"

namespace siyu::printer {

// A4, in points.
constexpr double kPageWidth = 595.276, kPageHeight = 841.89;
constexpr double kLeft = 64, kRight = 64, kTop = 80, kBottom = 74;
constexpr double kWidth = kPageWidth - kLeft - kRight, kHeight = kPageHeight - kTop - kBottom;

/// What drawing may need to know of the whole.
struct Canvas {
  cairo_t* cairo = nullptr;
  Links* links = nullptr;
  const std::map<std::string, std::size_t>& page_of_anchor;  ///< from 1
};

/// The smallest part that is never split: a line of text, a table's row, a picture.
struct Piece {
  double height = 0;
  double before = 0, after = 0;  ///< space to its neighbours: the larger of the two counts; none at a page's top
  bool keep_with_next = false;
  bool new_page = false;  ///< begins a page
  std::function<void(const Canvas&, double y)> draw = {};
  std::shared_ptr<const Piece> repeated = {};  ///< drawn above it where it begins a page: the table's header
  std::vector<std::string> anchors = {};       ///< that lead here
  const char* role = "P";                      ///< the structure element of a tagged PDF (ISO 32000-1 §14.8.4)
};

struct PlacedPiece {
  const Piece* piece = nullptr;
  double y = 0;
};
struct Page {
  std::vector<PlacedPiece> pieces;
};

/// Fails with kTooLarge over `max_pages`.
Result<std::vector<Page>> paginate(const std::vector<Piece>& pieces, std::size_t max_pages);

}  // namespace siyu::printer
