// Requests as a simulation takes them: read from a published trace, or made from a rate, a day's shape and token lengths.
#pragma once

#include <boost/describe.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace siyu::planner {

/// One request. Tokens are from 1 to kLargestRequest each; `cached` of the prompt are in the replica's cache already (at most prompt − 1:
/// the last one is always computed, or there would be nothing to begin the answer with).
struct Request {
  double arrival_s = 0;  ///< after the trace's beginning
  std::uint32_t prompt = 0, output = 0, cached = 0;
  bool operator==(const Request&) const = default;
};

struct Trace {
  std::string name;
  std::vector<Request> requests;  ///< in order of arrival

  /// Seconds from the first arrival to the last.
  double seconds() const;
  /// Mean requests a second over that time; 0 where all come at once.
  double rate() const;
};

constexpr std::uint32_t kLargestRequest = 16'777'216;  ///< tokens of a prompt or an answer
constexpr std::size_t kMostRequests = 20'000'000;      ///< of a trace: half a gigabyte in memory
constexpr std::size_t kLargestTraceBytes = std::size_t{2} << 30;

/// What a prefix cache shared by all replicas would have found, block by block, the least recently used block going first.
struct PrefixCache {
  std::uint32_t block_tokens = 512;                                  ///< as Mooncake's traces count
  double capacity_tokens = std::numeric_limits<double>::infinity();  ///< 0: no cache
};

/// CSV with the header TIMESTAMP,ContextTokens,GeneratedTokens (Azure LLM inference traces); times as `2023-11-16 18:15:46.6805900`, in any
/// order. A count of 0 becomes 1: the end of text was computed too. Errors name the line.
Result<Trace> parse_azure_trace(std::string_view text, std::string_view name);
/// JSON lines with timestamp (ms), input_length, output_length and optional hash_ids (Mooncake, FAST'25): equal ids are equal blocks
/// behind equal beginnings. In order of time. `cached` is what the cache would have held of each prompt's beginning.
Result<Trace> parse_mooncake_trace(std::string_view text, std::string_view name, const PrefixCache& cache = {});
/// Whichever of the two the first line is.
Result<Trace> parse_trace(std::string_view text, std::string_view name, const PrefixCache& cache = {});
Result<Trace> read_trace(const std::filesystem::path& path, const PrefixCache& cache = {});

enum class Rescale {
  kCompress,  ///< time is stretched or squeezed: every request stays, bursts keep their shape relative to the whole
  kThin,      ///< requests are dropped at random: bursts keep their place and length; to lower rates only
};
BOOST_DESCRIBE_ENUM(Rescale, kCompress, kThin)

/// The trace at another mean rate.
Result<Trace> at_rate(const Trace& trace, double requests_per_s, Rescale how, std::uint64_t seed);

/// How token counts scatter around their mean.
struct Lengths {
  double mean = 0;
  double variation = 0;                     ///< standard deviation over mean of a lognormal; 0: all the same
  std::uint32_t largest = kLargestRequest;  ///< longer ones are cut to this
};
BOOST_DESCRIBE_STRUCT(Lengths, (), (mean, variation, largest))

struct RequestShape {
  Lengths prompt, output;
  std::uint32_t shared_prefix = 0;  ///< of the prompt's mean, at its beginning, cached from the second request on; what is behind it scatters
};
BOOST_DESCRIBE_STRUCT(RequestShape, (), (prompt, output, shared_prefix))

/// `count` requests as a Poisson process. The same seed gives the same gaps and lengths at every rate, so that two rates can be compared.
Result<Trace> poisson_trace(double requests_per_s, std::size_t count, const RequestShape& shape, std::uint64_t seed);

/// A day of users. Hours and minutes follow a smooth curve (von Mises) whose top is as given.
struct DayShape {
  double daily_active = 0;
  double requests_per_user_and_day = 0;
  double peak_hour_share = 1.0 / 24;  ///< of the day's requests in the busiest hour: 1/24 … 1
  double peak_factor = 1;             ///< the busiest minute over its hour's mean: 1 … 60
  double peak_hour = 10;              ///< when the busiest hour begins: 0 … 23
};
BOOST_DESCRIBE_STRUCT(DayShape, (), (daily_active, requests_per_user_and_day, peak_hour_share, peak_factor, peak_hour))

Status check(const DayShape& day);
/// Requests a second in the busiest minute.
double peak_rate(const DayShape& day);
/// Mean requests a second in each of the day's 1,440 minutes; of a day that passed check().
std::vector<double> rates_by_minute(const DayShape& day);
/// From midnight to midnight, Poisson with the rate of each minute.
Result<Trace> day_trace(const DayShape& day, const RequestShape& shape, std::uint64_t seed);

}  // namespace siyu::planner
