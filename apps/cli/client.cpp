#include "cli/client.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <future>

#include "cli/environment.h"
#include "net/http.h"
#include "net/stream_client.h"

namespace siyu::cli {
namespace {

constexpr const char* kDefaultServer = "https://127.0.0.1:8080";
constexpr auto kCallTimeout = std::chrono::minutes(5);
constexpr auto kUploadTimeout = std::chrono::hours(12);
constexpr auto kStreamIdle = std::chrono::minutes(10);  // a long prompt on a slow machine

struct AdminFile {
  std::string api_key;
};
BOOST_DESCRIBE_STRUCT(AdminFile, (), (api_key))

std::string key_from(const std::filesystem::path& data) {
  std::ifstream in(data / "initial-admin.json");
  const std::string text(std::istreambuf_iterator<char>(in), {});
  const auto file = from_json_text<AdminFile>(text);
  return file ? file->api_key : std::string();
}

bool is_loopback_url(std::string_view url) {
  const auto host = url.substr(std::min(url.find("://") + 3, url.size()));
  return host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
}

Error to_error(const net::ClientResponse& response) {
  Error error{.code = ErrorCode::kInternal, .message = "The server answered " + std::to_string(response.status), .detail = {}};
  if (response.status == 404) error.code = ErrorCode::kNotFound;
  if (response.status == 409) error.code = ErrorCode::kAlreadyExists;
  if (response.status == 401) error.code = ErrorCode::kUnauthenticated;
  const auto body = parse_json(response.body);
  if (!body || !body->is_object()) return error;
  const auto* inner = body->get_object().if_contains("error");
  const auto* object = inner == nullptr ? nullptr : inner->if_object();
  const auto* message = object == nullptr ? nullptr : object->if_contains("message");
  if (message != nullptr && message->is_string()) error.message = std::string(message->get_string());
  if (const auto* id = object == nullptr ? nullptr : object->if_contains("error_id"); id != nullptr && id->is_string() && response.status >= 500)
    error.message += " (error id " + std::string(id->get_string()) + ")";
  return error;
}

}  // namespace

void add_connect_options(CLI::App& command, ConnectOptions& options) {
  command.add_option("--server", options.server, "Server address (SIYU_SERVER)");
  command.add_option("--api-key", options.api_key, "API key (SIYU_API_KEY); on the server's own machine the data folder's key is found");
  command.add_option("--data", options.data, "Data folder of a server on this machine (SIYU_DATA)");
  command.add_option("--ca", options.ca_file, "Certificate to trust, such as the server's DATA/tls/cert.pem (SIYU_CA)");
  command.add_flag("--insecure", options.insecure, "Accept any certificate; loopback only");
}

Result<Client> Client::connect(ConnectOptions options) {
  if (options.server.empty()) options.server = environment("SIYU_SERVER").value_or(kDefaultServer);
  while (options.server.ends_with('/')) options.server.pop_back();
  if (!options.server.starts_with("http://") && !options.server.starts_with("https://")) return invalid("The server address must begin with http:// or https://");
  if (options.insecure && !is_loopback_url(options.server)) return invalid("--insecure is for loopback addresses only; trust the server's certificate with --ca");
  if (options.api_key.empty()) options.api_key = environment("SIYU_API_KEY").value_or("");
  if (options.ca_file.empty()) options.ca_file = environment("SIYU_CA").value_or("");
  if (options.data.empty()) options.data = environment("SIYU_DATA").value_or(default_data_dir());
  if (options.api_key.empty()) options.api_key = key_from(options.data);
  if (options.api_key.empty())
    return fail(ErrorCode::kUnauthenticated, "An API key is needed: set SIYU_API_KEY; on the server's machine it is in DATA/initial-admin.json");
  const auto own_certificate = std::filesystem::path(options.data) / "tls" / "cert.pem";
  std::error_code ignored;
  if (options.ca_file.empty() && is_loopback_url(options.server) && std::filesystem::exists(own_certificate, ignored)) options.ca_file = own_certificate;
  return Client(options.server, options.api_key, {.ca_file = options.ca_file, .verify = !options.insecure});
}

Result<json::value> Client::send(net::ClientRequest request, const std::string& path) {
  request.url = server_ + path;
  request.headers.emplace_back("Authorization", "Bearer " + api_key_);
  ASSIGN_OR_RETURN(const auto response, http_->fetch(request));
  if (response.status >= 300) return std::unexpected(to_error(response));
  if (response.body.empty()) return json::value(nullptr);
  return parse_json(response.body);
}

Result<json::value> Client::call(const std::string& method, const std::string& path, const json::value& body) {
  net::ClientRequest request{.method = method, .timeout = kCallTimeout};
  if (!body.is_null()) request.body = json::serialize(body);
  return send(std::move(request), path);
}

Result<json::value> Client::upload(const std::string& path, const std::vector<net::UploadFile>& files,
                                   std::function<void(std::uint64_t, std::uint64_t)> progress) {
  return send({.method = "POST", .files = files, .timeout = kUploadTimeout, .upload_progress = std::move(progress)}, path);
}

Result<json::value> Client::put_file(const std::string& path, const std::filesystem::path& file,
                                     std::function<void(std::uint64_t, std::uint64_t)> progress) {
  return send({.method = "PUT", .body_file = file, .timeout = kUploadTimeout, .upload_progress = std::move(progress)}, path);
}

Status Client::stream(const std::string& path, const json::value& body, const std::function<Status(const std::string& data)>& event) {
  net::StreamClient http(options_, kStreamIdle);
  net::ClientRequest request{.method = "POST", .url = server_ + path, .headers = {{"Authorization", "Bearer " + api_key_}}, .body = json::serialize(body),
                             .timeout = kUploadTimeout};
  ASSIGN_OR_RETURN(const auto answer, http.open(request));
  ASSIGN_OR_RETURN(const auto head, answer->wait_head());
  const auto next = [&answer = *answer] {
    std::promise<Result<std::optional<std::string>>> piece;
    auto arrived = piece.get_future();
    answer.pull([&piece](Result<std::optional<std::string>> chunk) { piece.set_value(std::move(chunk)); });
    return arrived.get();
  };
  net::SseParser parser;
  std::string whole;
  for (;;) {
    ASSIGN_OR_RETURN(const auto chunk, next());
    if (!chunk) break;
    if (head.status >= 300) {
      whole += *chunk;
      continue;
    }
    ASSIGN_OR_RETURN(const auto events, parser.feed(*chunk));
    for (const auto& data : events)
      if (data != "[DONE]") RETURN_IF_ERROR(event(data));
  }
  if (head.status >= 300) return std::unexpected(to_error({.status = head.status, .body = std::move(whole)}));
  return {};
}

int report(const Error& error) {
  std::fprintf(stderr, "siyu: %s\n", error.message.c_str());
  return 1;
}

}  // namespace siyu::cli
