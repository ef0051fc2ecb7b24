// The accelerators of this machine, as NVIDIA's management library tells them: it comes with the driver and is looked for, not linked.
#pragma once

#include <boost/describe.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace siyu::models {

struct Card {
  std::string name;
  std::uint64_t memory_bytes = 0, memory_free_bytes = 0;
  double memory_bytes_per_second = 0;  ///< of its memory's clock and width; 0: the driver does not tell
};
BOOST_DESCRIBE_STRUCT(Card, (), (name, memory_bytes, memory_free_bytes, memory_bytes_per_second))

/// Empty without a driver.
std::vector<Card> read_cards();

}  // namespace siyu::models
