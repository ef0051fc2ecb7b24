#include "rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <cstdlib>
#include <fstream>

#include "rpc/services.h"

namespace siyu::rpc {
namespace {

constexpr int kMaxMessageBytes = 32 << 20;    // as the HTTP API's bodies of chats
constexpr int kStreamsPerConnection = 1000;
constexpr int kKeepaliveMillis = 60'000;      // a peer that vanished without a word is noticed within this and the next
constexpr int kKeepaliveAnswerMillis = 20'000;
constexpr int kLeastPingMillis = 10'000;      // clients that ping more often are told to calm down
constexpr auto kForgetPatience = std::chrono::seconds(1);

Result<std::string> read_pem(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in || text.empty()) return fail(ErrorCode::kInvalidArgument, "The TLS file " + file + " cannot be read");
  return text;
}

// This gRPC has no setting for the oldest TLS it speaks, but one for what versions before 1.3 may encrypt with: a suite for
// keys that are shared beforehand, of which there are none, leaves an older client nothing to agree on.
constexpr const char* kCipherSetting = "GRPC_SSL_CIPHER_SUITES";
constexpr const char* kNoOlderTls = "PSK-AES256-GCM-SHA384";

Result<std::shared_ptr<grpc::ServerCredentials>> make_credentials(const ServerOptions& options) {
  if (options.certificate_file.empty()) return grpc::InsecureServerCredentials();
  ASSIGN_OR_RETURN(auto certificate, read_pem(options.certificate_file));
  ASSIGN_OR_RETURN(auto key, read_pem(options.private_key_file));
  grpc::SslServerCredentialsOptions tls(GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
  tls.pem_key_cert_pairs.push_back({.private_key = std::move(key), .cert_chain = std::move(certificate)});
  return grpc::SslServerCredentials(tls);
}

void set_limits(grpc::ServerBuilder& builder, const ServerOptions& options) {
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second server on the port is a mistake, not a helper
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsPerConnection);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, static_cast<int>(std::chrono::milliseconds(options.idle).count()));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMillis);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveAnswerMillis);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kLeastPingMillis);
}

}  // namespace

// Torn down bottom to top: the listener first, then the services, then the pool that their calls run on.
struct Server::Impl {
  Impl(Parts parts, const ServerOptions& options)
      : host(std::move(parts), options.threads, options.queue, options.max_calls), inference(make_inference_service(host)), knowledge(make_knowledge_service(host)) {}
  ~Impl() { stop(kForgetPatience); }

  void stop(std::chrono::milliseconds patience) {
    if (!listener) return;
    if (auto* health = listener->GetHealthCheckService()) health->SetServingStatus(false);
    listener->Shutdown(std::chrono::system_clock::now() + patience);
    listener->Wait();
    host.pool.stop();
    listener.reset();
  }

  Host host;
  const std::unique_ptr<grpc::Service> inference, knowledge;
  int port = 0;
  std::unique_ptr<grpc::Server> listener;
};

void require_tls13() { ::setenv(kCipherSetting, kNoOlderTls, 1); }

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Parts parts) {
  ASSIGN_OR_RETURN(const auto credentials, make_credentials(options));
  // Switches of gRPC's own, for the whole process.
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  auto impl = std::make_unique<Impl>(std::move(parts), options);
  grpc::ServerBuilder builder;
  set_limits(builder, options);
  builder.AddListeningPort(options.address, credentials, &impl->port);
  builder.RegisterService(impl->inference.get());
  builder.RegisterService(impl->knowledge.get());
  impl->listener = builder.BuildAndStart();
  if (!impl->listener || impl->port == 0)
    return fail(ErrorCode::kUnavailable, "Cannot listen on " + options.address + " for gRPC; is another server running there, or is the TLS certificate not fit?");
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

std::uint16_t Server::port() const { return static_cast<std::uint16_t>(impl_->port); }
void Server::drain(std::chrono::milliseconds deadline) { impl_->stop(deadline); }

}  // namespace siyu::rpc
