#include "planner/shapes.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

namespace siyu::planner {
namespace {

using testing::HasSubstr;

TEST(Shapes, CountAsManyParametersAsTheCatalogueAndThePublishers) {
  const auto catalogue = builtin_catalogue().value();
  for (const auto& entry : catalogue.models) {
    const auto shape = shape_of(entry);
    EXPECT_NEAR(static_cast<double>(shape.parameters()) / static_cast<double>(entry.parameters), 1, 0.001) << entry.name;
    if (!entry.check) EXPECT_NEAR(static_cast<double>(shape.parameters()) / static_cast<double>(entry.parameters_published), 1, 0.011) << entry.name;
    if (entry.active_parameters && !entry.vision_parameters)
      EXPECT_NEAR(static_cast<double>(shape.active_parameters()) / static_cast<double>(*entry.active_parameters), 1, 0.01) << entry.name;
  }
}

TEST(Shapes, KeepWhatTheirAttentionKeeps) {
  const auto catalogue = builtin_catalogue().value();
  const auto kv = [&](const char* name) { return shape_of(**catalogue.model(name)).kv_values_per_token(); };
  EXPECT_EQ(kv("Qwen2.5-7B"), 28U * 4 * 128 * 2);            // grouped queries
  EXPECT_EQ(kv("DeepSeek-V3"), 61U * (512 + 64));            // one latent row for all heads
  EXPECT_EQ(kv("Llama-3.1-405B"), 126U * 8 * 128 * 2);
  const auto gemma = shape_of(**catalogue.model("Gemma-3-27B"));
  EXPECT_LT(sizing::kv_bytes(gemma, 131'072, 16), 0.25 * sizing::kv_bytes(gemma, 131'072, 16) + static_cast<double>(gemma.layers) * 131'072 * 2 * 16 * 128 * 2 / 4);
  EXPECT_EQ(kv("bge-m3"), 0U);                               // makes vectors: keeps nothing
}

class ModelFolder : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/siyu-shapes-XXXXXX";
    folder_ = ::mkdtemp(path);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& name, const std::string& bytes) { std::ofstream(folder_ / name, std::ios::binary) << bytes; }
  static std::string safetensors(std::string header) {
    const std::uint64_t size = header.size();
    return std::string(reinterpret_cast<const char*>(&size), sizeof size) + header;
  }
  std::filesystem::path folder_;
  const Catalogue catalogue_ = builtin_catalogue().value();
};

// The numbers of Qwen2.5-0.5B's published config.json.
constexpr const char* kQwen = R"({"model_type": "qwen2", "hidden_size": 896, "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2,
  "intermediate_size": 4864, "vocab_size": 151936, "max_position_embeddings": 32768, "tie_word_embeddings": true, "use_sliding_window": false, "sliding_window": 32768})";

TEST_F(ModelFolder, ConfigJsonGivesTheSameShapeAsTheCatalogue) {
  write("config.json", kQwen);
  const auto shape = find_shape(catalogue_, (folder_ / "config.json").string());
  ASSERT_TRUE(shape) << shape.error().message;
  const auto known = shape_of(**catalogue_.model("Qwen2.5-0.5B"));
  EXPECT_EQ(shape->parameters(), known.parameters());
  EXPECT_EQ(shape->kv_values_per_token(), known.kv_values_per_token());
}

TEST_F(ModelFolder, SafetensorsCountTheBytesThatAreStored) {
  write("config.json", kQwen);
  write("model.safetensors", safetensors(R"({"__metadata__": {}, "model.embed_tokens.weight": {"dtype": "BF16", "shape": [1000, 896], "data_offsets": [0, 1]},
    "model.layers.0.mlp.experts.0.up_proj.weight": {"dtype": "F8_E4M3", "shape": [64, 896], "data_offsets": [0, 1]},
    "model.layers.0.mlp.experts.1.up_proj.weight": {"dtype": "F8_E4M3", "shape": [64, 896], "data_offsets": [0, 1]}})"));
  const auto shape = find_shape(catalogue_, folder_.string());
  ASSERT_TRUE(shape) << shape.error().message;
  EXPECT_EQ(sizing::weight_bytes(*shape, nullptr), 1000.0 * 896 * 2 + 2 * 64 * 896);
  EXPECT_EQ(sizing::expert_weight_bytes(*shape, nullptr), 2.0 * 64 * 896);
}

TEST_F(ModelFolder, WhatCannotBeReadSaysWhatIsExpected) {
  const auto message = [&](const std::string& path) { return find_shape(catalogue_, path).error().message; };
  EXPECT_THAT(message("/nowhere/model.gguf"), HasSubstr("There is no file"));
  EXPECT_THAT(message("Qwen9"), HasSubstr("did you mean"));
  write("config.json", "{}");
  EXPECT_THAT(message((folder_ / "config.json").string()), HasSubstr("`num_hidden_layers` must be a whole number"));
  write("config.json", R"({"num_hidden_layers": -3})");
  EXPECT_THAT(message((folder_ / "config.json").string()), HasSubstr("`num_hidden_layers`"));
  write("config.json", "[1");
  EXPECT_THAT(message((folder_ / "config.json").string()), HasSubstr("is no config.json"));
  std::filesystem::remove(folder_ / "config.json");
  write("a.safetensors", safetensors("{}"));
  EXPECT_THAT(message((folder_ / "a.safetensors").string()), HasSubstr("put the model's config.json beside"));
  write("config.json", kQwen);
  write("a.safetensors", "short");
  EXPECT_THAT(message((folder_ / "a.safetensors").string()), HasSubstr("ends before its header"));
  write("a.safetensors", safetensors(R"({"x": {"dtype": "BF16", "shape": [99999999, 99999999]}})"));
  EXPECT_THAT(message((folder_ / "a.safetensors").string()), HasSubstr("impossible shape"));
  write("notes.txt", "");
  EXPECT_THAT(message((folder_ / "notes.txt").string()), HasSubstr("no GGUF file"));
}

}  // namespace
}  // namespace siyu::planner
