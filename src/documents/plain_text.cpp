#include "documents/plain_text.h"

#include <unicode/ucnv.h>
#include <unicode/ucsdet.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace siyu::documents {
namespace {

constexpr std::size_t kSample = 64UL << 10;  // what the detector looks at

/// Strict: nothing when any byte does not belong to the encoding.
std::optional<std::string> convert(std::string_view bytes, const char* encoding) {
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<UConverter, decltype(&ucnv_close)> converter(ucnv_open(encoding, &status), &ucnv_close);
  if (U_FAILURE(status)) return std::nullopt;
  ucnv_setToUCallBack(converter.get(), UCNV_TO_U_CALLBACK_STOP, nullptr, nullptr, nullptr, &status);
  const icu::UnicodeString text(bytes.data(), static_cast<std::int32_t>(bytes.size()), converter.get(), status);
  if (U_FAILURE(status)) return std::nullopt;
  std::string out;
  text.toUTF8String(out);
  return out;
}

const char* byte_order_mark(std::string_view bytes) {
  UErrorCode status = U_ZERO_ERROR;
  std::int32_t length = 0;
  return ucnv_detectUnicodeSignature(bytes.data(), static_cast<std::int32_t>(std::min<std::size_t>(bytes.size(), 16)), &length, &status);
}

/// UTF-16 without a mark: in either byte order one of each pair's halves is zero for ASCII, or the text is mostly Han.
const char* unmarked_wide(std::string_view bytes) {
  const auto sample = bytes.substr(0, std::min(bytes.size(), kSample) & ~std::size_t{3});
  std::size_t zero[4] = {};
  for (std::size_t i = 0; i < sample.size(); ++i) zero[i % 4] += sample[i] == '\0';
  const auto quarter = sample.size() / 4;
  if (quarter == 0) return nullptr;
  const auto mostly = [&](std::size_t count) { return count * 10 > quarter * 4; };
  if (mostly(zero[2]) && mostly(zero[3]) && zero[2] == quarter && zero[3] == quarter) return "UTF-32LE";
  if (zero[0] == quarter && zero[1] == quarter) return "UTF-32BE";
  if (mostly(zero[1]) && mostly(zero[3]) && zero[0] + zero[2] == 0) return "UTF-16LE";
  if (mostly(zero[0]) && mostly(zero[2]) && zero[1] + zero[3] == 0) return "UTF-16BE";
  return nullptr;
}

std::optional<std::string> convert_detected(std::string_view bytes) {
  UErrorCode status = U_ZERO_ERROR;
  const std::unique_ptr<UCharsetDetector, decltype(&ucsdet_close)> detector(ucsdet_open(&status), &ucsdet_close);
  ucsdet_setText(detector.get(), bytes.data(), static_cast<std::int32_t>(std::min(bytes.size(), kSample)), &status);
  std::int32_t count = 0;
  const auto* const* matches = ucsdet_detectAll(detector.get(), &count, &status);
  for (std::int32_t i = 0; U_SUCCESS(status) && i < count; ++i) {
    if (auto text = convert(bytes, ucsdet_getName(matches[i], &status))) return text;
  }
  return std::nullopt;
}

void unify_newlines(std::string& text) {
  std::size_t to = 0;
  for (std::size_t from = 0; from < text.size(); ++from) {
    if (text[from] == '\r') {
      if (from + 1 < text.size() && text[from + 1] == '\n') continue;
      text[to++] = '\n';
    } else if (text[from] == '\f') {
      text[to++] = '\n';
    } else {
      text[to++] = text[from];
    }
  }
  text.resize(to);
}

}  // namespace

std::optional<std::string> decode_text(std::string_view bytes) {
  std::optional<std::string> text;
  if (const char* marked = byte_order_mark(bytes)) text = convert(bytes, marked);
  else if (const char* wide = unmarked_wide(bytes)) text = convert(bytes, wide);
  else if (bytes.find('\0') != std::string_view::npos) return std::nullopt;  // no eight-bit encoding has NUL in text
  else if (is_valid_utf8(bytes)) text = std::string(bytes);
  if (!text && bytes.find('\0') == std::string_view::npos) {
    // ICU's statistics need some text to be sure; for short files GB18030 is the likeliest of the valid ones.
    if (bytes.size() >= 64) text = convert_detected(bytes);
    for (const char* encoding : {"GB18030", "Big5", "windows-1252"})
      if (!text) text = convert(bytes, encoding);
  }
  if (!text) return std::nullopt;
  if (text->starts_with("\xEF\xBB\xBF")) text->erase(0, 3);
  unify_newlines(*text);
  return text;
}

std::optional<std::string> decode_text_as(std::string_view bytes, const std::string& encoding) {
  UErrorCode status = U_ZERO_ERROR;
  // Mail and web pages that say GB2312 or GBK mean its superset.
  const bool chinese = ucnv_compareNames(encoding.c_str(), "gb2312") == 0 || ucnv_compareNames(encoding.c_str(), "gbk") == 0;
  const std::unique_ptr<UConverter, decltype(&ucnv_close)> converter(ucnv_open(chinese ? "GB18030" : encoding.c_str(), &status), &ucnv_close);
  if (U_FAILURE(status)) return std::nullopt;
  const icu::UnicodeString text(bytes.data(), static_cast<std::int32_t>(bytes.size()), converter.get(), status);
  if (U_FAILURE(status)) return std::nullopt;
  std::string out;
  text.toUTF8String(out);
  if (out.starts_with("\xEF\xBB\xBF")) out.erase(0, 3);
  unify_newlines(out);
  return out;
}

ParsedDocument parse_plain_text(std::string_view bytes, std::string_view name) {
  auto text = decode_text(bytes);
  const bool markdown = name.ends_with(".md") || name.ends_with(".markdown");
  if (!text) return refused("unknown", "The file is not text in a known encoding, and its format is not supported");
  ParsedDocument document;
  document.format = markdown ? "markdown" : "text";
  document.markdown = std::move(*text);
  document.blocks = find_blocks(document.markdown);
  document.title = first_heading(document.markdown, document.blocks);
  return document;
}

}  // namespace siyu::documents
