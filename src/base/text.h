// Unicode text over ICU: validity, normal forms, words and sentences. All text is UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace siyu {

bool is_valid_utf8(std::string_view text);
/// Every malformed sequence becomes one U+FFFD.
std::string repair_utf8(std::string_view bytes);
/// NFKC with case folding: full width becomes half width, A becomes a. For matching, never for display.
std::string fold(std::string_view text);
/// The longest prefix of at most `max_bytes` that does not cut a character.
std::string_view utf8_prefix(std::string_view text, std::size_t max_bytes);
/// Number of code points.
std::size_t utf8_length(std::string_view text);
std::string_view trim(std::string_view text);
/// The one of `known` (not empty) that needs the fewest changes to become `word`: for "did you mean".
std::string nearest(std::string_view word, const std::vector<std::string>& known);

/// A half-open byte range [begin, end) of a text.
struct TextSpan {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool operator==(const TextSpan&) const = default;
};

/// Sentences in reading order, Chinese and English (ICU sentence breaks, and 。！？； and newlines always end one).
/// Spans cover no surrounding white space; empty sentences are left out.
std::vector<TextSpan> split_sentences(std::string_view text);
/// Words by ICU's dictionary and rules; punctuation and white space are left out.
std::vector<TextSpan> split_words(std::string_view text);

}  // namespace siyu
