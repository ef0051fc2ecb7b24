// What would change the answer: every weight and every input is moved, alone, until another mode comes first.
#include <fmt/format.h>

#include <cmath>
#include <functional>

#include "planner/advise/facts.h"

namespace siyu::planner {
namespace {

constexpr int kSteps = 240;      ///< of a scan: six decades at forty steps each
constexpr int kBisections = 30;  ///< to a billionth of a step
using At = std::function<Mode(double)>;

/// The value nearest to `from`, in steps of one scan outwards and then bisected, where the mode is another than at `from`.
std::optional<std::pair<double, Mode>> nearest_change(double from, double low, double high, const At& at) {
  const auto present = at(from);
  const auto towards = [&](double end) -> std::optional<std::pair<double, Mode>> {
    double before = from;
    for (int step = 1; step <= kSteps; ++step) {
      const auto value = from + (end - from) * step / kSteps;
      if (at(value) == present) {
        before = value;
        continue;
      }
      double inside = before, outside = value;
      for (int i = 0; i < kBisections; ++i) {
        const auto middle = (inside + outside) / 2;
        (at(middle) == present ? inside : outside) = middle;
      }
      return std::pair(outside, at(outside));
    }
    return std::nullopt;
  };
  const auto down = towards(low), up = towards(high);
  if (down && up) return from - down->first <= up->first - from ? down : up;
  return down ? down : up;
}

Flip flip(std::string name, Words label, Words from, std::optional<std::pair<Words, Mode>> change, std::optional<double> value = {}) {
  Flip out{.name = std::move(name), .label = label, .from = from, .to = {}, .to_value = value, .mode = {}, .text = {}};
  if (!change) {
    out.text = {fmt::format("{} (now {}): no value changes the first place.", label.en, from.en),
                fmt::format("{}（现为 {}）：取任何值都不改变首选。", label.zh, from.zh)};
    return out;
  }
  const auto mode = name_of(change->second);
  out.to = change->first;
  out.mode = change->second;
  out.text = {fmt::format("{}: from {} to {}, {} would come first.", label.en, from.en, change->first.en, mode.en),
              fmt::format("{}由 {} 变为 {} 时，首选变为{}。", label.zh, from.zh, change->first.zh, mode.zh)};
  return out;
}

Words percent(double share) {
  const auto number = plain_number(std::round(share * 1000) / 10);
  return {number + " %", number + "%"};
}

void weights(const Facts& facts, std::vector<Flip>& out) {
  const auto own = weights_of(facts);
  const auto criteria = judge(facts, own).criteria;
  for (std::size_t i = 0; i < own.size(); ++i) {
    const auto at = [&](double share) {
      auto moved = own;
      const auto others = 1 - own[i];
      for (std::size_t k = 0; k < moved.size(); ++k)
        moved[k] = k == i ? share : others > 0 ? own[k] / others * (1 - share) : (1 - share) / static_cast<double>(own.size() - 1);
      return judge(facts, moved).first();
    };
    const auto change = nearest_change(own[i], 0, 1, at);
    out.push_back(flip("weight." + criteria[i].criterion, {"weight of " + criteria[i].name.en, criteria[i].name.zh + "的权重"}, percent(own[i]),
                       change ? std::optional(std::pair(percent(change->first), change->second)) : std::nullopt,
                       change ? std::optional(change->first) : std::nullopt));
  }
}

struct NumberInput {
  const char* name;
  Words label;
  std::optional<double> Facts::* field;
  double low, high;  ///< of the search
  Words unit;
};

void numbers(const Facts& facts, std::vector<Flip>& out) {
  const NumberInput inputs[] = {{"input.users.daily_active", {"daily active users", "日活用户数"}, &Facts::daily_active, 1, 1e8, {}},
                                {"input.organisation.it_staff", {"people in IT", "信息技术人员数"}, &Facts::it_staff, 0.1, 1e4, {}},
                                {"input.organisation.employees", {"employees", "员工数"}, &Facts::employees, 1, 1e7, {}},
                                {"input.peak_to_mean", {"busiest hour over the mean", "峰均比"}, &Facts::peak_to_mean, 1, 24, {}},
                                {"input.latency.ttft_p95_s", {"goal of the first token", "首词元时延目标"}, &Facts::ttft_s, 0.05, 60, {" s", " 秒"}}};
  for (const auto& input : inputs) {
    const auto present = facts.*input.field;
    if (!present) continue;  // An unknown value has no neighbourhood to search.
    const auto at = [&](double log10) {
      auto moved = facts;
      moved.*input.field = std::pow(10, log10);
      return judge(moved, weights_of(moved)).first();
    };
    const auto here = std::log10(std::clamp(*present, input.low, input.high));
    const auto change = nearest_change(here, std::log10(input.low), std::log10(input.high), at);
    const auto say = [&](double value) { return Words{plain_number(value) + input.unit.en, plain_number(value) + input.unit.zh}; };
    const auto value = change ? std::optional(std::pow(10, change->first)) : std::nullopt;
    out.push_back(flip(input.name, input.label, say(*present), change ? std::optional(std::pair(say(*value), change->second)) : std::nullopt, value));
  }
}

void cost_ratio(const Facts& facts, std::vector<Flip>& out) {
  if (!facts.local_cost || !facts.cloud_cost || *facts.cloud_cost <= 0 || *facts.local_cost <= 0) return;
  const auto at = [&](double log10) {
    auto moved = facts;
    moved.local_cost = *facts.cloud_cost * std::pow(10, log10);
    return judge(moved, weights_of(moved)).first();
  };
  const auto ratio = *facts.local_cost / *facts.cloud_cost;
  const auto change = nearest_change(std::log10(ratio), -3, 3, at);
  const auto say = [](double value) { return Words{plain_number(value), plain_number(value)}; };
  const auto value = change ? std::optional(std::pow(10, change->first)) : std::nullopt;
  out.push_back(flip("input.cost_ratio", {"own cost over cloud cost", "自建与云端成本之比"}, say(ratio),
                     change ? std::optional(std::pair(say(*value), change->second)) : std::nullopt, value));
}

/// Choices from a few values: the nearest other value that changes the first place.
template <class T>
void choice(const Facts& facts, std::vector<Flip>& out, const char* name, const Words& label, T Facts::* field, const std::vector<std::pair<T, Words>>& values) {
  const auto present = judge(facts, weights_of(facts)).first();
  std::size_t here = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i].first == facts.*field) here = i;
  std::optional<std::pair<Words, Mode>> found;
  for (std::size_t distance = 1; distance < values.size() && !found; ++distance)
    for (const auto sign : {-1, 1}) {
      const auto index = static_cast<std::ptrdiff_t>(here) + sign * static_cast<std::ptrdiff_t>(distance);
      if (index < 0 || index >= static_cast<std::ptrdiff_t>(values.size()) || found) continue;
      auto moved = facts;
      moved.*field = values[static_cast<std::size_t>(index)].first;
      if (const auto first = judge(moved, weights_of(moved)).first(); first != present) found = std::pair(values[static_cast<std::size_t>(index)].second, first);
    }
  out.push_back(flip(name, label, values[here].second, found));
}

}  // namespace

std::vector<Flip> search_flips(const Facts& facts) {
  std::vector<Flip> out;
  weights(facts, out);
  std::vector<std::pair<DataClass, Words>> grades;
  for (const auto grade : {DataClass::kPublic, DataClass::kInternal, DataClass::kConfidential, DataClass::kCore}) grades.emplace_back(grade, name_of(grade));
  choice(facts, out, "input.constraints.data_class", {"highest data grade", "数据最高级别"}, &Facts::data_class, grades);
  const std::vector<std::pair<bool, Words>> yes_no{{false, {"no", "否"}}, {true, {"yes", "是"}}};
  choice(facts, out, "input.constraints.cloud_allowed", {"public cloud allowed", "允许公有云"}, &Facts::cloud_allowed, yes_no);
  choice(facts, out, "input.constraints.air_gapped", {"cut off from outside networks", "与外网隔离"}, &Facts::air_gapped, yes_no);
  choice(facts, out, "input.training", {"training on the appliance", "本机训练"}, &Facts::training,
         {{Training::kNone, {"none", "无"}}, {Training::kAdapters, {"adapters", "适配器"}}, {Training::kAll, {"all parameters", "全参数"}}});
  cost_ratio(facts, out);
  numbers(facts, out);
  return out;
}

}  // namespace siyu::planner
