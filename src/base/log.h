// JSON events, one a line, with stable snake_case names:
//   log.info("worker_ready", {{"model", name}, {"pid", pid}});
// Prompts, documents and secrets are never logged; Sensitive<T> does not convert to a field.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace siyu {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

class LogField {
 public:
  LogField(std::string_view key, std::string_view value);
  LogField(std::string_view key, const char* value) : LogField(key, std::string_view(value)) {}
  LogField(std::string_view key, const std::string& value) : LogField(key, std::string_view(value)) {}
  LogField(std::string_view key, bool value);
  LogField(std::string_view key, double value);
  LogField(std::string_view key, std::int64_t value);
  LogField(std::string_view key, std::uint64_t value);
  LogField(std::string_view key, int value) : LogField(key, static_cast<std::int64_t>(value)) {}
  LogField(std::string_view key, unsigned value) : LogField(key, static_cast<std::uint64_t>(value)) {}

  const std::string& json() const { return json_; }

 private:
  std::string json_;  // "key":value
};

/// Thread-safe. Lines go to standard error or to a size-rotated file.
class Logger {
 public:
  struct Options {
    LogLevel level = LogLevel::kInfo;
    std::string file;  ///< empty: standard error
    std::size_t max_file_bytes = 64UL << 20;
    std::size_t max_files = 5;
  };
  static Result<std::unique_ptr<Logger>> open(const Options& options);
  /// A logger that drops everything, for tests.
  static std::unique_ptr<Logger> silent();
  ~Logger();

  void debug(std::string_view event, std::initializer_list<LogField> fields = {}) { write(LogLevel::kDebug, event, fields); }
  void info(std::string_view event, std::initializer_list<LogField> fields = {}) { write(LogLevel::kInfo, event, fields); }
  void warn(std::string_view event, std::initializer_list<LogField> fields = {}) { write(LogLevel::kWarn, event, fields); }
  void error(std::string_view event, std::initializer_list<LogField> fields = {}) { write(LogLevel::kError, event, fields); }
  void write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields);

 private:
  struct Sink;
  Logger();
  std::unique_ptr<Sink> sink_;
};

/// Appends `text` as a JSON string with quotes. Invalid UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

}  // namespace siyu
