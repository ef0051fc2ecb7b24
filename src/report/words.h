// The few words that renderers add themselves, in the document's language.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "report/document.h"

namespace siyu::report {

struct Words {
  std::string_view contents, sources, date, author, organisation, revision, classification, note, good, warning, risk, table, figure, no_data, colon;
};
const Words& words(Language language);

std::string_view tone_word(Tone tone, Language language);
std::string_view language_tag(Language language);  ///< "zh-CN", "en-US"

/// "2026-03-01" as 2026年3月1日 or 1 March 2026; another text as it is.
std::string readable_date(std::string_view date, Language language);
/// The five parts that stand under a title, those that are there: organisation, author, date, revision, classification.
std::vector<std::pair<std::string, std::string>> title_facts(const Document& document);
/// "figure" or "table" with its number before a caption: 图 2　caption, Figure 2. caption. Empty without a caption.
std::string numbered_caption(std::string_view kind, std::size_t number, std::string_view caption, Language language);

}  // namespace siyu::report
