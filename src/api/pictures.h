// Pictures in the bodies of the chat APIs.
#pragma once

#include <string>

#include "base/json.h"
#include "engine/engine.h"

namespace siyu::api {

/// Puts a picture at the end of what the message holds so far. Errors name the field `path`.
Status add_picture(engine::Message& message, std::string_view base64, const std::string& path);
/// The same from a data: URL. Addresses on the web are refused: nothing is fetched from outside.
Status add_picture_url(engine::Message& message, std::string_view url, const std::string& path);
/// A piece of text after what the message holds so far: on a new line after text, without one after a picture.
void add_text(engine::Message& message, std::string_view text);

}  // namespace siyu::api
