#include "documents/epub.h"

#include <map>
#include <string>

#include "documents/html.h"
#include "documents/markdown_writer.h"
#include "documents/xml.h"
#include "documents/zip_reader.h"

namespace siyu::documents {

ParsedDocument parse_epub(const ParseInput& input) {
  auto zip = ZipReader::open(input.bytes);
  if (!zip) return not_parsed("epub", zip.error());
  if (zip->has("META-INF/rights.xml") || zip->has("META-INF/license.lcpl")) return refused("epub", "The book is protected against copying");
  const auto container = zip->read("META-INF/container.xml", 1 << 20);
  if (!container) return not_parsed("epub", container.error());
  const auto root = load_xml(*container, "container.xml");
  if (!root) return not_parsed("epub", root.error());
  const std::string package_name(attribute(descendant(**root, "rootfile"), "full-path"));
  const auto package = zip->read(package_name, 16UL << 20);
  if (!package) return not_parsed("epub", package.error());
  const auto tree = load_xml(*package, package_name);
  if (!tree) return not_parsed("epub", tree.error());

  const auto folder = package_name.substr(0, package_name.rfind('/') + 1);  // empty when there is no slash
  std::map<std::string, std::string, std::less<>> files;
  for (const auto item : descendant(**tree, "manifest").children()) files.emplace(attribute(item, "id"), folder + std::string(attribute(item, "href")));
  MarkdownWriter writer;
  for (const auto reference : descendant(**tree, "spine").children()) {
    const auto file = files.find(attribute(reference, "idref"));
    if (file == files.end() || writer.full()) continue;
    if (const auto chapter = zip->read(file->second)) write_html(writer, *chapter);
  }
  auto title = one_line(all_text(descendant(**tree, "title")));
  return std::move(writer).finish("epub", std::move(title));
}

}  // namespace siyu::documents
