// A few open models that are known to run well here, so that a recommendation needs no network.
//
// All figures serve the estimate only: a download goes by what the hub says then, and a load by the file's own header. File sizes
// are as other projects pin these files of the publisher's GGUF repositories (on huggingface.co; the same ones stand on
// modelscope.cn). Parameters, layers and key-value heads are those of the Qwen3 technical report (arXiv:2505.09388, tables 1
// and 2) as we know them; neither was checked against the hubs, which could not be reached. A head's width is 128 throughout.
#pragma once

#include <array>
#include <cstdint>

namespace siyu::models {

struct CatalogueModel {
  const char* name;
  const char* repository;  ///< on both hubs
  const char* quantization;
  bool embedding;
  double parameters, active_parameters;  ///< active: computed for each token
  std::uint64_t file_bytes;
  std::uint32_t layers, kv_heads;
  std::uint32_t quality;  ///< order only: what answers better has more
};

constexpr std::uint32_t kHeadWidth = 128;
constexpr const char* kCatalogueLicense = "apache-2.0";

constexpr std::array kCatalogue{
    CatalogueModel{"Qwen3-0.6B", "Qwen/Qwen3-0.6B-GGUF", "Q8_0", false, 0.6e9, 0.6e9, 639'446'688, 28, 8, 10},
    CatalogueModel{"Qwen3-1.7B", "Qwen/Qwen3-1.7B-GGUF", "Q8_0", false, 1.7e9, 1.7e9, 1'834'426'016, 28, 8, 20},
    CatalogueModel{"Qwen3-4B", "Qwen/Qwen3-4B-GGUF", "Q4_K_M", false, 4.0e9, 4.0e9, 2'497'280'256, 36, 8, 30},
    CatalogueModel{"Qwen3-4B", "Qwen/Qwen3-4B-GGUF", "Q8_0", false, 4.0e9, 4.0e9, 4'280'404'704, 36, 8, 35},
    CatalogueModel{"Qwen3-8B", "Qwen/Qwen3-8B-GGUF", "Q4_K_M", false, 8.2e9, 8.2e9, 5'027'783'488, 36, 8, 40},
    CatalogueModel{"Qwen3-8B", "Qwen/Qwen3-8B-GGUF", "Q8_0", false, 8.2e9, 8.2e9, 8'709'518'112, 36, 8, 45},
    CatalogueModel{"Qwen3-14B", "Qwen/Qwen3-14B-GGUF", "Q4_K_M", false, 14.8e9, 14.8e9, 9'001'752'960, 40, 8, 50},
    CatalogueModel{"Qwen3-14B", "Qwen/Qwen3-14B-GGUF", "Q8_0", false, 14.8e9, 14.8e9, 15'698'533'728, 40, 8, 55},
    CatalogueModel{"Qwen3-30B-A3B", "Qwen/Qwen3-30B-A3B-GGUF", "Q4_K_M", false, 30.5e9, 3.3e9, 18'600'000'000, 48, 4, 60},  // size rounded up
    CatalogueModel{"Qwen3-32B", "Qwen/Qwen3-32B-GGUF", "Q4_K_M", false, 32.8e9, 32.8e9, 19'762'149'024, 64, 8, 70},
    CatalogueModel{"Qwen3-32B", "Qwen/Qwen3-32B-GGUF", "Q8_0", false, 32.8e9, 32.8e9, 34'817'718'912, 64, 8, 75},
    CatalogueModel{"Qwen3-Embedding-0.6B", "Qwen/Qwen3-Embedding-0.6B-GGUF", "Q8_0", true, 0.6e9, 0.6e9, 639'150'592, 28, 8, 10},
};

}  // namespace siyu::models
