#include "net/client.h"

#include <cstdio>

#include "net/curl_request.h"

namespace siyu::net {
namespace {

constexpr std::size_t kMaxResponse = 256UL << 20;

struct FreeMime {
  void operator()(curl_mime* mime) const { curl_mime_free(mime); }
};

std::size_t collect(char* data, std::size_t, std::size_t size, void* target) {
  auto& body = *static_cast<std::string*>(target);
  if (body.size() + size > kMaxResponse) return 0;
  body.append(data, size);
  return size;
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

int report(void* target, curl_off_t, curl_off_t, curl_off_t total, curl_off_t done) {
  const auto& request = *static_cast<const ClientRequest*>(target);
  if (request.upload_progress) request.upload_progress(static_cast<std::uint64_t>(done), static_cast<std::uint64_t>(total));
  return 0;
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
  const auto headers = prepare(curl, impl_->options, request, why);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &collect);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &response.body);
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
  }
  std::unique_ptr<std::FILE, CloseFile> file;
  if (!request.body_file.empty()) {
    std::error_code error;
    const auto size = std::filesystem::file_size(request.body_file, error);
    file.reset(std::fopen(request.body_file.c_str(), "rb"));
    if (error || !file) return not_found("The file " + request.body_file.string() + " cannot be read");
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READDATA, file.get());
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(size));
  }
  if (request.upload_progress) {
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &report);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &request);
  }
  const auto code = curl_easy_perform(curl);
  if (code != CURLE_OK) return std::unexpected(transport_error(code, request.url, why[0] != '\0' ? why : curl_easy_strerror(code)));
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  response.status = static_cast<int>(status);
  return response;
}

}  // namespace siyu::net
