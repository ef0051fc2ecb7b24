// What an answer says of its caller's limits, in the headers that OpenAI's clients read.
#pragma once

#include "net/http.h"
#include "serving/call_options.h"
#include "serving/meter.h"

namespace siyu::api {

/// x-ratelimit-{limit,remaining,reset}-{requests,tokens}, as they stand when the answer begins, where the caller has such limits;
/// X-Siyu-Cache: hit, similar or miss, where the answer cache was asked.
void add_call_headers(net::Response& response, serving::Meter& meter, const serving::Caller& caller, const serving::CallReport* report);
/// Retry-After and x-should-retry of a refusal. Clients give up at once on what no waiting mends.
void add_retry_headers(net::Response& response, std::int64_t retry_after_ms);
/// As OpenAI writes durations: 12ms, 6s, 1m30s, 23h4m12s.
std::string duration_text(std::int64_t ms);

}  // namespace siyu::api
