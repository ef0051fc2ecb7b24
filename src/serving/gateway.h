// The one way to a model. Every face of the product (HTTP, gRPC, MCP, batches, chat) asks here for the engine of a call, and
// what is done to every call is done here: who is served, whether they may, from where, and what it cost.
#pragma once

#include "identity/pass.h"
#include "serving/answer_cache.h"
#include "serving/call_options.h"
#include "serving/call_record.h"
#include "serving/meter.h"
#include "serving/model_host.h"

namespace siyu::serving {

/// Thread-safe.
class Gateway {
 public:
  /// `observer` may be none. All of them outlive the calls.
  Gateway(ModelHost& host, Meter& meter, AnswerCache& answers, const Clock& clock, CallObserver* observer = nullptr)
      : host_(host), meter_(meter), answers_(answers), clock_(clock), observer_(observer) {}

  /// Neither this nor what a call of the engine does with `at_once` may wait for anything: it runs on the loop thread.
  /// The engine for one call of the pass's principal; without a name the only one of its kind. Errors name what is loaded.
  /// It may be kept as long as the call lasts. Its calls are held against the caller's limits and counted.
  Result<Served> route(const Pass& pass, const std::string& name, Kind kind, const CallOptions& options = {}) const;
  bool serves(Kind kind) const { return host_.serves(kind); }

 private:
  ModelHost& host_;
  Meter& meter_;
  AnswerCache& answers_;
  const Clock& clock_;
  CallObserver* const observer_;
};

}  // namespace siyu::serving
