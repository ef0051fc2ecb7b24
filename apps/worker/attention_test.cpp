// The operation as ggml's threads compute it with ours in place, against the definition in double precision.
#include "attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "attention_plan.h"
#include "ggml-alloc.h"
#include "ggml-backend.h"
#include "ggml-cpu.h"

namespace siyu::worker {
namespace {

struct Shape {
  int size = 64, heads = 14, key_heads = 2, tokens = 16, cells = 1024;
  int threads = 2;
  ggml_type type = GGML_TYPE_F16;
};
constexpr float kScale = 0.125F;
using Sees = std::function<bool(int token, int cell)>;

struct Freed {
  void operator()(ggml_context* context) const { ggml_free(context); }
  void operator()(ggml_backend* backend) const { ggml_backend_free(backend); }
  void operator()(ggml_backend_buffer* buffer) const { ggml_backend_buffer_free(buffer); }
};

std::vector<float> random_floats(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (auto& value : values) value = normal(random);
  return values;
}

/// Fills a tensor and gives what it holds after rounding to its type.
std::vector<float> fill(ggml_tensor* tensor, unsigned seed) {
  auto values = random_floats(static_cast<std::size_t>(ggml_nelements(tensor)), seed);
  if (tensor->type == GGML_TYPE_F32) {
    ggml_backend_tensor_set(tensor, values.data(), 0, ggml_nbytes(tensor));
    return values;
  }
  std::vector<char> bytes(ggml_nbytes(tensor));
  ggml_quantize_chunk(tensor->type, values.data(), bytes.data(), 0, ggml_nrows(tensor), tensor->ne[0], nullptr);
  ggml_backend_tensor_set(tensor, bytes.data(), 0, bytes.size());
  ggml_get_type_traits(tensor->type)->to_float(bytes.data(), values.data(), ggml_nelements(tensor));
  return values;
}

/// softmax(scale · q kᵀ) v over the cells that are seen; all laid out as [row][head][size].
std::vector<float> definition(const Shape& shape, const Sees& sees, const std::vector<float>& q, const std::vector<float>& k, const std::vector<float>& v) {
  std::vector<float> result;
  for (int token = 0; token < shape.tokens; ++token) {
    for (int head = 0; head < shape.heads; ++head) {
      const int key_head = head * shape.key_heads / shape.heads;
      const auto row = [&](const std::vector<float>& of, int cell) { return of.data() + (cell * shape.key_heads + key_head) * shape.size; };
      const float* query = q.data() + (token * shape.heads + head) * shape.size;
      std::vector<double> weights(static_cast<std::size_t>(shape.cells), 0.0);
      double sum = 0;
      for (int cell = 0; cell < shape.cells; ++cell) {
        if (!sees(token, cell)) continue;
        double score = 0;
        for (int i = 0; i < shape.size; ++i) score += static_cast<double>(query[i]) * row(k, cell)[i];
        sum += weights[static_cast<std::size_t>(cell)] = std::exp(score * kScale);
      }
      for (int i = 0; i < shape.size; ++i) {
        double value = 0;
        for (int cell = 0; cell < shape.cells; ++cell) value += weights[static_cast<std::size_t>(cell)] * row(v, cell)[i];
        result.push_back(static_cast<float>(sum > 0 ? value / sum : 0));
      }
    }
  }
  return result;
}

/// Ours, and the definition.
std::pair<std::vector<float>, std::vector<float>> attention_of(const Shape& shape, const Sees& sees) {
  const std::unique_ptr<ggml_context, Freed> context(ggml_init({.mem_size = 1 << 20, .mem_buffer = nullptr, .no_alloc = true}));
  auto* c = context.get();
  // As llama.cpp lays them out: heads within tokens, then seen as tokens within heads.
  auto* q = ggml_permute(c, ggml_new_tensor_3d(c, GGML_TYPE_F32, shape.size, shape.heads, shape.tokens), 0, 2, 1, 3);
  auto* k = ggml_permute(c, ggml_new_tensor_3d(c, shape.type, shape.size, shape.key_heads, shape.cells), 0, 2, 1, 3);
  auto* v = ggml_permute(c, ggml_new_tensor_3d(c, shape.type, shape.size, shape.key_heads, shape.cells), 0, 2, 1, 3);
  auto* mask = ggml_new_tensor_2d(c, GGML_TYPE_F16, shape.cells, shape.tokens);
  auto* out = ggml_flash_attn_ext(c, q, k, v, mask, kScale, 0, 0);
  ggml_prec_set_acc(out, GGML_PREC_F32);
  auto* graph = ggml_new_graph(c);
  ggml_build_forward_expand(graph, out);
  const std::unique_ptr<ggml_backend, Freed> backend(ggml_backend_cpu_init());
  const std::unique_ptr<ggml_backend_buffer, Freed> buffer(ggml_backend_alloc_ctx_tensors(c, backend.get()));
  const auto queries = fill(q->src[0], 1);
  const auto keys = fill(k->src[0], 2);
  const auto values = fill(v->src[0], 3);
  std::vector<ggml_fp16_t> bits;
  for (int token = 0; token < shape.tokens; ++token)
    for (int cell = 0; cell < shape.cells; ++cell) bits.push_back(ggml_fp32_to_fp16(sees(token, cell) ? 0.0F : -INFINITY));
  ggml_backend_tensor_set(mask, bits.data(), 0, bits.size() * sizeof bits[0]);
  ggml_backend_cpu_set_n_threads(backend.get(), shape.threads);
  begin_attention_step();
  EXPECT_EQ(ggml_backend_graph_compute(backend.get(), graph), GGML_STATUS_SUCCESS);
  std::vector<float> result(static_cast<std::size_t>(ggml_nelements(out)));
  ggml_backend_tensor_get(out, result.data(), 0, ggml_nbytes(out));
  return {result, definition(shape, sees, queries, keys, values)};
}

void expect_agreement(const Shape& shape, const Sees& sees) {
  install_attention();
  const auto [found, expected] = attention_of(shape, sees);
  ASSERT_EQ(found.size(), expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i) worst = std::max(worst, static_cast<double>(std::abs(found[i] - expected[i])));
  EXPECT_LT(worst, 2e-5);  // ggml's own, which adds up half floats, lies at 4e-3
}

bool answers_behind_one_prompt(int token, int cell) { return cell < 700 || (cell < 900 && cell % 16 == token); }
bool causal(int token, int cell) { return cell <= 500 + token; }

TEST(Attention, AnswersBehindOnePromptFollowTheDefinition) { expect_agreement({}, answers_behind_one_prompt); }
TEST(Attention, PromptInOneGoFollowsTheDefinition) { expect_agreement({.tokens = 100}, causal); }
TEST(Attention, OneTokenFollowsTheDefinition) { expect_agreement({.tokens = 1}, causal); }
TEST(Attention, FewCellsFollowTheDefinition) { expect_agreement({.tokens = 3, .cells = 256}, [](int token, int cell) { return cell <= token; }); }
TEST(Attention, ManyThreadsPartTheCells) { expect_agreement({.tokens = 2, .threads = 7}, causal); }
TEST(Attention, GroupsWithDifferentPromptsFollowTheDefinition) {
  expect_agreement({.tokens = 40}, [](int token, int cell) { return cell / 200 == token % 4 || cell == 900 + token; });
}
TEST(Attention, HeadsOfOtherSizesFollowTheDefinition) {
  for (const int size : {96, 128, 256}) expect_agreement({.size = size, .heads = 8, .key_heads = 8}, answers_behind_one_prompt);
  expect_agreement({.size = 128, .heads = 40, .key_heads = 1}, answers_behind_one_prompt);
}
TEST(Attention, QuantisedCacheFollowsTheDefinition) {
  expect_agreement({.size = 128, .heads = 8, .key_heads = 2, .type = GGML_TYPE_Q8_0}, answers_behind_one_prompt);
}
TEST(Attention, TokenThatSeesNothingGivesZeros) {
  install_attention();
  const auto found = attention_of({.tokens = 2}, [](int token, int cell) { return token == 0 && cell < 10; }).first;
  for (std::size_t i = found.size() / 2; i < found.size(); ++i) ASSERT_EQ(found[i], 0.0F);
}

TEST(AttentionPlan, CellsAreGroupedByWhoSeesThem) {
  const std::size_t cells = 64;
  std::vector<std::uint16_t> mask(2 * cells, 0xFC00);
  for (std::size_t cell = 0; cell < 40; ++cell) mask[cell] = 0;           // token 0
  for (std::size_t cell = 0; cell < 20; ++cell) mask[cells + cell] = 0;   // token 1 shares twenty
  mask[cells + 63] = 0;                                                   // and has one of its own
  TilePlan plan;
  plan_tile(mask.data(), cells, 2, cells, plan);
  ASSERT_TRUE(plan.usable);
  ASSERT_EQ(plan.groups.size(), 3U);
  EXPECT_EQ(plan.groups[0].seen_by, 3U);
  EXPECT_EQ(plan.groups[0].count, 20U);
  EXPECT_EQ(plan.groups[1].seen_by, 1U);
  EXPECT_EQ(plan.groups[1].count, 20U);
  EXPECT_FALSE(plan.groups[2].alike);
  EXPECT_EQ(plan.cells[plan.groups[2].begin], 63U);
}

TEST(AttentionPlan, MaskWithOtherValuesIsLeftToGgml) {
  std::vector<std::uint16_t> mask(64, 0);
  mask[5] = 0x3C00;  // 1.0
  TilePlan plan;
  plan_tile(mask.data(), 64, 1, 64, plan);
  EXPECT_FALSE(plan.usable);
}

}  // namespace
}  // namespace siyu::worker
