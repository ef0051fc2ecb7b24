// The structure of a model, from the header of its GGUF file.
#pragma once

#include "models/gguf_file.h"
#include "sizing/model_shape.h"

namespace siyu::models {

/// kInvalidArgument when the file is no language or embedding model, or says impossible things of itself.
Result<sizing::ModelShape> shape_of(const GgufFile& file);

}  // namespace siyu::models
