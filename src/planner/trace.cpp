#include "planner/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <fstream>
#include <list>
#include <numbers>
#include <optional>
#include <random>
#include <unordered_map>

#include "base/json.h"
#include "base/text.h"

namespace siyu::planner {
namespace {

constexpr std::string_view kAzureHeader = "TIMESTAMP,ContextTokens,GeneratedTokens";
constexpr std::size_t kLongestLine = std::size_t{4} << 20;  // of a trace file: a prompt of 16 M tokens has 32 k block ids
constexpr std::uint32_t kMinutes = 24 * 60;

/// Lines with their numbers, without their ends; empty ones are passed over.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text) {}
  bool next(std::string_view& line) {
    while (!rest_.empty()) {
      const auto end = std::min(rest_.find('\n'), rest_.size());
      line = trim(rest_.substr(0, end));
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      ++number_;
      if (!line.empty()) return true;
    }
    return false;
  }
  std::size_t number() const { return number_; }

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

std::unexpected<Error> wrong_line(std::string_view name, const Lines& lines, std::string_view what) {
  return invalid(fmt::format("Trace {}, line {}: {}", name, lines.number(), what));
}

Status room_for(std::size_t requests, std::string_view name, const Lines& lines) {
  if (requests < kMostRequests) return {};
  return fail(ErrorCode::kTooLarge, fmt::format("Trace {} has more than {} requests (line {}); give a part of it", name, kMostRequests, lines.number()));
}

Status size_within_limit(std::size_t bytes, std::string_view name) {
  if (bytes <= kLargestTraceBytes) return {};
  return fail(ErrorCode::kTooLarge, fmt::format("Trace {} has {} bytes, more than {}; give a part of it", name, bytes, kLargestTraceBytes));
}

template <class T>
bool take_number(std::string_view& text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

/// Seconds since 1970 of `2023-11-16 18:15:46.6805900`, or of the same with a T between.
std::optional<double> seconds_of(std::string_view text) {
  int year = 0;
  unsigned month = 0, day = 0, hour = 0, minute = 0;
  double second = 0;
  const auto date = take_number(text, year) && take(text, '-') && take_number(text, month) && take(text, '-') && take_number(text, day);
  if (!date || !(take(text, ' ') || take(text, 'T'))) return {};
  if (!take_number(text, hour) || !take(text, ':') || !take_number(text, minute) || !take(text, ':') || !take_number(text, second)) return {};
  take(text, 'Z');
  if (text.starts_with("+00")) text = {};
  const std::chrono::year_month_day calendar{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (!text.empty() || !calendar.ok() || year < 1970 || year > 9999 || hour > 23 || minute > 59 || !(second >= 0 && second < 61)) return {};
  const auto days = std::chrono::sys_days(calendar).time_since_epoch().count();
  return static_cast<double>(days) * 86400 + hour * 3600 + minute * 60 + second;
}

std::optional<std::uint32_t> tokens_of(std::string_view text) {
  std::uint32_t tokens = 0;
  if (!take_number(text, tokens) || !text.empty() || tokens > kLargestRequest) return {};
  return std::max(tokens, 1U);
}

/// The first arrival becomes the beginning.
Result<Trace> finished(Trace trace) {
  if (trace.requests.empty()) return invalid(fmt::format("Trace {} holds no requests", trace.name));
  if (!std::ranges::is_sorted(trace.requests, {}, &Request::arrival_s)) std::ranges::sort(trace.requests, {}, &Request::arrival_s);
  const auto begin = trace.requests.front().arrival_s;
  for (auto& request : trace.requests) request.arrival_s -= begin;
  return trace;
}

/// Blocks by the time of their last use.
class BlockCache {
 public:
  BlockCache(const PrefixCache& cache) : capacity_(cache.capacity_tokens / cache.block_tokens) {}
  /// How many of `ids`, from the first on, it holds; then it holds all of them that it has room for.
  std::size_t look_up(const std::vector<std::uint64_t>& ids) {
    std::size_t found = 0;
    while (found < ids.size() && places_.contains(ids[found])) ++found;
    for (auto id = ids.rbegin(); id != ids.rend(); ++id) use(*id);  // the beginning last, so that ends go first
    while (static_cast<double>(order_.size()) > capacity_) {
      places_.erase(order_.back());
      order_.pop_back();
    }
    return found;
  }

 private:
  void use(std::uint64_t id) {
    const auto place = places_.find(id);
    if (place != places_.end()) return order_.splice(order_.begin(), order_, place->second);
    order_.push_front(id);
    places_.emplace(id, order_.begin());
  }
  double capacity_;
  std::list<std::uint64_t> order_;
  std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> places_;
};

struct MooncakeLine {
  double timestamp = 0;
  std::uint64_t input_length = 0, output_length = 0;
  std::optional<std::vector<std::uint64_t>> hash_ids;
};
BOOST_DESCRIBE_STRUCT(MooncakeLine, (), (timestamp, input_length, output_length, hash_ids))

/// Uniform numbers from 0 to 1, both excluded. The standard fixes mt19937_64's numbers but not what its distributions make of them.
class Uniform {
 public:
  explicit Uniform(std::uint64_t seed, std::uint64_t stream) : engine_(seed * 0x9E3779B97F4A7C15 + stream * 0xD1B54A32D192ED03 + 1) {}
  double next() { return (static_cast<double>(engine_() >> 11) + 0.5) * 0x1p-53; }
  double exponential() { return -std::log(next()); }
  double normal() {  // Box and Muller 1958
    const auto radius = std::sqrt(-2 * std::log(next()));
    return radius * std::cos(2 * std::numbers::pi * next());
  }

 private:
  std::mt19937_64 engine_;
};

/// Lengths of prompts or answers: from 1 to the largest.
class LengthSource {
 public:
  LengthSource(const Lengths& lengths, double mean, std::uint64_t seed, std::uint64_t stream) : uniform_(seed, stream), largest_(lengths.largest) {
    const auto variance = std::log1p(lengths.variation * lengths.variation);
    deviation_ = std::sqrt(variance);
    middle_ = std::log(mean) - variance / 2;
    fixed_ = lengths.variation == 0 ? mean : 0;
  }
  std::uint32_t next() {
    const auto value = fixed_ > 0 ? fixed_ : std::exp(middle_ + deviation_ * uniform_.normal());
    return static_cast<std::uint32_t>(std::clamp(std::round(value), 1.0, static_cast<double>(largest_)));
  }

 private:
  Uniform uniform_;
  std::uint32_t largest_;
  double deviation_ = 0, middle_ = 0, fixed_ = 0;
};

class RequestSource {
 public:
  RequestSource(const RequestShape& shape, std::uint64_t seed)
      : prefix_(shape.shared_prefix),
        largest_(shape.prompt.largest),
        prompts_(shape.prompt, shape.prompt.mean - shape.shared_prefix, seed, 2),
        outputs_(shape.output, shape.output.mean, seed, 3) {}
  Request next(double arrival_s) {
    const auto prompt = std::min(prefix_ + prompts_.next(), largest_);
    const auto cached = first_ ? 0U : std::min(prefix_, prompt - 1);
    first_ = false;
    return {.arrival_s = arrival_s, .prompt = prompt, .output = outputs_.next(), .cached = cached};
  }

 private:
  std::uint32_t prefix_, largest_;
  LengthSource prompts_, outputs_;
  bool first_ = true;
};

Status check_lengths(const Lengths& lengths, std::string_view what) {
  if (!(lengths.mean >= 1 && lengths.mean <= kLargestRequest))
    return invalid(fmt::format("The mean {} must have from 1 to {} tokens; {} was given", what, kLargestRequest, lengths.mean));
  if (!(lengths.variation >= 0 && lengths.variation <= 10))
    return invalid(fmt::format("The variation of the {}'s length must be from 0 to 10; {} was given", what, lengths.variation));
  if (lengths.largest < 1 || lengths.largest > kLargestRequest) return invalid(fmt::format("The longest {} must have from 1 to {} tokens", what, kLargestRequest));
  return {};
}

Status check_shape(const RequestShape& shape) {
  RETURN_IF_ERROR(check_lengths(shape.prompt, "prompt"));
  RETURN_IF_ERROR(check_lengths(shape.output, "answer"));
  if (shape.shared_prefix + 1.0 > shape.prompt.mean)
    return invalid(fmt::format("The shared prefix of {} tokens must be shorter than the mean prompt of {}", shape.shared_prefix, shape.prompt.mean));
  return {};
}

/// Shares of a circle's `parts`, by a von Mises curve whose top at part `at` holds `top` of it all.
std::vector<double> peaked_shares(std::size_t parts, double top, double at) {
  std::vector<double> shares(parts);
  const auto fill = [&](double concentration) {
    double sum = 0;
    for (std::size_t i = 0; i < parts; ++i) {
      const auto angle = 2 * std::numbers::pi * (static_cast<double>(i) - at) / static_cast<double>(parts);
      shares[i] = std::exp(concentration * (std::cos(angle) - 1));
      sum += shares[i];
    }
    for (auto& share : shares) share /= sum;
    return 1 / sum;
  };
  double low = 0, high = 1e5;
  for (int i = 0; i < 200; ++i) {
    const auto middle = (low + high) / 2;
    (fill(middle) < top ? low : high) = middle;
  }
  fill((low + high) / 2);
  return shares;
}

}  // namespace

double Trace::seconds() const { return requests.empty() ? 0 : requests.back().arrival_s - requests.front().arrival_s; }

double Trace::rate() const { return seconds() > 0 ? static_cast<double>(requests.size() - 1) / seconds() : 0; }

Result<Trace> parse_azure_trace(std::string_view text, std::string_view name) {
  RETURN_IF_ERROR(size_within_limit(text.size(), name));
  Trace trace{.name = std::string(name)};
  Lines lines(text);
  std::string_view line;
  if (!lines.next(line) || line != kAzureHeader) return wrong_line(name, lines, fmt::format("the header must be `{}`", kAzureHeader));
  while (lines.next(line)) {
    RETURN_IF_ERROR(room_for(trace.requests.size(), name, lines));
    const auto first = line.find(','), second = line.rfind(',');
    if (first == second) return wrong_line(name, lines, "three columns are expected: time, prompt tokens, answer tokens");
    const auto when = seconds_of(trim(line.substr(0, first)));
    const auto prompt = tokens_of(trim(line.substr(first + 1, second - first - 1))), output = tokens_of(trim(line.substr(second + 1)));
    if (!when) return wrong_line(name, lines, "the time must read as 2023-11-16 18:15:46.68");
    if (!prompt || !output) return wrong_line(name, lines, fmt::format("token counts must be whole numbers up to {}", kLargestRequest));
    trace.requests.push_back({.arrival_s = *when, .prompt = *prompt, .output = *output});
  }
  return finished(std::move(trace));
}

Result<Trace> parse_mooncake_trace(std::string_view text, std::string_view name, const PrefixCache& cache) {
  RETURN_IF_ERROR(size_within_limit(text.size(), name));
  if (cache.block_tokens == 0 || !(cache.capacity_tokens >= 0)) return invalid("A prefix cache has blocks of at least one token and a capacity of 0 or more");
  Trace trace{.name = std::string(name)};
  BlockCache blocks(cache);
  Lines lines(text);
  std::string_view line;
  double last = 0;
  while (lines.next(line)) {
    RETURN_IF_ERROR(room_for(trace.requests.size(), name, lines));
    if (line.size() > kLongestLine) return wrong_line(name, lines, fmt::format("is longer than {} bytes", kLongestLine));
    const auto read = from_json_text<MooncakeLine>(line);
    if (!read) return wrong_line(name, lines, read.error().message);
    if (read->input_length > kLargestRequest || read->output_length > kLargestRequest)
      return wrong_line(name, lines, fmt::format("lengths go up to {} tokens", kLargestRequest));
    if (read->timestamp < last || read->timestamp > 1e15)
      return wrong_line(name, lines, "`timestamp` must be milliseconds of 0 or more, and not before the line above; sort the file by it");
    last = read->timestamp;
    const auto prompt = static_cast<std::uint32_t>(std::max<std::uint64_t>(read->input_length, 1));
    const auto output = static_cast<std::uint32_t>(std::max<std::uint64_t>(read->output_length, 1));
    const auto found = read->hash_ids ? blocks.look_up(*read->hash_ids) * std::size_t{cache.block_tokens} : 0;
    const auto cached = static_cast<std::uint32_t>(std::min<std::size_t>(found, prompt - 1));
    trace.requests.push_back({.arrival_s = read->timestamp / 1000, .prompt = prompt, .output = output, .cached = cached});
  }
  return finished(std::move(trace));
}

Result<Trace> parse_trace(std::string_view text, std::string_view name, const PrefixCache& cache) {
  std::string_view line;
  Lines lines(text);
  if (!lines.next(line)) return invalid(fmt::format("Trace {} is empty", name));
  if (line.starts_with('{')) return parse_mooncake_trace(text, name, cache);
  if (line == kAzureHeader) return parse_azure_trace(text, name);
  return wrong_line(name, lines, fmt::format("a trace is CSV with the header `{}`, or JSON lines with timestamp, input_length and output_length", kAzureHeader));
}

Result<Trace> read_trace(const std::filesystem::path& path, const PrefixCache& cache) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) return not_found(fmt::format("The trace {} cannot be read; give a CSV or JSON lines file", path.string()));
  RETURN_IF_ERROR(size_within_limit(size, path.filename().string()));
  std::ifstream in(path, std::ios::binary);
  std::string text(size, '\0');
  in.read(text.data(), static_cast<std::streamsize>(size));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  if (!in) return not_found(fmt::format("The trace {} could not be read to its end; give a CSV or JSON lines file", path.string()));
  return parse_trace(text, path.filename().string(), cache);
}

Result<Trace> at_rate(const Trace& trace, double requests_per_s, Rescale how, std::uint64_t seed) {
  if (!(requests_per_s > 0 && requests_per_s <= 1e9))
    return invalid(fmt::format("A trace's rate must be over 0 and at most a billion requests a second; {} was given", requests_per_s));
  const auto rate = trace.rate();
  if (rate == 0) return invalid(fmt::format("Trace {} has no rate that could be changed: its requests come all at once", trace.name));
  Trace scaled{.name = trace.name};
  if (how == Rescale::kCompress) {
    scaled.requests = trace.requests;
    for (auto& request : scaled.requests) request.arrival_s *= rate / requests_per_s;
    return scaled;
  }
  const auto share = requests_per_s / rate;
  if (share > 1)
    return invalid(
        fmt::format("Trace {} has {:.4g} requests a second; dropping some cannot make it {:.4g}: compress its time instead", trace.name, rate, requests_per_s));
  Uniform uniform(seed, 4);
  for (const auto& request : trace.requests)
    if (uniform.next() < share) scaled.requests.push_back(request);
  if (scaled.requests.empty())
    return invalid(fmt::format("Nothing of trace {} is left at {:.4g} requests a second; compress its time instead", trace.name, requests_per_s));
  return scaled;
}

Result<Trace> poisson_trace(double requests_per_s, std::size_t count, const RequestShape& shape, std::uint64_t seed) {
  if (!(requests_per_s > 0 && requests_per_s <= 1e9))
    return invalid(fmt::format("A rate must be over 0 and at most a billion requests a second; {} was given", requests_per_s));
  if (count == 0 || count > kMostRequests) return invalid(fmt::format("From 1 to {} requests can be made; {} were asked for", kMostRequests, count));
  RETURN_IF_ERROR(check_shape(shape));
  Trace trace{.name = "poisson"};
  trace.requests.reserve(count);
  Uniform gaps(seed, 1);
  RequestSource source(shape, seed);
  double now = 0;
  for (std::size_t i = 0; i < count; ++i) {
    now += gaps.exponential() / requests_per_s;
    trace.requests.push_back(source.next(now));
  }
  return trace;
}

Status check(const DayShape& day) {
  if (!(day.daily_active > 0 && day.daily_active <= 1e10))
    return invalid(fmt::format("Daily active users must be over 0 and at most 10 billion; {} was given", day.daily_active));
  if (!(day.requests_per_user_and_day > 0 && day.requests_per_user_and_day <= 1e6))
    return invalid(fmt::format("Requests per user and day must be over 0 and at most a million; {} was given", day.requests_per_user_and_day));
  if (!(day.peak_hour_share >= 1.0 / 24 - 1e-12 && day.peak_hour_share <= 1))
    return invalid(fmt::format("The busiest hour's share of a day must be from 1/24 (0.0417) to 1; {} was given", day.peak_hour_share));
  if (!(day.peak_factor >= 1 && day.peak_factor <= 60))
    return invalid(fmt::format("The busiest minute over its hour's mean must be from 1 to 60; {} was given", day.peak_factor));
  if (!(day.peak_hour >= 0 && day.peak_hour < 24)) return invalid(fmt::format("The busiest hour begins from 0 to 23; {} was given", day.peak_hour));
  return {};
}

double peak_rate(const DayShape& day) { return day.daily_active * day.requests_per_user_and_day * day.peak_hour_share / 3600 * day.peak_factor; }

std::vector<double> rates_by_minute(const DayShape& day) {
  const auto hours = peaked_shares(24, day.peak_hour_share, std::floor(day.peak_hour)), minutes = peaked_shares(60, day.peak_factor / 60, 30);
  std::vector<double> rates(kMinutes);
  for (std::size_t i = 0; i < kMinutes; ++i) rates[i] = day.daily_active * day.requests_per_user_and_day * hours[i / 60] * minutes[i % 60] / 60;
  return rates;
}

Result<Trace> day_trace(const DayShape& day, const RequestShape& shape, std::uint64_t seed) {
  RETURN_IF_ERROR(check(day));
  RETURN_IF_ERROR(check_shape(shape));
  const auto expected = day.daily_active * day.requests_per_user_and_day;
  if (expected > 0.98 * kMostRequests)
    return fail(ErrorCode::kTooLarge,
                fmt::format("A day of {:.0f} requests is more than the {} that can be simulated at once; simulate the busiest hour instead", expected, kMostRequests));
  Trace trace{.name = "day"};
  trace.requests.reserve(static_cast<std::size_t>(expected * 1.01));
  Uniform gaps(seed, 1);
  RequestSource source(shape, seed);
  auto due = gaps.exponential();  // in expected requests, from where the loop stands: a Poisson process by its integrated rate
  const auto rates = rates_by_minute(day);
  for (std::size_t minute = 0; minute < rates.size(); ++minute) {
    double at = 0;
    for (; due <= rates[minute] * (60 - at); due = gaps.exponential()) {
      at += due / rates[minute];
      trace.requests.push_back(source.next(static_cast<double>(minute) * 60 + at));
    }
    due -= rates[minute] * (60 - at);
  }
  if (trace.requests.empty()) return invalid("Nobody asked anything that day: give more users or requests");
  return trace;
}

}  // namespace siyu::planner
