// The built-in catalogue, for tests.
#pragma once

#include "planner/requests.h"
#include "planner/shapes.h"

namespace siyu::planner {

inline const Catalogue& the_catalogue() {
  static const Catalogue kCatalogue = builtin_catalogue().value();
  return kCatalogue;
}

/// Of its models only.
inline Result<sizing::ModelShape> find_in_catalogue(const std::string& name) {
  ASSIGN_OR_RETURN(const auto* entry, the_catalogue().model(name));
  return shape_of(*entry);
}

}  // namespace siyu::planner
