// Where a model can be pulled from, and which of a repository's files make it up.
#pragma once

#include <boost/describe.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace siyu::models {

enum class SourceKind { kHuggingFace, kModelScope, kUrl };

struct Source {
  SourceKind kind = SourceKind::kUrl;
  std::string owner, repo;  ///< of a hub
  std::string selector;     ///< a file of the repository, or a quantisation such as Q4_K_M; may be empty
  std::string url;          ///< of SourceKind::kUrl
};

/// `hf:owner/repo[:file or quantisation]`, `ms:owner/repo[:…]`, `https://…/model.gguf`.
Result<Source> parse_source(std::string_view reference);

struct RemoteFile {
  std::string path;  ///< within the repository
  std::optional<std::uint64_t> bytes = {};
  std::string sha256 = {};  ///< empty: the hub does not say
};

/// The file, or all parts of a split model in order. Without a selector: the only model, else the best known quantisation
/// for most machines. Errors list what there is to choose from.
Result<std::vector<RemoteFile>> choose_files(const std::vector<RemoteFile>& files, const std::string& selector);

/// Of a vision model: the projector that stands beside it in the repository, in the type that loses nothing and is not
/// twice as large for it. Nothing when there is none.
std::optional<RemoteFile> choose_projector(const std::vector<RemoteFile>& files);

/// A library name made from a file's name: `dir/Qwen3-8B-00001-of-00002.gguf` → `Qwen3-8B`.
std::string model_name_of(std::string_view path);

}  // namespace siyu::models
