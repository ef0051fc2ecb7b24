#include "store/full_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace siyu::store {
namespace {

using ::testing::ElementsAre;

TEST(FullTextTerms, ChineseBecomesPairsAndOtherScriptsWords) {
  EXPECT_THAT(full_text_terms("北京大学ABC-2024 年"), ElementsAre("北京", "京大", "大学", "abc", "2024", "年"));
  EXPECT_THAT(full_text_terms("Ｆｕｌｌ Straße"), ElementsAre("full", "strasse"));
  EXPECT_TRUE(full_text_terms("，。!?").empty());
}

class FullTextTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto dir = std::filesystem::path(::testing::TempDir()) / ("siyu_text_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::remove_all(dir);
    std::filesystem::create_directories(dir);
    db = Database::open({.file = dir / "siyu.db"}).value();
    ASSERT_TRUE(migrate(*db, FullText::migrations()).has_value());
  }
  void add(std::int64_t document, const std::vector<std::string>& chunks) {
    ASSERT_TRUE(db->write([&](Transaction& tx) { return FullText::add(tx, 1, document, chunks); }).has_value());
  }
  std::vector<FullTextHit> search(std::string_view query, const DocumentFilter& filter = {}) {
    return db->read([&](Transaction& tx) { return FullText::search(tx, 1, query, 10, 1, filter); }).value();
  }
  std::unique_ptr<Database> db;
};

TEST_F(FullTextTest, RanksTheChunkThatSaysIt) {
  add(1, {"年假制度：员工每年有十天年假", "食堂午餐时间是十二点"});
  add(2, {"差旅费报销需要发票"});
  const auto hits = search("年假有多少天");
  ASSERT_FALSE(hits.empty());
  EXPECT_EQ(hits[0].document, 1);
  EXPECT_EQ(hits[0].chunk, 0U);
  EXPECT_TRUE(search("量子力学").empty());
}

TEST_F(FullTextTest, RemovalLeavesNothingBehind) {
  const std::vector<std::string> chunks{"alpha beta beta", "gamma 中文文本"};
  add(1, chunks);
  add(2, {"alpha"});
  ASSERT_TRUE(db->write([&](Transaction& tx) { return FullText::remove(tx, 1, 1, chunks); }).has_value());
  const auto rows = db->read([](Transaction& tx) {
                        return tx.query("SELECT (SELECT count(*) FROM text_postings), (SELECT count(*) FROM text_documents), (SELECT terms FROM text_collections)");
                      }).value();
  EXPECT_EQ(rows[0].integer(0), 1);
  EXPECT_EQ(rows[0].integer(1), 1);
  EXPECT_EQ(rows[0].integer(2), 1);
}

TEST_F(FullTextTest, AFilteredDocumentNeverTakesPart) {
  add(1, {"secret plan"});
  add(2, {"public plan with more words around it"});
  const auto hits = search("secret plan", [](std::int64_t document) { return document != 1; });
  ASSERT_EQ(hits.size(), 1U);
  EXPECT_EQ(hits[0].document, 2);
}

}  // namespace
}  // namespace siyu::store
