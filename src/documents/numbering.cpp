#include "documents/numbering.h"

#include <algorithm>
#include <array>

namespace siyu::documents {
namespace {

constexpr int kMaxCounter = 1'000'000;

std::string roman(int value) {
  static constexpr std::array<std::pair<int, std::string_view>, 13> kParts = {
      {{1000, "m"}, {900, "cm"}, {500, "d"}, {400, "cd"}, {100, "c"}, {90, "xc"}, {50, "l"}, {40, "xl"}, {10, "x"}, {9, "ix"}, {5, "v"}, {4, "iv"}, {1, "i"}}};
  std::string out;
  for (const auto& [size, sign] : kParts)
    for (; value >= size && out.size() < 64; value -= size) out += sign;
  return out;
}

std::string letters(int value) {
  // Word writes aa after z, then bb: the letter repeated.
  return value < 1 ? std::string() : std::string(static_cast<std::size_t>(std::min((value - 1) / 26 + 1, 8)), static_cast<char>('a' + (value - 1) % 26));
}

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return text;
}

constexpr std::array<std::string_view, 10> kHanDigits = {"〇", "一", "二", "三", "四", "五", "六", "七", "八", "九"};
constexpr std::array<std::string_view, 10> kLegalDigits = {"零", "壹", "贰", "叁", "肆", "伍", "陆", "柒", "捌", "玖"};

std::string han(int value, const std::array<std::string_view, 10>& digits, const std::array<std::string_view, 4>& units) {
  if (value <= 0 || value > 9999) return std::to_string(value);
  std::string out;
  bool zero = false;
  for (int place = 3, size = 1000; place >= 0; --place, size /= 10) {
    const int digit = value / size % 10;
    if (digit == 0) {
      zero = !out.empty();
      continue;
    }
    if (zero) out += "零";
    zero = false;
    // Ten to nineteen are written 十一, not 一十一.
    if (!(digit == 1 && place == 1 && out.empty())) out += digits[static_cast<std::size_t>(digit)];
    out += units[static_cast<std::size_t>(place)];
  }
  return out;
}

std::string one_of(std::string_view signs, std::size_t bytes_each, int value) {
  const auto count = static_cast<int>(signs.size() / bytes_each);
  if (value < 1 || value > count) return std::to_string(value);
  return std::string(signs.substr(static_cast<std::size_t>(value - 1) * bytes_each, bytes_each));
}

std::string digit_by_digit(int value) {
  std::string out;
  for (const char c : std::to_string(value)) out += c >= '0' && c <= '9' ? kHanDigits[static_cast<std::size_t>(c - '0')] : "";
  return out;
}

}  // namespace

std::string format_counter(std::string_view format, int value) {
  if (format == "none") return {};
  if (format == "lowerLetter") return letters(value);
  if (format == "upperLetter") return upper(letters(value));
  if (format == "lowerRoman") return roman(value);
  if (format == "upperRoman") return upper(roman(value));
  if (format == "decimalZero") return (value < 10 ? "0" : "") + std::to_string(value);
  if (format == "chineseCounting" || format == "chineseCountingThousand" || format == "japaneseCounting" || format == "taiwaneseCounting" ||
      format == "taiwaneseCountingThousand")
    return han(value, kHanDigits, {"", "十", "百", "千"});
  if (format == "chineseLegalSimplified" || format == "ideographLegalTraditional") return han(value, kLegalDigits, {"", "拾", "佰", "仟"});
  if (format == "ideographDigital" || format == "japaneseDigitalTenThousand" || format == "taiwaneseDigital") return digit_by_digit(value);
  if (format == "ideographTraditional") return one_of("甲乙丙丁戊己庚辛壬癸", 3, value);
  if (format == "ideographZodiac") return one_of("子丑寅卯辰巳午未申酉戌亥", 3, value);
  if (format.starts_with("decimalEnclosedCircle")) return one_of("①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳", 3, value);
  return std::to_string(value);
}

Numbering::Level Numbering::read_level(pugi::xml_node node) {
  Level level;
  level.start = number(child_value(node, "start"), 1, 0, kMaxCounter);
  if (const auto format = child_value(node, "numFmt"); !format.empty()) level.format = format;
  level.text = child_value(node, "lvlText");
  level.style = child_value(node, "pStyle");
  level.restart = child(node, "lvlRestart") ? number(child_value(node, "lvlRestart"), -1, 0, kLevels) : -1;
  level.legal = is_on(node, "isLgl");
  return level;
}

Numbering::Numbering(pugi::xml_node numbering) {
  std::map<std::string, int> style_lists;  // numbering style → the abstract list that defines it
  for (const auto node : numbering.children()) {
    const auto name = local_name(node);
    if (name == "abstractNum") {
      const int id = number(attribute(node, "abstractNumId"), -1);
      auto& abstract = abstracts_[id];
      for (const auto each : node.children()) {
        if (local_name(each) != "lvl") continue;
        const int at = number(attribute(each, "ilvl"), -1, 0, kLevels - 1);
        if (at >= 0) abstract.levels[static_cast<std::size_t>(at)] = read_level(each);
      }
      abstract.style_link = child_value(node, "numStyleLink");
      if (const auto link = child_value(node, "styleLink"); !link.empty()) style_lists.emplace(link, id);
    } else if (name == "num") {
      List list{.abstract = number(child_value(node, "abstractNumId"), -1)};
      for (const auto each : node.children()) {
        if (local_name(each) != "lvlOverride") continue;
        const int at = number(attribute(each, "ilvl"), -1, 0, kLevels - 1);
        if (const auto level = child(each, "lvl")) list.replaced[at] = read_level(level);
        if (child(each, "startOverride")) list.started_at[at] = number(child_value(each, "startOverride"), 1, 0, kMaxCounter);
      }
      lists_[number(attribute(node, "numId"), -1)] = std::move(list);
    }
  }
  for (auto& [id, list] : lists_) {
    const auto abstract = abstracts_.find(list.abstract);
    if (abstract == abstracts_.end() || abstract->second.style_link.empty()) continue;
    if (const auto linked = style_lists.find(abstract->second.style_link); linked != style_lists.end()) list.abstract = linked->second;
  }
}

const Numbering::Level* Numbering::level_of(const List& list, int level) const {
  if (const auto replaced = list.replaced.find(level); replaced != list.replaced.end()) return &replaced->second;
  const auto abstract = abstracts_.find(list.abstract);
  return abstract == abstracts_.end() ? nullptr : &abstract->second.levels[static_cast<std::size_t>(level)];
}

int Numbering::level_of_style(int num_id, std::string_view style) const {
  const auto list = lists_.find(num_id);
  if (list == lists_.end()) return -1;
  for (int level = 0; level < kLevels; ++level)
    if (const auto* found = level_of(list->second, level); found != nullptr && found->style == style) return level;
  return -1;
}

std::optional<std::string> Numbering::next(int num_id, int level) {
  const auto found = lists_.find(num_id);
  level = std::clamp(level, 0, kLevels - 1);
  if (found == lists_.end()) return std::nullopt;
  auto& list = found->second;
  const auto* own = level_of(list, level);
  if (own == nullptr) return std::nullopt;

  auto& counters = counters_.try_emplace(list.abstract, std::vector<int>(kLevels, -1)).first->second;
  auto& counter = counters[static_cast<std::size_t>(level)];
  const auto started = list.started_at.find(level);
  if (started != list.started_at.end() && !list.used[level]) counter = started->second;
  else counter = counter < 0 ? own->start : std::min(counter + 1, kMaxCounter);
  list.used[level] = true;
  // A level that was skipped counts as begun: after 2 and 2.1.1 comes 2.2.
  for (int upper_level = 0; upper_level < level; ++upper_level) {
    const auto* above = level_of(list, upper_level);
    if (auto& skipped = counters[static_cast<std::size_t>(upper_level)]; skipped < 0 && above != nullptr) skipped = above->start;
  }
  for (int deeper = level + 1; deeper < kLevels; ++deeper) {
    const auto* below = level_of(list, deeper);
    if (below == nullptr || below->restart == 0 || (below->restart > 0 && level >= below->restart)) continue;
    counters[static_cast<std::size_t>(deeper)] = -1;
  }
  if (own->format == "bullet") return std::string();

  std::string label;
  for (std::size_t i = 0; i < own->text.size(); ++i) {
    const bool place = own->text[i] == '%' && i + 1 < own->text.size() && own->text[i + 1] >= '1' && own->text[i + 1] <= '9';
    if (!place) {
      label += own->text[i];
      continue;
    }
    const int of = own->text[++i] - '1';
    const auto* shown = level_of(list, of);
    const int value = counters[static_cast<std::size_t>(of)];
    label += format_counter(own->legal || shown == nullptr ? "decimal" : std::string_view(shown->format), value < 0 ? (shown ? shown->start : 1) : value);
  }
  if (label.empty()) return std::nullopt;
  return label;
}

}  // namespace siyu::documents
