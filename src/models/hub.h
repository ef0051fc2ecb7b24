// What the hubs say of a repository: Hugging Face and ModelScope by their public HTTP interfaces.
#pragma once

#include <boost/describe.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "models/fetch.h"
#include "models/source.h"

namespace siyu::models {

struct HubOptions {
  std::string hf_endpoint = "https://huggingface.co";  ///< HF_ENDPOINT
  std::string hf_token = {};                           ///< HF_TOKEN
  std::string ms_endpoint = "https://modelscope.cn";   ///< MODELSCOPE_ENDPOINT
  std::string ms_token = {};                           ///< MODELSCOPE_API_TOKEN
  bool offline = false;                                ///< HF_HUB_OFFLINE: no hub is asked anything
};
/// Reads the variables above. kInvalidArgument: an endpoint is not a web address.
Result<HubOptions> hub_options(const std::function<std::optional<std::string>(const std::string& name)>& environment);
std::vector<Credential> credentials_of(const HubOptions& options);

/// One file to be downloaded. Kept on disk while the download lasts.
struct PlannedFile {
  std::string path, url;
  std::optional<std::uint64_t> bytes;
  std::string sha256;  ///< empty: unknown
  std::string etag;    ///< strong validator of what has arrived; empty: none
  std::optional<bool> projector = {};  ///< of the model, which is what the other files are
};
BOOST_DESCRIBE_STRUCT(PlannedFile, (), (path, url, bytes, sha256, etag, projector))
/// How many files of a plan, from its first, make up the model itself.
std::size_t model_files(const std::vector<PlannedFile>& plan);

/// kUnsupported: the hubs are switched off.
Status check_online(const Source& source, const HubOptions& options);
/// Asks the hub which files make up the model; the projector of a vision model comes last. Nothing is asked for a plain address.
Result<std::vector<PlannedFile>> plan_files(const Source& source, const HubOptions& options, Fetcher& fetcher, Stop& stop);
/// What an answer other than success means, and what to do about it. kUnavailable: try again.
Error status_error(const Fetched& fetched, const std::string& path, const HubOptions& options);

}  // namespace siyu::models
