// Memory of files that are mapped and no longer needed. llama.cpp stores some types of weights anew in an order that suits the processor
// and leaves the file's pages in memory beside them: twice what the model needs.
#pragma once

#include <filesystem>
#include <vector>

#include "sandbox/fd.h"

namespace siyu::worker {

/// Opened before the sandbox closes, which hides /proc.
class MappedFiles {
 public:
  MappedFiles();
  /// Takes the pages of these files out of this process. What is read again comes back from the page cache, a little later.
  void let_go(const std::vector<std::filesystem::path>& paths) const;

 private:
  sandbox::UniqueFd maps_;
};

}  // namespace siyu::worker
