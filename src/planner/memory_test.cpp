#include "planner/memory.h"

#include <gmock/gmock.h>

#include "planner/catalogue_fixture.h"

namespace siyu::planner {
namespace {

using testing::HasSubstr;

const Catalogue& kCatalogue = the_catalogue();
const ShapeFinder kFind = find_in_catalogue;

MemoryPlan plan_of(MemoryRequest request) {
  const auto plan = answer(request, kCatalogue, kFind);
  EXPECT_TRUE(plan) << plan.error().message;
  return plan ? *plan : MemoryAnswer{};
}
std::string message(MemoryRequest request) {
  const auto plan = answer(request, kCatalogue, kFind);
  EXPECT_FALSE(plan);
  return plan ? "" : plan.error().message;
}

// R1.1's table, GB: parameters × bytes.
TEST(SeedTable, Reproduces) {
  const struct {
    const char* size;
    double fp32, fp16, int8, int4;
  } kRows[] = {{"0.5b", 2, 1, 0.5, 0.25}, {"1.5b", 6, 3, 1.5, 0.75}, {"7b", 28, 14, 7, 3.5}, {"13b", 52, 26, 13, 6.5}, {"33b", 132, 66, 33, 16.5}, {"70b", 280, 140, 70, 35}};
  for (const auto& row : kRows) {
    const auto parameters = parse_parameters(row.size).value();
    EXPECT_DOUBLE_EQ(weight_bytes_of(parameters, 32) / 1e9, row.fp32) << row.size;
    EXPECT_DOUBLE_EQ(weight_bytes_of(parameters, 16) / 1e9, row.fp16) << row.size;
    EXPECT_DOUBLE_EQ(weight_bytes_of(parameters, 8) / 1e9, row.int8) << row.size;
    EXPECT_DOUBLE_EQ(weight_bytes_of(parameters, 4) / 1e9, row.int4) << row.size;
  }
  for (const char* nonsense : {"", "b", "-7b", "7x", "nan", "1e99", "0"}) EXPECT_THAT(parse_parameters(nonsense).error().message, HasSubstr("such as 7b")) << nonsense;
}

// Files that publishers made of these models with llama.cpp's quantiser: catalogue/downloads.yaml.
TEST(Weights, AreAsLargeAsThePublishedFiles) {
  for (const auto& file : kCatalogue.downloads) {
    if (file.note) continue;  // rounded
    const auto shape = shape_of(**kCatalogue.model(file.model));
    const auto format = sizing::weight_format(file.format).value();
    const auto vocabulary = 6e6;  // of the file: texts and merges
    EXPECT_NEAR((sizing::weight_bytes(shape, &format) + vocabulary) / static_cast<double>(file.file_bytes), 1, 0.01) << file.name;
  }
}

TEST(Memory, TheFiguresAddUpAndSayWhatTheyComeFrom) {
  const auto plan = plan_of({.model = "Llama-3.1-70B", .weights = "fp16", .context = 4096, .users = 8, .accelerator = "H100-SXM", .tensor = 4});
  EXPECT_DOUBLE_EQ(plan.total, plan.weights + plan.kv + plan.activations + plan.runtime);
  EXPECT_NEAR(plan.weights, 141e9 / 4, 0.5e9);
  EXPECT_NEAR(plan.kv, 8.0 * 4096 * 80 * 8 * 128 * 2 * 2 / 4, 1);
  Worksheet sheet;
  for (const auto& figure : plan.figures) sheet.add(figure);
  for (const auto& figure : plan.figures) {
    EXPECT_FALSE(figure.formula.empty()) << figure.id;
    EXPECT_FALSE(figure.label.zh.empty()) << figure.id;
    for (const auto& input : figure.inputs)
      if (input.figure) EXPECT_NE(sheet.find(*input.figure), nullptr) << figure.id << " ← " << *input.figure;
  }
}

TEST(Memory, ALatentCacheLiesOnEveryCardAndGroupedHeadsArePartedAtMostOnceEach) {
  const auto latent = plan_of({.model = "DeepSeek-R1", .weights = "fp8", .context = 4096, .users = 8, .accelerator = "H200", .tensor = 8});
  EXPECT_NEAR(latent.kv, 8.0 * 4096 * 61 * 576 * 2, 1);
  const auto eight = plan_of({.model = "Qwen3-32B", .context = 4096, .users = 8, .accelerator = "H200", .tensor = 8});
  const auto sixteen = plan_of({.model = "Qwen3-32B", .context = 4096, .users = 8, .accelerator = "H200", .tensor = 16});
  EXPECT_DOUBLE_EQ(eight.kv, sixteen.kv);  // eight KV heads
}

TEST(Memory, MoreOfAnythingNeverTakesLess) {
  const MemoryRequest base{.model = "Qwen2.5-7B", .weights = "q8_0", .context = 4096, .users = 4};
  const auto total = [](MemoryRequest request) { return plan_of(std::move(request)).total; };
  double last = 0;
  for (const double context : {16.0, 512.0, 4096.0, 8192.0, 32768.0}) {
    auto request = base;
    request.context = context;
    EXPECT_GE(total(request), last) << context;
    last = total(request);
  }
  last = 0;
  for (const double users : {1.0, 2.0, 16.0, 200.0, 5000.0}) {
    auto request = base;
    request.users = users;
    EXPECT_GE(total(request), last) << users;
    last = total(request);
  }
  last = 0;
  for (const char* weights : {"q2_k", "q4_0", "q5_0", "q8_0", "fp16", "fp32"}) {
    auto request = base;
    request.weights = weights;
    EXPECT_GE(total(request), last) << weights;
    last = total(request);
  }
  last = 0;
  for (const char* model : {"Qwen2.5-0.5B", "Qwen2.5-1.5B", "Qwen2.5-7B", "Qwen2.5-14B", "Qwen2.5-32B", "Qwen2.5-72B"}) {
    auto request = base;
    request.model = model;
    EXPECT_GE(total(request), last) << model;
    last = total(request);
  }
  auto prefixed = base;
  prefixed.shared_prefix = 2000;
  EXPECT_LT(total(prefixed), total(base));
}

TEST(Memory, OfOurWorkerOnACardIsWeightsCacheBuffersAndTheDriver) {
  const MemoryRequest base{.model = "Qwen2.5-7B", .weights = "q8_0", .context = 4096, .users = 4, .engine = EngineKind::kSiyuCard};
  const auto plan = plan_of(base);
  EXPECT_NEAR(plan.total, plan.weights + plan.kv + plan.activations + plan.runtime, 1);
  EXPECT_LT(plan.weights, plan_of({.model = "Qwen2.5-7B", .weights = "q8_0", .engine = EngineKind::kSiyu}).weights);  // rows of the embedding are looked up on the server
  const auto host = std::ranges::find(plan.figures, "memory.host", &Figure::id);
  ASSERT_NE(host, plan.figures.end());
  EXPECT_GT(*host->value, 152'000 * 3584.0);
  double last = 0;
  for (const double context : {16.0, 512.0, 4096.0, 32768.0}) {
    auto request = base;
    request.context = context;
    EXPECT_GE(plan_of(request).total, last) << context;
    last = plan_of(request).total;
  }
}

TEST(Memory, WhereACardHasNoKernelForTheWidthsAllScoresLieInMemory) {
  auto shape = kFind("DeepSeek-R1").value();
  const sizing::WorkerSizes sizes{.kv_tokens = 8192, .sequences = 4};
  const auto one_pass = sizing::card_memory(shape, nullptr, sizes).step;
  shape.latent_rank = 500;
  EXPECT_GT(sizing::card_memory(shape, nullptr, sizes).step - one_pass, 8192.0 * 512 * 128 * 5);
}

TEST(Memory, MoreCardsNeverTakeMoreOfEach) {
  double last = 1e18;
  for (const std::uint32_t tensor : {1U, 2U, 4U, 8U}) {
    const auto plan = plan_of({.model = "Qwen2.5-72B", .weights = "int8", .context = 8192, .users = 16, .accelerator = "H100-SXM", .tensor = tensor});
    EXPECT_LT(plan.total, last) << tensor;
    last = plan.total;
  }
}

TEST(Memory, NonsenseSaysWhatIsExpected) {
  const MemoryRequest base{.model = "Qwen2.5-7B"};
  const auto with = [&](auto change) {
    auto request = base;
    change(request);
    return message(request);
  };
  EXPECT_THAT(with([](auto& r) { r.context = -1; }), HasSubstr("`context` must be a number of tokens from 1"));
  EXPECT_THAT(with([](auto& r) { r.context = std::numeric_limits<double>::quiet_NaN(); }), HasSubstr("`context`"));
  EXPECT_THAT(with([](auto& r) { r.context = 1e300; }), HasSubstr("`context`"));
  EXPECT_THAT(with([](auto& r) { r.context = 999'999; }), HasSubstr("was trained for"));
  EXPECT_THAT(with([](auto& r) { r.users = 0; }), HasSubstr("`users`"));
  EXPECT_THAT(with([](auto& r) { r.fill = 2; }), HasSubstr("`fill` must be a share"));
  EXPECT_THAT(with([](auto& r) { r.headroom = 1; }), HasSubstr("`headroom`"));
  EXPECT_THAT(with([](auto& r) { r.weights = "int3"; }), HasSubstr("known are"));
  EXPECT_THAT(with([](auto& r) { r.kv_type = "int3"; }), HasSubstr("`kv_type` must be one of"));
  EXPECT_THAT(with([](auto& r) { r.model = "Qwen9"; }), HasSubstr("did you mean"));
  EXPECT_THAT(with([](auto& r) { r.tensor = 0; }), HasSubstr("`tensor`"));
  EXPECT_THAT(with([](auto& r) { r.tensor = 3, r.accelerator = "H100-SXM"; }), HasSubstr("divisor of 28"));
  EXPECT_THAT(with([](auto& r) { r.tensor = 2; }), HasSubstr("is for cards"));
  EXPECT_THAT(with([](auto& r) { r.accelerator = "H1000"; }), HasSubstr("did you mean"));
  EXPECT_THAT(with([](auto& r) { r.step_tokens = -4; }), HasSubstr("`step_tokens`"));
}

}  // namespace
}  // namespace siyu::planner
