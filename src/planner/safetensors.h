// What safetensors files hold, by their headers: a JSON object of names, types and shapes behind its length.
// Format: huggingface.co/docs/safetensors.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "sizing/model_shape.h"

namespace siyu::planner {

/// One file, or all *.safetensors of a folder. Types that GGUF does not have count by their bytes.
Result<std::vector<sizing::Tensor>> read_safetensors(const std::filesystem::path& path);

/// Of at most 8 MiB; kNotFound or kTooLarge name the file.
Result<std::string> read_small_file(const std::filesystem::path& path);

}  // namespace siyu::planner
