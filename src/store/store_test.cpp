#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "store/blobs.h"
#include "store/database.h"

namespace siyu::store {
namespace {

std::filesystem::path fresh_dir(const std::string& name) {
  const auto dir = std::filesystem::path(::testing::TempDir()) / ("siyu_store_" + name);
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  return dir;
}

class DatabaseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir = fresh_dir(::testing::UnitTest::GetInstance()->current_test_info()->name());
    db = Database::open({.file = dir / "siyu.db"}).value();
    ASSERT_TRUE(db->write([](Transaction& tx) -> Status {
                     RETURN_IF_ERROR(tx.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, data BLOB)"));
                     return {};
                   }).has_value());
  }
  std::int64_t count() {
    return db->read([](Transaction& tx) -> Result<std::int64_t> {
               ASSIGN_OR_RETURN(const auto rows, tx.query("SELECT count(*) FROM t"));
               return rows[0].integer(0);
             }).value();
  }
  Status insert(std::string_view name) {
    return db->write([&](Transaction& tx) -> Status {
      RETURN_IF_ERROR(tx.execute("INSERT INTO t (name) VALUES (?)", name));
      return {};
    });
  }
  std::filesystem::path dir;
  std::unique_ptr<Database> db;
};

TEST_F(DatabaseTest, KeepsEveryKindOfValue) {
  const Bytes data{std::byte{0}, std::byte{255}};
  ASSERT_TRUE(db->write([&](Transaction& tx) -> Status {
                   RETURN_IF_ERROR(tx.execute("INSERT INTO t VALUES (?, ?, ?)", 7, std::string("nul\0l", 5), data));
                   RETURN_IF_ERROR(tx.execute("INSERT INTO t VALUES (?, ?, ?)", 8, nullptr, Bytes()));
                   return {};
                 }).has_value());
  const auto rows = db->read([](Transaction& tx) { return tx.query("SELECT id, name, data FROM t ORDER BY id"); }).value();
  EXPECT_EQ(rows[0].integer(0), 7);
  EXPECT_EQ(rows[0].text(1), std::string("nul\0l", 5));
  EXPECT_EQ(rows[0].blob(2), data);
  EXPECT_TRUE(rows[1].is_null(1));
  EXPECT_FALSE(rows[1].is_null(2));
}

TEST_F(DatabaseTest, AFailedWriteChangesNothingAndNamesTheCause) {
  ASSERT_TRUE(insert("a").has_value());
  const auto status = db->write([](Transaction& tx) -> Status {
    RETURN_IF_ERROR(tx.execute("INSERT INTO t (name) VALUES ('b')"));
    RETURN_IF_ERROR(tx.execute("INSERT INTO t (name) VALUES ('a')"));
    return {};
  });
  EXPECT_EQ(status.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(count(), 1);
}

TEST_F(DatabaseTest, ConcurrentWritersShareCommitsAndFailAlone) {
  std::atomic<int> succeeded = 0, refused = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        insert(std::to_string(t) + "/" + std::to_string(i)).has_value() ? ++succeeded : ++refused;
        insert("same").has_value() ? ++succeeded : ++refused;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(succeeded, 201);
  EXPECT_EQ(refused, 199);
  EXPECT_EQ(count(), 201);
}

TEST_F(DatabaseTest, ReadersSeeOneStateWhileAWriterGoesOn) {
  ASSERT_TRUE(insert("a").has_value());
  const auto status = db->read([&](Transaction& tx) -> Status {
    ASSIGN_OR_RETURN(const auto before, tx.query("SELECT count(*) FROM t"));
    EXPECT_TRUE(insert("b").has_value());
    ASSIGN_OR_RETURN(const auto after, tx.query("SELECT count(*) FROM t"));
    EXPECT_EQ(before[0].integer(0), after[0].integer(0));
    return {};
  });
  EXPECT_TRUE(status.has_value());
  EXPECT_EQ(count(), 2);
}

TEST_F(DatabaseTest, ReadersCannotWrite) {
  const auto status = db->read([](Transaction& tx) { return tx.execute("INSERT INTO t (name) VALUES ('x')"); });
  EXPECT_FALSE(status.has_value());
  EXPECT_EQ(count(), 0);
}

TEST_F(DatabaseTest, ADamagedFileIsReportedAsSuch) {
  db.reset();
  std::ofstream(dir / "broken.db") << std::string(8192, 'x');
  auto broken = Database::open({.file = dir / "broken.db"});
  ASSERT_FALSE(broken.has_value());
  EXPECT_EQ(broken.error().code, ErrorCode::kCorrupted);
}

TEST_F(DatabaseTest, MigrationsRunOnceInOrderAndBackUpFirst) {
  const Migration first{.number = 1, .name = "one", .sql = "CREATE TABLE m (a INTEGER);\nINSERT INTO m VALUES (1);\n"};
  const Migration second{.number = 2, .name = "two", .sql = "ALTER TABLE m ADD COLUMN b TEXT;\n"};
  ASSERT_TRUE(migrate(*db, {first}).has_value());
  EXPECT_FALSE(std::filesystem::exists(dir / "siyu.db.before-1"));
  const auto status = migrate(*db, {second, first});
  ASSERT_TRUE(status.has_value()) << status.error().detail;
  EXPECT_TRUE(std::filesystem::exists(dir / "siyu.db.before-2"));
  const auto rows = db->read([](Transaction& tx) { return tx.query("SELECT a, b FROM m"); }).value();
  EXPECT_EQ(rows.size(), 1U);
}

TEST_F(DatabaseTest, AFailedMigrationLeavesTheSchemaAsItWas) {
  const Migration bad{.number = 5, .name = "bad", .sql = "CREATE TABLE half (a INTEGER);\nNONSENSE;\n"};
  EXPECT_FALSE(migrate(*db, {bad}).has_value());
  EXPECT_FALSE(db->read([](Transaction& tx) { return tx.query("SELECT * FROM half"); }).has_value());
}

TEST(Blobs, KeepContentOnceUnderItsHash) {
  const auto dir = fresh_dir("blobs");
  const auto blobs = BlobStore::open(dir / "blobs").value();
  const auto first = blobs.put(as_bytes("hello")).value();
  EXPECT_EQ(first.bytes, 5U);
  std::ofstream(dir / "upload") << "hello";
  const auto second = blobs.put_file(dir / "upload").value();
  EXPECT_EQ(first.sha256, second.sha256);
  EXPECT_FALSE(std::filesystem::exists(dir / "upload"));
  EXPECT_EQ(read_file(blobs.path(first.sha256), 100).value(), "hello");
  EXPECT_EQ(read_file(blobs.path(first.sha256), 4).error().code, ErrorCode::kTooLarge);
  ASSERT_TRUE(blobs.remove(first.sha256).has_value());
  EXPECT_FALSE(blobs.exists(first.sha256));
  EXPECT_TRUE(blobs.remove(first.sha256).has_value());
}

}  // namespace
}  // namespace siyu::store
