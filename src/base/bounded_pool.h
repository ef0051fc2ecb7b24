// A fixed number of threads behind a bounded queue: when it is full, the caller is told, never blocked.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace siyu {

/// Thread-safe. The destructor finishes what is queued.
class BoundedPool {
 public:
  using Task = std::move_only_function<void()>;

  BoundedPool(std::size_t threads, std::size_t queue_limit);
  ~BoundedPool();
  BoundedPool(const BoundedPool&) = delete;
  BoundedPool& operator=(const BoundedPool&) = delete;

  /// False when the queue is full or the pool is stopping; the task is then untouched.
  [[nodiscard]] bool try_submit(Task& task);
  [[nodiscard]] bool try_submit(Task&& task) { return try_submit(task); }
  std::size_t queued() const;
  /// Takes no new tasks, runs the queued ones, joins. Safe to call twice.
  void stop();

 private:
  void run();

  const std::size_t queue_limit_;
  mutable std::mutex mu_;
  std::condition_variable ready_;
  std::deque<Task> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace siyu
