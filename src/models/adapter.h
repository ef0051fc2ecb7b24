// LoRA adapters: small GGUF files that change what a model of the same shape says. They are kept in the library beside the
// models and are loaded with one, never alone. Format: llama.cpp's convert_lora_to_gguf.py.
#pragma once

#include "models/gguf_file.h"

namespace siyu::models {

/// Whether the file says that it is an adapter.
bool is_adapter(const GgufFile& file);
AdapterFacts adapter_facts_of(const GgufFile& file);

/// kUnsupported or kInvalidArgument with what keeps an adapter's file from being served.
Status check_adapter(const GgufFile& adapter);

/// kInvalidArgument with the reason when it was made for another architecture, or for a model of another size. Tensors that
/// `model` does not list (a split model's later parts) are not looked at here; the worker does.
Status check_fits(const GgufFile& model, const std::string& model_name, const GgufFile& adapter, const std::string& adapter_name);

}  // namespace siyu::models
