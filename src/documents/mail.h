// Mail messages and saved web pages (RFC 5322, MIME) by GMime.
#pragma once

#include "documents/format.h"

namespace siyu::documents {

/// Subject as title, sender, recipients and date, then the text: plain where there is one, else the web page. Attachments and
/// attached messages become files inside. Encrypted mail is refused. Signatures are not checked.
ParsedDocument parse_mail(const ParseInput& input);
/// Whether bytes without any other sign begin as a message does.
bool looks_like_mail(std::string_view bytes);

}  // namespace siyu::documents
