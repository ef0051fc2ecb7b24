// The prefix cache's hands on llama.cpp's memory.
#pragma once

#include <llama.h>

#include "prefix_cache.h"

namespace siyu::worker {

class LlamaKvMemory final : public KvMemory {
 public:
  explicit LlamaKvMemory(llama_context* context) : memory_(llama_get_memory(context)) {}
  void copy(Id from, Id to, std::size_t begin, std::size_t end) override {
    llama_memory_seq_cp(memory_, from, to, static_cast<llama_pos>(begin), static_cast<llama_pos>(end));
  }
  void remove(Id id, std::size_t begin, std::size_t end) override {
    llama_memory_seq_rm(memory_, id, static_cast<llama_pos>(begin), static_cast<llama_pos>(end));
  }

 private:
  llama_memory_t memory_;
};

}  // namespace siyu::worker
