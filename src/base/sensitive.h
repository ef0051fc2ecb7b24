// Sensitive<T>: prompts, documents, keys. It has no formatter, so it cannot reach a log by accident.
#pragma once

#include <utility>

namespace siyu {

template <class T>
class Sensitive {
 public:
  Sensitive() = default;
  explicit Sensitive(T value) : value_(std::move(value)) {}
  /// The name is long on purpose: a reviewer greps for it.
  const T& reveal() const { return value_; }
  T take() && { return std::move(value_); }

 private:
  T value_{};
};

}  // namespace siyu
