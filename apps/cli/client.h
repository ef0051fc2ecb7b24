// The server's API, as the commands use it.
#pragma once

#include <CLI/App.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/terminal.h"
#include "net/client.h"

namespace siyu::cli {

struct ConnectOptions {
  std::string server;   ///< SIYU_SERVER; https://127.0.0.1:8080 when empty
  std::string api_key;  ///< SIYU_API_KEY; read from the data folder's initial-admin.json when empty
  std::string data;     ///< where to look for that file and for the server's certificate
  std::string ca_file;
  bool insecure = false;  ///< accept any certificate; refused for other hosts than loopback
};

/// Adds --server, --api-key, --data, --ca and --insecure.
void add_connect_options(CLI::App& command, ConnectOptions& options);

class Client {
 public:
  static Result<Client> connect(ConnectOptions options);
  /// The answer's JSON (null when it has none); an error answer becomes its message.
  Result<json::value> call(const std::string& method, const std::string& path, const json::value& body = nullptr);
  Result<json::value> upload(const std::string& path, const std::vector<net::UploadFile>& files,
                             std::function<void(std::uint64_t, std::uint64_t)> progress);
  /// The body is the file.
  Result<json::value> put_file(const std::string& path, const std::filesystem::path& file, std::function<void(std::uint64_t, std::uint64_t)> progress);
  /// Posts, and calls `event` with the data of each server-sent event until the stream ends.
  Status stream(const std::string& path, const json::value& body, const std::function<Status(const std::string& data)>& event);

  const std::string& server() const { return server_; }
  const std::string& api_key() const { return api_key_; }
  const net::ClientOptions& options() const { return options_; }

 private:
  Client(std::string server, std::string api_key, net::ClientOptions options)
      : server_(std::move(server)), api_key_(std::move(api_key)), options_(std::move(options)), http_(std::make_unique<net::HttpClient>(options_)) {}
  Result<json::value> send(net::ClientRequest request, const std::string& path);
  std::string server_, api_key_;
  net::ClientOptions options_;
  std::unique_ptr<net::HttpClient> http_;
};

/// Prints the error to standard error; the exit code of a command that ended so.
int report(const Error& error);
inline int finish(const Status& status) { return status ? 0 : report(status.error()); }

}  // namespace siyu::cli
