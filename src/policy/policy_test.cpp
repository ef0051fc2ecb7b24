// Identity and policy together, as the server uses them.
#include "policy/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "identity/identity.h"
#include "store/blobs.h"

namespace siyu {
namespace {

using ::testing::HasSubstr;

struct Credentials {
  std::string username, password, api_key;
};
BOOST_DESCRIBE_STRUCT(Credentials, (), (username, password, api_key))

class AccessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    dir = std::filesystem::path(::testing::TempDir()) / ("siyu_access_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::remove_all(dir);
    std::filesystem::create_directories(dir);
    log = audit::AuditLog::open(dir / "audit", clock, *logger).value();
    policy = std::make_unique<policy::Policy>(*log);
    db = store::Database::open({.file = dir / "siyu.db"}).value();
    ASSERT_TRUE(store::migrate(*db, identity::migrations()).has_value());
    identity = identity::Identity::open(*db, clock, random).value();
    ASSERT_TRUE(identity->ensure_admin(dir).has_value());
    admin = from_json_text<Credentials>(store::read_file(dir / "initial-admin.json", 4096).value()).value();
  }
  Pass pass_of(const Principal& principal, Permission permission = Permission::kSystemRead) {
    return policy->obtain(principal, permission, {.action = "test", .resource = "r", .request = "req_1"}).value();
  }
  Principal user_with_role(Role role, const std::string& name) {
    const auto root = identity->authenticate_key(admin.api_key).value();
    EXPECT_TRUE(identity->create_user(pass_of(root), name, role, "password of " + name).has_value());
    return identity->sign_in(name, "password of " + name).value().principal;
  }

  std::filesystem::path dir;
  ManualClock clock;
  OsRandom random;
  std::unique_ptr<Logger> logger = Logger::silent();
  std::unique_ptr<audit::AuditLog> log;
  std::unique_ptr<policy::Policy> policy;
  std::unique_ptr<store::Database> db;
  std::unique_ptr<identity::Identity> identity;
  Credentials admin;
};

TEST_F(AccessTest, FirstStartMakesOneAdministratorWithAPrivateFile) {
  EXPECT_EQ(admin.username, "admin");
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(dir / "initial-admin.json").permissions(), perms::owner_read | perms::owner_write);
  EXPECT_EQ(identity->authenticate_key(admin.api_key).value().role, Role::kAdmin);
  EXPECT_TRUE(identity->sign_in("admin", admin.password).has_value());
  ASSERT_TRUE(identity->ensure_admin(dir).has_value());
  EXPECT_EQ(from_json_text<Credentials>(store::read_file(dir / "initial-admin.json", 4096).value()).value().api_key, admin.api_key);
}

TEST_F(AccessTest, AStartKilledBeforeTheFileWasInPlaceHeals) {
  std::filesystem::rename(dir / "initial-admin.json", dir / "initial-admin.json.pending");
  ASSERT_TRUE(identity->ensure_admin(dir).has_value());
  EXPECT_TRUE(std::filesystem::exists(dir / "initial-admin.json"));
}

TEST_F(AccessTest, RolesAreWhatTheTableSays) {
  struct Scenario {
    Role role;
    Permission permission;
    bool allowed;
  };
  const Scenario scenarios[] = {
      {Role::kReader, Permission::kInfer, true},           {Role::kReader, Permission::kKnowledgeRead, true},
      {Role::kReader, Permission::kKeyManageOwn, true},    {Role::kReader, Permission::kKnowledgeWrite, false},
      {Role::kReader, Permission::kAuditRead, false},      {Role::kEditor, Permission::kKnowledgeWrite, true},
      {Role::kEditor, Permission::kKnowledgeManage, true}, {Role::kEditor, Permission::kModelManage, false},
      {Role::kEditor, Permission::kUserManage, false},     {Role::kAdmin, Permission::kUserManage, true},
      {Role::kAdmin, Permission::kAuditRead, true},        {Role::kAdmin, Permission::kSystemManage, true},
  };
  for (const auto& [role, permission, allowed] : scenarios) {
    const Principal someone{.user = UserId("u"), .username = "someone", .role = role};
    const auto pass = policy->obtain(someone, permission, {.action = "thing.do", .resource = "thing/1", .request = "req_9"});
    EXPECT_EQ(pass.has_value(), allowed) << static_cast<int>(role) << " " << static_cast<int>(permission);
    const auto entry = log->list({.limit = 1}).value()[0];
    EXPECT_EQ(entry.actor, "someone");
    EXPECT_EQ(entry.action, "thing.do");
    EXPECT_EQ(entry.outcome, allowed ? "allowed" : "denied");
    EXPECT_EQ(entry.request, "req_9");
    if (!allowed) EXPECT_THAT(pass.error().message, HasSubstr("needs the role"));
  }
}

TEST_F(AccessTest, ARevokedKeyStopsAtOnceAlsoWhenItWasCached) {
  const auto root = identity->authenticate_key(admin.api_key).value();
  const auto created = identity->create_key(pass_of(root), "ci", std::nullopt).value();
  EXPECT_EQ(created.secret.size(), 43U);
  EXPECT_TRUE(created.secret.starts_with(created.key.prefix));
  EXPECT_FALSE(identity->known_key(created.secret)) << "nothing is read from the database for it";
  EXPECT_TRUE(identity->authenticate_key(created.secret).has_value());
  EXPECT_EQ(identity->known_key(created.secret)->key, created.key.id);
  ASSERT_TRUE(identity->revoke_key(pass_of(root), created.key.id, false).has_value());
  EXPECT_FALSE(identity->known_key(created.secret));
  EXPECT_EQ(identity->authenticate_key(created.secret).error().code, ErrorCode::kUnauthenticated);
}

TEST_F(AccessTest, KeysExpireAlsoWhenTheyWereCached) {
  const auto root = identity->authenticate_key(admin.api_key).value();
  const auto created = identity->create_key(pass_of(root), "short", 1).value();
  EXPECT_TRUE(identity->authenticate_key(created.secret).has_value());
  clock.advance(std::chrono::minutes(2));
  EXPECT_FALSE(identity->known_key(created.secret)) << "its use has to be recorded, which takes a while";
  EXPECT_TRUE(identity->authenticate_key(created.secret).has_value());
  EXPECT_TRUE(identity->known_key(created.secret));
  clock.advance(std::chrono::hours(25));
  EXPECT_FALSE(identity->known_key(created.secret));
  EXPECT_FALSE(identity->authenticate_key(created.secret).has_value());
  EXPECT_TRUE(identity->authenticate_key(admin.api_key).has_value());
}

TEST_F(AccessTest, NobodyRevokesOrSeesAnothersKey) {
  const auto reader = user_with_role(Role::kReader, "rita"), other = user_with_role(Role::kReader, "otto");
  const auto key = identity->create_key(pass_of(reader), "mine", std::nullopt).value();
  EXPECT_EQ(identity->revoke_key(pass_of(other), key.key.id, false).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(identity->list_keys(pass_of(other), false).value().empty());
  EXPECT_EQ(identity->list_keys(pass_of(reader), false).value().size(), 1U);
}

TEST_F(AccessTest, SessionsEndWhenIdleOrSignedOut) {
  const auto session = identity->sign_in("admin", admin.password).value();
  EXPECT_EQ(identity->authenticate_session(session.token).value().csrf, session.principal.csrf);
  clock.advance(std::chrono::hours(1));
  EXPECT_TRUE(identity->authenticate_session(session.token).has_value());
  clock.advance(std::chrono::minutes(119));
  EXPECT_TRUE(identity->authenticate_session(session.token).has_value());
  clock.advance(std::chrono::hours(3));
  EXPECT_FALSE(identity->authenticate_session(session.token).has_value());
  const auto again = identity->sign_in("admin", admin.password).value();
  ASSERT_TRUE(identity->sign_out(again.token).has_value());
  EXPECT_FALSE(identity->authenticate_session(again.token).has_value());
}

TEST_F(AccessTest, GuessingLocksTheNameForAWhile) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(identity->sign_in("admin", "guess").error().code, ErrorCode::kUnauthenticated);
  EXPECT_EQ(identity->sign_in("admin", admin.password).error().code, ErrorCode::kResourceExhausted);
  clock.advance(std::chrono::seconds(61));
  EXPECT_TRUE(identity->sign_in("admin", admin.password).has_value());
}

TEST_F(AccessTest, PasswordsChangeOnlyWithTheCurrentOne) {
  const auto reader = user_with_role(Role::kReader, "rita");
  EXPECT_EQ(identity->set_password(pass_of(reader), "rita", "new password", "wrong", false).error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(identity->set_password(pass_of(reader), "admin", "new password", std::nullopt, false).error().code, ErrorCode::kPermissionDenied);
  EXPECT_TRUE(identity->set_password(pass_of(reader), "rita", "new password", "password of rita", false).has_value());
  EXPECT_TRUE(identity->sign_in("rita", "new password").has_value());
}

TEST_F(AccessTest, TheLastAdministratorStays) {
  const auto root = identity->authenticate_key(admin.api_key).value();
  EXPECT_EQ(identity->delete_user(pass_of(root), "admin").error().code, ErrorCode::kConflict);
  user_with_role(Role::kReader, "rita");
  EXPECT_TRUE(identity->delete_user(pass_of(root), "rita").has_value());
  EXPECT_FALSE(identity->sign_in("rita", "password of rita").has_value());
  EXPECT_EQ(identity->create_user(pass_of(root), "a b", Role::kReader, "long enough").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(identity->create_user(pass_of(root), "ok", Role::kReader, "short").error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace siyu
