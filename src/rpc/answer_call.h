// A streamed answer as a gRPC call. Internal to rpc; for .cpp files that include the generated code.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <mutex>

#include "chat/pump.h"
#include "rpc/host.h"
#include "siyu.pb.h"

namespace siyu::rpc {

/// Makes the answer: key, pass, decoding, retrieval. Runs on the pool and may block.
using Prepare = std::function<Result<chat::Answer>(const Call& call)>;

/// Deletes itself when gRPC is done with it. After begin() it is driven by gRPC's threads and by whoever brings an event, one at a time:
/// an event is written, and only when it has been is the next one pulled, so a slow client slows the model instead of filling memory.
class AnswerCall final : public grpc::ServerWriteReactor<v1::ChatEvent> {
 public:
  AnswerCall(Host& host, grpc::CallbackServerContext& context, std::string_view method, Prepare prepare);
  void begin();

 private:
  ~AnswerCall() override = default;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  void prepare();
  void go_on();
  bool take(Result<std::optional<chat::Event>> event);
  void end(const Status& outcome);
  void watch_the_clock();
  void let_go();

  grpc::CallbackServerContext& context_;
  Host& host_;
  Call call_;
  Prepare prepare_;
  v1::ChatEvent event_;  // being written
  std::string model_;
  engine::Usage usage_;
  grpc::Alarm alarm_;  // ends the call of a client that stops reading

  std::mutex mu_;  // a cancellation comes at any time
  std::shared_ptr<chat::Pump> pump_;
  bool cancelled_ = false, done_ = false;
  std::atomic<int> holders_ = 1;  // gRPC, and the alarm while it is set
};

}  // namespace siyu::rpc
