#include "models/recommend.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "models/catalogue.h"

namespace siyu::models {
namespace {

constexpr std::uint64_t kWorkerBytes = 400ULL << 20;  // an allowance for computing buffers and the program
constexpr double kMemoryShare = 0.9;                  // of what is free: documents are parsed and indexed beside the model
constexpr double kReachedSpeed = 0.6;                 // of the measured memory speed that decoding reaches
constexpr double kFlopsPerCore = 40e9;                // a rule of thumb for 4 and 8 bit kernels with AVX2; not measured here
constexpr double kPromptTokens = 1000;
constexpr double kPatience = 60;                      // seconds for reading such a prompt
constexpr double kReadingSpeed = 5;                   // tokens a second, about as fast as people read
constexpr double kGiB = 1ULL << 30;

/// Keys and values of every layer in 16 bit.
std::uint64_t kv_bytes_per_token(const CatalogueModel& model) { return 2ULL * model.layers * model.kv_heads * kHeadWidth * 2; }

std::string judge(const Recommendation& one, const MachineFacts& machine, std::uint64_t disk_free) {
  const auto needed = static_cast<double>(one.predicted_bytes) / kGiB;
  const auto free = static_cast<double>(machine.memory_available_bytes) / kGiB;
  if (one.predicted_bytes > static_cast<std::uint64_t>(static_cast<double>(machine.memory_available_bytes) * kMemoryShare))
    return fmt::format("needs {:.1f} GiB of memory; {:.1f} of the {:.1f} GiB that are free are for models", needed, free * kMemoryShare, free);
  if (one.file_bytes > disk_free)
    return fmt::format("needs {:.1f} GiB on the disk; {:.1f} GiB are free", static_cast<double>(one.file_bytes) / kGiB, static_cast<double>(disk_free) / kGiB);
  const auto speed = one.tokens_per_second > 0 ? fmt::format("about {:.0f} tokens/s, ", one.tokens_per_second) : std::string();
  if (one.embedding) return fmt::format("takes {:.1f} of {:.1f} GiB free memory; finds passages by meaning beside a chat model", needed, free);
  const auto wait = fmt::format("{}{:.0f} s to read a page of sources on {:.4g} cores (estimates)", speed, std::max(1.0, one.prompt_seconds), machine.cores);
  return one.comfortable ? fmt::format("takes {:.1f} of {:.1f} GiB free memory; {}", needed, free, wait) : fmt::format("fits into {:.1f} GiB free memory, but is slow here: {}", free, wait);
}

}  // namespace

Recommended recommend(const MachineFacts& machine, std::uint64_t disk_free_bytes, std::uint32_t context_tokens) {
  struct Ranked {
    Recommendation one;
    std::tuple<int, double> place;
  };
  std::vector<Ranked> ranked;
  for (const auto& model : kCatalogue) {
    const auto reference = fmt::format("{}:{}", model.repository, model.quantization);
    Recommendation one{.name = model.name, .reference = "hf:" + reference, .mirror = "ms:" + reference, .quantization = model.quantization, .license = kCatalogueLicense,
                       .embedding = model.embedding, .parameters = model.parameters, .file_bytes = model.file_bytes};
    one.predicted_bytes = model.file_bytes + kWorkerBytes + kv_bytes_per_token(model) * context_tokens;
    const auto read_per_token = static_cast<double>(model.file_bytes) * model.active_parameters / model.parameters;
    one.tokens_per_second = machine.memory_bytes_per_second * kReachedSpeed / read_per_token;
    one.prompt_seconds = 2 * model.active_parameters * kPromptTokens / (kFlopsPerCore * std::max(machine.cores, 0.1));
    one.fits = static_cast<double>(one.predicted_bytes) <= static_cast<double>(machine.memory_available_bytes) * kMemoryShare && one.file_bytes <= disk_free_bytes;
    one.comfortable = one.fits && one.prompt_seconds <= kPatience && (one.tokens_per_second == 0 || one.tokens_per_second >= kReadingSpeed);
    one.reason = judge(one, machine, disk_free_bytes);
    const std::tuple place = one.comfortable ? std::tuple(0, -static_cast<double>(model.quality)) : one.fits ? std::tuple(1, one.prompt_seconds) : std::tuple(2, static_cast<double>(one.predicted_bytes));
    ranked.push_back({std::move(one), place});
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) { return a.place < b.place; });
  Recommended result{.machine = machine, .disk_free_bytes = disk_free_bytes, .models = {}};
  for (auto& entry : ranked) result.models.push_back(std::move(entry.one));
  return result;
}

}  // namespace siyu::models
