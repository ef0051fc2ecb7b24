// Responses in the background that a stop or a kill of the server interrupted are begun anew at its next start.
#pragma once

#include <stop_token>
#include <vector>

#include "api/call.h"

namespace siyu::api {

/// One after the other, as their owners may do now. May wait for models and documents; returns soon after `stop` asks for the end.
/// One that cannot begin again ends as failed.
void begin_again(Services& services, const std::vector<chat::InterruptedResponse>& interrupted, const std::stop_token& stop);

}  // namespace siyu::api
