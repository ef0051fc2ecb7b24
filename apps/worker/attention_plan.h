// Which cells of the KV cache the queries of a step may see, sorted into groups. See attention.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace siyu::worker {

/// Cells that are read together. `seen_by` has a bit for each token of the tile that sees any of them.
struct CellGroup {
  std::uint32_t seen_by = 0;
  bool alike = true;         ///< every one of those tokens sees all of them
  std::uint32_t begin = 0;   ///< in TilePlan::cells
  std::uint32_t count = 0;
};

/// For up to 32 tokens in a row.
struct TilePlan {
  static constexpr int kMostTokens = 32;
  std::vector<CellGroup> groups;
  std::vector<std::uint32_t> cells;
  std::vector<std::uint32_t> visible;  ///< for each cell of the cache: bits of the tokens that see it
  bool usable = false;                 ///< the mask says only "seen" and "not seen"
};

/// `mask`: a row of `cells` half floats for each of `tokens` tokens, `stride` halfs apart; 0 means seen, −∞ not seen.
void plan_tile(const std::uint16_t* mask, std::size_t stride, int tokens, std::size_t cells, TilePlan& plan);

}  // namespace siyu::worker
