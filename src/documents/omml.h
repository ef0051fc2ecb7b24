// Office equations (OMML, ECMA-376 part 1 §22.1) as LaTeX, for reading and for search.
#pragma once

#include <pugixml.hpp>
#include <string>

namespace siyu::documents {

/// `math` is an m:oMath; without the dollar signs.
std::string latex_of(pugi::xml_node math);

}  // namespace siyu::documents
