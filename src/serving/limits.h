// What a key or a user may use: limits and prices, kept in the database, edited while the server runs.
#pragma once

#include <boost/describe.hpp>

#include <optional>
#include <string>
#include <vector>

#include "base/id.h"
#include "identity/pass.h"
#include "serving/money.h"
#include "store/database.h"

namespace siyu::serving {

/// Absent: no such limit.
struct Limits {
  std::optional<std::int64_t> requests_per_minute, tokens_per_minute, concurrent_requests;
  std::optional<std::int64_t> tokens_per_day, tokens_per_month;
  std::optional<Nanos> budget_per_day, budget_per_month, budget_total;
  std::int32_t priority = 0;     ///< of requests that name none
  std::int32_t most_urgent = 0;  ///< requests may not go before this
  bool operator==(const Limits&) const = default;

  /// Whether the number of tokens of a call matters.
  bool counts_tokens() const {
    return tokens_per_minute || tokens_per_day || tokens_per_month || budget_per_day || budget_per_month || budget_total;
  }
};

/// Whom a limit binds: one API key, all calls of one user, or each user who has no limits of their own.
class Subject {
 public:
  static Subject everyone() { return Subject("default"); }
  static Subject of(const UserId& user) { return Subject("user:" + user.str()); }
  static Subject of(const ApiKeyId& key) { return Subject("key:" + key.str()); }
  /// From what str() gave.
  static std::optional<Subject> parse(std::string_view text);
  const std::string& str() const { return text_; }
  /// The user's or key's id; empty for `default`.
  std::string id() const;
  bool is_user() const { return text_.starts_with("user:"); }
  bool is_key() const { return text_.starts_with("key:"); }
  auto operator<=>(const Subject&) const = default;

 private:
  explicit Subject(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

struct SubjectLimits {
  Subject subject;
  Limits limits;
};

struct ModelPrice {
  std::string model;  ///< also with an adapter that has no price of its own; `*`: models without one
  Price price;
};

/// Rows of limits and prices. Thread-safe; holds no copies.
class LimitBook {
 public:
  explicit LimitBook(store::Database& db) : db_(db) {}

  Result<std::vector<SubjectLimits>> limits();
  /// kInvalidArgument for numbers below 0 or out of range.
  Status set(const Subject& subject, const Limits& limits);
  /// kNotFound when there are none.
  Status remove(const Subject& subject);

  Result<std::vector<ModelPrice>> prices();
  Status set_price(const ModelPrice& price);
  Status remove_price(const std::string& model);

 private:
  store::Database& db_;
};

Status check(const Limits& limits);

}  // namespace siyu::serving
