// Charts and SmartArt: drawings whose words and numbers stand in parts of their own, in Word and PowerPoint alike.
#pragma once

#include "documents/markdown_writer.h"
#include "documents/ooxml.h"

namespace siyu::documents {

/// Writes what `graphic_data` (an a:graphicData) draws: a chart as its title and a table of its categories and series, SmartArt
/// as a list. Other drawings, and parts that cannot be read, write nothing.
void write_drawing(pugi::xml_node graphic_data, const std::vector<Relationship>& relationships, OoxmlPackage& package, MarkdownWriter& writer);

}  // namespace siyu::documents
