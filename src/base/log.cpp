#include "base/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cmath>

#include "base/clock.h"
#include "base/text.h"

namespace siyu {
namespace {

std::string keyed(std::string_view key) {
  std::string json;
  append_json_string(json, key);
  json += ':';
  return json;
}

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return "debug";
    case LogLevel::kInfo: return "info";
    case LogLevel::kWarn: return "warn";
    case LogLevel::kError: return "error";
  }
  return "info";
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  const std::string repaired = is_valid_utf8(text) ? std::string() : repair_utf8(text);
  const std::string_view valid = repaired.empty() ? text : std::string_view(repaired);
  out += '"';
  std::size_t copied = 0;
  for (std::size_t i = 0; i < valid.size(); ++i) {
    const char c = valid[i];
    if (c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20) continue;
    out += valid.substr(copied, i - copied);
    copied = i + 1;
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default: out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    }
  }
  out += valid.substr(copied);
  out += '"';
}

LogField::LogField(std::string_view key, std::string_view value) : json_(keyed(key)) { append_json_string(json_, value); }
LogField::LogField(std::string_view key, bool value) : json_(keyed(key) + (value ? "true" : "false")) {}
LogField::LogField(std::string_view key, double value)
    : json_(keyed(key) + (std::isfinite(value) ? fmt::format("{}", value) : "null")) {}
LogField::LogField(std::string_view key, std::int64_t value) : json_(keyed(key) + std::to_string(value)) {}
LogField::LogField(std::string_view key, std::uint64_t value) : json_(keyed(key) + std::to_string(value)) {}

struct Logger::Sink {
  spdlog::sink_ptr sink;
  LogLevel level = LogLevel::kInfo;
};

Logger::Logger() : sink_(std::make_unique<Sink>()) {}
Logger::~Logger() = default;

Result<std::unique_ptr<Logger>> Logger::open(const Options& options) {
  std::unique_ptr<Logger> logger(new Logger);
  logger->sink_->level = options.level;
  try {
    if (options.file.empty()) logger->sink_->sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    else
      logger->sink_->sink =
          std::make_shared<spdlog::sinks::rotating_file_sink_mt>(options.file, options.max_file_bytes, options.max_files);
  } catch (const spdlog::spdlog_ex& error) {
    return fail(ErrorCode::kUnavailable, "The log file " + options.file + " cannot be opened; check that its folder exists and is writable",
                error.what());
  }
  logger->sink_->sink->set_pattern("%v");
  return logger;
}

std::unique_ptr<Logger> Logger::silent() {
  std::unique_ptr<Logger> logger(new Logger);
  logger->sink_->sink = std::make_shared<spdlog::sinks::null_sink_mt>();
  logger->sink_->level = LogLevel::kError;
  return logger;
}

void Logger::write(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (level < sink_->level) return;
  std::string line = R"({"time":")" + to_rfc3339(SystemClock().now()) + R"(","level":")";
  line += level_name(level);
  line += R"(","event":)";
  append_json_string(line, event);
  for (const auto& field : fields) {
    line += ',';
    line += field.json();
  }
  line += '}';
  sink_->sink->log(spdlog::details::log_msg(spdlog::string_view_t(), spdlog::level::info, spdlog::string_view_t(line)));
  sink_->sink->flush();
}

}  // namespace siyu
