#include "report/words.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdlib>

namespace siyu::report {
namespace {

constexpr Words kChinese{.contents = "目录",
                         .sources = "资料来源",
                         .date = "日期",
                         .author = "编制",
                         .organisation = "单位",
                         .revision = "版本",
                         .classification = "密级",
                         .note = "说明",
                         .good = "结论",
                         .warning = "注意",
                         .risk = "风险",
                         .table = "表",
                         .figure = "图",
                         .no_data = "没有可以绘制的数据",
                         .colon = "："};
constexpr Words kEnglish{.contents = "Contents",
                         .sources = "Sources",
                         .date = "Date",
                         .author = "Author",
                         .organisation = "Organisation",
                         .revision = "Revision",
                         .classification = "Classification",
                         .note = "Note",
                         .good = "Finding",
                         .warning = "Caution",
                         .risk = "Risk",
                         .table = "Table",
                         .figure = "Figure",
                         .no_data = "There is no data to draw",
                         .colon = ": "};
constexpr std::array kMonths{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"};

}  // namespace

const Words& words(Language language) { return language == Language::kZh ? kChinese : kEnglish; }

std::string_view tone_word(Tone tone, Language language) {
  const auto& all = words(language);
  switch (tone) {
    case Tone::kNote: return all.note;
    case Tone::kGood: return all.good;
    case Tone::kWarning: return all.warning;
    case Tone::kRisk: return all.risk;
  }
  return all.note;
}

std::string_view language_tag(Language language) { return language == Language::kZh ? "zh-CN" : "en-US"; }

std::string readable_date(std::string_view date, Language language) {
  const auto parsed = parse_date(date);
  if (!parsed) return std::string(date);
  const auto year = static_cast<int>(parsed->year());
  const auto month = static_cast<unsigned>(parsed->month()), day = static_cast<unsigned>(parsed->day());
  return language == Language::kZh ? fmt::format("{}年{}月{}日", year, month, day) : fmt::format("{} {} {}", day, kMonths[month - 1], year);
}

std::vector<std::pair<std::string, std::string>> title_facts(const Document& document) {
  const auto& word = words(document.language);
  std::vector<std::pair<std::string, std::string>> facts;
  const auto add = [&](std::string_view label, std::string value) {
    if (!value.empty()) facts.emplace_back(label, std::move(value));
  };
  add(word.organisation, document.organisation);
  add(word.author, document.author);
  add(word.date, readable_date(document.date, document.language));
  add(word.revision, document.revision);
  add(word.classification, document.classification);
  return facts;
}

std::string numbered_caption(std::string_view kind, std::size_t number, std::string_view caption, Language language) {
  if (caption.empty()) return {};
  return language == Language::kZh ? fmt::format("{} {}　{}", kind, number, caption) : fmt::format("{} {}. {}", kind, number, caption);
}

}  // namespace siyu::report
