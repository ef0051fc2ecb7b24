#include "net/client.h"

#include <curl/curl.h>

namespace siyu::net {
namespace {

constexpr std::size_t kMaxResponse = 256UL << 20;
constexpr long kConnectMillis = 10'000;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct FreeMime {
  void operator()(curl_mime* mime) const { curl_mime_free(mime); }
};

std::size_t collect(char* data, std::size_t, std::size_t size, void* target) {
  auto& body = *static_cast<std::string*>(target);
  if (body.size() + size > kMaxResponse) return 0;
  body.append(data, size);
  return size;
}

int report(void* target, curl_off_t, curl_off_t, curl_off_t total, curl_off_t done) {
  const auto& request = *static_cast<const ClientRequest*>(target);
  if (request.upload_progress) request.upload_progress(static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(total));
  return 0;
}

std::unexpected<Error> transport_error(CURLcode code, const std::string& url, const char* why) {
  const std::string place = url.substr(0, url.find('/', 8));
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
      return fail(ErrorCode::kUnavailable, "Cannot reach " + place + "; is the server running there? SIYU_SERVER or --server names another", why);
    case CURLE_OPERATION_TIMEDOUT:
      return fail(ErrorCode::kDeadlineExceeded, place + " did not answer in time", why);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return fail(ErrorCode::kUnavailable, "The certificate of " + place + " is not trusted; give the server's tls/cert.pem with --ca", why);
    default:
      return fail(ErrorCode::kUnavailable, "The connection to " + place + " failed: " + why);
  }
}

}  // namespace

struct HttpClient::Impl {
  ClientOptions options;
  CURL* curl = curl_easy_init();
  ~Impl() { curl_easy_cleanup(curl); }
};

HttpClient::HttpClient(ClientOptions options) : impl_(new Impl{.options = std::move(options)}) {}
HttpClient::~HttpClient() = default;

Result<ClientResponse> HttpClient::fetch(const ClientRequest& request) {
  CURL* curl = impl_->curl;
  if (curl == nullptr) return internal("The HTTP client could not be made");
  curl_easy_reset(curl);
  ClientResponse response;
  char why[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectMillis);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &collect);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &response.body);
  if (!impl_->options.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, impl_->options.ca_file.c_str());
  if (!impl_->options.verify) {
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  std::unique_ptr<curl_slist, FreeList> headers;
  const auto add_header = [&](const std::string& line) { headers.reset(curl_slist_append(headers.release(), line.c_str())); };
  for (const auto& [name, value] : request.headers) add_header(name + ": " + value);
  std::unique_ptr<curl_mime, FreeMime> form;
  if (!request.files.empty()) {
    form.reset(curl_mime_init(curl));
    for (const auto& file : request.files) {
      auto* part = curl_mime_addpart(form.get());
      curl_mime_name(part, file.field.c_str());
      if (curl_mime_filedata(part, file.path.c_str()) != CURLE_OK) return not_found("The file " + file.path.string() + " cannot be read");
      curl_mime_filename(part, file.name.c_str());
    }
    curl_easy_setopt(curl, CURLOPT_MIMEPOST, form.get());
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &report);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &request);
  } else if (!request.body.empty()) {
    add_header("Content-Type: application/json");
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  const auto code = curl_easy_perform(curl);
  if (code != CURLE_OK) return transport_error(code, request.url, why[0] != '\0' ? why : curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  response.status = static_cast<int>(status);
  return response;
}

}  // namespace siyu::net
