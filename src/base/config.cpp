#include "base/config.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <boost/mp11.hpp>
#include <charconv>
#include <filesystem>

#include "base/text.h"

namespace siyu {
namespace {

std::string join_key(std::string_view prefix, std::string_view name) {
  return prefix.empty() ? std::string(name) : fmt::format("{}.{}", prefix, name);
}

/// Calls `visit(path, field)` for every leaf of a described struct.
template <class Struct, class Visitor>
void for_each_leaf(Struct& object, std::string_view prefix, Visitor& visit) {
  using Members = boost::describe::describe_members<std::remove_const_t<Struct>, boost::describe::mod_any_access>;
  boost::mp11::mp_for_each<Members>([&](auto member) {
    auto& field = object.*member.pointer;
    const auto path = join_key(prefix, member.name);
    if constexpr (boost::describe::has_describe_members<std::remove_cvref_t<decltype(field)>>::value) for_each_leaf(field, path, visit);
    else visit(path, field);
  });
}

Status assign(std::string& field, const std::string& text, std::string_view) {
  field = text;
  return {};
}
Status assign(bool& field, const std::string& text, std::string_view path) {
  if (text != "true" && text != "false") return invalid(fmt::format("`{}` must be true or false, not `{}`", path, text));
  field = text == "true";
  return {};
}
template <class Number>
Status assign(Number& field, const std::string& text, std::string_view path) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), field);
  if (error != std::errc() || end != text.data() + text.size())
    return invalid(fmt::format("`{}` must be a whole number from 0 to {}, not `{}`", path, std::numeric_limits<Number>::max(), text));
  return {};
}

Status set_key(Config& config, const std::string& key, const std::string& value, const std::string& where) {
  Status status = invalid(fmt::format("`{}` in {} is not a configuration key; did you mean `{}`?", key, where, nearest(key, config_keys())));
  auto visit = [&](const std::string& path, auto& field) {
    if (path == key) status = assign(field, value, path);
  };
  for_each_leaf(config, "", visit);
  return status;
}

Status apply_node(Config& config, const YAML::Node& node, const std::string& prefix, const std::string& file) {
  if (node.IsNull()) return {};
  if (node.IsScalar()) return set_key(config, prefix, node.Scalar(), fmt::format("{} line {}", file, node.Mark().line + 1));
  if (!node.IsMap()) return invalid(fmt::format("`{}` in {} line {} must be a single value", prefix, file, node.Mark().line + 1));
  for (const auto& entry : node) RETURN_IF_ERROR(apply_node(config, entry.second, join_key(prefix, entry.first.Scalar()), file));
  return {};
}

Status apply_file(Config& config, const std::string& file) {
  try {
    return apply_node(config, YAML::LoadFile(file), "", file);
  } catch (const YAML::BadFile&) {
    return not_found(fmt::format("The configuration file {} cannot be read; check the path given with --config", file));
  } catch (const YAML::Exception& error) {
    return invalid(fmt::format("The configuration file {} is not valid YAML: {}", file, error.what()));
  }
}

std::string environment_name(std::string_view key) {
  std::string name = "SIYU_";
  for (const char c : key) name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

}  // namespace

Result<Config> load_config(const ConfigSources& sources) {
  Config config;
  if (!sources.file.empty()) RETURN_IF_ERROR(apply_file(config, sources.file));
  if (sources.environment) {
    for (const auto& key : config_keys()) {
      const auto name = environment_name(key);
      if (const auto value = sources.environment(name)) RETURN_IF_ERROR(set_key(config, key, *value, "the environment variable " + name));
    }
  }
  for (const auto& [key, value] : sources.flags) RETURN_IF_ERROR(set_key(config, key, value, "the command line"));
  return config;
}

std::string print_config(const Config& config) {
  YAML::Node root(YAML::NodeType::Map);
  auto visit = [&](const std::string& path, const auto& field) {
    YAML::Node node = root;
    std::size_t begin = 0;
    for (auto dot = path.find('.'); dot != std::string::npos; begin = dot + 1, dot = path.find('.', begin))
      node.reset(node[path.substr(begin, dot - begin)]);
    node[path.substr(begin)] = field;
  };
  for_each_leaf(config, "", visit);
  YAML::Emitter out;
  out << root;
  return std::string(out.c_str()) + "\n";
}

std::vector<std::string> config_keys() {
  std::vector<std::string> keys;
  const Config config;
  auto visit = [&](const std::string& path, const auto&) { keys.push_back(path); };
  for_each_leaf(config, "", visit);
  return keys;
}

}  // namespace siyu
