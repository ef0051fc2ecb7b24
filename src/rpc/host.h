// What every call goes through: admission, its key, its pass, a thread for what blocks. Internal to rpc.
#pragma once

#include <grpcpp/server_context.h>

#include <atomic>
#include <string>

#include "base/bounded_pool.h"
#include "rpc/parts.h"
#include "rpc/status.h"

namespace siyu::rpc {

struct Host {
  Host(Parts given, std::size_t threads, std::size_t queue, std::size_t calls) : parts(std::move(given)), max_calls(calls), pool(threads, queue) {}

  const Parts parts;
  const std::size_t max_calls;
  std::atomic<std::size_t> calls = 0;
  BoundedPool pool;
};

/// One call, from its admission to its status. Not thread-safe.
class Call {
 public:
  Call(Host& host, grpc::CallbackServerContext& context, std::string_view method);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  /// Who calls, and whether they may; the pass is the audit entry. `resource` as the HTTP API names it.
  Result<Pass> enter(Permission permission, std::string_view action, std::string resource) const;
  /// What is left of the caller's deadline and of our own limit; kDeadlineExceeded when nothing is.
  Result<Millis> time_left(Millis limit) const;
  Result<Millis> time_left() const { return time_left(host_.parts.answer_limit); }
  /// The status to finish with; also told to the metrics.
  grpc::Status settle(const Status& outcome);

  const Parts& parts() const { return host_.parts; }
  const std::string& id() const { return id_; }

 private:
  Host& host_;
  grpc::CallbackServerContext& context_;
  const std::string_view method_;  // static text
  const std::string id_;
  const SteadyTime begun_;
};

/// Runs `task` on the pool; kUnavailable when there are too many calls or the queue is full. The task is then untouched.
Status submit(Host& host, BoundedPool::Task& task);

}  // namespace siyu::rpc
