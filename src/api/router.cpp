#include "api/router.h"

#include "net/http.h"

namespace siyu::api {
namespace {

constexpr std::size_t kMaxSegments = 16;

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty() && segments.size() < kMaxSegments) {
    path.remove_prefix(1);  // the slash
    const auto slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash);
  }
  return segments;
}

bool is_parameter(std::string_view segment) { return segment.starts_with('{'); }

bool matches(const std::vector<std::string_view>& pattern, const std::vector<std::string_view>& segments) {
  if (pattern.size() != segments.size()) return false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (is_parameter(pattern[i]) ? segments[i].empty() : pattern[i] != segments[i]) return false;
  }
  return true;
}

}  // namespace

Router::Router(std::span<const Operation> operations) {
  entries_.reserve(operations.size());
  for (const auto& operation : operations) {
    entries_.push_back({&operation, split_path(operation.path)});
    if (operation.path.find('{') == std::string_view::npos) plain_[operation.path].push_back(&operation);
  }
}

Route Router::find(std::string_view method, std::string_view path) const {
  Route route;
  if (!path.starts_with('/')) return route;
  const auto wanted = method == "HEAD" ? std::string_view("GET") : method;
  if (const auto found = plain_.find(path); found != plain_.end()) {
    for (const auto* operation : found->second) {
      if (operation->method != wanted) continue;
      route.operation = operation;
      return route;
    }
  }
  const auto segments = split_path(path);
  for (const auto& entry : entries_) {
    if (!matches(entry.segments, segments)) continue;
    if (entry.operation->method != wanted) {
      route.allowed += (route.allowed.empty() ? "" : ", ") + std::string(entry.operation->method);
      continue;
    }
    route.operation = entry.operation;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      const auto pattern = entry.segments[i];
      if (!is_parameter(pattern)) continue;
      route.params.emplace_back(pattern.substr(1, pattern.size() - 2), net::percent_decode(segments[i]));
    }
    return route;
  }
  return route;
}

}  // namespace siyu::api
