#include "batches/line.h"

#include <fstream>

#include "base/json.h"
#include "base/log.h"

namespace siyu::batches {
namespace {

struct WireLine {
  std::string custom_id, method, url;
  json::value body;
};
BOOST_DESCRIBE_STRUCT(WireLine, (), (custom_id, method, url, body))
struct WireResult {
  std::string custom_id;
};
BOOST_DESCRIBE_STRUCT(WireResult, (), (custom_id))

std::string head_of(const std::string& custom_id, std::string_view batch_request_id) {
  std::string line = R"({"id":)";
  append_json_string(line, batch_request_id);
  line += R"(,"custom_id":)";
  append_json_string(line, custom_id);
  return line;
}

}  // namespace

Result<Line> parse_line(std::string_view text, std::string_view endpoint) {
  if (text.size() > kMaxLineBytes) return invalid("the line is over 8 MiB");
  ASSIGN_OR_RETURN(const auto wire, from_json_text<WireLine>(text));
  if (wire.custom_id.empty() || wire.custom_id.size() > kMaxCustomId) return invalid_field("custom_id", "must have 1 to 512 characters");
  if (wire.method != "POST") return invalid_field("method", "must be POST");
  if (wire.url != endpoint) return invalid_field("url", "must be the batch's endpoint, " + std::string(endpoint));
  if (!wire.body.is_object()) return invalid_field("body", "must be an object");
  return Line{.custom_id = wire.custom_id, .body = json::serialize(wire.body)};
}

std::string result_line(const std::string& custom_id, const LineReply& reply, std::string_view batch_request_id) {
  auto line = head_of(custom_id, batch_request_id);
  line += R"(,"response":{"status_code":)" + std::to_string(reply.status) + R"(,"request_id":)";
  append_json_string(line, reply.request_id);
  line += R"(,"body":)" + reply.body + R"(},"error":null})";
  return line + "\n";
}

std::string undone_line(const std::string& custom_id, std::string_view code, std::string_view message, std::string_view batch_request_id) {
  auto line = head_of(custom_id, batch_request_id);
  line += R"(,"response":null,"error":{"code":)";
  append_json_string(line, code);
  line += R"(,"message":)";
  append_json_string(line, message);
  return line + "}}\n";
}

Result<std::set<std::string>> heal_results(const std::filesystem::path& file) {
  std::set<std::string> done;
  std::ifstream in(file, std::ios::binary);
  std::uintmax_t whole = 0;  // bytes up to the end of the last whole line
  for (std::string line; std::getline(in, line) && !in.eof();) {
    const auto result = from_json_text<WireResult>(line);
    if (!result) break;  // a disk that lost power may hold zeros; what follows is done again
    done.insert(result->custom_id);
    whole += line.size() + 1;
  }
  in.close();
  std::error_code error;
  if (std::filesystem::exists(file, error) && std::filesystem::file_size(file, error) != whole) std::filesystem::resize_file(file, whole, error);
  if (error) return fail(ErrorCode::kUnavailable, "The results of a batch cannot be read", error.message());
  return done;
}

}  // namespace siyu::batches
