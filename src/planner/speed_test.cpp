#include "planner/speed.h"

#include <gmock/gmock.h>

#include "planner/calibration.h"
#include "planner/catalogue_fixture.h"
#include "planner/published.h"

namespace siyu::planner {
namespace {

using testing::HasSubstr;

const Catalogue& kCatalogue = the_catalogue();
const ShapeFinder kFind = find_in_catalogue;

SpeedPlan plan_of(const SpeedRequest& request) {
  const auto speed = answer(request, kCatalogue, kFind, {});
  EXPECT_TRUE(speed) << speed.error().message;
  return speed ? speed->plan : SpeedPlan{};
}

// R1.2: 130B, 500 tokens, 1 s → 130 TFLOPS.
TEST(Speed, TheRuleOfThumbReproduces) { EXPECT_DOUBLE_EQ(classic_flops(130e9, 500, 1), 130e12); }

TEST(Speed, DecodeIsBoundByMemoryAndPrefillByCompute) {
  const auto slow_memory = plan_of({.model = "Llama-3.1-8B", .weights = "bf16", .accelerator = "H100-PCIe"});
  const auto fast_memory = plan_of({.model = "Llama-3.1-8B", .weights = "bf16", .accelerator = "H200"});
  EXPECT_GT(fast_memory.decode_tokens_per_s, 1.3 * slow_memory.decode_tokens_per_s);
  const auto quantised = plan_of({.model = "Llama-3.1-8B", .weights = "awq-int4", .accelerator = "H200"});
  EXPECT_GT(quantised.decode_tokens_per_s, fast_memory.decode_tokens_per_s);
  EXPECT_NEAR(quantised.prefill_tokens_per_s / fast_memory.prefill_tokens_per_s, 1, 0.1);  // 4-bit weights are multiplied in 16 bit
}

TEST(Speed, AMixtureOfExpertsReadsLessThanItHolds) {
  const auto mixture = plan_of({.model = "Qwen3-30B-A3B", .weights = "bf16", .accelerator = "H200"});
  const auto dense = plan_of({.model = "Qwen3-32B", .weights = "bf16", .accelerator = "H200"});
  EXPECT_GT(mixture.decode_tokens_per_s, 2 * dense.decode_tokens_per_s);
}

TEST(Speed, MoreAtOnceIsMoreTogetherAndSlowerEach) {
  const auto plan = plan_of({.model = "Qwen3-32B", .weights = "fp8", .accelerator = "H200"});
  for (std::size_t i = 1; i < plan.curve.size(); ++i) {
    EXPECT_GE(plan.curve[i].tpot_ms, plan.curve[i - 1].tpot_ms * 0.999);
    EXPECT_GE(plan.curve[i].output_tokens_per_s, plan.curve[i - 1].output_tokens_per_s * 0.999);
  }
}

TEST(Speed, CachedPromptTokensAreNotComputed) {
  const auto cold = plan_of({.model = "Qwen3-32B", .weights = "fp8", .prompt = 4000, .accelerator = "H200"});
  const auto warm = plan_of({.model = "Qwen3-32B", .weights = "fp8", .prompt = 4000, .cached = 3900, .accelerator = "H200"});
  EXPECT_LT(warm.ttft_s, 0.3 * cold.ttft_s);
}

TEST(Speed, AnEngineReachesWhatItsFactorsSay) {
  const SpeedRequest asked{.model = "Llama-3.3-70B", .weights = "fp8", .prompt = 128, .output = 128, .accelerator = "H200"};
  const auto of = [&](std::optional<std::string> engine) { auto request = asked; request.engine = std::move(engine); return plan_of(request); };
  const auto usual = of({}), fast = of("tensorrt llm"), own = of("siyu");
  EXPECT_GT(fast.saturated.output_tokens_per_s, 1.15 * usual.saturated.output_tokens_per_s);
  EXPECT_LE(own.most_sequences, 64);
  EXPECT_LT(own.saturated.output_tokens_per_s, usual.saturated.output_tokens_per_s);
  const auto source = [](const SpeedPlan& plan) { return std::ranges::find(plan.figures, "speed.compute", &Figure::id)->input("efficiency")->source.value_or("").en; };
  EXPECT_THAT(source(fast), HasSubstr("TensorRT-LLM: compute fitted to"));
  const auto message = [](SpeedRequest request) { return answer(request, kCatalogue, kFind, {}).error().message; };
  EXPECT_THAT(message({.model = "Qwen3-8B", .weights = "fp8", .accelerator = "H200", .engine = "vLLN"}), HasSubstr("no factors of the engine `vLLN`"));
  EXPECT_THAT(message({.model = "Qwen3-8B", .weights = "bf16", .accelerator = "Ascend-910B3", .engine = "TensorRT-LLM"}), HasSubstr("TensorRT-LLM does not run on Ascend-910B3, whose engines are: MindIE"));
  EXPECT_THAT(message({.model = "Qwen3-8B", .engine = "Siyu"}), HasSubstr("name the card as `accelerator`"));
}

TEST(Speed, WhatIsUnknownIsSaidAndNotGuessed) {
  const auto message = [](SpeedRequest request) { return answer(request, kCatalogue, kFind, {}).error().message; };
  EXPECT_THAT(message({.model = "Qwen3-32B", .weights = "fp8", .accelerator = "Kunlun-P800"}), HasSubstr("has no memory bandwidth of Kunlun-P800"));
  EXPECT_THAT(message({.model = "Qwen3-32B", .weights = "bf16", .accelerator = "L4"}), HasSubstr("leaves no room"));
  EXPECT_THAT(message({.model = "Qwen3-32B", .weights = "bf16"}), HasSubstr("calibrate"));
  EXPECT_THAT(message({.model = "Qwen3-32B", .weights = "fp8", .prompt = -5, .accelerator = "H200"}), HasSubstr("`prompt`"));
  EXPECT_THAT(message({.model = "Qwen3-32B", .weights = "fp8", .prompt = 10, .cached = 10, .accelerator = "H200"}), HasSubstr("`cached`"));
  EXPECT_THAT(message({.model = "Qwen3-32B", .weights = "fp8", .accelerator = "H200", .compute_efficiency = 2}), HasSubstr("shares above 0"));
}

TEST(Published, PredictionsAreNearWhatOthersMeasured) {
  const auto all = compare_published(kCatalogue);
  std::size_t compared = 0;
  for (const auto& row : all.rows) {
    if (row.ratio) ++compared;
    else EXPECT_TRUE(row.why_not && !row.why_not->en.empty() && !row.why_not->zh.empty()) << row.id;
    EXPECT_NE(row.ratio.has_value(), row.why_not.has_value()) << row.id;
    EXPECT_FALSE(row.source.empty()) << row.id;
  }
  EXPECT_GE(compared, 40U);
  EXPECT_LT(all.median_error, 0.25);   // of those that chose no factor
  EXPECT_GT(all.within_a_third, 0.8);
}

CalibrationRun measured_by(const sizing::ModelShape& shape, const MeasuredRates& truth, const std::string& name) {
  CalibrationRun run{.model = name, .shape = shape};
  SpeedQuestion q{.output = 1, .measured = truth};
  q.model.shape = shape;
  q.model.engine = EngineKind::kSiyu;
  for (const double tokens : {256.0, 512.0, 1024.0, 1536.0}) {
    q.prompt = tokens;
    run.prompts.push_back({.tokens = tokens, .seconds = plan_speed(q)->plan.ttft_s});
  }
  for (const double context : {56.0, 1024.0, 1536.0}) {
    q.prompt = context;
    run.outputs.push_back({.context = context, .seconds = plan_speed(q)->plan.tpot_ms / 1000});
  }
  return run;
}

sizing::ModelShape stored(const char* model, const char* type) {
  auto shape = shape_of(**kCatalogue.model(model));
  for (auto& tensor : shape.tensors) tensor.stored = sizing::tensor_type_named(type);
  return shape;
}

TEST(Calibration, FindsTheRatesThatMadeTheTimesAndForetellsOtherModels) {
  const MeasuredRates truth{.weights = "q8_0", .weight_bytes_per_s = 20e9, .kv_ops_per_s = 40e9, .flop_per_s = 300e9, .attention_flop_per_s = 90e9, .step_s = 1e-3, .layer_s = 4e-5, .word_s = 6e-9};
  const auto rates = fit({measured_by(stored("Qwen2.5-0.5B", "q8_0"), truth, "a"), measured_by(stored("Qwen2.5-1.5B", "q8_0"), truth, "b")});
  ASSERT_TRUE(rates) << rates.error().message;
  EXPECT_NEAR(rates->weight_bytes_per_s / truth.weight_bytes_per_s, 1, 0.05);
  EXPECT_NEAR(rates->kv_ops_per_s / truth.kv_ops_per_s, 1, 0.05);
  EXPECT_NEAR(rates->flop_per_s / truth.flop_per_s, 1, 0.05);
  const auto other = stored("Qwen2.5-3B", "q8_0");
  const auto speed_of = [&](const MeasuredRates& by) {
    SpeedQuestion q{.prompt = 800, .output = 100, .measured = by};
    q.model.shape = other;
    return plan_speed(q)->plan;
  };
  EXPECT_NEAR(speed_of(*rates).decode_tokens_per_s / speed_of(truth).decode_tokens_per_s, 1, 0.05);
  EXPECT_NEAR(speed_of(*rates).prefill_tokens_per_s / speed_of(truth).prefill_tokens_per_s, 1, 0.05);
}

TEST(Calibration, FindsWhatAStepOfPromptsCostsOnACard) {
  const MeasuredRates truth{.weights = "q8_0", .weight_bytes_per_s = 2e12, .kv_ops_per_s = 1e15, .flop_per_s = 2e14, .attention_flop_per_s = 1e14, .step_s = 1e-4, .layer_s = 3e-5, .prompt_step_s = 8e-3, .word_s = 3e-9};
  auto runs = std::vector{measured_by(stored("Qwen2.5-1.5B", "q8_0"), truth, "a"), measured_by(stored("Qwen2.5-3B", "q8_0"), truth, "b")};
  runs.front().accelerator = "Card";
  const auto rates = fit(runs);
  ASSERT_TRUE(rates) << rates.error().message;
  EXPECT_EQ(rates->accelerator, "Card");
  EXPECT_NEAR(*rates->prompt_step_s, 8e-3, 4e-4);
  EXPECT_NEAR(rates->flop_per_s / truth.flop_per_s, 1, 0.1);
  EXPECT_NEAR(rates->weight_bytes_per_s / truth.weight_bytes_per_s, 1, 0.1);
}

TEST(Calibration, FindsHowFastSeveralAtOnceAreComputed) {
  const MeasuredRates truth{.weights = "q8_0", .weight_bytes_per_s = 40e9, .kv_ops_per_s = 40e9, .flop_per_s = 300e9, .batch_flop_per_s = 100e9, .attention_flop_per_s = 90e9, .step_s = 1e-4, .layer_s = 4e-5, .word_s = 3e-9};
  std::vector runs{measured_by(stored("Qwen2.5-0.5B", "q8_0"), truth, "a"), measured_by(stored("Qwen2.5-1.5B", "q8_0"), truth, "b")};
  for (auto& run : runs) {
    const double each = 8 * 56 * cached_token_ops(run.shape) / truth.kv_ops_per_s;
    const auto computed = 8 * 2.0 * static_cast<double>(run.shape.computed_parameters()) / *truth.batch_flop_per_s;
    run.batches.push_back({.sequences = 8, .context = 56, .seconds = truth.step_s + run.shape.layers * truth.layer_s + 8 * run.shape.vocabulary * *truth.word_s + each + computed});
  }
  const auto rates = fit(runs).value();
  EXPECT_NEAR(*rates.batch_flop_per_s / *truth.batch_flop_per_s, 1, 0.1);
  SpeedQuestion q{.prompt = 256, .output = 64, .measured = rates};
  q.model.shape = stored("Qwen2.5-3B", "q8_0");
  q.model.users = 8;
  const auto several = plan_speed(q)->plan.at_concurrency.output_tokens_per_s;
  for (const auto& point : plan_speed(q)->plan.curve)  // Little: no more tokens than are under way come out of the time that each takes
    EXPECT_LE(point.tpot_ms / 1e3 * point.output_tokens_per_s, point.concurrency * 1.001);
  q.measured->batch_flop_per_s.reset();
  EXPECT_LT(several, plan_speed(q)->plan.at_concurrency.output_tokens_per_s);
}

TEST(Calibration, AnUnsteadyMachineIsSaidToBeOne) {
  const MeasuredRates truth{.weights = "q8_0", .weight_bytes_per_s = 40e9, .kv_ops_per_s = 40e9, .flop_per_s = 300e9, .attention_flop_per_s = 90e9, .step_s = 1e-4, .layer_s = 4e-5};
  std::vector runs{measured_by(stored("Qwen2.5-0.5B", "q8_0"), truth, "a"), measured_by(stored("Qwen2.5-1.5B", "q8_0"), truth, "b")};
  SpeedQuestion q{.measured = fit(runs).value()};
  q.model.shape = stored("Qwen2.5-3B", "q8_0");
  EXPECT_THAT(plan_speed(q)->plan.notes, testing::IsEmpty());
  runs.front().spread = 0.25;
  runs.back().spread = 0.02;
  q.measured = fit(runs).value();
  EXPECT_EQ(q.measured->spread, 0.25);  // of the least steady
  ASSERT_EQ(plan_speed(q)->plan.notes.size(), 1U);
  EXPECT_THAT(plan_speed(q)->plan.notes.front().en, HasSubstr("25 %"));
}

TEST(Calibration, AMeasurementGoesOnFromEarlierOnes) {
  CalibrationRun run{.model = "x", .prompts = {{.tokens = 256, .seconds = 1}, {.tokens = 512, .seconds = 3}}, .outputs = {{.context = 56, .seconds = 0.01}, {.context = 1048, .seconds = 0.02}},
                     .batches = {{.sequences = 8, .context = 56, .seconds = 0.05}}, .spread = 0.02};
  const TimedModel earlier{.model = "x", .prompts = {{.tokens = 512, .seconds = 2}, {.tokens = 1024, .seconds = 0.1}}, .outputs = {{.context = 1048, .seconds = 0.05}},
                           .batches = {{{.sequences = 8, .context = 56, .seconds = 0.04}, {.sequences = 4, .context = 56, .seconds = 0.001}}}, .passes = 2};
  go_on_from(earlier, run);
  EXPECT_EQ(run.passes, 3);
  EXPECT_EQ(run.prompts[0].seconds, 1);  // not of the earlier one
  EXPECT_DOUBLE_EQ(run.prompts[1].seconds, 7.0 / 3);
  EXPECT_EQ(run.prompts.size(), 2U);
  EXPECT_EQ(run.outputs[0].seconds, 0.01);
  EXPECT_DOUBLE_EQ(run.outputs[1].seconds, 0.04);
  EXPECT_DOUBLE_EQ(run.batches.at(0).seconds, 0.13 / 3);
  EXPECT_DOUBLE_EQ(run.spread, 0.5);  // they were 50, 150 and 25 % apart
}

TEST(Calibration, TimesThatSayNothingAreRefused) {
  EXPECT_FALSE(fit({}));
  CalibrationRun run{.model = "x", .shape = stored("Qwen2.5-0.5B", "q8_0")};
  EXPECT_THAT(fit({run}).error().message, HasSubstr("was not measured"));
  run.prompts = {{.tokens = 256, .seconds = -1}};
  run.outputs = {{.context = 32, .seconds = 0.1}};
  EXPECT_THAT(fit({run}).error().message, HasSubstr("impossible times"));
}

}  // namespace
}  // namespace siyu::planner
