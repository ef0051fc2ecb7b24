// Files and batches, as OpenAI's clients know them.
#include <fstream>

#include "api/query.h"
#include "api/upload.h"
#include "batches/batches.h"
#include "routes.gen.h"

namespace siyu::api {
namespace {

constexpr std::int64_t kShortestLife = 3600, kLongestLife = 30 * 24 * 3600;  // of a file that expires; OpenAI's bounds

json::value seconds_of(const std::optional<Timestamp>& time) { return time ? json::value(to_unix_millis(*time) / 1000) : json::value(nullptr); }

json::object to_body(const batches::File& file) {
  return {{"id", file.id}, {"object", "file"}, {"bytes", file.bytes}, {"created_at", to_unix_millis(file.created_at) / 1000}, {"expires_at", seconds_of(file.expires_at)},
          {"filename", file.filename}, {"purpose", file.purpose}, {"status", "processed"}};
}

template <class T>
json::value or_null(const std::optional<T>& value) {
  return value ? to_json(*value) : json::value(nullptr);
}

json::object to_body(const batches::Batch& batch) {
  json::object body{{"id", batch.id}, {"object", "batch"}, {"endpoint", batch.endpoint}, {"errors", nullptr}, {"input_file_id", batch.input_file},
                    {"completion_window", batch.completion_window}, {"status", to_json(batch.state)}, {"output_file_id", or_null(batch.output_file)},
                    {"error_file_id", or_null(batch.error_file)}, {"created_at", batch.created_at}, {"in_progress_at", or_null(batch.in_progress_at)},
                    {"expires_at", batch.expires_at}, {"finalizing_at", or_null(batch.finalizing_at)}, {"completed_at", or_null(batch.completed_at)},
                    {"failed_at", or_null(batch.failed_at)}, {"expired_at", or_null(batch.expired_at)}, {"cancelling_at", or_null(batch.cancelling_at)},
                    {"cancelled_at", or_null(batch.cancelled_at)}, {"request_counts", {{"total", batch.total}, {"completed", batch.completed}, {"failed", batch.failed}}},
                    {"metadata", to_json(batch.metadata)}};
  if (batch.faults.empty()) return body;
  json::array faults;
  for (const auto& fault : batch.faults)
    faults.push_back({{"code", fault.code}, {"message", fault.message}, {"line", or_null(fault.line)}, {"param", or_null(fault.param)}});
  body["errors"] = json::object{{"object", "list"}, {"data", std::move(faults)}};
  return body;
}

template <class T>
net::Response list_reply(const std::vector<T>& items, bool more) {
  json::array data;
  for (const auto& item : items) data.push_back(to_body(item));
  json::object body{{"object", "list"}, {"first_id", nullptr}, {"last_id", nullptr}, {"has_more", more}};
  if (!items.empty()) body["first_id"] = items.front().id;
  if (!items.empty()) body["last_id"] = items.back().id;
  body["data"] = std::move(data);
  return net::json_response(200, json::serialize(body));
}

/// A file, piece by piece; reading 64 KiB takes no time that anyone would wait for.
class FileBody final : public net::BodyStream {
 public:
  explicit FileBody(std::ifstream file) : file_(std::move(file)) {}
  void pull(Ready ready) override {
    std::string piece(64UL << 10, '\0');
    file_.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    piece.resize(static_cast<std::size_t>(file_.gcount()));
    ready(piece.empty() ? std::optional<std::string>() : std::optional(std::move(piece)));
  }
  void cancel() noexcept override {}

 private:
  std::ifstream file_;
};

struct NewBatchBody {
  std::string input_file_id, endpoint, completion_window;
  std::optional<std::map<std::string, std::string>> metadata;
};
BOOST_DESCRIBE_STRUCT(NewBatchBody, (), (input_file_id, endpoint, completion_window, metadata))

Result<std::chrono::seconds> read_life(std::string_view text) {
  const std::string number(text);
  char* end = nullptr;
  const auto seconds = std::strtoll(number.c_str(), &end, 10);
  if (number.empty() || *end != '\0' || seconds < kShortestLife || seconds > kLongestLife) return invalid_field("expires_after[seconds]", "must be from 3600 to 2592000");
  return std::chrono::seconds(seconds);
}

}  // namespace

namespace handlers {

Reply create_file(Call& call) {
  ASSIGN_OR_RETURN(const auto upload, UploadBody::open(call.request));
  ASSIGN_OR_RETURN(const auto parts, net::parse_form(call.request.headers.get("Content-Type").value_or(""), upload->view()));
  batches::NewFile file;
  ScratchFile content;
  std::string purpose;
  for (const auto& part : parts) {
    if (part.name == "purpose") purpose = std::string(upload->part(part));
    if (part.name == "expires_after[seconds]") {
      ASSIGN_OR_RETURN(file.expires_after, read_life(upload->part(part)));
    }
    if (part.name != "file" || !content.path.empty()) continue;
    file.filename = part.filename;
    RETURN_IF_ERROR(write_part(call, upload->part(part), content));
  }
  if (content.path.empty()) return invalid_field("file", "is missing");
  if (purpose != "batch") return invalid_field("purpose", "must be batch");
  ASSIGN_OR_RETURN(const auto added, call.services.files.add(*call.pass, file, content.path));
  return net::json_response(200, json::serialize(to_body(added)));
}

Reply list_files(Call& call) {
  batches::FileQuery query{.purpose = call.request.query_param("purpose").value_or(""), .after = call.request.query_param("after").value_or("")};
  ASSIGN_OR_RETURN(query.limit, count_param(call.request, "limit", 1000, 10'000));
  query.newest_first = call.request.query_param("order").value_or("desc") != "asc";
  ASSIGN_OR_RETURN(const auto page, call.services.files.list(*call.pass, query));
  return list_reply(page.files, page.more);
}

Reply get_file(Call& call) {
  ASSIGN_OR_RETURN(const auto file, call.services.files.get(*call.pass, call.param("file")));
  return net::json_response(200, json::serialize(to_body(file)));
}

Reply delete_file(Call& call) {
  RETURN_IF_ERROR(call.services.files.remove(*call.pass, call.param("file")));
  return net::json_response(200, json::serialize(json::object{{"id", call.param("file")}, {"object", "file"}, {"deleted", true}}));
}

Reply get_file_content(Call& call) {
  ASSIGN_OR_RETURN(const auto file, call.services.files.get(*call.pass, call.param("file")));
  std::ifstream in(call.services.files.path_of(file.place), std::ios::binary);
  if (!in) return internal("The content of the file cannot be read", file.place);
  net::Response response{.status = 200, .headers = {}, .body = std::make_unique<FileBody>(std::move(in))};
  response.headers.add("Content-Type", "application/octet-stream");
  return response;
}

Reply create_batch(Call& call) {
  ASSIGN_OR_RETURN(const auto body, from_json_text<NewBatchBody>(call.request.body));
  ASSIGN_OR_RETURN(const auto batch, call.services.batches.create(*call.pass, {.input_file = body.input_file_id, .endpoint = body.endpoint,
                                                                               .completion_window = body.completion_window,
                                                                               .metadata = body.metadata.value_or(std::map<std::string, std::string>{})}));
  return net::json_response(200, json::serialize(to_body(batch)));
}

Reply list_batches(Call& call) {
  ASSIGN_OR_RETURN(const auto limit, count_param(call.request, "limit", 20, 100));
  ASSIGN_OR_RETURN(const auto page, call.services.batches.list(*call.pass, call.request.query_param("after").value_or(""), limit));
  return list_reply(page.batches, page.more);
}

Reply get_batch(Call& call) {
  ASSIGN_OR_RETURN(const auto batch, call.services.batches.get(*call.pass, call.param("batch")));
  return net::json_response(200, json::serialize(to_body(batch)));
}

Reply cancel_batch(Call& call) {
  ASSIGN_OR_RETURN(const auto batch, call.services.batches.cancel(*call.pass, call.param("batch")));
  return net::json_response(200, json::serialize(to_body(batch)));
}

}  // namespace handlers
}  // namespace siyu::api
