#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "pdf.h"

namespace siyu::printer {
namespace {

/// The number that follows `key`, searched backwards from the end.
std::optional<std::size_t> number_after(std::string_view text, std::string_view key) {
  auto at = text.rfind(key);
  if (at == std::string_view::npos) return std::nullopt;
  at = text.find_first_of("0123456789", at + key.size());
  if (at == std::string_view::npos) return std::nullopt;
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), number);
  return error == std::errc{} ? std::optional(number) : std::nullopt;
}

}  // namespace

std::string with_language(std::string pdf, std::string_view language) {
  const std::string_view tail = std::string_view(pdf).substr(pdf.size() - std::min<std::size_t>(pdf.size(), 1024));
  const auto root = number_after(tail, "/Root "), size = number_after(tail, "/Size "), table = number_after(tail, "startxref");
  if (!root || !size || !table || *table >= pdf.size() || !std::string_view(pdf).substr(*table).starts_with("xref")) return pdf;
  const auto head = fmt::format("\n{} 0 obj\n", *root);
  const auto begin = pdf.rfind(head);
  if (begin == std::string::npos) return pdf;
  const auto end = pdf.find("\nendobj", begin + head.size());
  const auto open = pdf.find("<<", begin), close = pdf.rfind(">>", end);
  if (end == std::string::npos || open == std::string::npos || close == std::string::npos || open > close || end - begin > 4096) return pdf;
  const auto entries = pdf.substr(open + 2, close - open - 2);
  if (entries.find("/Catalog") == std::string::npos || entries.find("/Lang") != std::string::npos) return pdf;

  std::string info;
  if (const auto number = number_after(tail, "/Info ")) info = fmt::format("   /Info {} 0 R\n", *number);
  if (!pdf.ends_with('\n')) pdf += '\n';
  const auto object = pdf.size();
  pdf += fmt::format("{} 0 obj\n<<{}   /Lang ({})\n   /ViewerPreferences << /DisplayDocTitle true >>\n>>\nendobj\n", *root, entries, language);
  const auto xref = pdf.size();
  pdf += fmt::format("xref\n{} 1\n{:010} 00000 n \ntrailer\n<< /Size {}\n   /Root {} 0 R\n{}   /Prev {}\n>>\nstartxref\n{}\n%%EOF\n", *root, object, *size, *root, info,
                     *table, xref);
  return pdf;
}

}  // namespace siyu::printer
