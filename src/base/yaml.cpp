#include "base/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <charconv>

#include "base/text.h"

namespace siyu {
namespace {

constexpr std::size_t kMaxText = 8UL << 20;
constexpr int kMaxDepth = 32;

template <class T>
std::optional<T> whole_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

json::value plain_scalar(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null") return nullptr;
  if (text == "true" || text == "True") return true;
  if (text == "false" || text == "False") return false;
  const auto digits = std::string_view(text).substr(text[0] == '+' ? 1 : 0);
  if (const auto number = whole_number<std::int64_t>(digits)) return *number;
  if (const auto number = whole_number<std::uint64_t>(digits)) return *number;
  // from_chars also takes "inf" and "nan", which JSON has not.
  const bool numeric = !digits.empty() && (std::isdigit(static_cast<unsigned char>(digits[0])) || digits[0] == '-' || digits[0] == '.');
  if (numeric)
    if (const auto number = whole_number<double>(digits); number && std::isfinite(*number)) return *number;
  return json::value(text);
}

class Reader {
 public:
  explicit Reader(std::string_view name) : name_(name) {}

  Result<json::value> read(const YAML::Node& node, int depth) {
    if (++values_ > kMaxYamlValues) return invalid(fmt::format("{} holds more than {} values; split it", name_, kMaxYamlValues));
    if (depth > kMaxDepth) return invalid(fmt::format("{} line {}: nested deeper than {} levels", name_, node.Mark().line + 1, kMaxDepth));
    if (node.IsNull()) return json::value(nullptr);
    if (node.IsScalar()) return node.Tag() == "!" ? json::value(node.Scalar()) : plain_scalar(node.Scalar());  // "!": it was quoted
    if (node.IsSequence()) {
      json::array out;
      for (const auto& element : node) {
        ASSIGN_OR_RETURN(auto value, read(element, depth + 1));
        out.push_back(std::move(value));
      }
      return out;
    }
    json::object out;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) return invalid(fmt::format("{} line {}: a key must be a single word", name_, entry.first.Mark().line + 1));
      const auto& key = entry.first.Scalar();
      if (out.contains(key)) return invalid(fmt::format("{} line {}: `{}` stands there twice", name_, entry.first.Mark().line + 1, key));
      ASSIGN_OR_RETURN(auto value, read(entry.second, depth + 1));
      out.emplace(key, std::move(value));
    }
    return out;
  }

 private:
  std::string_view name_;
  std::size_t values_ = 0;
};

}  // namespace

Result<json::value> parse_yaml(std::string_view text, std::string_view name) {
  if (text.size() > kMaxText) return invalid(fmt::format("{} is larger than 8 MiB; split it", name));
  if (!is_valid_utf8(text)) return invalid(fmt::format("{} is not UTF-8; save it in that encoding", name));
  try {
    return Reader(name).read(YAML::Load(std::string(text)), 0);
  } catch (const YAML::Exception& error) {
    return invalid(fmt::format("{} is not valid YAML: line {}, {}", name, error.mark.line + 1, error.msg));
  }
}

}  // namespace siyu
