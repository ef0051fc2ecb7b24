#include "api/pictures.h"

#include <algorithm>

#include "engine/picture.h"

namespace siyu::api {
namespace {

std::unexpected<Error> about(const std::string& path, Error error) {
  error.message = "`" + path + "`: " + error.message;
  error.param = path;
  return std::unexpected(std::move(error));
}

std::unexpected<Error> about(const std::string& path, std::string message) {
  return about(path, Error{.code = ErrorCode::kInvalidArgument, .message = std::move(message)});
}

}  // namespace

Status add_picture(engine::Message& message, std::string_view base64, const std::string& path) {
  auto picture = engine::read_picture(base64);
  if (!picture) return about(path, std::move(picture).error());
  picture->at = message.content.size();
  message.images.push_back(*std::move(picture));
  return {};
}

Status add_picture_url(engine::Message& message, std::string_view url, const std::string& path) {
  constexpr std::size_t kLongestHead = 128;
  if (url.starts_with("http://") || url.starts_with("https://"))
    return about(path, "Pictures are not fetched from addresses, as nothing is asked for outside of this server; send the file itself as data:image/png;base64,…");
  const auto comma = url.substr(0, kLongestHead).find(',');
  if (!url.starts_with("data:") || comma == std::string_view::npos || !url.substr(0, comma).ends_with(";base64"))
    return about(path, "A picture must come as data:image/png;base64,… or data:image/jpeg;base64,…");
  return add_picture(message, url.substr(comma + 1), path);
}

void add_text(engine::Message& message, std::string_view text) {
  const bool after_picture = !message.images.empty() && message.images.back().at == message.content.size();
  if (!message.content.empty() && !text.empty() && !after_picture) message.content += '\n';
  message.content += text;
}

}  // namespace siyu::api
