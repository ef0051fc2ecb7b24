// Sessions, users, keys.
#include "api/call_options.h"
#include "crypto/password.h"
#include "routes.gen.h"

namespace siyu::api {
namespace {

constexpr std::size_t kMadePasswordLength = 20;

struct SignInBody {
  std::string username, password;
};
BOOST_DESCRIBE_STRUCT(SignInBody, (), (username, password))
struct SessionBody {
  std::string username;
  Role role = Role::kReader;
  std::optional<std::string> csrf, expires_at;
};
BOOST_DESCRIBE_STRUCT(SessionBody, (), (username, role, csrf, expires_at))
struct UserBody {
  std::string id, username;
  Role role = Role::kReader;
  std::string created_at;
};
BOOST_DESCRIBE_STRUCT(UserBody, (), (id, username, role, created_at))
struct UserListBody {
  std::vector<UserBody> users;
};
BOOST_DESCRIBE_STRUCT(UserListBody, (), (users))
struct NewUserBody {
  std::string username;
  Role role = Role::kReader;
  std::optional<std::string> password;
};
BOOST_DESCRIBE_STRUCT(NewUserBody, (), (username, role, password))
struct CreatedUserBody {
  UserBody user;
  std::optional<std::string> password;
};
BOOST_DESCRIBE_STRUCT(CreatedUserBody, (), (user, password))
struct NewPasswordBody {
  std::string password;
  std::optional<std::string> current;
};
BOOST_DESCRIBE_STRUCT(NewPasswordBody, (), (password, current))
struct KeyBody {
  std::string id, name, prefix, owner, created_at;
  std::optional<std::string> last_used_at, expires_at;
};
BOOST_DESCRIBE_STRUCT(KeyBody, (), (id, name, prefix, owner, created_at, last_used_at, expires_at))
struct KeyListBody {
  std::vector<KeyBody> keys;
};
BOOST_DESCRIBE_STRUCT(KeyListBody, (), (keys))
struct NewKeyBody {
  std::string name;
  std::optional<int> expires_in_days;
};
BOOST_DESCRIBE_STRUCT(NewKeyBody, (), (name, expires_in_days))
struct CreatedKeyBody {
  KeyBody key;
  std::string secret;
};
BOOST_DESCRIBE_STRUCT(CreatedKeyBody, (), (key, secret))

UserBody to_body(const identity::User& user) {
  return {.id = user.id.str(), .username = user.username, .role = user.role, .created_at = to_rfc3339(user.created_at)};
}
KeyBody to_body(const identity::ApiKey& key) {
  KeyBody body{.id = key.id.str(), .name = key.name, .prefix = key.prefix, .owner = key.owner, .created_at = to_rfc3339(key.created_at), .last_used_at = {}, .expires_at = {}};
  if (key.last_used_at) body.last_used_at = to_rfc3339(*key.last_used_at);
  if (key.expires_at) body.expires_at = to_rfc3339(*key.expires_at);
  return body;
}

std::string session_cookie(const Call& call, const std::string& token, bool end) {
  std::string cookie = "siyu_session=" + token + "; Path=/; HttpOnly; SameSite=Strict";
  if (!call.services.config.server.insecure_http) cookie += "; Secure";
  if (end) cookie += "; Max-Age=0";
  return cookie;
}

bool is_admin(const Call& call) { return policy::allows(call.principal->role, Permission::kUserManage); }

}  // namespace

namespace handlers {

Reply create_session(Call& call) {
  ASSIGN_OR_RETURN(const auto body, call.body<SignInBody>());
  auto session = call.services.identity.sign_in(body.username, body.password);
  const policy::Access access{.action = "session.create", .resource = "session", .request = call.request.id};
  RETURN_IF_ERROR(call.services.policy.record(session ? body.username : "-", access, session ? "allowed" : "denied"));
  if (!session) return std::unexpected(session.error());
  ASSIGN_OR_RETURN(auto response, reply_json(SessionBody{.username = session->principal.username, .role = session->principal.role,
                                                         .csrf = session->principal.csrf, .expires_at = to_rfc3339(session->expires_at)}));
  response.headers.add("Set-Cookie", session_cookie(call, session->token, /*end=*/false));
  return response;
}

Reply get_session(Call& call) {
  return reply_json(SessionBody{.username = call.principal->username, .role = call.principal->role, .csrf = call.principal->csrf, .expires_at = {}});
}

Reply delete_session(Call& call) {
  if (const auto cookie = call.request.cookie("siyu_session")) RETURN_IF_ERROR(call.services.identity.sign_out(*cookie));
  ASSIGN_OR_RETURN(auto response, reply_empty());
  response.headers.add("Set-Cookie", session_cookie(call, "", /*end=*/true));
  return response;
}

Reply list_users(Call& call) {
  ASSIGN_OR_RETURN(const auto users, call.services.identity.list_users(*call.pass));
  UserListBody body;
  for (const auto& user : users) body.users.push_back(to_body(user));
  return reply_json(body);
}

Reply create_user(Call& call) {
  ASSIGN_OR_RETURN(const auto body, call.body<NewUserBody>());
  OsRandom random;
  const auto password = body.password ? *body.password : crypto::random_secret(kMadePasswordLength, random);
  ASSIGN_OR_RETURN(const auto user, call.services.identity.create_user(*call.pass, body.username, body.role, password));
  return reply_json(CreatedUserBody{.user = to_body(user), .password = body.password ? std::nullopt : std::optional(password)}, 201);
}

Reply delete_user(Call& call) {
  const auto& username = call.param("username");
  ASSIGN_OR_RETURN(const auto users, call.services.identity.list_users(*call.pass));
  ASSIGN_OR_RETURN(const auto keys, call.services.identity.list_keys(*call.pass, true));
  RETURN_IF_ERROR(call.services.identity.delete_user(*call.pass, username));
  for (const auto& key : keys)
    if (key.owner == username) RETURN_IF_ERROR(call.services.meter.forget(*call.pass, serving::Subject::of(key.id)));
  for (const auto& user : users)
    if (user.username == username) {
      RETURN_IF_ERROR(call.services.meter.forget(*call.pass, serving::Subject::of(user.id)));
      forget_answers(call, call.services.answers.forget_user(user.id));
    }
  return reply_empty();
}

Reply set_password(Call& call) {
  ASSIGN_OR_RETURN(const auto body, call.body<NewPasswordBody>());
  RETURN_IF_ERROR(call.services.identity.set_password(*call.pass, call.param("username"), body.password, body.current, is_admin(call)));
  return reply_empty();
}

Reply list_keys(Call& call) {
  const bool all = call.request.query_param("all") == "true";
  if (all && !is_admin(call)) return fail(ErrorCode::kPermissionDenied, "Only administrators may list all keys");
  ASSIGN_OR_RETURN(const auto keys, call.services.identity.list_keys(*call.pass, all));
  KeyListBody body;
  for (const auto& key : keys) body.keys.push_back(to_body(key));
  return reply_json(body);
}

Reply create_key(Call& call) {
  ASSIGN_OR_RETURN(const auto body, call.body<NewKeyBody>());
  ASSIGN_OR_RETURN(const auto created, call.services.identity.create_key(*call.pass, body.name, body.expires_in_days));
  return reply_json(CreatedKeyBody{.key = to_body(created.key), .secret = created.secret}, 201);
}

Reply revoke_key(Call& call) {
  const ApiKeyId key(call.param("key"));
  RETURN_IF_ERROR(call.services.identity.revoke_key(*call.pass, key, is_admin(call)));
  RETURN_IF_ERROR(call.services.meter.forget(*call.pass, serving::Subject::of(key)));
  return reply_empty();
}

}  // namespace handlers
}  // namespace siyu::api
