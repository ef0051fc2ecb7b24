#include "documents/zip_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "documents/xml.h"
#include "documents/zip_fixture.h"

namespace siyu::documents {
namespace {

using ::testing::HasSubstr;

TEST(ZipReader, ReadsMembersWithoutRegardToCase) {
  const auto bytes = make_zip({{"Word/Document.xml", "content"}, {"other", "0123456789"}});
  auto zip = ZipReader::open(bytes);
  ASSERT_TRUE(zip);
  EXPECT_TRUE(zip->has("word/document.XML"));
  EXPECT_EQ(zip->read("/word/document.xml").value(), "content");
  EXPECT_EQ(zip->read("other", 4).value(), "0123");
  EXPECT_EQ(zip->read("missing").error().code, ErrorCode::kNotFound);
}

TEST(ZipReader, RefusesWhatInflatesOverALimit) {
  const auto bytes = make_zip({{"zeros", std::string(4UL << 20, '\0')}});
  for (const ZipLimits limits : {ZipLimits{.member_bytes = 1UL << 20}, ZipLimits{.total_bytes = 1UL << 20}, ZipLimits{.ratio = 50, .ratio_from = 1UL << 20}}) {
    auto zip = ZipReader::open(bytes, limits);
    ASSERT_TRUE(zip);
    const auto content = zip->read("zeros");
    ASSERT_FALSE(content);
    EXPECT_EQ(content.error().code, ErrorCode::kTooLarge);
    EXPECT_THAT(content.error().message, HasSubstr("inflates to more than"));
  }
  EXPECT_EQ(ZipReader::open(bytes, {.members = 0}).error().code, ErrorCode::kTooLarge);
}

TEST(ZipReader, SaysThatAMemberIsEncryptedOrTheFileIsCutOff) {
  const auto locked = make_zip({{"secret", "text"}}, "password");
  EXPECT_THAT(ZipReader::open(locked)->read("secret").error().message, HasSubstr("is encrypted"));
  const auto whole = make_zip({{"a", std::string(10'000, 'a')}});
  EXPECT_EQ(ZipReader::open(std::string_view(whole).substr(0, whole.size() / 2)).error().code, ErrorCode::kCorrupted);
}

TEST(LoadXml, KnowsLocalNamesAndExpandsNoEntities) {
  const auto tree = load_xml("<!DOCTYPE a [<!ENTITY x 'expanded'>]><w:a xmlns:w='u' r:id='1' id='2'><v:b>&x;&lt;</v:b></w:a>", "part");
  ASSERT_TRUE(tree);
  const auto root = child(**tree, "a");
  EXPECT_EQ(all_text(child(root, "b")), "&x;<");
  EXPECT_EQ(prefixed_attribute(root, "id"), "1");
}

TEST(LoadXml, RefusesDeepAndBrokenTrees) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<a>";
  for (int i = 0; i < 100'000; ++i) deep += "</a>";
  EXPECT_EQ(load_xml(deep, "part").error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(load_xml("<a><b></a>", "part").error().code, ErrorCode::kCorrupted);
  EXPECT_EQ(all_text(**load_xml("<a><b>kept</b><c", "part", true)), "kept");
}

}  // namespace
}  // namespace siyu::documents
