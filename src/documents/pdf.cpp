#include "documents/pdf.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "documents/flowed_text.h"
#include "documents/markdown_writer.h"
#include "documents/ocr.h"
#include "documents/tool.h"

namespace siyu::documents {
namespace {

constexpr int kMaxPages = 20'000;
constexpr int kMaxScannedPages = 300;
constexpr std::size_t kTextOfAPage = 4;  // visible characters; with fewer the page is a picture
constexpr auto kForOnePage = std::chrono::seconds(10);  // a scanned page is begun only when this much time is left
constexpr const char* kScanResolution = "200";          // dots per inch

struct Info {
  int pages = 0;
  std::string title;
  bool javascript = false;
};

Info read_info(std::string_view output) {
  Info info;
  for (std::size_t at = 0; at < output.size();) {
    const auto end = std::min(output.find('\n', at), output.size());
    const auto line = output.substr(at, end - at);
    at = end + 1;
    const auto value = trim(line.substr(std::min(line.find(':'), line.size() - 1) + 1));
    if (line.starts_with("Pages:")) std::from_chars(value.data(), value.data() + value.size(), info.pages);
    else if (line.starts_with("Title:")) info.title = one_line(repair_utf8(value));
    else if (line.starts_with("JavaScript:")) info.javascript = value == "yes";
  }
  return info;
}

/// Poppler's programs over one file, with the password that opens it.
class Poppler {
 public:
  explicit Poppler(const ParseInput& input) : input_(input) {}

  Result<ToolResult> run(const std::string& program, std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), password_.begin(), password_.end());
    return run_tool({.program = "/usr/bin/" + program, .arguments = std::move(arguments), .input = input_.bytes, .deadline = input_.deadline});
  }

  Result<Info> open() {
    std::vector<std::vector<std::string>> ways{{}};
    if (!input_.password.empty()) ways = {{"-upw", std::string(input_.password)}, {"-opw", std::string(input_.password)}};
    ToolResult last;
    for (auto& way : ways) {
      password_ = std::move(way);
      ASSIGN_OR_RETURN(last, run("pdfinfo", {"-enc", "UTF-8", "-"}));
      if (last.exit_code == 0) return read_info(last.output);
    }
    if (last.errors.find("ncorrect password") == std::string::npos) return fail(ErrorCode::kCorrupted, "The PDF is damaged: no page can be found in it");
    if (input_.password.empty()) return fail(ErrorCode::kPermissionDenied, "The PDF is encrypted; give its password");
    return fail(ErrorCode::kPermissionDenied, "The PDF is encrypted, and the password given does not open it");
  }

 private:
  const ParseInput& input_;
  std::vector<std::string> password_;
};

std::vector<std::string_view> split_pages(std::string_view text) {
  std::vector<std::string_view> pages;
  while (!text.empty()) {
    const auto end = std::min(text.find('\f'), text.size());
    pages.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return pages;
}

bool is_picture(std::string_view page) {
  std::size_t visible = 0;
  for (const char c : page) visible += static_cast<unsigned char>(c) > ' ' ? 1 : 0;
  return visible < kTextOfAPage;
}

Result<std::string> recognise_page(const Poppler& poppler, int page, std::chrono::steady_clock::time_point deadline) {
  const auto number = std::to_string(page);
  ASSIGN_OR_RETURN(const auto picture, poppler.run("pdftoppm", {"-r", kScanResolution, "-gray", "-scale-to", "4000", "-f", number, "-l", number, "-"}));
  if (picture.exit_code != 0 || picture.output.empty()) return fail(ErrorCode::kCorrupted, "A page cannot be drawn");
  return recognise_text(picture.output, deadline);
}

void add_note(std::string& notes, const std::string& note) { notes += (notes.empty() ? "" : "; ") + note; }

}  // namespace

ParsedDocument parse_pdf(const ParseInput& input) {
  Poppler poppler(input);
  const auto info = poppler.open();
  if (!info) return not_parsed("pdf", info.error());
  if (info->pages > kMaxPages) return refused("pdf", "The PDF has " + std::to_string(info->pages) + " pages; the limit is " + std::to_string(kMaxPages) + ". Split it");
  const auto text = poppler.run("pdftotext", {"-enc", "UTF-8", "-eol", "unix", "-", "-"});
  if (!text) return not_parsed("pdf", text.error());
  const auto whole = repair_utf8(text->output);
  auto pages = split_pages(whole);
  pages.resize(std::max(pages.size(), static_cast<std::size_t>(std::max(info->pages, 0))));

  MarkdownWriter writer;
  int recognised = 0, unread = 0;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const int number = static_cast<int>(i) + 1;
    writer.begin_page(number);
    if (!is_picture(pages[i])) {
      write_flowed(writer, pages[i]);
      continue;
    }
    if (recognised >= kMaxScannedPages || input.deadline - std::chrono::steady_clock::now() < kForOnePage) {
      ++unread;
      continue;
    }
    if (const auto scanned = recognise_page(poppler, number, input.deadline); scanned && !is_picture(*scanned)) {
      write_flowed(writer, repair_utf8(*scanned));
      ++recognised;
    }
  }
  const bool empty = writer.empty(), full = writer.full();
  if (empty) return unread > 0 ? not_parsed("pdf", Error{ErrorCode::kDeadlineExceeded, "There was no time to read the PDF's scanned pages"})
                               : refused("pdf", "The PDF has no text, and none was recognised in its pictures");
  auto parsed = std::move(writer).finish("pdf", info->title);
  if (recognised > 0) add_note(parsed.reason, std::to_string(recognised) + " pages without text were read by text recognition");
  if (unread > 0) add_note(parsed.reason, std::to_string(unread) + " scanned pages were not read for lack of time");
  if (full) add_note(parsed.reason, "the text was too long and is cut");
  if (info->javascript) add_note(parsed.reason, "it holds JavaScript, which was not run");
  return parsed;
}

}  // namespace siyu::documents
