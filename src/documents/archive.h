// Archives by libarchive: zip, tar, 7z, rar, and files packed by gzip, bzip2 or xz.
#pragma once

#include "documents/format.h"

namespace siyu::documents {

/// The files in it, under their paths; names in GBK and Big5 are understood. Links, devices and what programs leave behind
/// (__MACOSX, .DS_Store, Thumbs.db) are left out. Encrypted archives need `password`; bombs are refused.
ParsedDocument parse_archive(const ParseInput& input);

}  // namespace siyu::documents
