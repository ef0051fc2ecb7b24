// Strong ids: a DocumentId is never a UserId, and no plain string is either.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/random.h"

namespace siyu {

template <class Tag>
class Id {
 public:
  Id() = default;
  explicit Id(std::string value) : value_(std::move(value)) {}
  const std::string& str() const { return value_; }
  bool empty() const { return value_.empty(); }
  auto operator<=>(const Id&) const = default;

 private:
  std::string value_;
};

using UserId = Id<struct UserTag>;
using ApiKeyId = Id<struct ApiKeyTag>;
using SessionId = Id<struct SessionTag>;
using KnowledgeBaseId = Id<struct KnowledgeBaseTag>;
using DocumentId = Id<struct DocumentTag>;
using ModelId = Id<struct ModelTag>;
using RequestId = Id<struct RequestTag>;

/// Time-ordered and unique: PREFIX_ + 48 bits of milliseconds + 80 random bits in Crockford base 32 (26 characters).
std::string new_id_text(std::string_view prefix, const Clock& clock, Random& random);

template <class SomeId>
SomeId new_id(std::string_view prefix, const Clock& clock, Random& random) {
  return SomeId(new_id_text(prefix, clock, random));
}

}  // namespace siyu

template <class Tag>
struct std::hash<siyu::Id<Tag>> {
  std::size_t operator()(const siyu::Id<Tag>& id) const noexcept { return std::hash<std::string>{}(id.str()); }
};
