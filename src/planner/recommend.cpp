#include "planner/recommend.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "planner/shapes.h"
#include "sizing/worker_memory.h"

namespace siyu::planner {
namespace {

constexpr std::uint32_t kSequences = 16;              // the configuration's default
constexpr double kMemoryShare = 0.9;                  // of what is free: documents are parsed and indexed beside the model
constexpr double kReachedSpeed = 0.6;                 // of the measured memory speed that decoding reaches
constexpr double kFlopsPerCore = 40e9;                // a rule of thumb for 4 and 8 bit kernels with AVX2; not measured here
constexpr double kPromptTokens = 1000;
constexpr double kPatience = 60;                      // seconds for reading such a prompt
constexpr double kReadingSpeed = 5;                   // tokens a second, about as fast as people read
constexpr double kGiB = 1ULL << 30;

/// Nothing when the catalogue's names lead nowhere: somebody's own entry.
std::optional<Recommendation> recommendation_of(const Catalogue& catalogue, const Download& file, std::uint32_t context_tokens, const models::MachineFacts& machine) {
  const auto entry = catalogue.model(file.model);
  const auto format = sizing::weight_format(file.format);
  if (!entry || !format) return std::nullopt;
  const auto shape = shape_of(**entry);
  std::string quantization = file.format;
  for (auto& c : quantization) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const auto reference = fmt::format("{}:{}", file.repository, quantization);
  Recommendation one{.name = file.model, .reference = "hf:" + reference, .mirror = "ms:" + reference, .quantization = quantization, .license = (*entry)->licence, .embedding = shape.embeds,
                     .parameters = static_cast<double>(shape.parameters()), .file_bytes = file.file_bytes};
  for (auto& c : one.license) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto memory = sizing::worker_memory(shape, &*format, {.kv_tokens = static_cast<double>(context_tokens), .sequences = kSequences, .text_tokens = context_tokens}, sizing::this_processor());
  one.predicted_bytes = static_cast<std::uint64_t>(memory.total() - memory.weights) + file.file_bytes;
  one.tokens_per_second = machine.memory_bytes_per_second * kReachedSpeed / sizing::active_weight_bytes(shape, &*format);
  one.prompt_seconds = 2 * static_cast<double>(shape.computed_parameters()) * kPromptTokens / (kFlopsPerCore * std::max(machine.cores, 0.1));
  return one;
}

std::string judge(const Recommendation& one, const models::MachineFacts& machine, std::uint64_t disk_free) {
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

Recommended recommend(const Catalogue& catalogue, const models::MachineFacts& machine, std::uint64_t disk_free_bytes, std::uint32_t context_tokens) {
  struct Ranked {
    Recommendation one;
    std::tuple<int, double> place;
  };
  std::vector<Ranked> ranked;
  for (const auto& file : catalogue.downloads) {
    auto found = recommendation_of(catalogue, file, context_tokens, machine);
    if (!found) continue;
    auto& one = *found;
    one.fits = static_cast<double>(one.predicted_bytes) <= static_cast<double>(machine.memory_available_bytes) * kMemoryShare && one.file_bytes <= disk_free_bytes;
    one.comfortable = one.fits && one.prompt_seconds <= kPatience && (one.tokens_per_second == 0 || one.tokens_per_second >= kReadingSpeed);
    one.reason = judge(one, machine, disk_free_bytes);
    const std::tuple place = one.comfortable ? std::tuple(0, -static_cast<double>(file.quality)) : one.fits ? std::tuple(1, one.prompt_seconds) : std::tuple(2, static_cast<double>(one.predicted_bytes));
    ranked.push_back({std::move(one), place});
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) { return a.place < b.place; });
  Recommended result{.machine = machine, .disk_free_bytes = disk_free_bytes, .models = {}};
  for (auto& entry : ranked) result.models.push_back(std::move(entry.one));
  return result;
}

}  // namespace siyu::planner
