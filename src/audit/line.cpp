#include "audit/line.h"

#include <algorithm>

#include "base/json.h"
#include "crypto/hash.h"

namespace siyu::audit {
namespace {

struct LineFields {
  std::uint64_t seq = 0;
  std::string time, actor, action, resource, outcome, detail, request, prev, hash;
};
BOOST_DESCRIBE_STRUCT(LineFields, (), (seq, time, actor, action, resource, outcome, detail, request, prev, hash))

void append_field(std::string& line, std::string_view name, std::string_view value) {
  line += ",\"";
  line += name;
  line += "\":";
  append_json_string(line, value);
}

}  // namespace

std::string format_line(const Entry& entry, std::uint64_t seq, const std::string& time, std::string_view prev, std::string& hash) {
  std::string line = "{\"seq\":" + std::to_string(seq);
  append_field(line, "time", time);
  append_field(line, "actor", entry.actor);
  append_field(line, "action", entry.action);
  append_field(line, "resource", entry.resource);
  append_field(line, "outcome", entry.outcome);
  append_field(line, "detail", entry.detail);
  append_field(line, "request", entry.request);
  append_field(line, "prev", prev);
  hash = crypto::sha256_hex(as_bytes(line));
  append_field(line, "hash", hash);
  line += '}';
  return line;
}

Result<Line> parse_line(std::string_view text) {
  const auto decoded = from_json_text<LineFields>(text);
  if (!decoded) return fail(ErrorCode::kCorrupted, "the line is not a whole entry");
  const auto hashed = text.substr(0, text.rfind(",\"hash\":"));
  if (crypto::sha256_hex(as_bytes(hashed)) != decoded->hash) return fail(ErrorCode::kCorrupted, "the entry was changed: its hash does not match");
  Line line;
  static_cast<Entry&>(line.entry) = {.actor = decoded->actor, .action = decoded->action, .resource = decoded->resource, .outcome = decoded->outcome,
                                     .detail = decoded->detail, .request = decoded->request};
  line.entry.seq = decoded->seq;
  line.entry.time = decoded->time;
  line.entry.hash = decoded->hash;
  line.prev = decoded->prev;
  return line;
}

std::vector<std::filesystem::path> segments(const std::filesystem::path& dir) {
  std::vector<std::filesystem::path> files;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(dir, ignored))
    if (entry.path().extension() == ".jsonl") files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

}  // namespace siyu::audit
