// One answer of a remote engine on its way: server-sent events become deltas and a finish.
#pragma once

#include <memory>

#include "engine/remote_peer.h"

namespace siyu::engine {

/// Sends the request and returns at once. It is sent once more, by itself, when the connection fails before anything came.
Result<std::unique_ptr<GenerationStream>> start_remote_stream(std::shared_ptr<RemotePeer> peer, net::ClientRequest request);

}  // namespace siyu::engine
