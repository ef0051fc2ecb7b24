// links: siyu_engine
// What an engine elsewhere may send: events, chunks of answers, vectors, lists, faults, addresses.
#include <cmath>
#include <cstdlib>

#include "engine/remote_peer.h"
#include "engine/remote_wire.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace siyu;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  net::SseParser events;
  engine::ChunkReader answer;
  engine::Generation whole;
  for (std::size_t at = 0; at < size; at += 7) {  // pieces as a network cuts them
    const auto ended = events.feed(bytes.substr(at, 7));
    if (!ended) break;
    for (const auto& one : *ended)
      if (const auto delta = answer.read(one); delta && *delta) engine::append(whole, **delta);
  }
  (void)engine::ChunkReader().read(bytes);
  (void)engine::read_fault(bytes);
  (void)engine::read_models(bytes);
  (void)engine::read_tokens(bytes);
  if (const auto vectors = engine::read_embeddings(bytes, 1); vectors && vectors->vectors.at(0).empty()) std::abort();
  if (const auto url = engine::parse_engine_url(bytes); url && !url->starts_with("http")) std::abort();
  return 0;
}
