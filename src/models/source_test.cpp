#include "models/source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace siyu::models {
namespace {

using ::testing::HasSubstr;

std::vector<RemoteFile> files(std::initializer_list<const char*> paths) {
  std::vector<RemoteFile> all;
  for (const auto* path : paths) all.push_back({.path = path});
  return all;
}

std::vector<std::string> paths(const Result<std::vector<RemoteFile>>& chosen) {
  std::vector<std::string> all;
  if (!chosen) return {chosen.error().message};
  for (const auto& file : *chosen) all.push_back(file.path);
  return all;
}

TEST(Source, HubReferencesAreTakenApart) {
  const auto plain = parse_source("hf:Qwen/Qwen3-8B-GGUF").value();
  EXPECT_EQ(plain.kind, SourceKind::kHuggingFace);
  EXPECT_EQ(plain.owner + " " + plain.repo + " " + plain.selector, "Qwen Qwen3-8B-GGUF ");
  const auto file = parse_source("ms:a/b.c:dir/x-Q8_0.gguf").value();
  EXPECT_EQ(file.kind, SourceKind::kModelScope);
  EXPECT_EQ(file.selector, "dir/x-Q8_0.gguf");
  EXPECT_EQ(parse_source("https://Host/a.gguf?sig=1").value().url, "https://Host/a.gguf?sig=1");
}

TEST(Source, EverythingElseIsRefused) {
  for (const auto* bad : {"", "Qwen/Qwen3", "hf:", "hf:owner", "hf:owner/", "hf:/repo", "hf:a/b/c", "hf:../..", "hf:a/..", "hf:.a/b", "hf:a/b:", "hf:a/b:../../etc/passwd",
                          "hf:a/b:/etc/passwd", "hf:a/b?x", "hf:a/b#x", "hf:a b/c", "hf:a/b:x\ny", "file:///etc/passwd", "ftp://a/b", "https://u:p@host/x.gguf"})
    EXPECT_FALSE(parse_source(bad).has_value()) << bad;
  EXPECT_FALSE(parse_source("hf:a/" + std::string(5000, 'b')).has_value());
}

TEST(Source, WithoutASelectorTheUsualQuantisationIsChosen) {
  EXPECT_THAT(paths(choose_files(files({"README.md", "m-Q8_0.gguf", "m-Q4_K_M.gguf", "mmproj-m-f16.gguf"}), "")), testing::ElementsAre("m-Q4_K_M.gguf"));
  EXPECT_THAT(paths(choose_files(files({"m-q8_0.gguf", "m-q2_k.gguf"}), "")), testing::ElementsAre("m-q8_0.gguf"));
  EXPECT_THAT(paths(choose_files(files({"only.gguf", "config.json"}), "")), testing::ElementsAre("only.gguf"));
  EXPECT_THAT(paths(choose_files(files({"a.gguf", "b.gguf"}), "")), testing::ElementsAre(HasSubstr("a.gguf, b.gguf")));
  EXPECT_THAT(paths(choose_files(files({"model.safetensors"}), "")), testing::ElementsAre(HasSubstr("no GGUF file")));
}

TEST(Source, ASelectorIsAFileOrAQuantisation) {
  const auto all = files({"m-Q4_K_M.gguf", "m-Q4_K_S.gguf", "sub/m-Q4_K_S.gguf", "UD-Q4_K_M/x.gguf"});
  EXPECT_THAT(paths(choose_files(all, "m-Q4_K_M.gguf")), testing::ElementsAre("m-Q4_K_M.gguf"));
  EXPECT_THAT(paths(choose_files(all, "sub/m-Q4_K_S.gguf")), testing::ElementsAre("sub/m-Q4_K_S.gguf"));
  EXPECT_THAT(paths(choose_files(all, "m-Q4_K_S.gguf")), testing::ElementsAre("m-Q4_K_S.gguf"));
  EXPECT_THAT(paths(choose_files(all, "q4_k_s")), testing::ElementsAre(HasSubstr("More than one")));
  EXPECT_THAT(paths(choose_files(all, "Q4_K")), testing::ElementsAre(HasSubstr("it has: ")));
}

TEST(Source, AllPartsOfASplitModelComeInOrder) {
  const auto all = files({"Q8/m-00002-of-00003.gguf", "Q8/m-00003-of-00003.gguf", "Q8/m-00001-of-00003.gguf", "m-Q4_0.gguf"});
  const auto whole = testing::ElementsAre("Q8/m-00001-of-00003.gguf", "Q8/m-00002-of-00003.gguf", "Q8/m-00003-of-00003.gguf");
  EXPECT_THAT(paths(choose_files(all, "Q8")), whole);
  EXPECT_THAT(paths(choose_files(all, "m-00001-of-00003.gguf")), whole);
  EXPECT_THAT(paths(choose_files(files({"m-00001-of-00002.gguf"}), "")), testing::ElementsAre(HasSubstr("1 of the 2 parts")));
}

TEST(Source, TheProjectorBesideAModelIsFound) {
  const auto chosen = [](std::initializer_list<const char*> names) {
    const auto projector = choose_projector(files(names));
    return projector ? projector->path : std::string("none");
  };
  EXPECT_EQ(chosen({"m-Q4_K_M.gguf", "mmproj-F32.gguf", "mmproj-BF16.gguf", "mmproj-F16.gguf"}), "mmproj-F16.gguf");
  EXPECT_EQ(chosen({"m-Q4_K_M.gguf", "mmproj-m-f32.gguf", "mmproj-m-Q8_0.gguf"}), "mmproj-m-Q8_0.gguf");
  EXPECT_EQ(chosen({"m.gguf", "sub/m.mmproj-b.gguf", "m.mmproj-a.gguf"}), "m.mmproj-a.gguf");
  EXPECT_EQ(chosen({"m.gguf", "mmproj.json", "../mmproj.gguf"}), "none");
}

TEST(Source, PathsThatClimbAreNoModels) {
  EXPECT_THAT(paths(choose_files(files({"../../etc/x-Q4_0.gguf", "/abs.gguf", "a//b.gguf", "a\\b.gguf", "good.gguf"}), "")), testing::ElementsAre("good.gguf"));
}

TEST(Source, NamesComeFromFileNames) {
  EXPECT_EQ(model_name_of("dir/Qwen3-8B-Q4_K_M.gguf"), "Qwen3-8B-Q4_K_M");
  EXPECT_EQ(model_name_of("Qwen3-00001-of-00002.gguf"), "Qwen3");
  EXPECT_EQ(model_name_of("..%2f模型 x.GGUF"), "-2f-x");
  EXPECT_EQ(model_name_of("模型.gguf"), "model");
  EXPECT_EQ(model_name_of("...gguf"), "model");
}

}  // namespace
}  // namespace siyu::models
