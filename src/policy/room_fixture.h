// What the tests of a room over the database stand on: a folder of their own, the database, and a pass.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <initializer_list>
#include <memory>
#include <vector>

#include "policy/policy.h"
#include "store/database.h"

namespace siyu {

class RoomTest : public ::testing::Test {
 protected:
  /// `schema`: the migrations of the rooms whose tables the test needs.
  explicit RoomTest(std::initializer_list<std::vector<store::Migration>> schema) {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    dir = std::filesystem::path(::testing::TempDir()) / (std::string("siyu_") + test->test_suite_name() + "_" + test->name());
    std::filesystem::remove_all(dir);
    std::filesystem::create_directories(dir);
    log = audit::AuditLog::open(dir / "audit", clock, *logger).value();
    policy = std::make_unique<policy::Policy>(*log);
    pass = std::make_unique<Pass>(policy->internal("test").value());
    db = store::Database::open({.file = dir / "siyu.db"}).value();
    std::vector<store::Migration> migrations;
    for (const auto& part : schema) migrations.insert(migrations.end(), part.begin(), part.end());
    EXPECT_TRUE(store::migrate(*db, std::move(migrations)).has_value());
  }

  std::filesystem::path dir;
  SystemClock clock;
  OsRandom random;
  std::unique_ptr<Logger> logger = Logger::silent();
  std::unique_ptr<audit::AuditLog> log;
  std::unique_ptr<policy::Policy> policy;
  std::unique_ptr<Pass> pass;
  std::unique_ptr<store::Database> db;
};

}  // namespace siyu
