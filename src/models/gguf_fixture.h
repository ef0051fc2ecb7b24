// Model files for tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace siyu::models {

/// Writes GGUF bytes as the format's description says.
class GgufBytes {
 public:
  explicit GgufBytes(std::uint64_t tensors, std::uint64_t keys, std::uint32_t version = 3) {
    bytes_ = "GGUF";
    put(version).put(tensors).put(keys);
  }
  template <class T>
  GgufBytes& put(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  GgufBytes& text(std::string_view value) {
    put<std::uint64_t>(value.size());
    bytes_ += value;
    return *this;
  }
  GgufBytes& key(std::string_view name, std::uint32_t type) { return text(name).put(type); }
  const std::string& str() const { return bytes_; }

 private:
  std::string bytes_;
};

/// A model whose header is true; it has no weights.
inline std::string small_model() {
  GgufBytes file(1, 8);
  file.key("general.architecture", 8).text("llama");
  file.key("llama.block_count", 4).put<std::uint32_t>(2);
  file.key("llama.embedding_length", 4).put<std::uint32_t>(64);
  file.key("llama.attention.head_count", 4).put<std::uint32_t>(4);
  file.key("llama.attention.head_count_kv", 4).put<std::uint32_t>(2);
  file.key("llama.context_length", 4).put<std::uint32_t>(2048);
  file.key("general.file_type", 4).put<std::uint32_t>(15);
  file.key("tokenizer.ggml.tokens", 9).put<std::uint32_t>(8).put<std::uint64_t>(2).text("a").text("b");
  file.text("token_embd.weight").put<std::uint32_t>(2).put<std::uint64_t>(64).put<std::uint64_t>(2).put<std::uint32_t>(0).put<std::uint64_t>(0);
  return file.str();
}

/// A LoRA adapter of rank 4 for a model whose embeddings have `words` rows of `width`; it has no weights.
inline std::string small_adapter(std::string_view architecture = "llama", std::uint64_t width = 64, std::uint64_t words = 2, std::string_view type = "lora") {
  GgufBytes file(2, 4);
  file.key("general.type", 8).text("adapter");
  file.key("general.architecture", 8).text(architecture);
  file.key("adapter.type", 8).text(type);
  file.key("adapter.lora.alpha", 6).put<float>(8);
  const auto tensor = [&](std::string_view name, std::uint64_t columns, std::uint64_t rows) {
    file.text(name).put<std::uint32_t>(2).put(columns).put(rows).put<std::uint32_t>(0).put<std::uint64_t>(0);
  };
  tensor("output.weight.lora_a", width, 4);
  tensor("output.weight.lora_b", 4, words);
  return file.str();
}

}  // namespace siyu::models
