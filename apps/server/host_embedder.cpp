#include "server/host_embedder.h"

#include <tuple>

namespace siyu::server {

std::optional<serving::Served> HostEmbedder::chosen() const {
  std::optional<serving::Served> first;
  for (auto& served : host_.served())
    if (served.kind == serving::Kind::kEmbedding && (!first || std::tie(served.remote, served.loaded_at) < std::tie(first->remote, first->loaded_at))) first = std::move(served);
  return first;
}

std::string HostEmbedder::model() const {
  constexpr std::size_t kEnough = 12;  // digits of the hash that tell two files of one name apart
  const auto served = chosen();
  return served ? served->name + "@" + served->sha256.substr(0, kEnough) : std::string();
}

Result<std::vector<std::vector<float>>> HostEmbedder::embed(const std::vector<std::string>& texts) {
  const auto served = chosen();
  if (!served) return fail(ErrorCode::kUnavailable, "No embedding model is loaded; load one with `siyu model load NAME`");
  ASSIGN_OR_RETURN(auto result, served->engine->embed({.texts = texts, .tokens = {}}));
  if (result.vectors.size() != texts.size()) return internal("The embedding model " + served->name + " gave another number of vectors than texts");
  return std::move(result.vectors);
}

}  // namespace siyu::server
