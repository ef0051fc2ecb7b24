// What worksheets are written in: short English phrases, each of which is known in Chinese too.
#pragma once

#include <boost/describe.hpp>

#include <string>
#include <string_view>

namespace siyu::planner {

/// A formula, the name of an input, or where it is from. Written in English; the Chinese is looked up, and for a formula of known
/// names it is put together from them. What nobody translated, as the title of a document, reads the same in both.
struct Phrase {
  Phrase() = default;
  Phrase(std::string english);  // NOLINT(google-explicit-constructor): formulas are written as plain texts
  Phrase(std::string_view english) : Phrase(std::string(english)) {}  // NOLINT(google-explicit-constructor)
  Phrase(const char* english) : Phrase(std::string(english)) {}       // NOLINT(google-explicit-constructor)

  bool empty() const { return en.empty(); }
  bool translated() const { return en != zh; }

  std::string en, zh;
};
BOOST_DESCRIBE_STRUCT(Phrase, (), (en, zh))

}  // namespace siyu::planner
