// The numbers in front of paragraphs: how a counter is written, and how Word counts.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "documents/xml.h"

namespace siyu::documents {

/// `format` is ECMA-376's ST_NumberFormat ("decimal", "lowerRoman", "chineseCounting", …); unknown ones are written as decimal.
std::string format_counter(std::string_view format, int value);

/// The definitions of word/numbering.xml with the counters of a document being read from its beginning.
class Numbering {
 public:
  static constexpr int kLevels = 9;

  explicit Numbering(pugi::xml_node numbering);

  /// Counts one paragraph of list `num_id` at `level`, and tells what stands before it: empty for a bullet, nothing when
  /// there is no such list or it shows no number.
  std::optional<std::string> next(int num_id, int level);
  /// The level that a paragraph style is tied to, or -1.
  [[nodiscard]] int level_of_style(int num_id, std::string_view style) const;

 private:
  struct Level {
    int start = 1;
    std::string format = "decimal";
    std::string text;
    std::string style;
    int restart = -1;  ///< 0: never; else restarts after this level (1-based)
    bool legal = false;
  };
  struct Abstract {
    std::vector<Level> levels = std::vector<Level>(kLevels);
    std::string style_link;
  };
  struct List {
    int abstract = 0;
    std::map<int, Level> replaced;
    std::map<int, int> started_at;  ///< level → number it is set to when first used
    std::map<int, bool> used;
  };
  static Level read_level(pugi::xml_node node);
  [[nodiscard]] const Level* level_of(const List& list, int level) const;

  std::map<int, Abstract> abstracts_;
  std::map<int, List> lists_;
  std::map<int, std::vector<int>> counters_;  ///< of each abstract list: lists that share it count on
};

}  // namespace siyu::documents
