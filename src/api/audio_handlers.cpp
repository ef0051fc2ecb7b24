// Speech to text: the recording goes to an engine elsewhere, its answer comes back as it is.
#include <array>

#include "api/upload.h"
#include "routes.gen.h"

namespace siyu::api {
namespace {

constexpr std::size_t kMaxFieldBytes = 64UL << 10;
constexpr std::array kFields{"language", "prompt", "response_format", "temperature", "timestamp_granularities[]"};

}  // namespace

namespace handlers {

Reply create_transcription(Call& call) {
  ASSIGN_OR_RETURN(const auto upload, UploadBody::open(call.request));
  ASSIGN_OR_RETURN(const auto parts, net::parse_form(call.request.headers.get("Content-Type").value_or(""), upload->view()));
  engine::TranscribeRequest request;
  std::string model;
  for (const auto& part : parts) {
    const auto value = upload->part(part);
    if (part.name == "file") {
      request.audio = std::string(value);
      request.filename = part.filename;
      continue;
    }
    if (value.size() > kMaxFieldBytes) return invalid_field(part.name, "is over 64 KiB");
    if (part.name == "model") model = std::string(value);
    if (part.name == "stream" && value != "false") return invalid_field("stream", "is not offered for transcriptions");
    for (const std::string_view known : kFields)
      if (part.name == known) request.fields.emplace_back(part.name, std::string(value));
  }
  if (request.audio.empty()) return invalid_field("file", "is missing");
  ASSIGN_OR_RETURN(const auto served, call.services.gateway.route(*call.pass, model, serving::Kind::kAudio));
  ASSIGN_OR_RETURN(auto result, served.engine->transcribe(request));
  net::Response response{.status = 200, .headers = {}, .body = std::move(result.body)};
  response.headers.add("Content-Type", std::move(result.content_type));
  return response;
}

}  // namespace handlers
}  // namespace siyu::api
