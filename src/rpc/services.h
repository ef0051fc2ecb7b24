// The methods of siyu.proto. Internal to rpc.
#pragma once

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "rpc/host.h"

namespace siyu::rpc {

std::unique_ptr<grpc::Service> make_inference_service(Host& host);
std::unique_ptr<grpc::Service> make_knowledge_service(Host& host);

}  // namespace siyu::rpc
