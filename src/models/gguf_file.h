// What a GGUF model file says of itself. Reads the header only, and believes nothing in it without a bound.
// Format: ggml's docs/gguf.md, versions 2 and 3.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"

namespace siyu::models {

using GgufValue = std::variant<std::uint64_t, std::int64_t, double, bool, std::string>;

struct GgufTensor {
  std::string name;
  std::uint32_t type = 0;  ///< ggml_type
  std::vector<std::uint64_t> shape;
};

struct GgufFile {
  std::map<std::string, GgufValue> values;               ///< scalars
  std::map<std::string, std::uint64_t> array_lengths;
  std::map<std::string, std::vector<std::uint64_t>> lists;  ///< short arrays of whole numbers or booleans: a value for each layer
  std::vector<GgufTensor> tensors;

  std::string text(const std::string& key) const;        ///< empty when absent or not a text
  std::uint64_t number(const std::string& key) const;    ///< 0 when absent or not a whole number
  /// Of a key that has one value for all layers, or one for each.
  std::uint64_t number_of_layer(const std::string& key, std::size_t layer) const;
};

/// kInvalidArgument says what is wrong with the file.
Result<GgufFile> read_gguf(const std::filesystem::path& file);
/// Of a model that may be split over files NAME-00001-of-00003.gguf …: the first has the structure, the tensors are in all of them.
/// kInvalidArgument when another part is named; kNotFound names the part that is missing.
Result<GgufFile> read_whole_gguf(const std::filesystem::path& first);
/// The same over bytes in memory.
Result<GgufFile> parse_gguf(std::string_view bytes);

/// Of a LoRA adapter (adapter.h).
struct AdapterFacts {
  std::uint64_t rank = 0;
  double alpha = 0;        ///< the change is scaled by alpha / rank; 0: by nothing
  std::string base_model;  ///< as its author names it; often empty
};

/// The facts that people and the planner ask for.
struct ModelFacts {
  std::string architecture, title, license, quantization;
  bool embedding = false;
  std::optional<bool> rerank;  ///< absent in what older versions stored
  bool chat_template = false;
  std::uint64_t parameters = 0, context_length = 0, layers = 0, embedding_length = 0, heads = 0, kv_heads = 0, vocabulary = 0;
  std::optional<AdapterFacts> adapter = {};  ///< present when the file is an adapter, which is loaded with a model only
};
ModelFacts facts_of(const GgufFile& file);
/// The part of a vision model that turns pictures into what its language model reads (llama.cpp's mmproj files); no model by itself.
bool is_projector(const GgufFile& file);

}  // namespace siyu::models
