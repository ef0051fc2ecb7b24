// JSON at the edge: text ⇄ structs described with BOOST_DESCRIBE_STRUCT. Inside the program there is no raw JSON.
//
//   struct Point { double x; std::optional<std::string> label; };
//   BOOST_DESCRIBE_STRUCT(Point, (), (x, label))
//   ASSIGN_OR_RETURN(auto point, from_json<Point>(body));
//
// A member is required unless it is a std::optional (absent or null → empty). Members of type json::value are taken
// as they are. Enums described with BOOST_DESCRIBE_ENUM go by their enumerator names, without a leading k, in snake_case.
#pragma once

#include <boost/describe.hpp>
#include <boost/json.hpp>
#include <boost/mp11.hpp>

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/result.h"

namespace siyu {

namespace json = boost::json;

/// Nesting over 64 levels, malformed text and invalid UTF-8 are refused with the byte offset of the fault.
Result<json::value> parse_json(std::string_view text);
/// The same, with all values in `where`.
Result<json::value> parse_json(std::string_view text, json::storage_ptr where);

/// CamelCase or kCamelCase to snake_case: the spelling of enumerators in JSON.
std::string enum_spelling(std::string_view enumerator);

enum class UnknownKeys { kIgnore, kRefuse };

namespace json_detail {

template <class T> struct is_optional : std::false_type {};
template <class T> struct is_optional<std::optional<T>> : std::true_type {};
template <class T> struct is_vector : std::false_type {};
template <class T> struct is_vector<std::vector<T>> : std::true_type {};
template <class T> struct is_string_map : std::false_type {};
template <class T> struct is_string_map<std::map<std::string, T>> : std::true_type {};
template <class T> constexpr bool is_described_struct = boost::describe::has_describe_members<T>::value;
template <class T> constexpr bool is_described_enum = boost::describe::has_describe_enumerators<T>::value;

/// Where a value stands: links on the stack, put into words only when something is wrong there.
struct Path {
  const Path* parent = nullptr;  ///< null: where the whole begins, under `key` if it is part of another
  std::string_view key = {};
  std::size_t index = 0;         ///< of an array's element, which has no key
  std::string text() const;      ///< messages[0].role; empty for the body
};

/// messages[0], for those who write paths themselves.
std::string join_index(std::string_view path, std::size_t index);
std::unexpected<Error> wrong_type(const Path& path, std::string_view expected);
std::unexpected<Error> missing(const Path& path);
std::unexpected<Error> unknown_key(const Path& path, std::string_view key);
std::unexpected<Error> not_one_of(const Path& path, const std::vector<std::string>& spellings);
Result<std::int64_t> read_integer(const json::value& value, const Path& path, std::int64_t low, std::uint64_t high);

template <class T>
Status read(const json::value& value, T& out, const Path& path, UnknownKeys unknown);

template <class T>
Status read_struct(const json::value& value, T& out, const Path& path, UnknownKeys unknown) {
  const auto* object = value.if_object();
  if (object == nullptr) return wrong_type(path, "an object");
  using Members = boost::describe::describe_members<T, boost::describe::mod_any_access | boost::describe::mod_inherited>;
  Status status;
  boost::mp11::mp_for_each<Members>([&](auto member) {
    if (!status) return;
    auto& field = out.*member.pointer;
    const auto* found = object->if_contains(member.name);
    if (found == nullptr) {
      if constexpr (!is_optional<std::remove_reference_t<decltype(field)>>::value)
        status = missing({&path, member.name});
      return;
    }
    status = read(*found, field, {&path, member.name}, unknown);
  });
  if (!status || unknown == UnknownKeys::kIgnore) return status;
  for (const auto& entry : *object) {
    bool known = false;
    boost::mp11::mp_for_each<Members>([&](auto member) { known = known || entry.key() == member.name; });
    if (!known) return unknown_key(path, entry.key());
  }
  return status;
}

template <class T>
Status read(const json::value& value, T& out, const Path& path, UnknownKeys unknown) {
  if constexpr (std::is_same_v<T, json::value>) {
    out = value;
  } else if constexpr (is_optional<T>::value) {
    if (value.is_null()) {
      out.reset();
      return {};
    }
    return read(value, out.emplace(), path, unknown);
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_bool()) return wrong_type(path, "true or false");
    out = value.get_bool();
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!value.is_string()) return wrong_type(path, "a string");
    out = std::string(value.get_string());
  } else if constexpr (std::is_integral_v<T>) {
    ASSIGN_OR_RETURN(const auto integer, read_integer(value, path, static_cast<std::int64_t>(std::numeric_limits<T>::min()),
                                                      static_cast<std::uint64_t>(std::numeric_limits<T>::max())));
    out = static_cast<T>(integer);
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!value.is_number()) return wrong_type(path, "a number");
    out = value.to_number<T>();
    if (!std::isfinite(out)) return wrong_type(path, "a finite number");
  } else if constexpr (is_described_enum<T>) {
    std::vector<std::string> spellings;
    bool found = false;
    const std::string_view given = value.is_string() ? std::string_view(value.get_string()) : std::string_view();
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto enumerator) {
      spellings.push_back(enum_spelling(enumerator.name));
      if (value.is_string() && spellings.back() == given) {
        out = enumerator.value;
        found = true;
      }
    });
    if (!found) return not_one_of(path, spellings);
  } else if constexpr (is_vector<T>::value) {
    const auto* array = value.if_array();
    if (array == nullptr) return wrong_type(path, "an array");
    out.clear();
    out.reserve(array->size());
    for (std::size_t i = 0; i < array->size(); ++i) {
      typename T::value_type element{};
      RETURN_IF_ERROR(read((*array)[i], element, {&path, {}, i}, unknown));
      out.push_back(std::move(element));
    }
  } else if constexpr (is_string_map<T>::value) {
    const auto* object = value.if_object();
    if (object == nullptr) return wrong_type(path, "an object");
    out.clear();
    for (const auto& entry : *object)
      RETURN_IF_ERROR(read(entry.value(), out[std::string(entry.key())], {&path, entry.key()}, unknown));
  } else {
    static_assert(is_described_struct<T>, "describe the type with BOOST_DESCRIBE_STRUCT");
    return read_struct(value, out, path, unknown);
  }
  return {};
}

}  // namespace json_detail

/// Decodes, or says which field is wrong and what was expected there. `path` is where the value stands in the whole.
template <class T>
Result<T> from_json(const json::value& value, UnknownKeys unknown = UnknownKeys::kIgnore, std::string_view path = "") {
  T out{};
  RETURN_IF_ERROR(json_detail::read(value, out, json_detail::Path{.key = path}, unknown));
  return out;
}

template <class T>
Result<T> from_json_text(std::string_view text, UnknownKeys unknown = UnknownKeys::kIgnore) {
  unsigned char scratch[4096];  // what most texts take: their values never leave the stack
  json::monotonic_resource block(scratch);
  ASSIGN_OR_RETURN(const auto value, parse_json(text, &block));
  return from_json<T>(value, unknown);
}

/// Empty optionals are left out.
template <class T>
json::value to_json(const T& in) {
  if constexpr (std::is_same_v<T, json::value>) {
    return in;
  } else if constexpr (json_detail::is_optional<T>::value) {
    return in ? to_json(*in) : json::value(nullptr);
  } else if constexpr (std::is_same_v<T, bool>) {
    return json::value(in);
  } else if constexpr (std::is_arithmetic_v<T>) {
    return json::value(in);
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return json::value(std::string_view(in));
  } else if constexpr (json_detail::is_described_enum<T>) {
    return json::value(enum_spelling(boost::describe::enum_to_string(in, "unknown")));
  } else if constexpr (json_detail::is_vector<T>::value) {
    json::array array;
    array.reserve(in.size());
    for (const auto& element : in) array.push_back(to_json(element));
    return array;
  } else if constexpr (json_detail::is_string_map<T>::value) {
    json::object object;
    for (const auto& [key, element] : in) object[key] = to_json(element);
    return object;
  } else {
    static_assert(json_detail::is_described_struct<T>, "describe the type with BOOST_DESCRIBE_STRUCT");
    json::object object;
    boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_any_access | boost::describe::mod_inherited>>([&](auto member) {
      const auto& field = in.*member.pointer;
      if constexpr (json_detail::is_optional<std::remove_cvref_t<decltype(field)>>::value) {
        if (!field) return;
      }
      object[member.name] = to_json(field);
    });
    return object;
  }
}

template <class T>
std::string to_json_text(const T& in) {
  return json::serialize(to_json(in));
}

}  // namespace siyu
