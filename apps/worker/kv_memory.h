// The prefix cache's hands on llama.cpp's memory. The cache counts places; where a picture's places lie in two dimensions, what
// follows it stands at smaller positions than that, and this class knows by how much.
#pragma once

#include <llama.h>

#include <algorithm>
#include <map>
#include <vector>

#include "prefix_cache.h"

namespace siyu::worker {

class LlamaKvMemory final : public KvMemory {
 public:
  explicit LlamaKvMemory(llama_context* context) : memory_(llama_get_memory(context)) {}

  void copy(Id from, Id to, std::size_t begin, std::size_t end) override {
    llama_memory_seq_cp(memory_, from, to, position(from, begin), position(from, end));
    forget_folds(to, begin, end);
    const auto known = folds_.find(from);
    if (known == folds_.end()) return;
    for (const auto& fold : std::vector<Fold>(known->second))
      if (fold.begin >= begin && fold.begin < end) add_fold(to, fold);
  }
  void remove(Id id, std::size_t begin, std::size_t end) override {
    llama_memory_seq_rm(memory_, id, position(id, begin), position(id, end));
    forget_folds(id, begin, end);
  }

  /// From place `begin` on, `places` of the id take only `positions`.
  void fold(Id id, std::size_t begin, std::size_t places, std::size_t positions) {
    if (places != positions) add_fold(id, {begin, places, positions});
  }
  /// All memory was cleared.
  void forget_folds() { folds_.clear(); }

 private:
  struct Fold {
    std::size_t begin, places, positions;
  };
  llama_pos position(Id id, std::size_t place) const {
    std::size_t folded = 0;
    if (const auto known = folds_.find(id); known != folds_.end())
      for (const auto& fold : known->second)
        if (fold.begin + fold.places <= place) folded += fold.places - fold.positions;
    return static_cast<llama_pos>(place - folded);
  }
  void add_fold(Id id, const Fold& fold) { folds_[id].push_back(fold); }
  void forget_folds(Id id, std::size_t begin, std::size_t end) {
    const auto known = folds_.find(id);
    if (known == folds_.end()) return;
    std::erase_if(known->second, [&](const Fold& fold) { return fold.begin >= begin && fold.begin < end; });
    if (known->second.empty()) folds_.erase(known);
  }

  llama_memory_t memory_;
  std::map<Id, std::vector<Fold>> folds_;  // none for models whose positions are plain numbers
};

}  // namespace siyu::worker
