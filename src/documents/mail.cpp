#include "documents/mail.h"

#include <gmime/gmime.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/text.h"
#include "documents/html.h"
#include "documents/markdown_writer.h"
#include "documents/plain_text.h"

namespace siyu::documents {
namespace {

constexpr int kMaxDepth = 30;               // of parts in parts
constexpr std::size_t kMaxAttachments = 1000;
constexpr std::uint64_t kMaxAttachmentBytes = 256ULL << 20;

struct Unref {
  void operator()(gpointer object) const { g_object_unref(object); }
};
template <class T>
using Owned = std::unique_ptr<T, Unref>;

std::string text_or_empty(const char* text) { return text == nullptr ? std::string() : one_line(repair_utf8(text)); }

std::string content_of(GMimePart* part) {
  auto* wrapper = g_mime_part_get_content(part);
  if (wrapper == nullptr) return {};
  const Owned<GMimeStream> memory(g_mime_stream_mem_new());
  g_mime_data_wrapper_write_to_stream(wrapper, memory.get());
  const auto* bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory.get()));
  return {reinterpret_cast<const char*>(bytes->data), bytes->len};
}

std::string raw_of(GMimeObject* object) {
  const Owned<GMimeStream> memory(g_mime_stream_mem_new());
  g_mime_object_write_to_stream(object, nullptr, memory.get());
  const auto* bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory.get()));
  return {reinterpret_cast<const char*>(bytes->data), bytes->len};
}

/// A name for a file inside: the last part of what the sender wrote, never a path.
std::string file_name(std::string name, const std::string& otherwise) {
  name = one_line(repair_utf8(name));
  if (const auto slash = name.find_last_of("/\\"); slash != std::string::npos) name.erase(0, slash + 1);
  return name.empty() || name == "." || name == ".." ? otherwise : name;
}

class MailReader {
 public:
  explicit MailReader(GMimeMessage* message) : message_(message) {}

  ParsedDocument read() && {
    const auto subject = text_or_empty(g_mime_message_get_subject(message_));
    writer_.heading(1, subject);
    headers();
    if (auto* body = g_mime_message_get_mime_part(message_)) part(body, 0);
    if (encrypted_ && !has_text_) return refused("mail", "The message is encrypted; save it decrypted and add that file");
    auto parsed = std::move(writer_).finish("mail", subject);
    parsed.embedded = std::move(attachments_);
    if (encrypted_) parsed.reason = "an encrypted part was not read";
    return parsed;
  }

 private:
  void headers() {
    std::string lines;
    const auto add = [&](std::string_view name, const std::string& value) {
      if (!value.empty()) lines += (lines.empty() ? "" : "\n") + std::string(name) + ": " + value;
    };
    for (const auto& [name, kind] : {std::pair{"From", GMIME_ADDRESS_TYPE_FROM}, {"To", GMIME_ADDRESS_TYPE_TO}, {"Cc", GMIME_ADDRESS_TYPE_CC}}) {
      auto* list = g_mime_message_get_addresses(message_, kind);
      char* text = list == nullptr ? nullptr : internet_address_list_to_string(list, nullptr, FALSE);
      add(name, text_or_empty(text));
      g_free(text);
    }
    add("Date", text_or_empty(g_mime_object_get_header(GMIME_OBJECT(message_), "Date")));
    writer_.paragraph(lines);
  }

  void part(GMimeObject* object, int depth) {
    if (depth > kMaxDepth || writer_.full()) return;
    if (GMIME_IS_MULTIPART_ENCRYPTED(object)) {
      encrypted_ = true;
    } else if (GMIME_IS_MULTIPART(object)) {
      multipart(GMIME_MULTIPART(object), depth);
    } else if (GMIME_IS_MESSAGE_PART(object)) {
      auto* inner = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
      if (inner != nullptr) attach(file_name(text_or_empty(g_mime_message_get_subject(inner)), "message") + ".eml", raw_of(GMIME_OBJECT(inner)));
    } else if (GMIME_IS_PART(object)) {
      leaf(GMIME_PART(object));
    }
  }

  void multipart(GMimeMultipart* parts, int depth) {
    const int count = std::min(g_mime_multipart_get_count(parts), 1000);
    auto* type = g_mime_object_get_content_type(GMIME_OBJECT(parts));
    if (g_mime_content_type_is_type(type, "multipart", "alternative")) {
      // The same text in several forms, the plainest first; the one with text in it is enough.
      for (const char* wanted : {"plain", "html"})
        for (int i = 0; i < count; ++i) {
          auto* each = g_mime_multipart_get_part(parts, i);
          if (!g_mime_content_type_is_type(g_mime_object_get_content_type(each), "text", wanted)) continue;
          part(each, depth + 1);
          if (has_text_) return;
        }
    }
    for (int i = 0; i < count; ++i) part(g_mime_multipart_get_part(parts, i), depth + 1);
  }

  void leaf(GMimePart* object) {
    auto* type = g_mime_object_get_content_type(GMIME_OBJECT(object));
    const bool text = g_mime_content_type_is_type(type, "text", "plain") || g_mime_content_type_is_type(type, "text", "html");
    const auto name = text_or_empty(g_mime_part_get_filename(object));
    if (g_mime_content_type_is_type(type, "application", "pkcs7-mime") || g_mime_content_type_is_type(type, "application", "x-pkcs7-mime")) {
      const auto* kind = g_mime_content_type_get_parameter(type, "smime-type");
      encrypted_ = encrypted_ || kind == nullptr || std::string_view(kind) != "signed-data";
      return;
    }
    if (g_mime_content_type_is_type(type, "application", "pkcs7-signature") || g_mime_content_type_is_type(type, "application", "x-pkcs7-signature") ||
        g_mime_content_type_is_type(type, "application", "pgp-signature"))
      return;
    if (text && (!g_mime_part_is_attachment(object) || name.empty())) return body(object, g_mime_content_type_is_type(type, "text", "html") != FALSE);
    const auto* id = g_mime_object_get_content_id(GMIME_OBJECT(object));
    const bool picture_of_page = id != nullptr && g_mime_content_type_is_type(type, "image", "*") && !g_mime_part_is_attachment(object);
    if (picture_of_page && name.empty()) return;
    // A saved web page brings its style sheets and pictures along; they are no documents.
    if (g_mime_object_get_header(GMIME_OBJECT(object), "Content-Location") != nullptr && name.empty()) return;
    attach(file_name(name, "attachment-" + std::to_string(attachments_.size() + 1)), content_of(object));
  }

  void body(GMimePart* part, bool html) {
    const auto bytes = content_of(part);
    auto* type = g_mime_object_get_content_type(GMIME_OBJECT(part));
    const auto* charset = g_mime_content_type_get_parameter(type, "charset");
    std::optional<std::string> text;
    if (charset != nullptr && !is_valid_utf8(bytes)) text = decode_text_as(bytes, charset);
    if (!text) text = decode_text(bytes);
    if (!text || trim(*text).empty()) return;
    has_text_ = true;
    if (html) {
      write_html(writer_, *text);
      return;
    }
    for (std::size_t at = 0; at < text->size();) {  // blank lines part paragraphs; lines stay as they were written
      const auto end = std::min(text->find("\n\n", at), text->size());
      writer_.paragraph(std::string_view(*text).substr(at, end - at));
      at = end + 2;
    }
  }

  void attach(std::string name, std::string bytes) {
    if (bytes.empty() || attachments_.size() == kMaxAttachments || (attached_bytes_ += bytes.size()) > kMaxAttachmentBytes) return;
    const auto taken = [&](const std::string& wanted) { return std::ranges::find(attachments_, wanted, &EmbeddedFile::name) != attachments_.end(); };
    auto unique = name;
    for (int i = 2; taken(unique); ++i) unique = std::to_string(i) + "-" + name;
    attachments_.push_back({.name = std::move(unique), .bytes = std::move(bytes)});
  }

  GMimeMessage* message_;
  MarkdownWriter writer_;
  std::vector<EmbeddedFile> attachments_;
  std::uint64_t attached_bytes_ = 0;
  bool has_text_ = false, encrypted_ = false;
};

}  // namespace

bool looks_like_mail(std::string_view bytes) {
  static constexpr std::array<std::string_view, 10> kFirst{"from:", "received:", "return-path:", "delivered-to:", "mime-version:", "message-id:", "date:", "subject:", "x-", "to:"};
  static constexpr std::array<std::string_view, 5> kNeeded{"\ncontent-type:", "\nfrom:", "\nmime-version:", "\nmessage-id:", "\nreceived:"};
  std::string head("\n" + std::string(bytes.substr(0, 4096)));
  std::ranges::transform(head, head.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto start = std::string_view(head).substr(1);
  if (std::ranges::none_of(kFirst, [&](auto name) { return start.starts_with(name); })) return false;
  return std::ranges::count_if(kNeeded, [&](auto name) { return head.find(name) != std::string::npos; }) >= 2;
}

ParsedDocument parse_mail(const ParseInput& input) {
  g_mime_init();
  std::string text(input.bytes);
  // Messages are bytes with marks of their own; only ones saved as wide text are made narrow first.
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) text = decode_text(text).value_or(std::string());
  const Owned<GMimeStream> stream(g_mime_stream_mem_new_with_buffer(text.data(), text.size()));
  const Owned<GMimeParser> parser(g_mime_parser_new_with_stream(stream.get()));
  const Owned<GMimeMessage> message(g_mime_parser_construct_message(parser.get(), nullptr));
  if (!message) return {.status = ParseStatus::kFailed, .reason = "The message has no readable header", .format = "mail"};
  return MailReader(message.get()).read();
}

}  // namespace siyu::documents
