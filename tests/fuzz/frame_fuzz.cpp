// links: siyu_base siyu_engine
// What a broken or hostile worker could write into its socket, in pieces of any size.
#include <cstdlib>

#include "base/frame.h"
#include "engine/protocol.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  siyu::FrameDecoder decoder(1 << 20);
  while (!rest.empty()) {
    const auto piece = std::min<std::size_t>(rest.size(), 1 + static_cast<unsigned char>(rest[0]) % 61);
    decoder.feed(rest.substr(0, piece));
    rest.remove_prefix(piece);
    for (;;) {
      auto frame = decoder.next();
      if (!frame) return 0;
      if (!*frame) break;
      if (const auto host = siyu::engine::decode_host_message(**frame)) {
        const auto again = siyu::engine::encode(*host);  // what was understood can be said, and is understood the same way
        if (siyu::engine::encode(siyu::engine::decode_host_message(again).value()) != again) std::abort();
      }
      (void)siyu::engine::decode_worker_message(**frame);
    }
  }
  return 0;
}
