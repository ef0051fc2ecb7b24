// What Word's styles tell about a paragraph: its outline level and its list.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "documents/xml.h"

namespace siyu::documents {

struct ParagraphKind {
  bool title = false;
  int heading = 0;  ///< 1 to 9, or 0
  int list = 0;     ///< numId, or 0
  int list_level = -1;  ///< -1: the level tied to the style, else the first
  std::string list_style;  ///< the style that brings the list
};

class DocxStyles {
 public:
  /// `styles` is the root of word/styles.xml, or a null node.
  explicit DocxStyles(pugi::xml_node styles);
  /// `properties` is a w:pPr, or a null node.
  [[nodiscard]] ParagraphKind kind_of(pugi::xml_node properties) const;

 private:
  struct Style {
    std::string name;  ///< folded
    std::string based_on;
    int outline = -1;  ///< 0 to 9; 9 is body text
    int list = -1;
    int list_level = -1;
  };
  std::map<std::string, Style, std::less<>> styles_;
  std::string default_style_;
};

}  // namespace siyu::documents
