#include "tenants.h"

#include <algorithm>
#include <limits>

namespace siyu::worker {

Tenant* Tenants::enter(const std::string& name) {
  Tenant& tenant = tenants_[name];
  if (tenant.requests++ > 0) return &tenant;
  ++with_work_;
  double least = std::numeric_limits<double>::max();
  for (const auto& [other, one] : tenants_)
    if (one.requests > 0 && &one != &tenant) least = std::min(least, one.got);
  // A newcomer begins as one who is just behind: it need not pay for what the others got before it came.
  if (least != std::numeric_limits<double>::max()) level_ = least;
  tenant.got = std::max(tenant.got, level_ - 2 * kMargin);
  return &tenant;
}

void Tenants::leave(Tenant* tenant) {
  if (--tenant->requests == 0) {
    --with_work_;
    level_ = std::max(level_, tenant->got);  // what it got while nobody else wanted any costs it nothing
  }
  if (tenants_.size() <= kMostRemembered) return;
  std::erase_if(tenants_, [](const auto& entry) { return entry.second.requests == 0; });
}

void Tenants::charge(Tenant& tenant, double tokens, std::size_t places) const {
  tenant.got += tokens * std::clamp(static_cast<double>(tenant.running) / static_cast<double>(share_of(places)), kLeastCharge, 1.0);
}

std::size_t Tenants::share_of(std::size_t places) const {
  return std::max<std::size_t>(1, places / std::max<std::size_t>(1, with_work_));
}

}  // namespace siyu::worker
