#include "api/call_options.h"

#include "base/text.h"

namespace siyu::api {
namespace {

Result<serving::CacheMode> mode_of(std::string_view text) {
  if (text == "off") return serving::CacheMode::kOff;
  if (text == "exact") return serving::CacheMode::kExact;
  if (text == "semantic") return serving::CacheMode::kSemantic;
  return invalid("`cache` (or the header X-Siyu-Cache) must be off, exact or semantic");
}

/// Whether a header such as `no-store, max-age=0` holds the word.
bool holds(std::string_view header, std::string_view word) {
  while (!header.empty()) {
    const auto comma = header.find(',');
    if (net::equals_ignoring_case(trim(header.substr(0, comma)), word)) return true;
    header = comma == std::string_view::npos ? std::string_view() : header.substr(comma + 1);
  }
  return false;
}

}  // namespace

Result<serving::CallOptions> call_options(Call& call, const json::value& body, int choices) {
  serving::CallOptions options;
  const auto& headers = call.request.headers;
  const auto* field = body.is_object() ? body.get_object().if_contains("cache") : nullptr;
  if (field != nullptr && !field->is_string()) return invalid("`cache` must be off, exact or semantic");
  if (field != nullptr) {
    ASSIGN_OR_RETURN(options.cache.mode, mode_of(field->get_string()));
  } else if (const auto header = headers.get("X-Siyu-Cache")) {
    ASSIGN_OR_RETURN(options.cache.mode, mode_of(*header));
  }
  if (choices > 1 && options.cache.mode) options.cache.mode = serving::CacheMode::kOff;
  const auto control = headers.get("Cache-Control").value_or("");
  options.cache.no_store = holds(control, "no-store");
  options.cache.no_cache = options.cache.no_store || holds(control, "no-cache");
  options.report = call.report = std::make_shared<serving::CallReport>();
  return options;
}

}  // namespace siyu::api
