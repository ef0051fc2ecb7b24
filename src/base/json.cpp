#include "base/json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace siyu {
namespace {
constexpr std::size_t kMaxDepth = 64;

std::string at_path(std::string_view path) { return path.empty() ? "The body" : fmt::format("`{}`", path); }

std::unexpected<Error> wrong(std::string path, std::string message) {
  return std::unexpected(Error{.code = ErrorCode::kInvalidArgument, .message = std::move(message), .param = std::move(path)});
}
}  // namespace

Result<json::value> parse_json(std::string_view text) {
  // All of a text's values lie in one block: they are made together and mostly go together.
  return parse_json(text, json::make_shared_resource<json::monotonic_resource>());
}

Result<json::value> parse_json(std::string_view text, json::storage_ptr where) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  unsigned char scratch[4096];
  json::stream_parser parser({}, options, scratch);
  parser.reset(std::move(where));
  json::error_code error;
  const auto used = parser.write_some(text.data(), text.size(), error);
  if (!error) parser.finish(error);
  if (!error) {
    const auto rest = text.find_first_not_of(" \t\r\n", used);
    if (rest != std::string_view::npos) error = json::error::extra_data;
  }
  if (error) {
    if (error == json::error::too_deep) return invalid(fmt::format("The JSON is nested deeper than {} levels", kMaxDepth));
    return invalid(fmt::format("The JSON is malformed at byte {}: {}", used, error.message()));
  }
  return parser.release();
}

std::string enum_spelling(std::string_view enumerator) {
  if (enumerator.size() > 1 && enumerator[0] == 'k' && enumerator[1] >= 'A' && enumerator[1] <= 'Z') enumerator.remove_prefix(1);
  std::string out;
  for (const char c : enumerator) {
    if (c >= 'A' && c <= 'Z') {
      if (!out.empty()) out += '_';
      out += static_cast<char>(c - 'A' + 'a');
    } else {
      out += c;
    }
  }
  return out;
}

namespace json_detail {

std::string Path::text() const {
  if (parent == nullptr) return std::string(key);
  const auto before = parent->text();
  if (key.data() == nullptr) return fmt::format("{}[{}]", before, index);
  return before.empty() ? std::string(key) : fmt::format("{}.{}", before, key);
}

std::string join_index(std::string_view path, std::size_t index) { return fmt::format("{}[{}]", path, index); }
std::unexpected<Error> wrong_type(const Path& path, std::string_view expected) {
  return wrong(path.text(), fmt::format("{} must be {}", at_path(path.text()), expected));
}
std::unexpected<Error> missing(const Path& path) { return wrong(path.text(), fmt::format("`{}` is missing", path.text())); }
std::unexpected<Error> unknown_key(const Path& path, std::string_view key) {
  const auto name = Path{&path, key}.text();
  return wrong(name, fmt::format("`{}` is not a known field", name));
}
std::unexpected<Error> not_one_of(const Path& path, const std::vector<std::string>& spellings) {
  return wrong(path.text(), fmt::format("{} must be one of: {}", at_path(path.text()), fmt::join(spellings, ", ")));
}

Result<std::int64_t> read_integer(const json::value& value, const Path& path, std::int64_t low, std::uint64_t high) {
  const auto refuse = [&] { return wrong(path.text(), fmt::format("{} must be a whole number from {} to {}", at_path(path.text()), low, high)); };
  if (value.is_double()) {  // 5.0 is a whole number to many clients
    const double number = value.get_double();
    if (!(number == std::floor(number)) || std::fabs(number) > 9e15) return refuse();
    const auto whole = static_cast<std::int64_t>(number);
    if (whole < low || (whole > 0 && static_cast<std::uint64_t>(whole) > high)) return refuse();
    return whole;
  }
  if (value.is_uint64()) {
    if (value.get_uint64() > high) return refuse();
    return static_cast<std::int64_t>(value.get_uint64());
  }
  if (!value.is_int64()) return refuse();
  const auto whole = value.get_int64();
  if (whole < low || (whole > 0 && static_cast<std::uint64_t>(whole) > high)) return refuse();
  return whole;
}

}  // namespace json_detail
}  // namespace siyu
