#include "models/source.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/split_name.h"
#include "net/http.h"
#include "net/url.h"

namespace siyu::models {
namespace {

constexpr std::size_t kMaxReference = 2048;
constexpr std::size_t kMaxChoicesShown = 20;
constexpr std::size_t kMaxModelName = 128;
// In this order: small enough for most machines first, then what loses less, then what is merely there.
constexpr const char* kPreferred[] = {"Q4_K_M", "Q4_K_S", "Q5_K_M", "Q4_0", "Q5_K_S", "Q6_K", "Q8_0", "F16", "BF16"};

bool is_name_char(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.'; }

bool is_repository_part(std::string_view text) {
  return !text.empty() && text.size() <= 96 && !text.starts_with('.') && text.find("..") == std::string_view::npos && std::ranges::all_of(text, is_name_char);
}

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
std::string upper(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return upper(c); });
  return out;
}

std::string_view base_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

/// Paths come from the hub. They are only ever put into addresses, but one that climbs is a sign of an attack.
bool is_safe_path(std::string_view path) {
  if (path.empty() || path.size() > 1024 || path.find('\\') != std::string_view::npos) return false;
  if (std::ranges::any_of(path, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) return false;
  for (std::string_view rest = path;;) {
    const auto slash = rest.find('/');
    const auto segment = rest.substr(0, slash);
    if (segment.empty() || segment == "." || segment == "..") return false;
    if (slash == std::string_view::npos) return true;
    rest.remove_prefix(slash + 1);
  }
}

bool is_projector_file(std::string_view path) {
  const auto name = upper(base_name(path));
  return name.ends_with(".GGUF") && is_safe_path(path) && name.find("MMPROJ") != std::string::npos;
}

bool is_model_file(std::string_view path) {
  const auto name = upper(base_name(path));
  // Projectors of vision models and importance matrices are GGUF files too, but no models.
  return name.ends_with(".GGUF") && is_safe_path(path) && !is_projector_file(path) && name.find("IMATRIX") == std::string::npos;
}

/// Whether `word` stands in `path` between separators: Q4_K_M in Qwen3-8B-Q4_K_M.gguf, but not Q4_K in it.
bool has_word(std::string_view path, std::string_view word) {
  const auto in = upper(path);
  const auto wanted = upper(word);
  const auto is_edge = [&](std::size_t at) { return at >= in.size() || in[at] == '-' || in[at] == '.' || in[at] == '/'; };
  for (auto at = in.find(wanted); at != std::string::npos; at = in.find(wanted, at + 1))
    if ((at == 0 || is_edge(at - 1)) && is_edge(at + wanted.size())) return true;
  return false;
}

struct Candidate {
  std::string label;  ///< as people name it: the file, or a split model's stem
  std::vector<RemoteFile> files;
  std::uint32_t parts = 1;
};

std::vector<Candidate> candidates_of(const std::vector<RemoteFile>& files) {
  std::map<std::string, Candidate> found;
  for (const auto& file : files) {
    if (!is_model_file(file.path)) continue;
    const auto split = SplitName::parse(file.path);
    auto& candidate = found[split ? fmt::format("{}/{}", split->stem, split->parts) : file.path];
    candidate.label = split ? split->stem + ".gguf" : file.path;
    candidate.parts = split ? split->parts : 1;
    candidate.files.push_back(file);
  }
  std::vector<Candidate> all;
  for (auto& [key, candidate] : found) {
    std::ranges::sort(candidate.files, {}, &RemoteFile::path);
    all.push_back(std::move(candidate));
  }
  return all;
}

std::string labels(const std::vector<const Candidate*>& candidates) {
  std::string text;
  for (std::size_t i = 0; i < candidates.size() && i < kMaxChoicesShown; ++i) text += (i > 0 ? ", " : "") + candidates[i]->label;
  return candidates.size() > kMaxChoicesShown ? text + ", …" : text;
}

/// Those that the selector means: an exact path, else an exact file name, else a quantisation.
std::vector<const Candidate*> matching(const std::vector<Candidate>& all, const std::string& selector) {
  std::vector<const Candidate*> found;
  const auto keep = [&](const auto& test) {
    for (const auto& one : all)
      if (test(one)) found.push_back(&one);
    return !found.empty();
  };
  const auto any_file = [&](const Candidate& one, const auto& test) { return std::ranges::any_of(one.files, test, &RemoteFile::path); };
  if (keep([&](const Candidate& one) { return one.label == selector || any_file(one, [&](const auto& path) { return path == selector; }); })) return found;
  if (keep([&](const Candidate& one) { return any_file(one, [&](const auto& path) { return base_name(path) == selector; }); })) return found;
  keep([&](const Candidate& one) { return has_word(one.label, selector); });
  return found;
}

}  // namespace

Result<Source> parse_source(std::string_view reference) {
  if (reference.size() > kMaxReference) return invalid("The source is too long");
  if (reference.starts_with("http://") || reference.starts_with("https://")) {
    ASSIGN_OR_RETURN(auto url, net::parse_url(reference));
    return Source{.kind = SourceKind::kUrl, .owner = {}, .repo = {}, .selector = {}, .url = std::move(url.text)};
  }
  const bool hugging_face = reference.starts_with("hf:");
  if (!hugging_face && !reference.starts_with("ms:"))
    return invalid("A source is hf:OWNER/REPO, hf:OWNER/REPO:QUANTISATION, hf:OWNER/REPO:FILE.gguf, the same with ms: for ModelScope, or an https:// address");
  auto rest = reference.substr(3);
  const auto colon = rest.find(':');
  Source source{.kind = hugging_face ? SourceKind::kHuggingFace : SourceKind::kModelScope};
  if (colon != std::string_view::npos) {
    source.selector = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!is_safe_path(source.selector)) return invalid("What follows the second colon must be a file of the repository or a quantisation such as Q4_K_M");
  }
  const auto slash = rest.find('/');
  if (slash != std::string_view::npos) {
    source.owner = rest.substr(0, slash);
    source.repo = rest.substr(slash + 1);
  }
  if (!is_repository_part(source.owner) || !is_repository_part(source.repo))
    return invalid(fmt::format("`{}` is not OWNER/REPO, such as Qwen/Qwen3-8B-GGUF", rest));
  return source;
}

Result<std::vector<RemoteFile>> choose_files(const std::vector<RemoteFile>& files, const std::string& selector) {
  const auto all = candidates_of(files);
  if (all.empty()) return not_found("The repository has no GGUF file; look for one whose name ends in -GGUF, or convert the model and use `siyu model import`");
  std::vector<const Candidate*> everything;
  for (const auto& one : all) everything.push_back(&one);
  auto chosen = selector.empty() ? everything : matching(all, selector);
  if (selector.empty() && chosen.size() > 1) {
    for (const auto* quantisation : kPreferred) {
      if (auto preferred = matching(all, quantisation); !preferred.empty()) {
        chosen = std::move(preferred);
        break;
      }
    }
  }
  if (chosen.empty()) return not_found(fmt::format("The repository has no GGUF file for `{}`; it has: {}", selector, labels(everything)));
  if (chosen.size() > 1) return invalid("More than one model fits; name one after a colon: " + labels(chosen));
  if (chosen[0]->files.size() != chosen[0]->parts)
    return not_found(fmt::format("The repository has {} of the {} parts of {}", chosen[0]->files.size(), chosen[0]->parts, chosen[0]->label));
  return chosen[0]->files;
}

std::optional<RemoteFile> choose_projector(const std::vector<RemoteFile>& files) {
  std::vector<RemoteFile> projectors;
  for (const auto& file : files)
    if (is_projector_file(file.path)) projectors.push_back(file);
  if (projectors.empty()) return std::nullopt;
  for (const auto* type : {"F16", "BF16", "Q8_0", "F32"})
    for (const auto& file : projectors)
      if (has_word(file.path, type)) return file;
  return std::ranges::min(projectors, {}, &RemoteFile::path);
}

std::string model_name_of(std::string_view path) {
  std::string stem(base_name(path));
  if (const auto split = SplitName::parse(stem)) stem = split->stem;
  else if (upper(stem).ends_with(".GGUF")) stem.resize(stem.size() - 5);
  std::string name;
  for (const char c : stem) {
    if (name.size() == kMaxModelName) break;
    if (is_name_char(c)) name += c;
    else if (!name.empty() && name.back() != '-') name += '-';
  }
  while (name.starts_with('.')) name.erase(0, 1);
  return name.empty() ? "model" : name;
}

}  // namespace siyu::models
