#include <gmock/gmock.h>

#include "sizing/model_shape.h"
#include "sizing/weight_types.h"
#include "sizing/worker_memory.h"

namespace siyu::sizing {
namespace {

using testing::HasSubstr;

ModelShape tiny(std::uint32_t layers = 4) {
  ModelShape shape{.name = "tiny", .layers = layers, .width = 256, .heads = 8, .kv_heads = 2, .key_width = 32, .value_width = 32, .feed_forward = 512, .vocabulary = 1000, .context = 4096};
  shape.tensors.push_back({.role = Role::kTokenEmbedding, .columns = 256, .rows = 1000});
  shape.tensors.push_back({.role = Role::kOutput, .columns = 256, .rows = 1000});
  for (std::uint32_t i = 0; i < layers; ++i) {
    shape.tensors.push_back({.role = Role::kAttentionQ, .layer = i, .columns = 256, .rows = 256});
    shape.tensors.push_back({.role = Role::kAttentionV, .layer = i, .columns = 256, .rows = 64});
    shape.tensors.push_back({.role = Role::kFfnDown, .layer = i, .columns = 512, .rows = 256});
    shape.memory.push_back({.key_values = 64, .value_values = 64});
  }
  return shape;
}

TEST(WeightTypes, BlocksHaveTheBitsThatTheirStructuresTake) {
  EXPECT_DOUBLE_EQ(tensor_type_named("q4_0")->bits(), 4.5);
  EXPECT_DOUBLE_EQ(tensor_type_named("q8_0")->bits(), 8.5);
  EXPECT_DOUBLE_EQ(tensor_type_named("q4_k")->bits(), 4.5);
  EXPECT_DOUBLE_EQ(tensor_type_named("q6_k")->bits(), 6.5625);
  EXPECT_DOUBLE_EQ(tensor_type_named("mxfp4")->bits(), 4.25);
  EXPECT_DOUBLE_EQ(tensor_type_named("iq2_xxs")->bits(), 2.0625);
  EXPECT_EQ(tensor_type(12)->name, "q4_k");
  EXPECT_EQ(tensor_type(4), nullptr);  // taken out of the format
}

TEST(WeightTypes, AreFoundHoweverTheyAreWritten) {
  EXPECT_EQ(weight_format("Q4_K_M")->name, "q4_k_m");
  EXPECT_EQ(weight_format("awq int4")->name, "awq-int4");
  EXPECT_THAT(weight_format("int3").error().message, testing::AllOf(HasSubstr("int3"), HasSubstr("q4_k_m")));
}

TEST(WeightTypes, ScalesOfGroupsCount) {
  const TensorPlace matrix{.role = Role::kFfnUp, .columns = 4096};
  EXPECT_DOUBLE_EQ(bits_of(*weight_format("int4"), matrix), 4);
  EXPECT_DOUBLE_EQ(bits_of(*weight_format("awq-int4"), matrix), 4 + 20.0 / 128);
  EXPECT_DOUBLE_EQ(bits_of(*weight_format("awq-int4"), {.role = Role::kOutput, .columns = 4096}), 16);
}

TEST(WeightTypes, MixturesGiveMoreBitsToSomeLayersAndRowsThatDoNotFitFallBack) {
  const auto mix = *weight_format("q4_k_m");
  EXPECT_DOUBLE_EQ(bits_of(mix, {.role = Role::kFfnDown, .layer = 0, .layers = 32, .columns = 4096}), 6.5625);
  EXPECT_DOUBLE_EQ(bits_of(mix, {.role = Role::kFfnDown, .layer = 5, .layers = 32, .columns = 4096}), 4.5);
  EXPECT_DOUBLE_EQ(bits_of(mix, {.role = Role::kFfnUp, .layer = 0, .layers = 32, .columns = 4096}), 4.5);
  EXPECT_DOUBLE_EQ(bits_of(mix, {.role = Role::kFfnUp, .layers = 32, .columns = 896}), 5.5);  // no multiple of 256: q5_0
  EXPECT_DOUBLE_EQ(bits_of(mix, {.role = Role::kNorm, .columns = 4096}), 32);
}

TEST(ModelShape, CountsByRoleAndFormat) {
  const auto shape = tiny();
  EXPECT_EQ(shape.parameters(), 2 * 256'000U + 4 * (65'536U + 16'384 + 131'072));
  EXPECT_EQ(shape.computed_parameters(), shape.parameters() - 256'000);  // a row of the embedding is looked up
  const auto half = *weight_format("fp16");
  EXPECT_DOUBLE_EQ(weight_bytes(shape, &half), 2.0 * static_cast<double>(shape.parameters()));
  EXPECT_DOUBLE_EQ(kv_bytes(shape, 100, 16), 100.0 * 4 * 128 * 2);
  EXPECT_THAT(kv_bits("q7").error().message, HasSubstr("kv_type"));
}

TEST(ModelShape, AWindowKeepsNoMoreThanItself) {
  auto shape = tiny();
  shape.memory[0].window = 50;
  EXPECT_DOUBLE_EQ(kv_bytes(shape, 40, 16), 40.0 * 4 * 128 * 2);
  EXPECT_DOUBLE_EQ(kv_bytes(shape, 100, 16), 100.0 * 3 * 128 * 2 + 50.0 * 128 * 2);
}

TEST(ModelShape, ATokenReadsTheExpertsItUses) {
  auto shape = tiny();
  shape.experts = 8, shape.experts_used = 2;
  shape.tensors.push_back({.role = Role::kFfnUp, .columns = 256, .rows = 128, .experts = 8});
  const auto format = *weight_format("fp16");
  EXPECT_DOUBLE_EQ(expert_weight_bytes(shape, &format), 8.0 * 256 * 128 * 2);
  EXPECT_DOUBLE_EQ(active_weight_bytes(shape, &format), active_weight_bytes(tiny(), &format) + 2.0 * 256 * 128 * 2);
}

TEST(WorkerMemory, GrowsWithEverythingThatNeedsRoom) {
  const auto shape = tiny();
  const auto format = *weight_format("q8_0");
  const auto total = [&](WorkerSizes sizes) { return worker_memory(shape, &format, sizes, {}).total(); };
  const auto base = total({.kv_tokens = 4096, .sequences = 4});
  EXPECT_GT(total({.kv_tokens = 8192, .sequences = 4}), base);
  EXPECT_GT(total({.kv_tokens = 4096, .sequences = 64}), base);
  EXPECT_GT(total({.kv_tokens = 4096, .kv_bits = 32, .sequences = 4}), base);
  EXPECT_GT(total({.kv_tokens = 4096, .sequences = 4, .step_tokens = 4096}), base);
  EXPECT_GE(total({.kv_tokens = 4096, .sequences = 4, .checked = 64}), base);
}

TEST(WorkerMemory, WhoSeesWhomTakesTwoBytesAndOneMoreWhereOurOwnAttentionGroupsTheCells) {
  auto shape = tiny();
  const auto format = *weight_format("q8_0");
  const auto step = [&](double tokens) { return worker_memory(shape, &format, {.kv_tokens = tokens, .step_tokens = 512}, {}).step; };
  for (const auto& [width, bytes] : {std::pair(128, 3), {80, 2}}) {
    shape.key_width = shape.value_width = static_cast<std::uint64_t>(width);
    EXPECT_DOUBLE_EQ(step(1 << 20) - step(1 << 19), 512.0 * (1 << 19) * bytes) << width;
  }
}

TEST(WorkerMemory, WhatTheProcessorWantsInAnOrderOfItsOwnIsTheWorkersOwn) {
  auto shape = tiny();
  for (auto& tensor : shape.tensors) tensor.stored = tensor_type_named("q4_0");
  const WorkerSizes sizes{.kv_tokens = 4096};
  EXPECT_EQ(worker_memory(shape, nullptr, sizes, {}).stored_anew, 0);
  const auto anew = worker_memory(shape, nullptr, sizes, {.avx2 = true});
  EXPECT_GT(anew.stored_anew, 0);
  EXPECT_LT(anew.stored_anew, anew.weights);  // the token embedding is looked up where it lies
  shape.tied = true;
  EXPECT_GT(worker_memory(shape, nullptr, sizes, {.avx2 = true}).second_output, 0);
}

}  // namespace
}  // namespace siyu::sizing
