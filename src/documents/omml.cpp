#include "documents/omml.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "documents/xml.h"

namespace siyu::documents {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

constexpr auto kSymbols = std::to_array<Pair>({
    {"α", "\\alpha"}, {"β", "\\beta"}, {"γ", "\\gamma"}, {"δ", "\\delta"}, {"ε", "\\varepsilon"}, {"ϵ", "\\epsilon"}, {"ζ", "\\zeta"},
    {"η", "\\eta"}, {"θ", "\\theta"}, {"κ", "\\kappa"}, {"λ", "\\lambda"}, {"μ", "\\mu"}, {"ν", "\\nu"}, {"ξ", "\\xi"}, {"π", "\\pi"},
    {"ρ", "\\rho"}, {"σ", "\\sigma"}, {"τ", "\\tau"}, {"φ", "\\varphi"}, {"ϕ", "\\phi"}, {"χ", "\\chi"}, {"ψ", "\\psi"}, {"ω", "\\omega"},
    {"Γ", "\\Gamma"}, {"Δ", "\\Delta"}, {"Θ", "\\Theta"}, {"Λ", "\\Lambda"}, {"Ξ", "\\Xi"}, {"Π", "\\Pi"}, {"Σ", "\\Sigma"}, {"Φ", "\\Phi"},
    {"Ψ", "\\Psi"}, {"Ω", "\\Omega"}, {"∞", "\\infty"}, {"±", "\\pm"}, {"∓", "\\mp"}, {"×", "\\times"}, {"÷", "\\div"}, {"⋅", "\\cdot"},
    {"·", "\\cdot"}, {"∙", "\\cdot"}, {"≤", "\\leq"}, {"≥", "\\geq"}, {"≠", "\\neq"}, {"≈", "\\approx"}, {"≡", "\\equiv"}, {"∼", "\\sim"},
    {"∝", "\\propto"}, {"∈", "\\in"}, {"∉", "\\notin"}, {"⊂", "\\subset"}, {"⊆", "\\subseteq"}, {"∪", "\\cup"}, {"∩", "\\cap"},
    {"∅", "\\emptyset"}, {"∀", "\\forall"}, {"∃", "\\exists"}, {"→", "\\rightarrow"}, {"←", "\\leftarrow"}, {"↔", "\\leftrightarrow"},
    {"⇒", "\\Rightarrow"}, {"⇔", "\\Leftrightarrow"}, {"∂", "\\partial"}, {"∇", "\\nabla"}, {"∧", "\\wedge"}, {"∨", "\\vee"}, {"¬", "\\neg"},
    {"√", "\\surd"}, {"…", "\\text{\\textellipsis}"}, {"⋯", "\\cdots"}, {"∠", "\\angle"}, {"°", "^{\\circ}"}, {"−", "-"},
});
constexpr auto kOperators = std::to_array<Pair>({
    {"∑", "\\sum"}, {"∏", "\\prod"}, {"∐", "\\coprod"}, {"∫", "\\int"}, {"∬", "\\iint"}, {"∭", "\\iiint"}, {"∮", "\\oint"}, {"∯", "\\oiint"},
    {"∰", "\\oiiint"}, {"⋃", "\\bigcup"}, {"⋂", "\\bigcap"}, {"⋀", "\\bigwedge"}, {"⋁", "\\bigvee"},
});
constexpr auto kAccents = std::to_array<Pair>({
    {"\u0302", "\\hat"}, {"\u0303", "\\tilde"}, {"\u0304", "\\bar"}, {"\u0305", "\\overline"}, {"\u0307", "\\dot"}, {"\u0308", "\\ddot"},
    {"\u20d7", "\\vec"}, {"\u20d6", "\\overleftarrow"}, {"\u030c", "\\check"}, {"\u0306", "\\breve"},
});
constexpr auto kFunctions = std::to_array<std::string_view>({"arccos", "arcsin", "arctan", "cos", "cosh", "cot", "coth", "csc", "deg", "det",
                                                             "dim", "exp", "gcd", "inf", "lim", "ln", "log", "max", "min", "sec", "sin",
                                                             "sinh", "sup", "tan", "tanh"});

std::string_view look_up(const auto& table, std::string_view sign, std::string_view otherwise) {
  for (const auto& [from, to] : table)
    if (from == sign) return to;
  return otherwise;
}

std::string in_latex(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::size_t length = 1;
    while (length < text.size() && (text[length] & 0xC0) == 0x80) ++length;
    const auto sign = text.substr(0, length);
    const auto known = look_up(kSymbols, sign, {});
    if (known.empty()) out += sign;
    else if (known == "-") out += known;
    else out.append(" ").append(known).append(" ");
    text.remove_prefix(length);
  }
  return out;
}

std::string convert(pugi::xml_node node);

std::string convert_children(pugi::xml_node node) {
  std::string out;
  for (const auto each : node.children()) out += convert(each);
  return out;
}

std::string part(pugi::xml_node node, std::string_view name) { return convert_children(child(node, name)); }
std::string braced(pugi::xml_node node, std::string_view name) { return "{" + part(node, name) + "}"; }

/// A property's sign; `otherwise` when the property is not there.
std::string_view sign_of(pugi::xml_node properties, std::string_view name, std::string_view otherwise) {
  const auto node = child(properties, name);
  return node ? attribute(node, "val") : otherwise;
}

std::string fraction(pugi::xml_node node) {
  const auto type = child_value(child(node, "fPr"), "type");
  if (type == "lin") return braced(node, "num") + "/" + braced(node, "den");
  const auto* command = type == "noBar" ? "\\genfrac{}{}{0pt}{}" : "\\frac";
  return command + braced(node, "num") + braced(node, "den");
}

std::string large_operator(pugi::xml_node node) {
  const auto properties = child(node, "naryPr");
  const auto sign = sign_of(properties, "chr", "∫");
  return std::string(look_up(kOperators, sign, sign)) + "_" + braced(node, "sub") + "^" + braced(node, "sup") + part(node, "e");
}

std::string delimited(pugi::xml_node node) {
  const auto properties = child(node, "dPr");
  const auto fence = [](std::string_view sign) {
    if (sign.empty()) return std::string(".");
    return (sign == "{" || sign == "}" ? "\\" : "") + in_latex(sign);
  };
  std::string inside;
  for (const auto each : node.children()) {
    if (local_name(each) != "e") continue;
    if (!inside.empty()) inside += sign_of(properties, "sepChr", "|");
    inside += convert_children(each);
  }
  return "\\left" + fence(sign_of(properties, "begChr", "(")) + inside + "\\right" + fence(sign_of(properties, "endChr", ")"));
}

std::string function(pugi::xml_node node) {
  const auto name = part(node, "fName");
  const auto plain = std::string(trim(name));
  const bool known = std::ranges::find(kFunctions, plain) != kFunctions.end();
  const auto argument = part(node, "e");
  const bool bare = known && !argument.starts_with("\\left") && !argument.starts_with('(');
  return (known ? "\\" + plain : name) + (bare ? "(" + argument + ")" : argument);
}

std::string with_limit(pugi::xml_node node, bool below) {
  const auto base = std::string(trim(part(node, "e")));
  const bool known = std::ranges::find(kFunctions, base) != kFunctions.end();
  const bool word = !base.empty() && std::ranges::all_of(base, [](char c) { return c >= 'a' && c <= 'z'; });
  if (below) return (known ? "\\" + base : word ? "\\operatorname{" + base + "}" : base) + "_" + braced(node, "lim");
  return base.starts_with("\\over") ? "\\overset" + braced(node, "lim") + "{" + base + "}" : base + "^" + braced(node, "lim");
}

std::string grouped(pugi::xml_node node) {
  const auto properties = child(node, "groupChrPr");
  const auto sign = sign_of(properties, "chr", "⏟");
  if (sign == "⏞") return "\\overbrace" + braced(node, "e");
  if (sign == "⏟") return "\\underbrace" + braced(node, "e");
  const bool top = child_value(properties, "pos") == "top";
  return (top ? "\\overset{" : "\\underset{") + in_latex(sign) + "}" + braced(node, "e");
}

std::string rows_of(pugi::xml_node node, std::string_view row_name) {
  std::string out;
  for (const auto row : node.children()) {
    if (local_name(row) != row_name) continue;
    if (!out.empty()) out += " \\\\ ";
    if (row_name == "e") {
      out += convert_children(row);
      continue;
    }
    bool first = true;
    for (const auto each : row.children()) {
      if (local_name(each) != "e") continue;
      out += (first ? "" : " & ") + convert_children(each);
      first = false;
    }
  }
  return out;
}

std::string convert(pugi::xml_node node) {
  const auto name = local_name(node);
  if (name == "t") return in_latex(all_text(node));
  if (name.ends_with("Pr") || name == "delText" || name == "instrText") return {};
  if (name == "f") return fraction(node);
  if (name == "sSup") return part(node, "e") + "^" + braced(node, "sup");
  if (name == "sSub") return part(node, "e") + "_" + braced(node, "sub");
  if (name == "sSubSup") return part(node, "e") + "_" + braced(node, "sub") + "^" + braced(node, "sup");
  if (name == "sPre") return "{}_" + braced(node, "sub") + "^" + braced(node, "sup") + part(node, "e");
  if (name == "nary") return large_operator(node);
  if (name == "d") return delimited(node);
  if (name == "func") return function(node);
  if (name == "limLow") return with_limit(node, true);
  if (name == "limUpp") return with_limit(node, false);
  if (name == "groupChr") return grouped(node);
  if (name == "m") return "\\begin{matrix}" + rows_of(node, "mr") + "\\end{matrix}";
  if (name == "eqArr") {
    const auto rows = rows_of(node, "e");
    return rows.contains(" \\\\ ") ? "\\begin{array}{c}" + rows + "\\end{array}" : rows;
  }
  if (name == "bar") return (child_value(child(node, "barPr"), "pos") == "top" ? "\\overline" : "\\underline") + braced(node, "e");
  if (name == "acc") return std::string(look_up(kAccents, sign_of(child(node, "accPr"), "chr", "\u0302"), "\\hat")) + braced(node, "e");
  if (name == "rad") {
    const auto degree = part(node, "deg");
    return "\\sqrt" + (degree.empty() ? std::string() : "[" + degree + "]") + braced(node, "e");
  }
  return convert_children(node);
}

}  // namespace

std::string latex_of(pugi::xml_node math) { return std::string(trim(convert_children(math))); }

}  // namespace siyu::documents
