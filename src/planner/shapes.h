// From whatever describes a model to the structure that is reckoned with: a catalogue entry, a GGUF file, safetensors, a config.json.
#pragma once

#include <filesystem>
#include <string_view>

#include "planner/catalogue.h"
#include "sizing/model_shape.h"

namespace siyu::planner {

/// The tensors are laid out from the entry's numbers; catalogue/README.md has the formulas.
sizing::ModelShape shape_of(const ModelEntry& entry);

/// Hugging Face's config.json as an entry. kInvalidArgument names the field that is missing or impossible.
Result<ModelEntry> entry_of_config(std::string_view text, std::string_view name);

/// The name of a catalogue entry, or a path: a .gguf file, a .safetensors file or a folder of them with their config.json, or a
/// config.json. With safetensors the weights are counted as they are stored.
Result<sizing::ModelShape> find_shape(const Catalogue& catalogue, const std::string& name_or_path);

}  // namespace siyu::planner
