// What a client says of one call in headers and beside the request's own fields.
#pragma once

#include "api/call.h"

namespace siyu::api {

/// `Cache-Control: no-store, no-cache`; `X-Siyu-Cache: off | exact | semantic`, or `cache` in the body. What was found is
/// reported in the answer's X-Siyu-Cache. `choices` that are asked for to differ are each computed.
Result<serving::CallOptions> call_options(Call& call, const json::value& body, int choices = 1);

/// What was deleted is deleted, also when a cache cannot be told now: it is told as soon as it can be reached.
inline void forget_answers(Call& call, const Status& forgotten) {
  if (!forgotten) call.services.log.warn("answers_not_forgotten_yet", {{"request", call.request.id}, {"detail", forgotten.error().message}});
}

}  // namespace siyu::api
