// Real office files with the text another program (docling) found in them. Compared is the text in reading order: all white
// space, the marks of headings, emphasis, tables and bullets, the dot behind a line's number, and image placeholders are taken
// out of both sides. Where we read more or otherwise than the reference, and rightly, the case says what and why.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "documents/docx.h"

namespace siyu::documents {
namespace {

namespace fs = std::filesystem;
using Parser = ParsedDocument (*)(const ParseInput&);

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void erase_all(std::string& text, std::string_view what) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at)) text.erase(at, what.size());
}

std::string bare_text(std::string_view markdown) {
  std::string out;
  for (std::size_t at = 0; at <= markdown.size();) {
    const auto end = std::min(markdown.find('\n', at), markdown.size());
    auto line = trim(markdown.substr(at, end - at));
    at = end + 1;
    if (line.starts_with("> ")) continue;  // comments and notes, which the reference leaves out
    if (line.find_first_not_of("|-: ") == std::string_view::npos) continue;
    const auto number = line.find_first_not_of("#- ");
    const auto behind = number == std::string_view::npos ? number : line.find_first_not_of("0123456789.", number);
    const bool dotted = behind != std::string_view::npos && behind > number && line[behind] == ' ' && line[behind - 1] == '.';
    std::string kept(line);
    if (dotted) kept.erase(behind - 1, 1);
    for (const char c : kept)
      if (std::string_view(" \t#*~|-").find(c) == std::string_view::npos) out += c;
  }
  for (const auto* mark : {"<!image>", "\u200b", "\u00a0", "\\_"}) erase_all(out, mark);
  return out;
}

struct Case {
  std::string file;
  Parser parse;
  std::vector<std::pair<std::string, std::string>> ours_and_theirs = {};  ///< known differences in the bare text
};
void PrintTo(const Case& each, std::ostream* out) { *out << each.file; }

class OfficeCorpus : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const char* data = std::getenv("SIYU_TEST_DATA");
    if (data == nullptr) GTEST_SKIP() << "SIYU_TEST_DATA names no folder of test documents";
    folder_ = fs::path(data) / "documents";
  }
  fs::path folder_;
};

TEST_P(OfficeCorpus, TextEqualsTheReference) {
  const auto& [file, parse, ours_and_theirs] = GetParam();
  const auto bytes = read_file(folder_ / file);
  const auto document = parse({.bytes = bytes, .name = file});
  EXPECT_EQ(document.status, ParseStatus::kOk) << document.reason;
  const auto expected = read_file(folder_ / "expected" / (fs::path(file).filename().string() + ".md"));
  if (const char* dump = std::getenv("SIYU_DUMP"); dump != nullptr) std::cout << document.markdown << "\n";
  auto ours = bare_text(document.markdown);
  for (const auto& [own, other] : ours_and_theirs) {
    const auto at = ours.find(own);
    ASSERT_NE(at, std::string::npos) << own;
    ours.replace(at, own.size(), other);
  }
  EXPECT_EQ(ours, bare_text(expected));
}

INSTANTIATE_TEST_SUITE_P(Docx, OfficeCorpus,
                         ::testing::Values(Case{"normal/word_sample.docx", parse_docx}, Case{"normal/word_tables.docx", parse_docx},
                                           Case{"normal/docx_lists.docx", parse_docx}, 
                                           // Two boxes say No; the reference has one of them.
                                           Case{"normal/textbox.docx", parse_docx, {{"ifnecessary.No", "ifnecessary."}}},
                                           // We name unknown operators, keep a pre-script, and write spaces without a backslash.
                                           Case{"normal/equations.docx", parse_docx,
                                                {{R"(\lim_{n}\left(1+\frac{1}{n}\right)^{n})", R"(\lim_{n}{\left(1+\frac{1}{n}\right)}^{n})"},
                                                 {R"(\operatorname{unsupported}_{n}\left(1+\frac{1}{n}\right)^{n})", R"(unsupported_{n}{\left(1+\frac{1}{n}\right)}^{n})"},
                                                 {"groupwithunderbraces", R"(group\with\underbraces)"},
                                                 {"groupwithoverbraces", R"(group\with\overbraces)"},
                                                 {R"(s{}_{+}^{}\tau\left)", R"(s\left)"}}}, Case{"normal/unit_test_headers_numbered.docx", parse_docx},
                                           Case{"normal/docx_rich_cells.docx", parse_docx}, Case{"normal/tablecell.docx", parse_docx},
                                           Case{"normal/Strict.docx", parse_docx}, Case{"normal/docx_comments.docx", parse_docx}));

}  // namespace
}  // namespace siyu::documents
