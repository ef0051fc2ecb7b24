#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "documents/plain_text.h"

namespace siyu::documents {
namespace {

TEST(DecodeText, ReadsChineseEncodings) {
  EXPECT_EQ(decode_text("\xEF\xBB\xBF" "中文\r\n第二行\r"), "中文\n第二行\n");
  EXPECT_EQ(decode_text("\xD6\xD0\xCE\xC4"), "中文");                                  // GB18030
  EXPECT_EQ(decode_text(std::string_view("\xFF\xFE\x2D\x4E\x87\x65", 6)), "中文");      // UTF-16LE with mark
  EXPECT_EQ(decode_text(std::string_view("a\0b\0c\0d\0", 8)), "abcd");                 // UTF-16LE without mark
  EXPECT_EQ(decode_text(std::string_view("\x7f" "ELF\x02\0\0\1\3\5\0\7", 12)), std::nullopt);
}

TEST(FindBlocks, CoversTheTextAndKnowsItsStructure) {
  const std::string text = "# Title\n\nFirst line\nsecond line\n\n- one\n- two\n  more\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\ncode\n\nmore\n```\n## End";
  const auto blocks = find_blocks(text);
  std::vector<BlockKind> kinds;
  std::string rest = text;
  for (const auto& block : blocks) {
    kinds.push_back(block.kind);
    rest.replace(block.span.begin, block.span.end - block.span.begin, block.span.end - block.span.begin, ' ');
  }
  EXPECT_THAT(kinds, ::testing::ElementsAre(BlockKind::kHeading, BlockKind::kParagraph, BlockKind::kList, BlockKind::kTable, BlockKind::kCode, BlockKind::kHeading));
  EXPECT_EQ(trim(rest), "") << "every byte but white space belongs to a block";
  EXPECT_EQ(first_heading(text, blocks), "Title");
}

}  // namespace
}  // namespace siyu::documents
