// Text laid out by Pango: fonts, lines, links. All measures are points.
#pragma once

#include <pango/pangocairo.h>

#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "report/document.h"

namespace siyu::printer {

struct Colour {
  double red = 0, green = 0, blue = 0;
};
constexpr Colour from_hex(unsigned hex) { return {(hex >> 16 & 255) / 255.0, (hex >> 8 & 255) / 255.0, (hex & 255) / 255.0}; }
constexpr Colour kInk = from_hex(0x1f2933), kMuted = from_hex(0x5f6b76), kLine = from_hex(0xd5dde5), kSoft = from_hex(0xf3f6f9), kAccent = from_hex(0x1f5fa8),
                 kAlarm = from_hex(0xb83a2c), kWhite = from_hex(0xffffff);

void set_colour(cairo_t* cairo, const Colour& colour);
void fill_rect(cairo_t* cairo, double x, double y, double width, double height, const Colour& colour);

struct Unref {
  void operator()(void* object) const { g_object_unref(object); }
};
template <class T>
using Owned = std::unique_ptr<T, Unref>;

struct TextStyle {
  double size = 10.5;
  Colour colour = kInk;
  bool bold = false;
  double width = -1;  ///< lines are broken to it; negative: one line
  report::Align align = report::Align::kStart;
  double spacing = 1.08;  ///< of lines, by the font's own height (which is generous in Chinese fonts)
};

/// One line of a laid-out text, from its top.
struct TextLine {
  PangoLayoutLine* line = nullptr;  // owned by the layout
  double x = 0, top = 0, height = 0, baseline = 0;
};

/// A link's place, from the text's own left and top.
struct LinkPlace {
  double x = 0, y = 0, width = 0, height = 0;
  std::size_t line = 0;
  std::string target;  ///< an address, or # and an anchor
};

/// The links of what is being drawn. They are written after it: cairo marks the text of an element only when no other one, as a link
/// is, begins within it.
class Links {
 public:
  explicit Links(std::unordered_set<std::string> anchors) : anchors_(std::move(anchors)) {}
  /// Over a rectangle of the page: to an address, or to an anchor that is there.
  void add(double x, double y, double width, double height, const std::string& target);
  void write(cairo_t* cairo);

 private:
  const std::unordered_set<std::string> anchors_;  // cairo fails the whole file over a destination that is not there
  std::vector<std::string> waiting_;
};

/// A laid-out text that can be drawn line by line.
class Text {
 public:
  Text(Owned<PangoLayout> layout, double spacing, const Colour& colour, std::vector<std::pair<std::pair<int, int>, std::string>> links);
  double height() const { return lines_.empty() ? 0 : lines_.back().top + lines_.back().height; }
  double width() const { return width_; }  ///< of its longest line
  const std::vector<TextLine>& lines() const { return lines_; }
  /// Lines [first, last) with the first one's top at y; without `links`, none of it is one.
  void draw(cairo_t* cairo, double x, double y, std::size_t first, std::size_t last, Links* links) const;
  void draw(cairo_t* cairo, double x, double y, Links* links) const { draw(cairo, x, y, 0, lines_.size(), links); }

 private:
  Owned<PangoLayout> layout_;
  Colour colour_;
  std::vector<TextLine> lines_;
  std::vector<LinkPlace> links_;
  double width_ = 0;
};

/// Lays texts out. One per document.
class Typesetter {
 public:
  explicit Typesetter(report::Language language);
  std::shared_ptr<const Text> lay_out(const report::Rich& text, const TextStyle& style) const;
  /// The width of all of it on one line.
  double natural_width(const report::Rich& text, const TextStyle& style) const;

 private:
  Owned<PangoLayout> make(const report::Rich& text, const TextStyle& style, std::vector<std::pair<std::pair<int, int>, std::string>>& links) const;

  Owned<PangoFontMap> fonts_;
  Owned<PangoContext> context_;
};

/// Fails with kUnsupported, saying which package to install, when no font has Chinese and the document needs it.
Status check_fonts(const report::Document& document);

/// Quotes for the attributes of cairo's tags.
std::string tag_quoted(std::string_view text);
void add_destination(cairo_t* cairo, const std::string& anchor, double x, double y);

}  // namespace siyu::printer
