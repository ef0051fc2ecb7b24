#include "base/text.h"

#include <unicode/brkiter.h>
#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utext.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <memory>

namespace siyu {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto substitute = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
    }
  }
  return row.back();
}

/// Break iterators are costly to make and not thread-safe, so each thread keeps its own.
icu::BreakIterator& break_iterator(bool sentences) {
  thread_local std::unique_ptr<icu::BreakIterator> words, sentence;
  auto& slot = sentences ? sentence : words;
  if (!slot) {
    UErrorCode status = U_ZERO_ERROR;
    slot.reset(sentences ? icu::BreakIterator::createSentenceInstance(icu::Locale::getChinese(), status)
                         : icu::BreakIterator::createWordInstance(icu::Locale::getChinese(), status));
  }
  return *slot;
}

/// Opens `text` for ICU without copying it; offsets are bytes.
class Utf8Text {
 public:
  explicit Utf8Text(std::string_view text) {
    UErrorCode status = U_ZERO_ERROR;
    utext_openUTF8(&text_, text.data(), static_cast<std::int64_t>(text.size()), &status);
  }
  ~Utf8Text() { utext_close(&text_); }
  Utf8Text(const Utf8Text&) = delete;
  Utf8Text& operator=(const Utf8Text&) = delete;
  UText* get() { return &text_; }

 private:
  UText text_ = UTEXT_INITIALIZER;
};

bool ends_sentence(UChar32 c) {
  return c == U'。' || c == U'！' || c == U'？' || c == U'；' || c == U'\n' || c == U'\u2029';
}

bool closes_quote(UChar32 c) { return c == U'”' || c == U'’' || c == U'」' || c == U'』' || c == U'）' || c == U'》' || c == U'"'; }

void push_trimmed(std::vector<TextSpan>& spans, std::string_view text, std::size_t begin, std::size_t end) {
  const auto kept = trim(text.substr(begin, end - begin));
  if (kept.empty()) return;
  const auto start = static_cast<std::size_t>(kept.data() - text.data());
  spans.push_back({start, start + kept.size()});
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  const auto size = static_cast<std::int64_t>(text.size());
  for (std::int64_t i = 0; i < size;) {
    if (bytes[i] < 0x80) {
      ++i;
      continue;
    }
    UChar32 c = 0;
    U8_NEXT(bytes, i, size, c);
    if (c < 0) return false;
  }
  return true;
}

std::string repair_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const auto size = static_cast<std::int64_t>(bytes.size());
  for (std::int64_t i = 0; i < size;) {
    const auto start = i;
    UChar32 c = 0;
    U8_NEXT(data, i, size, c);
    if (c < 0) out += "\xEF\xBF\xBD";
    else out.append(bytes.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(i - start)));
  }
  return out;
}

std::string fold(std::string_view text) {
  UErrorCode status = U_ZERO_ERROR;
  const auto* normalizer = icu::Normalizer2::getNFKCCasefoldInstance(status);
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  normalizer->normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())), sink, nullptr, status);
  return out;
}

std::string_view utf8_prefix(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  std::size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end);
}

std::size_t utf8_length(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  return count;
}

std::string_view trim(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  constexpr std::string_view kIdeographicSpace = "\xE3\x80\x80";
  for (;;) {
    if (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    else if (text.starts_with(kIdeographicSpace)) text.remove_prefix(kIdeographicSpace.size());
    else break;
  }
  for (;;) {
    if (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    else if (text.ends_with(kIdeographicSpace)) text.remove_suffix(kIdeographicSpace.size());
    else break;
  }
  return text;
}

std::vector<TextSpan> split_sentences(std::string_view text) {
  std::vector<TextSpan> spans;
  Utf8Text utext(text);
  auto& breaks = break_iterator(/*sentences=*/true);
  UErrorCode status = U_ZERO_ERROR;
  breaks.setText(utext.get(), status);
  if (U_FAILURE(status)) return spans;

  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  std::int32_t begin = breaks.first();
  for (std::int32_t end = breaks.next(); end != icu::BreakIterator::DONE; begin = end, end = breaks.next()) {
    // ICU keeps "A。B" together when no space follows; Chinese text has none, so its full stops are ends here.
    std::int32_t piece = begin;
    for (std::int32_t i = begin; i < end;) {
      UChar32 c = 0;
      U8_NEXT(bytes, i, end, c);
      if (!ends_sentence(c)) continue;
      for (std::int32_t ahead = i; ahead < end; i = ahead) {
        U8_NEXT(bytes, ahead, end, c);
        if (!ends_sentence(c) && !closes_quote(c)) break;
      }
      push_trimmed(spans, text, static_cast<std::size_t>(piece), static_cast<std::size_t>(i));
      piece = i;
    }
    push_trimmed(spans, text, static_cast<std::size_t>(piece), static_cast<std::size_t>(end));
  }
  return spans;
}

std::vector<TextSpan> split_words(std::string_view text) {
  std::vector<TextSpan> spans;
  Utf8Text utext(text);
  auto& breaks = break_iterator(/*sentences=*/false);
  UErrorCode status = U_ZERO_ERROR;
  breaks.setText(utext.get(), status);
  if (U_FAILURE(status)) return spans;
  std::int32_t begin = breaks.first();
  for (std::int32_t end = breaks.next(); end != icu::BreakIterator::DONE; begin = end, end = breaks.next()) {
    if (breaks.getRuleStatus() >= UBRK_WORD_NUMBER)
      spans.push_back({static_cast<std::size_t>(begin), static_cast<std::size_t>(end)});
  }
  return spans;
}

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  return *std::min_element(known.begin(), known.end(), [&](const auto& a, const auto& b) { return edit_distance(a, word) < edit_distance(b, word); });
}

}  // namespace siyu
