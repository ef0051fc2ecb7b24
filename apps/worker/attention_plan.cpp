#include "attention_plan.h"

#include <algorithm>

namespace siyu::worker {
namespace {

constexpr std::uint16_t kUnseen = 0xFC00;  // −∞ as a half float
// Cells seen by the same tokens form a group of their own from this number on; fewer are computed together with others, masked.
constexpr std::uint32_t kSmallestGroup = 8;

/// False when the mask holds anything else than 0 and −∞.
bool gather_visibility(const std::uint16_t* mask, std::size_t stride, int tokens, std::size_t cells, std::uint32_t* visible) {
  std::fill_n(visible, cells, 0U);
  std::uint32_t strange = 0;
  for (int token = 0; token < tokens; ++token) {
    const std::uint16_t* row = mask + static_cast<std::size_t>(token) * stride;
    for (std::size_t cell = 0; cell < cells; ++cell) {
      const std::uint32_t seen = row[cell] == 0 ? 1U : 0U;
      strange |= static_cast<std::uint32_t>(row[cell] != kUnseen) & (seen ^ 1U);
      visible[cell] |= seen << token;
    }
  }
  return strange == 0;
}

/// Index of the group of a visibility; there are few different ones, and neighbours mostly share one.
class Groups {
 public:
  explicit Groups(std::vector<CellGroup>& groups) : groups_(groups) { groups_.clear(); }
  CellGroup& of(std::uint32_t visible) {
    if (last_ < groups_.size() && groups_[last_].seen_by == visible) return groups_[last_];
    const auto slot = (visible * 0x9E3779B1U) >> (32 - kBits);
    if (const auto known = slots_[slot]; known != 0 && groups_[known - 1].seen_by == visible) {
      last_ = known - 1;
    } else {
      const auto found = std::ranges::find(groups_, visible, &CellGroup::seen_by);
      last_ = static_cast<std::size_t>(found - groups_.begin());
      if (found == groups_.end()) groups_.push_back({.seen_by = visible});
      slots_[slot] = static_cast<std::uint32_t>(last_) + 1;
    }
    return groups_[last_];
  }

 private:
  static constexpr int kBits = 8;
  std::vector<CellGroup>& groups_;
  std::size_t last_ = 0;
  std::uint32_t slots_[1U << kBits] = {};
};

}  // namespace

void plan_tile(const std::uint16_t* mask, std::size_t stride, int tokens, std::size_t cells, TilePlan& plan) {
  plan.visible.resize(cells);
  plan.usable = gather_visibility(mask, stride, tokens, cells, plan.visible.data());
  plan.cells.clear();
  plan.groups.clear();
  if (!plan.usable) return;
  Groups groups(plan.groups);
  for (const auto visible : plan.visible)
    if (visible != 0) ++groups.of(visible).count;
  // Small groups join one that is masked, which comes last.
  CellGroup rest{.alike = false};
  std::uint32_t at = 0;
  for (auto& group : plan.groups) {
    if (group.count < kSmallestGroup) {
      rest.seen_by |= group.seen_by;
      rest.count += group.count;
      group.alike = false;
    } else {
      group.begin = at;
      at += group.count;
      group.count = 0;  // counted again as the cells come in
    }
  }
  rest.begin = at;
  plan.cells.resize(at + rest.count);
  rest.count = 0;
  for (std::uint32_t cell = 0; cell < cells; ++cell) {
    const auto visible = plan.visible[cell];
    if (visible == 0) continue;
    auto& own = groups.of(visible);
    auto& group = own.alike ? own : rest;
    plan.cells[group.begin + group.count++] = cell;
  }
  std::erase_if(plan.groups, [](const CellGroup& group) { return !group.alike; });
  if (rest.count > 0) plan.groups.push_back(rest);
}

}  // namespace siyu::worker
