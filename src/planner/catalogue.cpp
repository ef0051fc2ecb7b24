#include "planner/catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>

#include "base/text.h"
#include "base/yaml.h"
#include "planner/catalogue_files.h"

namespace siyu::planner {
namespace {

constexpr std::uint64_t kFormat = 1;

/// What makes two entries the same one.
template <class T>
std::string identity(const T& entry) {
  if constexpr (requires { entry.id; }) return entry.id;
  else if constexpr (requires { entry.item; }) return entry.item + "/" + entry.currency;
  else if constexpr (requires { entry.name; }) return entry.name;
  else return fmt::format("{}/{}/{}/{}/{}/{}", entry.vendor, entry.model, entry.currency, entry.period.value_or(""), entry.tier.value_or(""), entry.region.value_or(""));
}

/// `hidden: true` needs nothing but what names the entry, so it is looked at before the entry is read.
bool hides(const json::value& value) {
  const auto* object = value.if_object();
  const auto* hidden = object == nullptr ? nullptr : object->if_contains("hidden");
  return hidden != nullptr && hidden->is_bool() && hidden->get_bool();
}

template <class T>
Status hide(std::vector<T>& entries, const json::value& value, const std::string& where) {
  const auto name_of = [&](std::string_view key) {
    const auto* found = value.get_object().if_contains(key);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
  };
  const auto name = !name_of("name").empty() ? name_of("name") : !name_of("id").empty() ? name_of("id") : !name_of("item").empty() ? name_of("item") : name_of("vendor") + "/" + name_of("model");
  const auto removed = std::erase_if(entries, [&](const T& entry) { const auto own = identity(entry); return own == name || own.starts_with(name + "/"); });
  if (removed == 0) return invalid(fmt::format("{}: hides `{}`, which is not in the catalogue", where, name));
  return {};
}

template <class T>
Status merge(std::vector<T>& entries, const json::object& file, std::string_view list, std::string_view file_name) {
  const auto* found = file.if_contains(list);
  if (found == nullptr) return {};
  const auto* array = found->if_array();
  if (array == nullptr) return invalid(fmt::format("{}: `{}` must be a list of entries", file_name, list));
  for (std::size_t i = 0; i < array->size(); ++i) {
    const auto where = fmt::format("{}: {}[{}]", file_name, list, i);
    if (hides((*array)[i])) {
      RETURN_IF_ERROR(hide(entries, (*array)[i], where));
      continue;
    }
    auto entry = from_json<T>((*array)[i], UnknownKeys::kRefuse);
    if (!entry) return invalid(fmt::format("{}: {}", where, entry.error().message));
    const auto same = std::ranges::find_if(entries, [&](const T& one) { return identity(one) == identity(*entry); });
    if (same != entries.end()) *same = std::move(*entry);
    else entries.push_back(std::move(*entry));
  }
  return {};
}

/// One file's lists. Keys that no list has are refused: they are misspelt.
Status merge_file(Catalogue& catalogue, std::string_view name, std::string_view text) {
  ASSIGN_OR_RETURN(const auto value, parse_yaml(text, name));
  const auto* file = value.if_object();
  if (file == nullptr) return invalid(fmt::format("{} must be a map of lists; see the catalogue's README", name));
  const auto* format = file->if_contains("format");
  if (format == nullptr || !format->is_number() || format->to_number<std::uint64_t>() != kFormat) return invalid(fmt::format("{} must begin with `format: {}`", name, kFormat));
  const auto lists = [&](auto& entries, std::string_view key) { return std::pair<std::string_view, std::function<Status()>>(key, [&, key] { return merge(entries, *file, key, name); }); };
  const auto stem = name.substr(0, name.rfind('.'));
  std::vector<std::pair<std::string_view, std::function<Status()>>> known;
  if (stem == "downloads") known = {lists(catalogue.downloads, "downloads")};
  else if (stem == "models") known = {lists(catalogue.models, "models")};
  else if (stem == "accelerators") known = {lists(catalogue.accelerators, "accelerators")};
  else if (stem == "network") known = {lists(catalogue.networks, "networks"), lists(catalogue.network_scenarios, "scenarios")};
  else if (stem == "storage") known = {lists(catalogue.storage, "storage"), lists(catalogue.storage_stages, "stages"), lists(catalogue.storage_rules, "rules")};
  else if (stem == "appliances") known = {lists(catalogue.appliances, "appliances"), lists(catalogue.user_classes, "user_classes")};
  else if (stem == "prices") known = {lists(catalogue.token_prices, "prices"), lists(catalogue.tariffs, "electricity"), lists(catalogue.purchases, "purchases")};
  else if (stem == "industries") known = {lists(catalogue.industries, "industries")};
  else if (stem == "published") known = {lists(catalogue.published, "published")};
  else if (stem == "efficiency") known = {lists(catalogue.efficiencies, "efficiencies")};
  else if (stem == "quality") known = {lists(catalogue.quality, "quality")};
  for (const auto& [key, unused] : *file)
    if (key != "format" && key != "unknown" && std::ranges::none_of(known, [&](const auto& one) { return one.first == std::string_view(key); }))
      return invalid(fmt::format("{}: `{}` is not a list of this file; it may hold {}", name, std::string_view(key), known.empty() ? "" : known.front().first));
  for (const auto& [key, read] : known) RETURN_IF_ERROR(read());
  return {};
}

/// What two spellings of one name share: Qwen3_8B, qwen3-8b, "Qwen3 8B".
std::string plain(std::string_view name) {
  std::string out;
  for (const char c : fold(name))
    if (c != '-' && c != '_' && c != ' ' && c != '.') out += c;
  return out;
}

template <class T>
Strings names_of(const T& entry) {
  Strings names{entry.name};
  if constexpr (requires { entry.aliases.begin(); }) names.insert(names.end(), entry.aliases.begin(), entry.aliases.end());
  else if constexpr (requires { entry.aliases->begin(); }) {
    if (entry.aliases) names.insert(names.end(), entry.aliases->begin(), entry.aliases->end());
  }
  if constexpr (requires { entry.name_zh.size(); }) names.push_back(entry.name_zh);
  return names;
}

template <class T>
Result<const T*> find(const std::vector<T>& entries, std::string_view name, std::string_view what, std::string_view file) {
  const auto wanted = plain(name);
  Strings known;
  for (const auto& entry : entries) {
    for (const auto& own : names_of(entry)) {
      if (plain(own) == wanted) return &entry;
      known.push_back(own);
    }
  }
  if (known.empty()) return not_found(fmt::format("The catalogue has no {}", what));
  return not_found(fmt::format("`{}` is not {} of the catalogue; did you mean `{}`? `siyu plan catalogue` lists them, and {} in your catalogue folder adds one", name, what,
                               nearest(name, known), file));
}

}  // namespace

std::string cite(const Provenance& entry, bool with_confidence) {
  std::string more = entry.source.find(entry.date) == std::string::npos ? entry.date : std::string();
  if (with_confidence && entry.confidence) more += (more.empty() ? "" : ", ") + *entry.confidence;
  return more.empty() ? entry.source : fmt::format("{} ({})", entry.source, more);
}

bool same_name(std::string_view asked, std::string_view entry) {
  const auto wanted = plain(asked);
  return wanted == plain(entry) || wanted == plain(entry.substr(0, entry.find(" (")));
}

Words words_of_key(const std::string& key) {
  static const std::pair<std::string_view, Words> kKeys[] = {{"memory_gb_per_s", {"memory bandwidth", "显存带宽"}},
                                                             {"memory_gib", {"memory", "显存容量"}},
                                                             {"memory_type", {"type of memory", "显存类型"}},
                                                             {"tflops", {"compute", "算力"}},
                                                             {"power_w", {"power", "功耗"}},
                                                             {"interconnect", {"links between cards", "卡间互连"}},
                                                             {"pcie", {"PCIe", "PCIe 规格"}},
                                                             {"form_factor", {"form", "形态"}},
                                                             {"int8_tops", {"INT8 compute", "INT8 算力"}},
                                                             {"int4_tops", {"INT4 compute", "INT4 算力"}},
                                                             {"fp64", {"FP64 compute", "FP64 算力"}},
                                                             {"fp32", {"FP32 compute", "FP32 算力"}},
                                                             {"tf32", {"TF32 compute", "TF32 算力"}},
                                                             {"fp16", {"FP16 compute", "FP16 算力"}},
                                                             {"bf16", {"BF16 compute", "BF16 算力"}},
                                                             {"fp8", {"FP8 compute", "FP8 算力"}},
                                                             {"fp4", {"FP4 compute", "FP4 算力"}}};
  const auto at = std::ranges::find(kKeys, key, [](const auto& one) { return one.first; });
  return at == std::end(kKeys) ? Words{key, key} : at->second;
}

Result<const ModelEntry*> Catalogue::model(std::string_view name) const { return find(models, name, "a model", "models.yaml"); }
Result<const Accelerator*> Catalogue::accelerator(std::string_view name) const { return find(accelerators, name, "an accelerator", "accelerators.yaml"); }
Result<const Network*> Catalogue::network(std::string_view name) const { return find(networks, name, "a network", "network.yaml"); }
Result<const Industry*> Catalogue::industry(std::string_view name) const { return find(industries, name, "an industry", "industries.yaml"); }

Result<const EfficiencyEntry*> Catalogue::efficiency(const std::optional<std::string>& engine, std::string_view accelerator) const {
  const EfficiencyEntry* best = nullptr;
  int most = -1;
  Strings engines;
  for (const auto& one : efficiencies) {
    if (one.engine) engines.push_back(*one.engine);
    if (one.engine && (!engine || !same_name(*engine, *one.engine))) continue;
    if (one.accelerators && std::ranges::none_of(*one.accelerators, [&](const auto& name) { return same_name(accelerator, name); })) continue;
    const int rank = (one.engine ? 2 : 0) + (one.accelerators ? 1 : 0);
    if (rank > most) best = &one, most = rank;
  }
  if (engine && std::ranges::none_of(engines, [&](const auto& name) { return same_name(*engine, name); })) {
    std::string list;
    for (const auto& name : engines)
      if (list.find(name) == std::string::npos) list += (list.empty() ? "" : ", ") + name;
    return not_found(fmt::format("The catalogue has no factors of the engine `{}`, but of: {}. Leave the engine out for those that stand for all, or add an entry to efficiency.yaml in your catalogue folder",
                                 *engine, list));
  }
  if (best == nullptr) return not_found("The catalogue's efficiency.yaml has no entry that stands for all engines and cards; add one without `engine` and `accelerators`");
  return best;
}

Result<Catalogue> builtin_catalogue() { return load_catalogue({}); }

Result<Catalogue> load_catalogue(const std::filesystem::path& folder) {
  Catalogue catalogue;
  for (const auto& [name, text] : catalogue_files()) RETURN_IF_ERROR(merge_file(catalogue, name, text));
  if (folder.empty()) return catalogue;
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) return not_found(fmt::format("The catalogue folder {} cannot be read; give a folder with files such as accelerators.yaml", folder.string()));
  for (const auto& [name, unused] : catalogue_files()) {
    std::ifstream in(folder / name, std::ios::binary);
    if (!in) continue;
    RETURN_IF_ERROR(merge_file(catalogue, name, std::string(std::istreambuf_iterator<char>(in), {})));
  }
  return catalogue;
}

}  // namespace siyu::planner
