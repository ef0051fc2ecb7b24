// One line of the log. Internal to audit.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "audit/audit_log.h"

namespace siyu::audit {

inline constexpr std::string_view kGenesis = "0000000000000000000000000000000000000000000000000000000000000000";

struct Line {
  StoredEntry entry;
  std::string prev;
};

/// The whole line without its newline; its hash covers everything before `,"hash":`.
std::string format_line(const Entry& entry, std::uint64_t seq, const std::string& time, std::string_view prev, std::string& hash);
/// Checks the line's own hash.
Result<Line> parse_line(std::string_view text);
/// 000001.jsonl, 000002.jsonl … in order.
std::vector<std::filesystem::path> segments(const std::filesystem::path& dir);

struct Checkpoint {
  std::uint64_t seq = 0;
  std::string hash;
  std::string signature;   ///< over "SEQ HASH"
  std::string public_key;  ///< hexadecimal Ed25519
};

}  // namespace siyu::audit
