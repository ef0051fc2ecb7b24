// The package around every Office Open XML file: parts joined by typed relationships (ECMA-376 part 2).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "documents/document.h"
#include "documents/xml.h"
#include "documents/zip_reader.h"

namespace siyu::documents {

struct Relationship {
  std::string id;
  std::string type;    ///< the last part of its URI: "slide", "numbering", …; the same in transitional and strict files
  std::string target;  ///< the part's name inside the package
};

class OoxmlPackage {
 public:
  static Result<OoxmlPackage> open(std::string_view bytes);

  [[nodiscard]] const std::string& main_part() const { return main_part_; }
  Result<XmlTree> xml(std::string_view part);
  /// The beginning of a part that may be very long; `cut` says that it was longer than `prefix` bytes.
  Result<XmlTree> xml_prefix(std::string_view part, std::uint64_t prefix, bool& cut);
  /// Of a part, external targets left out; none when the part has none.
  std::vector<Relationship> relationships(std::string_view part);
  /// The part that `part` names by this type of relationship; a null pointer when there is none or it is damaged.
  XmlTree related_xml(std::string_view part, std::string_view type);
  /// dc:title of the core properties.
  std::string title();
  /// Files put into the document (word/embeddings/…); OLE objects are left out.
  std::vector<EmbeddedFile> embedded_files();

 private:
  explicit OoxmlPackage(ZipReader zip) : zip_(std::move(zip)) {}
  ZipReader zip_;
  std::string main_part_;
};

/// The target of that id, or empty.
std::string_view target_of(const std::vector<Relationship>& relationships, std::string_view id);

}  // namespace siyu::documents
