// How much of the model each tenant has got: virtual token counters (Sheng et al., "Fairness in Serving Large Language Models",
// OSDI 2024). Whoever has work and has got least is served first; who was away cannot save up.
#pragma once

#include <cstddef>
#include <map>
#include <string>

namespace siyu::worker {

struct Tenant {
  double got = 0;            ///< virtual tokens: those computed of prompts, and those generated twice
  std::size_t requests = 0;  ///< waiting or running
  std::size_t running = 0;
};

/// Used by one thread. A tenant stays where it is while it has requests.
class Tenants {
 public:
  /// One more request of this tenant.
  Tenant* enter(const std::string& name);
  void leave(Tenant* tenant);
  /// How many places each may hold when all of them want some.
  std::size_t share_of(std::size_t places) const;

  /// Tenants that differ by less have got the same.
  static constexpr double kMargin = 32;

 private:
  static constexpr std::size_t kMostRemembered = 4096;
  std::map<std::string, Tenant> tenants_;
  double level_ = 0;  // what those with work had got at least, when it was last looked at
};

}  // namespace siyu::worker
