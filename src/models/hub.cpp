#include "models/hub.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "net/http.h"

namespace siyu::models {
namespace {

struct HfLfs {
  std::string sha256;
  std::optional<std::uint64_t> size;
};
BOOST_DESCRIBE_STRUCT(HfLfs, (), (sha256, size))
struct HfSibling {
  std::string rfilename;
  std::optional<std::uint64_t> size;
  std::optional<HfLfs> lfs;
};
BOOST_DESCRIBE_STRUCT(HfSibling, (), (rfilename, size, lfs))
struct HfModel {
  std::optional<std::string> sha;
  std::vector<HfSibling> siblings;
};
BOOST_DESCRIBE_STRUCT(HfModel, (), (sha, siblings))

// ModelScope's fields begin with capital letters, and a member's name is its field's name.
struct MsFile {
  std::string Path;
  std::optional<std::string> Type, Sha256;
  std::optional<std::uint64_t> Size;
};
BOOST_DESCRIBE_STRUCT(MsFile, (), (Path, Type, Sha256, Size))
struct MsData {
  std::vector<MsFile> Files;
};
BOOST_DESCRIBE_STRUCT(MsData, (), (Files))
struct MsListing {
  std::optional<MsData> Data;
};
BOOST_DESCRIBE_STRUCT(MsListing, (), (Data))

/// Each segment encoded, the slashes kept.
std::string encode_path(std::string_view path) {
  std::string out;
  for (std::string_view rest = path;;) {
    const auto slash = rest.find('/');
    out += net::percent_encode(rest.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    out += '/';
    rest.remove_prefix(slash + 1);
  }
}

std::string page_of(const Source& source, const HubOptions& options) {
  return source.kind == SourceKind::kHuggingFace ? fmt::format("{}/{}/{}", options.hf_endpoint, source.owner, source.repo)
                                                  : fmt::format("{}/models/{}/{}", options.ms_endpoint, source.owner, source.repo);
}

std::string gated(const std::string& page, bool hugging_face) {
  return fmt::format("Access to {} is restricted: accept its terms on that page, make an access token there, set {} to it in the server's environment and restart the server",
                     page, hugging_face ? "HF_TOKEN" : "MODELSCOPE_API_TOKEN");
}

Error listing_error(const Fetcher::Text& text, const Source& source, const HubOptions& options) {
  const auto page = page_of(source, options);
  const bool hugging_face = source.kind == SourceKind::kHuggingFace;
  const auto code = text.headers.get("X-Error-Code").value_or("");
  // Hugging Face answers 401 for a repository that does not exist as well, so as not to say whether it is a private one.
  const bool unknown = text.status == 404 || (text.status == 401 && code != "GatedRepo" && options.hf_token.empty());
  if (text.status == 404 || (unknown && hugging_face))
    return {ErrorCode::kNotFound, fmt::format("There is no public repository {}; check its spelling{}", page, hugging_face ? ", or set HF_TOKEN for a private one" : "")};
  if (text.status == 401 || text.status == 403) return {ErrorCode::kPermissionDenied, gated(page, hugging_face)};
  const auto retry = text.status == 408 || text.status == 429 || text.status >= 500;
  return {retry ? ErrorCode::kUnavailable : ErrorCode::kUnsupported, fmt::format("{} answers with status {}; try again later", page, text.status)};
}

std::unexpected<Error> not_understood(const Source& source, const HubOptions& options, const Error& error) {
  return fail(ErrorCode::kUnsupported, page_of(source, options) + " does not answer as a model hub does; check the endpoint's address", error.message);
}

struct Chosen {
  std::vector<RemoteFile> files;
  bool has_projector = false;  ///< the last one
};

Result<Chosen> choose_all(const std::vector<RemoteFile>& files, const std::string& selector) {
  ASSIGN_OR_RETURN(auto chosen, choose_files(files, selector));
  auto projector = choose_projector(files);
  const bool has_projector = projector.has_value();
  if (has_projector) chosen.push_back(*std::move(projector));
  return Chosen{std::move(chosen), has_projector};
}

Result<std::vector<PlannedFile>> plan_hugging_face(const Source& source, const HubOptions& options, Fetcher& fetcher, Stop& stop) {
  ASSIGN_OR_RETURN(const auto url, net::parse_url(fmt::format("{}/api/models/{}/{}?blobs=true", options.hf_endpoint, source.owner, source.repo)));
  ASSIGN_OR_RETURN(const auto text, fetcher.get_text(url, stop));
  if (text.status != 200) return std::unexpected(listing_error(text, source, options));
  const auto model = from_json_text<HfModel>(text.body);
  if (!model) return not_understood(source, options, model.error());
  std::vector<RemoteFile> files;
  for (const auto& sibling : model->siblings) {
    auto bytes = sibling.size;
    if (sibling.lfs && sibling.lfs->size) bytes = sibling.lfs->size;
    files.push_back({.path = sibling.rfilename, .bytes = bytes, .sha256 = sibling.lfs ? read_sha256(sibling.lfs->sha256) : ""});
  }
  ASSIGN_OR_RETURN(const auto chosen, choose_all(files, source.selector));
  std::vector<PlannedFile> plan;
  // The commit, not the branch: a resumed download never mixes two versions.
  for (const auto& file : chosen.files)
    plan.push_back({.path = file.path, .url = fmt::format("{}/resolve/{}/{}", page_of(source, options), net::percent_encode(model->sha.value_or("main")), encode_path(file.path)),
                    .bytes = file.bytes, .sha256 = file.sha256, .etag = {}});
  if (chosen.has_projector) plan.back().projector = true;
  return plan;
}

Result<std::vector<PlannedFile>> plan_model_scope(const Source& source, const HubOptions& options, Fetcher& fetcher, Stop& stop) {
  const auto api = fmt::format("{}/api/v1/models/{}/{}/repo", options.ms_endpoint, source.owner, source.repo);
  ASSIGN_OR_RETURN(const auto url, net::parse_url(api + "/files?Revision=master&Recursive=true"));
  ASSIGN_OR_RETURN(const auto text, fetcher.get_text(url, stop));
  if (text.status != 200) return std::unexpected(listing_error(text, source, options));
  const auto listing = from_json_text<MsListing>(text.body);
  if (!listing) return not_understood(source, options, listing.error());
  std::vector<RemoteFile> files;
  for (const auto& file : listing->Data.value_or(MsData{}).Files)
    if (file.Type.value_or("blob") != "tree") files.push_back({.path = file.Path, .bytes = file.Size, .sha256 = read_sha256(file.Sha256.value_or(""))});
  ASSIGN_OR_RETURN(const auto chosen, choose_all(files, source.selector));
  std::vector<PlannedFile> plan;
  for (const auto& file : chosen.files)
    plan.push_back({.path = file.path, .url = api + "?Revision=master&FilePath=" + net::percent_encode(file.path), .bytes = file.bytes, .sha256 = file.sha256, .etag = {}});
  if (chosen.has_projector) plan.back().projector = true;
  return plan;
}

}  // namespace

Result<HubOptions> hub_options(const std::function<std::optional<std::string>(const std::string& name)>& environment) {
  HubOptions options;
  const auto take = [&](const char* name, std::string& field) {
    if (const auto value = environment(name); value && !value->empty()) field = *value;
  };
  take("HF_ENDPOINT", options.hf_endpoint);
  take("HF_TOKEN", options.hf_token);
  take("MODELSCOPE_ENDPOINT", options.ms_endpoint);
  take("MODELSCOPE_API_TOKEN", options.ms_token);
  for (auto* endpoint : {&options.hf_endpoint, &options.ms_endpoint}) {
    while (endpoint->ends_with('/')) endpoint->pop_back();
    if (const auto url = net::parse_url(*endpoint); !url) return invalid("The hub's address in HF_ENDPOINT or MODELSCOPE_ENDPOINT is wrong: " + url.error().message);
  }
  std::string offline;
  take("HF_HUB_OFFLINE", offline);
  std::ranges::transform(offline, offline.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  options.offline = offline == "1" || offline == "TRUE" || offline == "YES" || offline == "ON";
  return options;
}

std::vector<Credential> credentials_of(const HubOptions& options) {
  std::vector<Credential> all;
  const auto add = [&](const std::string& endpoint, const std::string& token) {
    const auto url = net::parse_url(endpoint);
    if (url && !token.empty()) all.push_back({.origin = url->origin(), .token = token});
  };
  add(options.hf_endpoint, options.hf_token);
  add(options.ms_endpoint, options.ms_token);
  return all;
}

std::size_t model_files(const std::vector<PlannedFile>& plan) {
  return static_cast<std::size_t>(std::ranges::count_if(plan, [](const PlannedFile& file) { return !file.projector.value_or(false); }));
}

Status check_online(const Source& source, const HubOptions& options) {
  if (!options.offline || source.kind == SourceKind::kUrl) return {};
  return fail(ErrorCode::kUnsupported, "Hubs are switched off by HF_HUB_OFFLINE in the server's environment; copy the file here and use `siyu model import`");
}

Result<std::vector<PlannedFile>> plan_files(const Source& source, const HubOptions& options, Fetcher& fetcher, Stop& stop) {
  RETURN_IF_ERROR(check_online(source, options));
  if (source.kind == SourceKind::kHuggingFace) return plan_hugging_face(source, options, fetcher, stop);
  if (source.kind == SourceKind::kModelScope) return plan_model_scope(source, options, fetcher, stop);
  ASSIGN_OR_RETURN(const auto url, net::parse_url(source.url));
  return std::vector<PlannedFile>{{.path = net::percent_decode(url.path), .url = source.url, .bytes = {}, .sha256 = {}, .etag = {}}};
}

Error status_error(const Fetched& fetched, const std::string& path, const HubOptions& options) {
  const auto status = fetched.head.status;
  const auto place = fetched.url.origin();
  if (status == 404 || status == 410) return {ErrorCode::kNotFound, fmt::format("{} has no file {}; check the source's spelling", place, path)};
  if (status == 401 || status == 403) {
    const auto hf = net::parse_url(options.hf_endpoint);
    const auto ms = net::parse_url(options.ms_endpoint);
    const bool hugging_face = hf && hf->origin() == place;
    if (hugging_face || (ms && ms->origin() == place)) return {ErrorCode::kPermissionDenied, gated(place + " file " + path, hugging_face)};
    return {ErrorCode::kPermissionDenied, fmt::format("{} refuses access to {} with status {}", place, path, status)};
  }
  const auto retry = status == 408 || status == 429 || status >= 500;
  return {retry ? ErrorCode::kUnavailable : ErrorCode::kUnsupported, fmt::format("{} answers with status {} for {}", place, status, path)};
}

}  // namespace siyu::models
