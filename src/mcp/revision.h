// The revisions of the protocol that are spoken here, and what of a request tells them apart.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace siyu::mcp {

enum class Revision {
  k2025_06_18,
  k2025_11_25,
  k2026_07_28,  ///< no handshake, no sessions: every request carries its revision and the client's abilities
};

struct RevisionName {
  Revision revision;
  std::string_view text;
};
/// Newest first.
constexpr std::array<RevisionName, 3> kRevisions{{{Revision::k2026_07_28, "2026-07-28"}, {Revision::k2025_11_25, "2025-11-25"}, {Revision::k2025_06_18, "2025-06-18"}}};
/// What `initialize` answers to a client that asks for a revision not spoken here.
constexpr Revision kNewestWithHandshake = Revision::k2025_11_25;

constexpr std::string_view to_string(Revision revision) {
  for (const auto& [known, text] : kRevisions)
    if (known == revision) return text;
  return {};
}
constexpr std::optional<Revision> find_revision(std::string_view text) {
  for (const auto& [revision, known] : kRevisions)
    if (known == text) return revision;
  return std::nullopt;
}
constexpr bool is_stateless(Revision revision) { return revision == Revision::k2026_07_28; }

// Keys of a message's `_meta`.
constexpr std::string_view kRevisionKey = "io.modelcontextprotocol/protocolVersion";
constexpr std::string_view kClientAbilitiesKey = "io.modelcontextprotocol/clientCapabilities";
constexpr std::string_view kServerInfoKey = "io.modelcontextprotocol/serverInfo";

}  // namespace siyu::mcp
