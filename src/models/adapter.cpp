#include "models/adapter.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace siyu::models {
namespace {

constexpr std::string_view kDown = ".lora_a", kUp = ".lora_b";  // width → rank, rank → width

std::uint64_t side(const GgufTensor& tensor, std::size_t at) { return at < tensor.shape.size() ? tensor.shape[at] : 1; }

std::string_view target_of(const GgufTensor& tensor, std::string_view suffix) {
  return std::string_view(tensor.name).substr(0, tensor.name.size() - suffix.size());
}

}  // namespace

bool is_adapter(const GgufFile& file) { return file.text("general.type") == "adapter"; }

AdapterFacts adapter_facts_of(const GgufFile& file) {
  AdapterFacts facts{.rank = 0, .alpha = 0, .base_model = file.text("general.base_model.0.name")};
  const auto alpha = file.values.find("adapter.lora.alpha");
  if (alpha != file.values.end())
    if (const auto* value = std::get_if<double>(&alpha->second)) facts.alpha = *value;
  for (const auto& tensor : file.tensors)
    if (tensor.name.ends_with(kUp)) facts.rank = std::max(facts.rank, side(tensor, 0));
  return facts;
}

Status check_adapter(const GgufFile& adapter) {
  const auto type = adapter.text("adapter.type");
  if (type != "lora") return fail(ErrorCode::kUnsupported, "The adapter is of type `" + type.substr(0, 32) + "`; LoRA adapters can be served");
  if (adapter.array_lengths.contains("adapter.alora.invocation_tokens"))
    return fail(ErrorCode::kUnsupported, "The adapter is an activated one (aLoRA), which works from certain tokens on only; plain LoRA adapters can be served");
  if (adapter_facts_of(adapter).rank == 0) return invalid("The adapter's file holds no LoRA tensors; convert it again with convert_lora_to_gguf.py");
  return {};
}

Status check_fits(const GgufFile& model, const std::string& model_name, const GgufFile& adapter, const std::string& adapter_name) {
  const auto wanted = adapter.text("general.architecture"), given = model.text("general.architecture");
  if (wanted != given)
    return invalid(fmt::format("The adapter {} was made for a {} model, and {} is a {} model; load it with the model it was trained on", adapter_name, wanted, model_name, given));
  std::unordered_map<std::string_view, const GgufTensor*> tensors;
  for (const auto& tensor : model.tensors) tensors.emplace(tensor.name, &tensor);
  for (const auto& tensor : adapter.tensors) {
    const bool down = tensor.name.ends_with(kDown), up = tensor.name.ends_with(kUp);
    if (!down && !up) continue;
    const auto target = target_of(tensor, down ? kDown : kUp);
    const auto found = tensors.find(target);
    if (found == tensors.end()) continue;
    const bool lookup = target.ends_with("token_embd.weight");  // a table, not a product: its two sides are the other way round
    const auto theirs = side(tensor, down && !lookup ? 0 : 1);
    const auto ours = side(*found->second, down != lookup ? 0 : 1);
    if (theirs != ours)
      return invalid(fmt::format("The adapter {} was made for a model of another size than {}: it expects {} where {} has {}; load it with the model it was trained on", adapter_name,
                                 model_name, theirs, target, ours));
  }
  return {};
}

}  // namespace siyu::models
