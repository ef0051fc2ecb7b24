// YAML at the edge: one document becomes the JSON values it stands for, so that from_json() reads both.
#pragma once

#include <string_view>

#include "base/json.h"

namespace siyu {

/// Plain scalars become null, true/false and numbers as in YAML's JSON schema; quoted ones stay texts. Aliases are refused beyond
/// `kMaxYamlValues` values, nesting beyond 32 levels, texts beyond 8 MiB. `name` is the file's, for the error, which tells the line.
constexpr std::size_t kMaxYamlValues = 1'000'000;
Result<json::value> parse_yaml(std::string_view text, std::string_view name);

}  // namespace siyu
