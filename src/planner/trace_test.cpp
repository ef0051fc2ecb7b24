#include "planner/trace.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <numeric>

namespace siyu::planner {
namespace {

using testing::HasSubstr;

constexpr std::string_view kAzure =
    "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:15:46.6805900,374,44\r\n2023-11-16 18:15:50.9951690,396,109\r\n2023-11-17 00:00:00,5,0\r\n";
constexpr std::string_view kMooncake =
    "{\"timestamp\": 0, \"input_length\": 1100, \"output_length\": 6, \"hash_ids\": [0, 1, 2]}\n"
    "{\"timestamp\": 0, \"input_length\": 1024, \"output_length\": 1, \"hash_ids\": [0, 1]}\n"
    "\n"
    "{\"timestamp\": 1500, \"input_length\": 1600, \"output_length\": 7, \"hash_ids\": [0, 9, 2, 3]}\n";

double mean(const Trace& trace, std::uint32_t Request::* tokens) {
  double sum = 0;
  for (const auto& request : trace.requests) sum += request.*tokens;
  return sum / static_cast<double>(trace.requests.size());
}

double deviation(const Trace& trace, std::uint32_t Request::* tokens) {
  const auto middle = mean(trace, tokens);
  double sum = 0;
  for (const auto& request : trace.requests) sum += std::pow(request.*tokens - middle, 2);
  return std::sqrt(sum / static_cast<double>(trace.requests.size()));
}

TEST(Trace, AzureTimesCountFromTheFirst) {
  const auto trace = parse_azure_trace(kAzure, "azure").value();
  ASSERT_EQ(trace.requests.size(), 3U);
  EXPECT_EQ(trace.requests[0], (Request{.arrival_s = 0, .prompt = 374, .output = 44}));
  EXPECT_NEAR(trace.requests[1].arrival_s, 4.314579, 1e-6);
  EXPECT_NEAR(trace.requests[2].arrival_s, 5 * 3600 + 44 * 60 + 13.31941, 1e-6);
  EXPECT_EQ(trace.requests[2].output, 1U) << "the end of text is computed too";
}

TEST(Trace, MooncakesEqualBeginningsAreCached) {
  const auto trace = parse_mooncake_trace(kMooncake, "mooncake").value();
  ASSERT_EQ(trace.requests.size(), 3U);
  EXPECT_EQ(trace.requests[0].cached, 0U);
  EXPECT_EQ(trace.requests[1].cached, 1023U) << "the last token is computed, though its block is there";
  EXPECT_EQ(trace.requests[2].cached, 512U) << "block 2 is there, but behind another beginning";
  EXPECT_DOUBLE_EQ(trace.requests[2].arrival_s, 1.5);
}

TEST(Trace, ASmallCacheForgetsWhatWasUsedLongestAgo) {
  const auto line = [](int at, std::string_view ids) {
    return "{\"timestamp\":" + std::to_string(at) + ",\"input_length\":5000,\"output_length\":1,\"hash_ids\":" + std::string(ids) + "}\n";
  };
  const auto text = line(0, "[1,2,3]") + line(1, "[7]") + line(2, "[1,2,3]") + line(3, "[8,9,10]") + line(4, "[1,2,3]");
  const auto cached = [&](double blocks) {
    std::vector<std::uint32_t> out;
    const auto trace = parse_mooncake_trace(text, "m", {.block_tokens = 512, .capacity_tokens = blocks * 512}).value();
    for (const auto& request : trace.requests) out.push_back(request.cached / 512);
    return out;
  };
  EXPECT_THAT(cached(100), testing::ElementsAre(0, 0, 3, 0, 3));
  EXPECT_THAT(cached(4), testing::ElementsAre(0, 0, 3, 0, 1)) << "of 1,2,3 only the beginning outlives 8,9,10";
  EXPECT_THAT(cached(0), testing::ElementsAre(0, 0, 0, 0, 0));
}

TEST(Trace, KnowsWhichFormatItIs) {
  EXPECT_EQ(parse_trace(kAzure, "a")->requests.size(), 3U);
  EXPECT_EQ(parse_trace(kMooncake, "m")->requests.size(), 3U);
  EXPECT_THAT(parse_trace("time,tokens\n1,2\n", "x").error().message, HasSubstr("TIMESTAMP,ContextTokens"));
  EXPECT_THAT(parse_trace("\n", "x").error().message, HasSubstr("empty"));
}

TEST(Trace, ErrorsNameTheLine) {
  const auto azure = [](std::string_view row) {
    return parse_azure_trace("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46,1,1\n" + std::string(row) + "\n", "t").error().message;
  };
  EXPECT_THAT(azure("2023-11-16 18:15,1,1"), testing::AllOf(HasSubstr("line 3"), HasSubstr("time")));
  EXPECT_THAT(azure("2023-02-30 18:15:00,1,1"), HasSubstr("time"));
  EXPECT_THAT(azure("692523-11-16 18:15:46,1,1"), HasSubstr("time")) << "more years than a calendar's sixteen bits hold";
  EXPECT_THAT(azure("2023-11-16 18:15:46,1,-1"), HasSubstr("token counts"));
  EXPECT_THAT(azure("2023-11-16 18:15:46,1,1,1"), HasSubstr("token counts"));
  EXPECT_THAT(azure("2023-11-16 18:15:46,99999999999,1"), HasSubstr("token counts"));
  EXPECT_THAT(azure("2023-11-16 18:15:46"), HasSubstr("three columns"));
  const auto mooncake = [](std::string_view row) { return parse_mooncake_trace(std::string(kMooncake) + std::string(row) + "\n", "t").error().message; };
  EXPECT_THAT(mooncake("{\"timestamp\": 7, \"input_length\": 4, \"output_length\": 4}"), testing::AllOf(HasSubstr("line 5"), HasSubstr("sort")));
  EXPECT_THAT(mooncake("{\"timestamp\": 1e9, \"input_length\": 4}"), testing::AllOf(HasSubstr("line 5"), HasSubstr("output_length")));
  EXPECT_THAT(mooncake("{\"timestamp\": 1e9, \"input_length\": -4, \"output_length\": 1}"), HasSubstr("line 5"));
  EXPECT_THAT(mooncake("nonsense"), HasSubstr("line 5"));
  EXPECT_THAT(parse_azure_trace("TIMESTAMP,ContextTokens,GeneratedTokens\n", "t").error().message, HasSubstr("no requests"));
  EXPECT_THAT(read_trace("/nonexistent/trace.csv").error().message, HasSubstr("/nonexistent/trace.csv"));
}

TEST(Trace, CompressedTimeKeepsEveryRequestAndItsShape) {
  const auto trace = poisson_trace(2, 5000, {.prompt = {.mean = 10}, .output = {.mean = 5}}, 7).value();
  const auto fast = at_rate(trace, 50, Rescale::kCompress, 1).value();
  EXPECT_NEAR(fast.rate(), 50, 1e-9);
  ASSERT_EQ(fast.requests.size(), trace.requests.size());
  const auto factor = trace.rate() / 50;
  for (std::size_t i = 0; i < trace.requests.size(); i += 97) EXPECT_DOUBLE_EQ(fast.requests[i].arrival_s, trace.requests[i].arrival_s * factor);
}

TEST(Trace, ThinningKeepsTheTimesOfWhatStays) {
  const auto trace = poisson_trace(20, 50'000, {.prompt = {.mean = 10}, .output = {.mean = 5}}, 7).value();
  const auto thin = at_rate(trace, 5, Rescale::kThin, 3).value();
  EXPECT_NEAR(thin.rate(), 5, 0.2);
  EXPECT_NEAR(thin.seconds(), trace.seconds(), 5);
  EXPECT_EQ(thin.requests, at_rate(trace, 5, Rescale::kThin, 3)->requests) << "the same seed, the same requests";
  EXPECT_NE(thin.requests, at_rate(trace, 5, Rescale::kThin, 4)->requests);
  EXPECT_THAT(at_rate(trace, 40, Rescale::kThin, 3).error().message, HasSubstr("compress"));
  EXPECT_FALSE(at_rate(trace, 0, Rescale::kCompress, 3));
  EXPECT_FALSE(at_rate(trace, std::nan(""), Rescale::kCompress, 3));
}

TEST(Trace, PoissonHasItsRateAndItsLengths) {
  const auto trace = poisson_trace(10, 200'000, {.prompt = {.mean = 1000, .variation = 1}, .output = {.mean = 200, .variation = 0.5}}, 5).value();
  EXPECT_NEAR(trace.rate(), 10, 0.1);
  EXPECT_NEAR(mean(trace, &Request::prompt), 1000, 10);
  EXPECT_NEAR(deviation(trace, &Request::prompt), 1000, 40);
  EXPECT_NEAR(mean(trace, &Request::output), 200, 2);
  EXPECT_NEAR(deviation(trace, &Request::output), 100, 4);
  double squares = 0;  // exponential gaps: variance over squared mean is 1
  for (std::size_t i = 1; i < trace.requests.size(); ++i) squares += std::pow(trace.requests[i].arrival_s - trace.requests[i - 1].arrival_s, 2);
  EXPECT_NEAR(squares / static_cast<double>(trace.requests.size()) * 100, 2, 0.05);
}

TEST(Trace, SeedsRepeatAndRatesShareTheirRequests) {
  const RequestShape shape{.prompt = {.mean = 500, .variation = 1}, .output = {.mean = 100, .variation = 1}};
  const auto slow = poisson_trace(1, 1000, shape, 5).value(), fast = poisson_trace(4, 1000, shape, 5).value();
  for (std::size_t i = 0; i < 1000; ++i) {
    EXPECT_EQ(slow.requests[i].prompt, fast.requests[i].prompt);
    EXPECT_NEAR(slow.requests[i].arrival_s, 4 * fast.requests[i].arrival_s, 1e-9 * slow.requests[i].arrival_s);
  }
  EXPECT_NE(poisson_trace(1, 1000, shape, 6)->requests, slow.requests);
}

TEST(Trace, ASharedPrefixIsPartOfThePromptAndCachedAfterTheFirst) {
  const auto trace = poisson_trace(1, 20'000, {.prompt = {.mean = 1000, .variation = 1}, .output = {.mean = 10}, .shared_prefix = 600}, 5).value();
  EXPECT_EQ(trace.requests[0].cached, 0U);
  for (std::size_t i = 1; i < trace.requests.size(); ++i) {
    EXPECT_EQ(trace.requests[i].cached, 600U);
    EXPECT_GT(trace.requests[i].prompt, 600U);
  }
  EXPECT_NEAR(mean(trace, &Request::prompt), 1000, 10);
}

TEST(Trace, ADayHasItsRequestsAndItsPeak) {
  const DayShape day{.daily_active = 20'000, .requests_per_user_and_day = 8, .peak_hour_share = 0.2, .peak_factor = 1.5, .peak_hour = 14};
  EXPECT_NEAR(peak_rate(day), 20'000 * 8 * 0.2 / 3600 * 1.5, 1e-9);
  const auto rates = rates_by_minute(day);
  EXPECT_NEAR(std::accumulate(rates.begin(), rates.end(), 0.0) * 60, 160'000, 1e-3);
  EXPECT_NEAR(std::accumulate(rates.begin() + 14 * 60, rates.begin() + 15 * 60, 0.0) * 60, 32'000, 1);
  EXPECT_NEAR(*std::ranges::max_element(rates), peak_rate(day), 1e-3);
  const auto trace = day_trace(day, {.prompt = {.mean = 100}, .output = {.mean = 10}}, 3).value();
  EXPECT_NEAR(static_cast<double>(trace.requests.size()), 160'000, 2000);
  const auto busiest = std::ranges::count_if(trace.requests, [](const Request& r) { return r.arrival_s >= 14 * 3600 && r.arrival_s < 15 * 3600; });
  EXPECT_NEAR(static_cast<double>(busiest), 32'000, 900);
  EXPECT_TRUE(std::ranges::is_sorted(trace.requests, {}, &Request::arrival_s));
  EXPECT_LT(trace.requests.back().arrival_s, 86'400);
}

TEST(Trace, AFlatDayIsFlat) {
  const auto rates = rates_by_minute({.daily_active = 864, .requests_per_user_and_day = 100});
  for (const auto rate : rates) EXPECT_NEAR(rate, 1, 1e-3);
}

TEST(Trace, NonsenseIsRefusedInWords) {
  const RequestShape shape{.prompt = {.mean = 100}, .output = {.mean = 10}};
  EXPECT_THAT(poisson_trace(-1, 10, shape, 1).error().message, HasSubstr("-1"));
  EXPECT_FALSE(poisson_trace(std::nan(""), 10, shape, 1));
  EXPECT_FALSE(poisson_trace(1, 0, shape, 1));
  EXPECT_FALSE(poisson_trace(1, kMostRequests + 1, shape, 1));
  EXPECT_THAT(poisson_trace(1, 10, {.prompt = {.mean = 0}, .output = {.mean = 10}}, 1).error().message, HasSubstr("prompt"));
  EXPECT_THAT(poisson_trace(1, 10, {.prompt = {.mean = 100}, .output = {.mean = 1e99}}, 1).error().message, HasSubstr("answer"));
  EXPECT_THAT(poisson_trace(1, 10, {.prompt = {.mean = 100}, .output = {.mean = 1}, .shared_prefix = 100}, 1).error().message, HasSubstr("prefix"));
  EXPECT_THAT(day_trace({.daily_active = 1e9, .requests_per_user_and_day = 10}, shape, 1).error().message, HasSubstr("busiest hour"));
  EXPECT_FALSE(day_trace({.daily_active = 10, .requests_per_user_and_day = 1, .peak_hour_share = 0.01}, shape, 1));
  EXPECT_FALSE(day_trace({.daily_active = 10, .requests_per_user_and_day = 1, .peak_hour_share = 0.1, .peak_factor = 61}, shape, 1));
}

TEST(Trace, PublishedTracesAreRead) {
  const char* data = std::getenv("SIYU_TEST_DATA");
  if (data == nullptr) GTEST_SKIP() << "SIYU_TEST_DATA is unset";
  const auto azure = read_trace(std::filesystem::path(data) / "traces/AzureLLMInferenceTrace_conv.csv");
  ASSERT_TRUE(azure) << azure.error().message;
  EXPECT_EQ(azure->requests.size(), 19'366U);
  EXPECT_NEAR(mean(*azure, &Request::prompt), 1154.697, 0.001);
  EXPECT_NEAR(mean(*azure, &Request::output), 211.126, 0.001);
  EXPECT_NEAR(azure->seconds(), 3501.7, 1);
}

}  // namespace
}  // namespace siyu::planner
