// How much of the model each tenant has got: virtual token counters (Sheng et al., "Fairness in Serving Large Language Models",
// OSDI 2024). Whoever has work and has got least is served first; who was away cannot save up.
#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace siyu::worker {

struct Tenant {
  double got = 0;            ///< virtual tokens: those computed of prompts, and those generated twice; see charge()
  std::size_t requests = 0;  ///< waiting or running
  std::size_t running = 0;
};

/// Used by one thread. A tenant stays where it is while it has requests.
class Tenants {
 public:
  /// One more request of this tenant.
  Tenant* enter(const std::string& name);
  void leave(Tenant* tenant);
  /// It got so many virtual tokens. Who runs less than its share of the places at one time is charged less for each, so that the
  /// one answer of a modest tenant is not held back for the many of a greedy one, which share their steps and get more in each.
  void charge(Tenant& tenant, double tokens, std::size_t places) const;
  /// How many places each may hold when all of them want some.
  std::size_t share_of(std::size_t places) const;

  /// Tenants that differ by less have got the same.
  static constexpr double kMargin = 32;

 private:
  static constexpr double kLeastCharge = 0.25;
  static constexpr std::size_t kMostRemembered = 4096;
  std::map<std::string, Tenant> tenants_;
  std::size_t with_work_ = 0;
  double level_ = 0;  // what those with work had got at least, when it was last looked at
};

}  // namespace siyu::worker
