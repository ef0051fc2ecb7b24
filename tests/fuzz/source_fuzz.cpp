// links: siyu_models
// What a user asks for, and what a hub says it has: whatever comes, no path climbs and every name is fit for the library.
#include <cstdlib>

#include "models/library.h"
#include "models/source.h"
#include "net/url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace siyu;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto first = bytes.substr(0, bytes.find('\n'));
  const auto source = models::parse_source(first);
  std::vector<models::RemoteFile> files;
  for (std::string_view rest = bytes.substr(std::min(first.size() + 1, size)); !rest.empty() && files.size() < 200;) {
    const auto end = rest.find('\n');
    files.push_back({.path = std::string(rest.substr(0, end))});
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  const auto chosen = models::choose_files(files, source ? source->selector : std::string());
  for (const auto& file : chosen.value_or(std::vector<models::RemoteFile>()))
    if (file.path.starts_with('/') || file.path.starts_with("../") || file.path.find("/../") != std::string::npos || !models::check_name(models::model_name_of(file.path)))
      std::abort();
  if (!models::check_name(models::model_name_of(bytes))) std::abort();
  if (const auto base = net::parse_url(first))
    for (const auto& file : files)
      if (const auto next = net::resolve_url(*base, file.path); next && next->scheme != "http" && next->scheme != "https") std::abort();
  return 0;
}
