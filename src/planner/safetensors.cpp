#include "planner/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <map>

#include "base/json.h"

namespace siyu::planner {
namespace {

using sizing::Role;
using sizing::Tensor;

constexpr std::uint64_t kMaxHeader = 100ULL << 20;  // the format's own limit
constexpr std::size_t kMaxSmallFile = 8UL << 20;
constexpr std::size_t kMaxFiles = 1000;

/// Bytes of a number; 4-bit types are stored as pairs in U8.
const sizing::TensorType* type_of(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kTypes{{{"F64", "f64"}, {"F32", "f32"}, {"F16", "f16"}, {"BF16", "bf16"}, {"I64", "i64"}, {"U64", "i64"},
      {"I32", "i32"}, {"U32", "i32"}, {"I16", "i16"}, {"U16", "i16"}, {"I8", "i8"}, {"U8", "i8"}, {"F8_E4M3", "i8"}, {"F8_E5M2", "i8"}}};
  const auto* at = std::ranges::find(kTypes, name, [](const auto& one) { return one.first; });
  if (name == "BOOL") return sizing::tensor_type_named("i8");
  return at == kTypes.end() ? nullptr : sizing::tensor_type_named(at->second);
}

Role role_of(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, Role>, 12> kParts{{{"visual", Role::kVision}, {"vision", Role::kVision}, {"norm", Role::kNorm}, {"embed_tokens", Role::kTokenEmbedding},
      {"word_embeddings", Role::kTokenEmbedding}, {"lm_head", Role::kOutput}, {"q_proj", Role::kAttentionQ}, {"k_proj", Role::kAttentionK}, {"v_proj", Role::kAttentionV},
      {"gate_proj", Role::kFfnGate}, {"up_proj", Role::kFfnUp}, {"down_proj", Role::kFfnDown}}};
  if (name.ends_with(".bias")) return Role::kBias;
  for (const auto& [part, role] : kParts)
    if (name.find(part) != std::string_view::npos) return role;
  return Role::kOther;
}

Result<Tensor> tensor_of(std::string_view name, const json::value& value, const std::string& file) {
  const auto* object = value.if_object();
  const auto* dtype = object == nullptr ? nullptr : object->if_contains("dtype");
  const auto* dimensions = object == nullptr ? nullptr : object->if_contains("shape");
  if (dtype == nullptr || !dtype->is_string() || dimensions == nullptr || !dimensions->is_array()) return invalid(fmt::format("{}: the tensor {} has no type or shape; get the file again", file, name.substr(0, 64)));
  const auto* type = type_of(dtype->get_string());
  if (type == nullptr) return fail(ErrorCode::kUnsupported, fmt::format("{}: the tensor {} has the type {}, which this version does not know", file, name.substr(0, 64), std::string_view(dtype->get_string()).substr(0, 16)));
  Tensor tensor{.role = role_of(name), .columns = 1, .rows = 1, .stored = type};
  const auto& sizes = dimensions->get_array();
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (!sizes[i].is_number()) return invalid(fmt::format("{}: the tensor {} has an impossible shape; get the file again", file, name.substr(0, 64)));
    const auto size = sizes[i].to_number<double>();
    auto& side = i + 1 == sizes.size() ? tensor.columns : tensor.rows;
    if (size < 0 || static_cast<double>(tensor.columns) * static_cast<double>(tensor.rows) * size > 1e15) return invalid(fmt::format("{}: the tensor {} has an impossible shape; get the file again", file, name.substr(0, 64)));
    side *= static_cast<std::uint64_t>(size);
  }
  return tensor;
}

/// Experts are stored one by one, layers.3.mlp.experts.17.up_proj: which of them they are is taken out, so that alike ones are counted together.
std::string without_expert(std::string_view name) {
  constexpr std::string_view kExperts = ".experts.";
  const auto at = name.find(kExperts);
  if (at == std::string_view::npos) return {};
  const auto digits = at + kExperts.size();
  const auto end = name.find_first_not_of("0123456789", digits);
  return end == digits || end == std::string_view::npos ? std::string() : std::string(name.substr(0, digits)) + std::string(name.substr(end));
}

struct Collected {
  std::vector<Tensor> tensors;
  std::map<std::string, std::size_t> experts;  ///< where the alike ones stand
};

void collect(Collected& all, std::string_view name, const Tensor& tensor) {
  const auto key = without_expert(name);
  const auto [at, first] = key.empty() ? std::pair(all.experts.end(), true) : all.experts.try_emplace(key, all.tensors.size());
  if (first) all.tensors.push_back(tensor);
  else ++all.tensors[at->second].experts;
}

Status read_header(const std::filesystem::path& path, Collected& all) {
  const auto file = path.filename().string();
  std::ifstream in(path, std::ios::binary);
  std::array<char, 8> raw{};
  if (!in.read(raw.data(), raw.size())) return invalid(file + " ends before its header; copy or download it again");
  std::uint64_t size = 0;
  std::memcpy(&size, raw.data(), sizeof size);
  std::error_code error;
  if (size > kMaxHeader || size > std::filesystem::file_size(path, error)) return invalid(file + " is no safetensors file: its header would be larger than the file or than 100 MB");
  std::string text(size, '\0');
  if (!in.read(text.data(), static_cast<std::streamsize>(size))) return invalid(file + " ends inside its header; copy or download it again");
  const auto header = parse_json(text);
  if (!header || !header->is_object()) return invalid(file + " is no safetensors file: its header is no JSON object");
  for (const auto& [name, value] : header->get_object()) {
    if (name == "__metadata__") continue;
    ASSIGN_OR_RETURN(auto tensor, tensor_of(name, value, file));
    collect(all, name, tensor);
  }
  return {};
}

}  // namespace

Result<std::string> read_small_file(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) return not_found(path.string() + " cannot be read; check the path");
  if (size > kMaxSmallFile) return fail(ErrorCode::kTooLarge, path.string() + " is larger than 8 MiB");
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

Result<std::vector<Tensor>> read_safetensors(const std::filesystem::path& path) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    for (const auto& entry : std::filesystem::directory_iterator(path, error))
      if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
    std::ranges::sort(files);
  } else {
    files.push_back(path);
  }
  if (files.empty()) return not_found("There are no *.safetensors in " + path.string());
  if (files.size() > kMaxFiles) return fail(ErrorCode::kTooLarge, path.string() + " holds more than 1,000 safetensors files");
  Collected all;
  for (const auto& file : files) RETURN_IF_ERROR(read_header(file, all));
  return std::move(all.tensors);
}

}  // namespace siyu::planner
