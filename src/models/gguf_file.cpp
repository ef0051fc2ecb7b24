#include "models/gguf_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <istream>
#include <limits>
#include <optional>
#include <sstream>

#include "base/split_name.h"
#include "models/adapter.h"

namespace siyu::models {
namespace {

constexpr std::uint64_t kMaxKeys = 65'536;
constexpr std::uint64_t kMaxTensors = 1'000'000;
constexpr std::uint64_t kMaxText = 16ULL << 20;        // chat templates are tens of kilobytes
constexpr std::uint64_t kMaxElements = 64ULL << 20;    // vocabularies have a few hundred thousand
constexpr std::uint32_t kMaxDimensions = 4;            // GGML_MAX_DIMS
constexpr int kMaxArrayDepth = 2;
constexpr std::uint64_t kMaxListed = 1024;             // far over the layers of any model

enum Type : std::uint32_t { kU8, kI8, kU16, kI16, kU32, kI32, kF32, kBool, kString, kArray, kU64, kI64, kF64 };

/// A read past the end or a broken rule ends the whole reading.
struct Malformed {
  std::string why;
};

class Reader {
 public:
  explicit Reader(std::istream& in) : in_(in) {}

  template <class T>
  T scalar() {
    std::array<char, sizeof(T)> raw{};
    if (!in_.read(raw.data(), raw.size())) throw Malformed{"it ends early"};
    T value{};
    std::memcpy(&value, raw.data(), sizeof value);  // GGUF is little-endian, and so are the machines we run on
    return value;
  }

  std::string text() {
    const auto size = scalar<std::uint64_t>();
    if (size > kMaxText) throw Malformed{"a text in it is larger than 16 MiB"};
    std::string out;
    // Grows with what is really there, so that a lying length costs nothing.
    for (std::uint64_t left = size; left > 0;) {
      const auto piece = std::min<std::uint64_t>(left, 64ULL << 10);
      const auto before = out.size();
      out.resize(before + piece);
      if (!in_.read(out.data() + before, static_cast<std::streamsize>(piece))) throw Malformed{"it ends early"};
      left -= piece;
    }
    return out;
  }

  void skip(std::uint64_t bytes) {
    if (bytes > static_cast<std::uint64_t>(std::numeric_limits<std::streamoff>::max())) throw Malformed{"it ends early"};
    in_.ignore(static_cast<std::streamsize>(bytes));
    if (static_cast<std::uint64_t>(in_.gcount()) != bytes) throw Malformed{"it ends early"};
  }

 private:
  std::istream& in_;
};

std::uint64_t fixed_size(std::uint32_t type) {
  switch (type) {
    case kU8: case kI8: case kBool: return 1;
    case kU16: case kI16: return 2;
    case kU32: case kI32: case kF32: return 4;
    case kU64: case kI64: case kF64: return 8;
    default: return 0;
  }
}

/// A whole number of a type that arrays of layers have; nothing for the others.
std::optional<std::uint64_t> read_whole(Reader& reader, std::uint32_t type) {
  const auto clamped = [](auto value) { return value < 0 ? std::uint64_t{0} : static_cast<std::uint64_t>(value); };
  switch (type) {
    case kU8: case kBool: return reader.scalar<std::uint8_t>();
    case kI8: return clamped(reader.scalar<std::int8_t>());
    case kU16: return reader.scalar<std::uint16_t>();
    case kI16: return clamped(reader.scalar<std::int16_t>());
    case kU32: return reader.scalar<std::uint32_t>();
    case kI32: return clamped(reader.scalar<std::int32_t>());
    case kU64: return reader.scalar<std::uint64_t>();
    case kI64: return clamped(reader.scalar<std::int64_t>());
    default: return std::nullopt;
  }
}

/// Returns the array's length. Short ones of whole numbers go into `list`, which may be null; all others are passed over.
std::uint64_t skip_array(Reader& reader, int depth, std::vector<std::uint64_t>* list = nullptr) {
  const auto type = reader.scalar<std::uint32_t>();
  const auto count = reader.scalar<std::uint64_t>();
  if (count > kMaxElements) throw Malformed{"a list in it is too long"};
  if (type == kArray) {
    if (depth >= kMaxArrayDepth) throw Malformed{"its lists are nested too deeply"};
    for (std::uint64_t i = 0; i < count; ++i) skip_array(reader, depth + 1);
  } else if (type == kString) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto size = reader.scalar<std::uint64_t>();
      if (size > kMaxText) throw Malformed{"a text in it is larger than 16 MiB"};
      reader.skip(size);
    }
  } else {
    const auto size = fixed_size(type);
    if (size == 0) throw Malformed{"it has a value of an unknown type"};
    if (list == nullptr || count > kMaxListed || type == kF32 || type == kF64) reader.skip(size * count);
    else for (std::uint64_t i = 0; i < count; ++i) list->push_back(read_whole(reader, type).value_or(0));
  }
  return count;
}

GgufValue read_scalar(Reader& reader, std::uint32_t type) {
  switch (type) {
    case kU8: return static_cast<std::uint64_t>(reader.scalar<std::uint8_t>());
    case kI8: return static_cast<std::int64_t>(reader.scalar<std::int8_t>());
    case kU16: return static_cast<std::uint64_t>(reader.scalar<std::uint16_t>());
    case kI16: return static_cast<std::int64_t>(reader.scalar<std::int16_t>());
    case kU32: return static_cast<std::uint64_t>(reader.scalar<std::uint32_t>());
    case kI32: return static_cast<std::int64_t>(reader.scalar<std::int32_t>());
    case kF32: return static_cast<double>(reader.scalar<float>());
    case kBool: return reader.scalar<std::uint8_t>() != 0;
    case kString: return reader.text();
    case kU64: return reader.scalar<std::uint64_t>();
    case kI64: return reader.scalar<std::int64_t>();
    case kF64: return reader.scalar<double>();
    default: throw Malformed{"it has a value of an unknown type"};
  }
}

GgufTensor read_tensor(Reader& reader) {
  GgufTensor tensor;
  tensor.name = reader.text();
  const auto dimensions = reader.scalar<std::uint32_t>();
  if (dimensions > kMaxDimensions) throw Malformed{"a tensor in it has more than 4 dimensions"};
  std::uint64_t elements = 1;
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    tensor.shape.push_back(reader.scalar<std::uint64_t>());
    if (tensor.shape.back() == 0 || elements > (1ULL << 50) / tensor.shape.back()) throw Malformed{"a tensor in it has an impossible size"};
    elements *= tensor.shape.back();
  }
  tensor.type = reader.scalar<std::uint32_t>();
  reader.scalar<std::uint64_t>();  // offset
  return tensor;
}

Result<GgufFile> read(std::istream& in) {
  GgufFile file;
  try {
    Reader reader(in);
    std::array<char, 4> magic{};
    for (auto& c : magic) c = reader.scalar<char>();
    if (std::string_view(magic.data(), 4) != "GGUF") return invalid("The file is not a GGUF model; convert it first");
    const auto version = reader.scalar<std::uint32_t>();
    if (version != 2 && version != 3) return invalid("The GGUF file has version " + std::to_string(version) + "; versions 2 and 3 are supported");
    const auto tensors = reader.scalar<std::uint64_t>(), keys = reader.scalar<std::uint64_t>();
    if (tensors > kMaxTensors || keys > kMaxKeys) return invalid("The GGUF file is malformed: it announces too many entries");
    for (std::uint64_t i = 0; i < keys; ++i) {
      auto key = reader.text();
      const auto type = reader.scalar<std::uint32_t>();
      if (type == kArray) {
        std::vector<std::uint64_t> list;
        const auto length = skip_array(reader, 1, &list);
        if (!list.empty()) file.lists[key] = std::move(list);
        file.array_lengths[std::move(key)] = length;
      }
      else file.values[std::move(key)] = read_scalar(reader, type);
    }
    for (std::uint64_t i = 0; i < tensors; ++i) file.tensors.push_back(read_tensor(reader));
  } catch (const Malformed& fault) {
    return invalid("The GGUF file is malformed: " + fault.why + "; it may be cut off, so copy or download it again");
  }
  return file;
}

/// llama.cpp's llama_ftype: how a file was quantised as a whole.
std::string file_type_name(std::uint64_t type) {
  static constexpr std::array<std::pair<std::uint64_t, const char*>, 34> kNames{{
      {0, "F32"}, {1, "F16"}, {2, "Q4_0"}, {3, "Q4_1"}, {7, "Q8_0"}, {8, "Q5_0"}, {9, "Q5_1"}, {10, "Q2_K"}, {11, "Q3_K_S"},
      {12, "Q3_K_M"}, {13, "Q3_K_L"}, {14, "Q4_K_S"}, {15, "Q4_K_M"}, {16, "Q5_K_S"}, {17, "Q5_K_M"}, {18, "Q6_K"},
      {19, "IQ2_XXS"}, {20, "IQ2_XS"}, {21, "Q2_K_S"}, {22, "IQ3_XS"}, {23, "IQ3_XXS"}, {24, "IQ1_S"}, {25, "IQ4_NL"},
      {26, "IQ3_S"}, {27, "IQ3_M"}, {28, "IQ2_S"}, {29, "IQ2_M"}, {30, "IQ4_XS"}, {31, "IQ1_M"}, {32, "BF16"},
      {36, "TQ1_0"}, {37, "TQ2_0"}, {38, "MXFP4"}, {1024, "guessed"},
  }};
  for (const auto& [number, name] : kNames)
    if (number == type) return name;
  return "type " + std::to_string(type);
}

}  // namespace

std::string GgufFile::text(const std::string& key) const {
  const auto found = values.find(key);
  const auto* value = found == values.end() ? nullptr : std::get_if<std::string>(&found->second);
  return value == nullptr ? std::string() : *value;
}

std::uint64_t GgufFile::number(const std::string& key) const {
  const auto found = values.find(key);
  if (found == values.end()) return 0;
  if (const auto* value = std::get_if<std::uint64_t>(&found->second)) return *value;
  if (const auto* value = std::get_if<std::int64_t>(&found->second)) return *value > 0 ? static_cast<std::uint64_t>(*value) : 0;
  return 0;
}

std::uint64_t GgufFile::number_of_layer(const std::string& key, std::size_t layer) const {
  const auto found = lists.find(key);
  if (found == lists.end()) return number(key);
  return layer < found->second.size() ? found->second[layer] : 0;
}

Result<GgufFile> read_gguf(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return not_found("The model file " + file.filename().string() + " cannot be read");
  return read(in);
}

Result<GgufFile> read_whole_gguf(const std::filesystem::path& first) {
  ASSIGN_OR_RETURN(auto header, read_gguf(first));
  const auto parts = header.number("split.count");
  if (parts <= 1) return header;
  const auto files = model_parts(first);
  if (files.size() != parts)
    return invalid(fmt::format("{} is one of {} files of a model; name the first, which ends in -00001-of-{:05}.gguf", first.filename().string(), parts, parts));
  for (std::size_t i = 1; i < files.size(); ++i) {
    ASSIGN_OR_RETURN(auto more, read_gguf(files[i]));
    std::ranges::move(more.tensors, std::back_inserter(header.tensors));
  }
  return header;
}

Result<GgufFile> parse_gguf(std::string_view bytes) {
  std::istringstream in{std::string(bytes)};
  return read(in);
}

bool is_projector(const GgufFile& file) { return file.text("general.type") == "mmproj" || file.text("general.architecture") == "clip"; }

ModelFacts facts_of(const GgufFile& file) {
  ModelFacts facts;
  facts.architecture = file.text("general.architecture");
  facts.title = file.text("general.name");
  facts.license = file.text("general.license");
  const auto at = [&](const char* key) { return file.number(facts.architecture + "." + key); };
  facts.context_length = at("context_length");
  facts.layers = at("block_count");
  facts.embedding_length = at("embedding_length");
  facts.heads = at("attention.head_count");
  facts.kv_heads = at("attention.head_count_kv");
  if (facts.kv_heads == 0) facts.kv_heads = facts.heads;
  facts.chat_template = !file.text("tokenizer.chat_template").empty();
  facts.rerank = at("pooling_type") == 4;  // LLAMA_POOLING_TYPE_RANK
  facts.embedding = at("pooling_type") != 0 || facts.architecture.ends_with("bert");
  const auto vocabulary = file.array_lengths.find("tokenizer.ggml.tokens");
  if (vocabulary != file.array_lengths.end()) facts.vocabulary = vocabulary->second;
  if (file.values.contains("general.file_type")) facts.quantization = file_type_name(file.number("general.file_type"));
  for (const auto& tensor : file.tensors) {
    std::uint64_t elements = 1;
    for (const auto size : tensor.shape) elements *= size;
    facts.parameters += elements;
  }
  if (is_adapter(file)) facts.adapter = adapter_facts_of(file);
  return facts;
}

}  // namespace siyu::models
