// The prefix cache's hands on llama.cpp's memory. The cache counts places; where a picture's places lie in two dimensions, what
// follows it stands at smaller positions than that, and this class knows by how much.
#pragma once

#include <llama.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

#include "prefix_cache.h"

namespace siyu::worker {

class LlamaKvMemory final : public KvMemory {
 public:
  /// Ranges go to host memory and back by way of an id of their own, since llama.cpp saves whole sequences only. Others leave it alone.
  static constexpr Id kMover = 0;

  explicit LlamaKvMemory(llama_context* context) : context_(context), memory_(llama_get_memory(context)), window_(llama_model_n_swa(llama_get_model(context))) {}
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
  /// llama.cpp lets go of an id's cells from the lowest on, so the lowest that is left tells of all.
  bool holds(Id id, std::size_t end) const override {
    if (window_ == 0) return true;
    const auto lowest = llama_memory_seq_pos_min(memory_, id);  // −1: nothing is left
    return lowest >= 0 && lowest <= std::max(0, position(id, end) - window_);
  }
  std::vector<std::uint8_t> save(Id id, std::size_t begin, std::size_t end) override {
    if (folds_.contains(id)) return {};  // what comes back would not know where its pictures are folded
    const auto began = std::chrono::steady_clock::now();
    copy(id, kMover, begin, end);
    std::vector<std::uint8_t> saved(llama_state_seq_get_size(context_, kMover));
    if (llama_state_seq_get_data(context_, saved.data(), saved.size(), kMover) != saved.size()) saved.clear();
    llama_memory_seq_rm(memory_, kMover, -1, -1);
    learn(save_ms_, began);
    return saved;
  }
  bool restore(Id id, std::size_t begin, std::size_t end, const std::vector<std::uint8_t>& saved) override {
    const auto began = std::chrono::steady_clock::now();
    if (llama_state_seq_set_data(context_, saved.data(), saved.size(), kMover) == 0) return false;
    copy(kMover, id, begin, end);
    llama_memory_seq_rm(memory_, kMover, -1, -1);
    learn(restore_ms_, began);
    return true;
  }

  /// What a save and a restore took of late; 0 before the first.
  double save_ms() const { return save_ms_; }
  double restore_ms() const { return restore_ms_; }
  /// A measurement disturbed by something else must not count for ever where nothing is moved any more.
  void forget_a_little() {
    save_ms_ *= kForget;
    restore_ms_ *= kForget;
  }

  /// From place `begin` on, `places` of the id take only `positions`.
  void fold(Id id, std::size_t begin, std::size_t places, std::size_t positions) {
    if (places != positions) add_fold(id, {begin, places, positions});
  }
  /// All memory was cleared.
  void forget_folds() { folds_.clear(); }

 private:
  static constexpr double kWeight = 0.15, kForget = 0.999;
  static void learn(double& average, std::chrono::steady_clock::time_point began) {
    const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
    average += (average == 0 ? 1 : kWeight) * (ms - average);
  }

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

  llama_context* context_;
  llama_memory_t memory_;
  llama_pos window_ = 0;  // the last tokens that layers with a sliding window look at; 0: all
  double save_ms_ = 0, restore_ms_ = 0;
  std::map<Id, std::vector<Fold>> folds_;  // none for models whose positions are plain numbers
};

}  // namespace siyu::worker
