// JSONL collections: one document per line, plain or gzip.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace siyu::knowledge {

bool is_line_collection(std::string_view name);

/// Calls `visit(line number from 1, text)` for each line of a plain or gzip file, until it fails. Lines over 16 MiB are an
/// error, and so is a gzip file that ends early.
Status for_each_line(const std::filesystem::path& file, const std::function<Status(std::size_t, std::string_view)>& visit);

struct LineDocument {
  std::string id, title, text;
};
/// {"_id" or "id", "title"?, "text"}.
Result<LineDocument> parse_line_document(std::string_view line);

}  // namespace siyu::knowledge
