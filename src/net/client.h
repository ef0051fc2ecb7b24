// A synchronous HTTP(S) client over libcurl, for the command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace siyu::net {

struct UploadFile {
  std::string field = "file";
  std::string name;
  std::filesystem::path path;
};

struct ClientRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;                 ///< sent when not empty, as application/json unless `headers` say otherwise
  std::vector<UploadFile> files;    ///< sent as multipart/form-data when not empty
  std::filesystem::path body_file;  ///< sent as application/octet-stream when not empty
  std::chrono::milliseconds timeout{60'000};
  std::chrono::milliseconds idle{0};  ///< streamed requests: nothing may arrive for so long; 0: the client's own limit
  std::function<void(std::uint64_t done, std::uint64_t total)> upload_progress;
};

struct ClientResponse {
  int status = 0;
  std::string body;
};

struct ClientOptions {
  std::string ca_file;     ///< PEM of an additional authority, such as the server's own certificate; empty: the system's
  bool verify = true;      ///< false accepts any certificate; for loopback only
};

/// Not thread-safe; keeps its connection open between calls.
class HttpClient {
 public:
  explicit HttpClient(ClientOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  /// Any status is a response; an error means that no response came (kUnavailable, kDeadlineExceeded).
  Result<ClientResponse> fetch(const ClientRequest& request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace siyu::net
