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
constexpr double kFlopsPerByte = 60;                  // of a card's memory speed, that it computes at: A100, H100 and RTX 4090 reach about so much in prefill
constexpr double kPromptTokens = 1000;
constexpr double kPatience = 60;                      // seconds for reading such a prompt
constexpr double kReadingSpeed = 5;                   // tokens a second, about as fast as people read
constexpr double kGiB = 1ULL << 30;

/// Where a model would run: the card with the most room, or the processors.
struct Place {
  double free_bytes = 0, bytes_per_second = 0, flop_per_s = 0;
  const models::Card* card = nullptr;
  double usable() const { return free_bytes * kMemoryShare; }
};

Place place_on(const models::MachineFacts& machine) {
  const auto card = std::ranges::max_element(machine.cards, {}, &models::Card::memory_free_bytes);
  if (card != machine.cards.end())
    return {.free_bytes = static_cast<double>(card->memory_free_bytes), .bytes_per_second = card->memory_bytes_per_second, .flop_per_s = card->memory_bytes_per_second * kFlopsPerByte, .card = &*card};
  return {.free_bytes = static_cast<double>(machine.memory_available_bytes), .bytes_per_second = machine.memory_bytes_per_second, .flop_per_s = kFlopsPerCore * std::max(machine.cores, 0.1)};
}

/// Nothing when the catalogue's names lead nowhere: somebody's own entry.
std::optional<Recommendation> recommendation_of(const Catalogue& catalogue, const Download& file, std::uint32_t context_tokens, const Place& place) {
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
  const sizing::WorkerSizes sizes{.kv_tokens = static_cast<double>(context_tokens), .sequences = kSequences, .text_tokens = context_tokens};
  const auto memory = sizing::worker_memory(shape, &*format, sizes, sizing::this_processor());
  const auto needed = place.card != nullptr ? sizing::card_memory(shape, &*format, sizes).total() : memory.total() - memory.weights + static_cast<double>(file.file_bytes);
  one.predicted_bytes = static_cast<std::uint64_t>(needed);
  one.tokens_per_second = place.bytes_per_second * kReachedSpeed / sizing::active_weight_bytes(shape, &*format);
  one.prompt_seconds = place.flop_per_s > 0 ? 2 * static_cast<double>(shape.computed_parameters()) * kPromptTokens / place.flop_per_s : 0;
  return one;
}

std::string judge(const Recommendation& one, const models::MachineFacts& machine, const Place& place, std::uint64_t disk_free) {
  const auto needed = static_cast<double>(one.predicted_bytes) / kGiB;
  const auto free = place.free_bytes / kGiB;
  const auto where = place.card != nullptr ? " on " + place.card->name : std::string();
  if (static_cast<double>(one.predicted_bytes) > place.usable())
    return fmt::format("needs {:.1f} GiB of memory{}; {:.1f} of the {:.1f} GiB that are free are for models", needed, where, place.usable() / kGiB, free);
  if (one.file_bytes > disk_free)
    return fmt::format("needs {:.1f} GiB on the disk; {:.1f} GiB are free", static_cast<double>(one.file_bytes) / kGiB, static_cast<double>(disk_free) / kGiB);
  const auto speed = one.tokens_per_second > 0 ? fmt::format("about {:.0f} tokens/s, ", one.tokens_per_second) : std::string();
  if (one.embedding) return fmt::format("takes {:.1f} of {:.1f} GiB free memory{}; finds passages by meaning beside a chat model", needed, free, where);
  const auto by = place.card != nullptr ? std::string() : fmt::format(" on {:.4g} cores", machine.cores);
  const auto wait = fmt::format("{}{:.0f} s to read a page of sources{} (estimates)", speed, std::max(1.0, one.prompt_seconds), by);
  return one.comfortable ? fmt::format("takes {:.1f} of {:.1f} GiB free memory{}; {}", needed, free, where, wait) : fmt::format("fits into {:.1f} GiB free memory{}, but is slow here: {}", free, where, wait);
}

}  // namespace

Recommended recommend(const Catalogue& catalogue, const models::MachineFacts& machine, std::uint64_t disk_free_bytes, std::uint32_t context_tokens) {
  struct Ranked {
    Recommendation one;
    std::tuple<int, double> place;
  };
  std::vector<Ranked> ranked;
  const auto place = place_on(machine);
  for (const auto& file : catalogue.downloads) {
    auto found = recommendation_of(catalogue, file, context_tokens, place);
    if (!found) continue;
    auto& one = *found;
    one.fits = static_cast<double>(one.predicted_bytes) <= place.usable() && one.file_bytes <= disk_free_bytes;
    one.comfortable = one.fits && one.prompt_seconds <= kPatience && (one.tokens_per_second == 0 || one.tokens_per_second >= kReadingSpeed);
    one.reason = judge(one, machine, place, disk_free_bytes);
    const std::tuple rank = one.comfortable ? std::tuple(0, -static_cast<double>(file.quality)) : one.fits ? std::tuple(1, one.prompt_seconds) : std::tuple(2, static_cast<double>(one.predicted_bytes));
    ranked.push_back({std::move(one), rank});
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) { return a.place < b.place; });
  Recommended result{.machine = machine, .disk_free_bytes = disk_free_bytes, .models = {}};
  for (auto& entry : ranked) result.models.push_back(std::move(entry.one));
  return result;
}

}  // namespace siyu::planner
