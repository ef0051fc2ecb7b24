#include "net/http.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"

namespace siyu::net {
namespace {

constexpr std::size_t kMaxEventBytes = 8UL << 20;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// The value of `key="…"` or `key=…` in a header such as Content-Disposition.
std::optional<std::string> header_parameter(std::string_view header, std::string_view key) {
  for (std::size_t at = header.find(';'); at != std::string_view::npos;) {
    auto rest = trim(header.substr(at + 1));
    const auto equals = rest.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const auto name = trim(rest.substr(0, equals));
    auto value = rest.substr(equals + 1);
    std::string decoded;
    std::size_t used = 0;
    if (value.starts_with('"')) {
      for (used = 1; used < value.size() && value[used] != '"'; ++used) {
        if (value[used] == '\\' && used + 1 < value.size() && (value[used + 1] == '"' || value[used + 1] == '\\')) ++used;
        decoded += value[used];
      }
    } else {
      used = std::min(value.find(';'), value.size());
      decoded = trim(value.substr(0, used));
    }
    if (equals_ignoring_case(name, key)) return decoded;
    at = header.find(';', static_cast<std::size_t>(value.data() - header.data()) + used);
  }
  return std::nullopt;
}

FormPart read_part_headers(std::string_view headers) {
  FormPart part;
  while (!headers.empty()) {
    const auto end = headers.find("\r\n");
    const auto line = headers.substr(0, end);
    headers = end == std::string_view::npos ? std::string_view() : headers.substr(end + 2);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !equals_ignoring_case(trim(line.substr(0, colon)), "content-disposition")) continue;
    part.name = header_parameter(line, "name").value_or("");
    part.filename = header_parameter(line, "filename").value_or("");
    // RFC 5987 form, as sent by clients with names beyond ASCII.
    if (const auto extended = header_parameter(line, "filename*"); extended && extended->starts_with("UTF-8''"))
      part.filename = percent_decode(std::string_view(*extended).substr(7));
  }
  return part;
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

void Headers::set(std::string_view name, std::string value) {
  std::erase_if(fields_, [&](const auto& field) { return equals_ignoring_case(field.first, name); });
  fields_.emplace_back(std::string(name), std::move(value));
}

std::optional<std::string_view> Headers::get(std::string_view name) const {
  for (const auto& [key, value] : fields_)
    if (equals_ignoring_case(key, name)) return value;
  return std::nullopt;
}

std::string percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte >= '0' && byte <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '_' || c == '.' || c == '~') {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15U];
    }
  }
  return out;
}

std::optional<std::string> RequestHead::query_param(std::string_view name) const {
  for (std::string_view rest = query; !rest.empty();) {
    const auto end = rest.find('&');
    const auto pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    const auto equals = pair.find('=');
    if (percent_decode(pair.substr(0, equals), true) != name) continue;
    return equals == std::string_view::npos ? std::string() : percent_decode(pair.substr(equals + 1), true);
  }
  return std::nullopt;
}

std::optional<std::string> RequestHead::cookie(std::string_view name) const {
  const auto header = headers.get("Cookie");
  for (std::string_view rest = header.value_or(""); !rest.empty();) {
    const auto end = rest.find(';');
    const auto pair = trim(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) return std::string(pair.substr(equals + 1));
  }
  return std::nullopt;
}

Response json_response(int status, std::string json) {
  Response response{.status = status, .headers = {}, .body = std::move(json)};
  response.headers.add("Content-Type", "application/json");
  return response;
}

Response plain_error(int status, std::string_view type, std::string_view code, std::string_view message) {
  std::string body = R"({"error":{"message":)";
  append_json_string(body, message);
  body += R"(,"type":)";
  append_json_string(body, type);
  body += R"(,"param":null,"code":)";
  append_json_string(body, code);
  body += "}}";
  return json_response(status, std::move(body));
}

std::string sse_event(std::string_view data) {
  std::string event;
  event.reserve(data.size() + 8);
  event += "data: ";
  event += data;
  event += "\n\n";
  return event;
}

Result<std::vector<std::string>> SseParser::feed(std::string_view bytes) {
  std::vector<std::string> events;
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    line_ += bytes.substr(0, end);
    if (line_.size() + data_.size() > kMaxEventBytes) return fail(ErrorCode::kTooLarge, "A streamed event is larger than 8 MiB");
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
    if (line_.ends_with('\r')) line_.pop_back();
    if (line_.empty()) {
      if (has_data_) events.push_back(std::move(data_));
      data_.clear();
      has_data_ = false;
    } else if (std::string_view line = line_; line.starts_with("data:")) {
      line.remove_prefix(5);
      if (line.starts_with(' ')) line.remove_prefix(1);
      if (has_data_) data_ += '\n';
      data_ += line;
      has_data_ = true;
    }
    line_.clear();
  }
  return events;
}

Result<std::vector<FormPart>> parse_form(std::string_view content_type, std::string_view body) {
  if (!equals_ignoring_case(trim(content_type.substr(0, content_type.find(';'))), "multipart/form-data"))
    return invalid("The body must be multipart/form-data with the files as parts");
  const auto boundary = header_parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > 70) return invalid("The multipart Content-Type has no valid boundary");
  const auto malformed = [] { return invalid("The multipart body is malformed; it may have been cut off"); };

  const std::string delimiter = "--" + *boundary;
  if (!body.starts_with(delimiter)) return malformed();
  std::vector<FormPart> parts;
  const std::string separator = "\r\n" + delimiter;
  std::size_t at = delimiter.size();
  while (body.substr(at, 2) != "--") {
    if (body.substr(at, 2) != "\r\n") return malformed();
    at += 2;
    const auto headers_end = body.substr(at, 2) == "\r\n" ? at : body.find("\r\n\r\n", at);
    if (headers_end == std::string_view::npos) return malformed();
    auto part = read_part_headers(body.substr(at, headers_end - at));
    part.begin = headers_end + (headers_end == at ? 2 : 4);
    const auto end = body.find(separator, part.begin >= 2 ? part.begin - 2 : 0);
    if (end == std::string_view::npos) return malformed();
    part.end = std::max<std::uint64_t>(end, part.begin);
    at = end + separator.size();
    if (parts.size() == kMaxFormParts) return fail(ErrorCode::kTooLarge, "One upload may carry at most 2000 files; send several uploads");
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace siyu::net
