#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "models/adapter.h"
#include "models/gguf_fixture.h"
#include "models/library.h"
#include "policy/room_fixture.h"

namespace siyu::models {
namespace {

using ::testing::HasSubstr;

TEST(Gguf, ReadsFactsFromTheHeader) {
  const auto facts = facts_of(parse_gguf(small_model()).value());
  EXPECT_EQ(facts.architecture, "llama");
  EXPECT_EQ(facts.context_length, 2048U);
  EXPECT_EQ(facts.quantization, "Q4_K_M");
  EXPECT_EQ(facts.vocabulary, 2U);
  EXPECT_EQ(facts.parameters, 128U);
  EXPECT_FALSE(facts.embedding);
}

TEST(Gguf, OfASplitModelAllPartsAreRead) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "siyu-split-model";
  std::filesystem::create_directories(folder);
  const auto part = [&](int number, std::string_view tensor) {
    GgufBytes file(1, 2);
    file.key("general.architecture", 8).text("llama");
    file.key("split.count", 2).put<std::uint16_t>(3);
    file.text(tensor).put<std::uint32_t>(2).put<std::uint64_t>(64).put<std::uint64_t>(2).put<std::uint32_t>(0).put<std::uint64_t>(0);
    const auto path = folder / fmt::format("m-0000{}-of-00003.gguf", number);
    std::ofstream(path, std::ios::binary) << file.str();
    return path;
  };
  const auto first = part(1, "token_embd.weight");
  const auto last = part(3, "output.weight");
  std::ofstream(folder / "another.gguf") << "no model";
  EXPECT_THAT(read_whole_gguf(first).error().message, HasSubstr("m-00002-of-00003.gguf"));
  part(2, "blk.0.attn_q.weight");
  EXPECT_EQ(read_whole_gguf(first).value().tensors.size(), 3U);
  EXPECT_THAT(read_whole_gguf(last).error().message, HasSubstr("-00001-of-00003.gguf"));
  std::filesystem::remove_all(folder);
}

TEST(Gguf, EveryCutOffFileIsRefusedWithoutHarm) {
  const auto whole = small_model();
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(parse_gguf(std::string_view(whole).substr(0, size)).has_value()) << size;
}

TEST(Gguf, LyingCountsAreRefused) {
  EXPECT_THAT(parse_gguf("PK\3\4 zip file").error().message, HasSubstr("not a GGUF"));
  EXPECT_THAT(parse_gguf(GgufBytes(0, 0, 99).str()).error().message, HasSubstr("version 99"));
  EXPECT_FALSE(parse_gguf(GgufBytes(1ULL << 60, 1).str()).has_value());
  EXPECT_FALSE(parse_gguf(GgufBytes(0, 1).put(~0ULL).str()).has_value());
  EXPECT_FALSE(parse_gguf(GgufBytes(0, 1).key("a", 9).put<std::uint32_t>(0).put(1ULL << 62).str()).has_value());
  EXPECT_FALSE(parse_gguf(GgufBytes(0, 1).key("a", 77).str()).has_value());
  EXPECT_FALSE(parse_gguf(GgufBytes(1, 0).text("t").put<std::uint32_t>(2).put(1ULL << 40).put(1ULL << 40).put<std::uint32_t>(0).put(0ULL).str()).has_value());
}

TEST(Gguf, ReadsRealModels) {
  const char* models = std::getenv("SIYU_TEST_MODELS");
  if (models == nullptr) GTEST_SKIP() << "SIYU_TEST_MODELS is unset";
  const auto stories = facts_of(read_gguf(std::filesystem::path(models) / "stories260K-f16.gguf").value());
  EXPECT_EQ(stories.architecture, "llama");
  EXPECT_EQ(stories.layers, 5U);
  EXPECT_EQ(stories.kv_heads, 4U);
  EXPECT_EQ(stories.vocabulary, 512U);
  EXPECT_TRUE(facts_of(read_gguf(std::filesystem::path(models) / "static-embed-enzh-q4_0.gguf").value()).embedding);
}

/// The header of a model with one more tensor.
GgufFile model_with(const std::string& tensor, std::uint64_t columns, std::uint64_t rows) {
  auto file = parse_gguf(small_model()).value();
  file.tensors.push_back({.name = tensor, .type = 0, .shape = {columns, rows}});
  return file;
}

TEST(Adapter, TellsRankAndAlphaAndIsNoModel) {
  const auto facts = facts_of(parse_gguf(small_adapter()).value());
  ASSERT_TRUE(facts.adapter);
  EXPECT_EQ(facts.adapter->rank, 4U);
  EXPECT_EQ(facts.adapter->alpha, 8);
  EXPECT_EQ(facts.architecture, "llama");
  EXPECT_FALSE(facts_of(parse_gguf(small_model()).value()).adapter);
}

TEST(Adapter, FitsTheModelItWasMadeForOnly) {
  const auto adapter = parse_gguf(small_adapter("llama", 64, 2)).value();
  EXPECT_TRUE(check_fits(model_with("output.weight", 64, 2), "m", adapter, "a"));
  EXPECT_THAT(check_fits(model_with("output.weight", 128, 2), "m", adapter, "a").error().message, HasSubstr("another size"));
  EXPECT_THAT(check_fits(model_with("output.weight", 64, 3), "m", adapter, "a").error().message, HasSubstr("expects 2 where output.weight has 3"));
  const auto other = parse_gguf(small_adapter("qwen2")).value();
  EXPECT_THAT(check_fits(model_with("output.weight", 64, 2), "m", other, "a").error().message, HasSubstr("made for a qwen2 model, and m is a llama model"));
}

TEST(Adapter, OfATableHasItsSidesTheOtherWayRound) {
  auto adapter = parse_gguf(small_adapter()).value();
  adapter.tensors = {{.name = "token_embd.weight.lora_a", .type = 0, .shape = {4, 2}}, {.name = "token_embd.weight.lora_b", .type = 0, .shape = {4, 64}}};
  EXPECT_TRUE(check_fits(parse_gguf(small_model()).value(), "m", adapter, "a"));  // 64 × 2
  adapter.tensors[1].shape = {4, 32};
  EXPECT_FALSE(check_fits(parse_gguf(small_model()).value(), "m", adapter, "a"));
}

class LibraryTest : public RoomTest {
 protected:
  LibraryTest() : RoomTest({migrations()}) {}
  void SetUp() override {
    library = ModelLibrary::open(*db, dir / "models", clock).value();
  }
  std::filesystem::path upload(const std::string& bytes) {
    std::ofstream(dir / "upload", std::ios::binary) << bytes;
    return dir / "upload";
  }
  std::unique_ptr<ModelLibrary> library;
};

TEST_F(LibraryTest, ImportsListsAndRemoves) {
  const auto model = library->import_file(*pass, "tiny", upload(small_model()), "tiny.gguf", {}).value();
  EXPECT_EQ(model.bytes, small_model().size());
  EXPECT_EQ(model.sha256.size(), 64U);
  EXPECT_FALSE(std::filesystem::exists(dir / "upload"));
  EXPECT_EQ(library->list(*pass).value().at(0).facts.context_length, 2048U);
  EXPECT_EQ(library->import_file(*pass, "tiny", upload(small_model()), "", {}).error().code, ErrorCode::kAlreadyExists);
  ASSERT_TRUE(library->set_wanted(*pass, "tiny", true).has_value());
  EXPECT_TRUE(library->get(*pass, "tiny").value().wanted);
  ASSERT_TRUE(library->remove(*pass, "tiny").has_value());
  EXPECT_EQ(library->get(*pass, "tiny").error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(std::filesystem::is_empty(dir / "models"));
}

TEST_F(LibraryTest, RefusesBadNamesBrokenFilesAndWrongChecksums) {
  EXPECT_EQ(library->import_file(*pass, "../x", upload(small_model()), "", {}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(library->import_file(*pass, "x", upload("not a model"), "", {}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(library->import_file(*pass, "x", upload(small_model()), "", std::string(64, '0')).error().message, HasSubstr("SHA-256"));
  EXPECT_TRUE(library->list(*pass).value().empty());
}

TEST_F(LibraryTest, KeepsAdaptersAndGivesThemOutWithTheirModelOnly) {
  library->import_file(*pass, "tiny", upload(small_model()), "", {}).value();
  library->import_file(*pass, "poet", upload(small_adapter()), "", {}).value();
  library->import_file(*pass, "stranger", upload(small_adapter("qwen2")), "", {}).value();
  EXPECT_EQ(library->get(*pass, "poet").value().facts.adapter->rank, 4U);
  const auto tiny = library->get(*pass, "tiny").value();
  EXPECT_EQ(library->adapters_for(*pass, tiny, {"poet"}).value().at(0).name, "poet");
  EXPECT_THAT(library->adapters_for(*pass, tiny, {"poet", "stranger"}).error().message, HasSubstr("qwen2"));
  EXPECT_THAT(library->adapters_for(*pass, tiny, {"tiny"}).error().message, HasSubstr("not an adapter"));
  EXPECT_EQ(library->adapters_for(*pass, tiny, {"nobody"}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(library->import_file(*pass, "x", upload(small_adapter("llama", 64, 2, "control_vector")), "", {}).error().code, ErrorCode::kUnsupported);
}

TEST_F(LibraryTest, WhatAKilledImportLeftIsGoneAfterTheNextStart) {
  std::ofstream(dir / "models" / "orphan.gguf") << small_model();
  library->import_file(*pass, "kept", upload(small_model()), "", {}).value();
  library = ModelLibrary::open(*db, dir / "models", clock).value();
  EXPECT_FALSE(std::filesystem::exists(dir / "models" / "orphan.gguf"));
  EXPECT_TRUE(std::filesystem::exists(dir / "models" / "kept.gguf"));
}

}  // namespace
}  // namespace siyu::models
