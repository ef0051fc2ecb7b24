// Turns src/api/openapi/*.yaml into the route table and the served JSON document.
// Usage: route_table_gen OUT_DIR siyu.yaml MORE.yaml…   → OUT_DIR/routes.gen.h, routes.gen.cpp
// siyu.yaml holds what the document begins with; the others add paths and components of one area each.
// A handler that the table names but nobody wrote is an undefined symbol: the program does not link.
#include <yaml-cpp/yaml.h>

#include <boost/json.hpp>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

namespace json = boost::json;

namespace {

/// YAML scalars carry no type; JSON needs one. Quoted scalars (tag "!") stay strings.
json::value to_json(const YAML::Node& node) {
  if (node.IsMap()) {
    json::object object;
    for (const auto& entry : node) object[entry.first.as<std::string>()] = to_json(entry.second);
    return object;
  }
  if (node.IsSequence()) {
    json::array array;
    for (const auto& element : node) array.push_back(to_json(element));
    return array;
  }
  if (node.IsNull()) return nullptr;
  const auto text = node.Scalar();
  if (node.Tag() == "!") return json::value(text);
  if (text == "true" || text == "false") return json::value(text == "true");
  try {
    std::size_t used = 0;
    const auto integer = std::stoll(text, &used);
    if (used == text.size()) return json::value(integer);
    const auto number = std::stod(text, &used);
    if (used == text.size() && text.find_first_not_of("0123456789.eE+-") == std::string::npos) return json::value(number);
  } catch (const std::exception&) {
    // not a number
  }
  return json::value(text);
}

std::uint64_t parse_size(const std::string& text) {
  std::size_t used = 0;
  const std::uint64_t number = std::stoull(text, &used);
  const auto unit = text.substr(used);
  if (unit.empty()) return number;
  if (unit == "KiB") return number << 10;
  if (unit == "MiB") return number << 20;
  if (unit == "GiB") return number << 30;
  throw std::runtime_error("unknown size " + text);
}

std::string camel(const std::string& snake) {
  std::string out;
  bool upper = true;
  for (const char c : snake) {
    if (c == '_') {
      upper = true;
      continue;
    }
    out += upper ? static_cast<char>(c - 'a' + 'A') : c;
    upper = false;
  }
  return out;
}

struct Row {
  std::string id, method, path, access, permission, audit;
  std::uint64_t body = 0;
  bool spool = false, on_loop = false, now = false, anthropic_errors = false;
};

Row read_operation(const std::string& path, const std::string& method, const YAML::Node& node) {
  const auto extension = node["x-siyu"];
  if (!node["operationId"] || !extension || !extension["permission"] || !extension["audit"])
    throw std::runtime_error(method + " " + path + " needs operationId and x-siyu with permission and audit");
  Row row{.id = node["operationId"].as<std::string>(), .path = path, .audit = extension["audit"].as<std::string>()};
  for (const char c : method) row.method += static_cast<char>(c - 'a' + 'A');
  const auto permission = extension["permission"].as<std::string>();
  row.access = permission == "none" ? "kAnyone" : permission == "self" ? "kSignedIn" : "kPermission";
  row.permission = row.access == "kPermission" ? "k" + camel(permission) : "kSystemRead";
  if (extension["body"]) row.body = parse_size(extension["body"].as<std::string>());
  row.spool = extension["spool"] && extension["spool"].as<bool>();
  row.on_loop = extension["inline"] && extension["inline"].as<bool>();
  row.anthropic_errors = extension["errors"] && extension["errors"].as<std::string>() == "anthropic";
  row.now = extension["now"] && extension["now"].as<bool>();
  if (node["requestBody"] && row.body == 0) throw std::runtime_error(method + " " + path + " takes a body but states no limit");
  return row;
}

/// Adds `more`'s paths and components; what is there already may not come again.
void add_area(YAML::Node& root, const YAML::Node& more, const std::string& file) {
  const auto add = [&](YAML::Node to, const YAML::Node& from) {
    for (const auto& entry : from) {
      const auto key = entry.first.as<std::string>();
      if (to[key]) throw std::runtime_error(file + " defines " + key + " a second time");
      to[key] = entry.second;
    }
  };
  for (const auto& part : more) {
    const auto name = part.first.as<std::string>();
    if (name == "paths") add(root["paths"], part.second);
    else if (name == "components")
      for (const auto& kind : part.second) add(root["components"][kind.first.as<std::string>()], kind.second);
    else throw std::runtime_error(file + " may hold paths and components, not " + name);
  }
}

std::vector<Row> read_operations(const YAML::Node& root) {
  std::vector<Row> rows;
  for (const auto& path : root["paths"])
    for (const auto& operation : path.second)
      if (operation.first.as<std::string>() != "parameters")
        rows.push_back(read_operation(path.first.as<std::string>(), operation.first.as<std::string>(), operation.second));
  return rows;
}

void write_header(const std::string& file, const std::vector<Row>& rows) {
  std::ofstream out(file);
  out << "// Made from openapi/*.yaml; do not edit.\n#pragma once\n\n#include <span>\n#include <string_view>\n\n"
         "#include \"api/operation.h\"\n\nnamespace siyu::api {\n\nnamespace handlers {\n";
  for (const auto& row : rows) out << "Reply " << row.id << "(Call& call);\n";
  out << "}  // namespace handlers\n\nstd::span<const Operation> operations();\nstd::string_view openapi_json();\n\n}  // namespace siyu::api\n";
}

void write_source(const std::string& file, const std::vector<Row>& rows, const std::string& document) {
  std::ofstream out(file);
  out << "// Made from openapi/*.yaml; do not edit.\n#include \"routes.gen.h\"\n\n#include <array>\n\nnamespace siyu::api {\nnamespace {\n\n";
  out << "constexpr std::array<Operation, " << rows.size() << "> kOperations{{\n";
  for (const auto& row : rows) {
    out << "    {\"" << row.id << "\", \"" << row.method << "\", \"" << row.path << "\", Access::" << row.access << ", Permission::"
        << row.permission << ", \"" << row.audit << "\", " << row.body << "ULL, " << (row.spool ? "true" : "false") << ", "
        << (row.on_loop ? "true" : "false") << ", " << (row.now ? "true" : "false") << ", ErrorShape::" << (row.anthropic_errors ? "kAnthropic" : "kOpenAi") << ", &handlers::" << row.id << "},\n";
  }
  out << "}};\n\nconstexpr char kDocument[] =\n";
  constexpr std::size_t kPiece = 4000;  // one literal stays far under compilers' limits
  for (std::size_t i = 0; i < document.size(); i += kPiece) out << "    R\"siyu(" << document.substr(i, kPiece) << ")siyu\"\n";
  out << "    ;\n\n}  // namespace\n\nstd::span<const Operation> operations() { return kOperations; }\n"
         "std::string_view openapi_json() { return {kDocument, sizeof(kDocument) - 1}; }\n\n}  // namespace siyu::api\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: route_table_gen OUT_DIR siyu.yaml MORE.yaml…\n";
    return 2;
  }
  const std::string out = argv[1];
  const char* reading = argv[2];
  try {
    auto root = YAML::LoadFile(reading);
    for (int i = 3; i < argc; ++i) add_area(root, YAML::LoadFile(reading = argv[i]), argv[i]);
    const auto rows = read_operations(root);
    write_header(out + "/routes.gen.h", rows);
    write_source(out + "/routes.gen.cpp", rows, json::serialize(to_json(root)));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << reading << ": " << error.what() << "\n";
    return 1;
  }
}
