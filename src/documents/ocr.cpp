#include "documents/ocr.h"

#include "documents/flowed_text.h"
#include "documents/markdown_writer.h"
#include "documents/tool.h"

namespace siyu::documents {

Result<std::string> recognise_text(std::string_view image, std::chrono::steady_clock::time_point deadline) {
  // Page segmentation 1: finds the page's orientation first.
  ASSIGN_OR_RETURN(auto result, run_tool({.program = "/usr/bin/tesseract", .arguments = {"stdin", "stdout", "-l", "chi_sim+eng", "--psm", "1"},
                                          .input = image, .deadline = deadline}));
  if (result.exit_code != 0) return fail(ErrorCode::kCorrupted, "The picture is damaged or of a kind that text recognition does not read");
  return std::move(result.output);
}

ParsedDocument parse_image(const ParseInput& input) {
  const auto text = recognise_text(input.bytes, input.deadline);
  if (!text) return not_parsed("image", text.error());
  MarkdownWriter writer;
  writer.begin_page(1);
  write_flowed(writer, *text);
  if (writer.empty()) return refused("image", "No text was recognised in the picture");
  auto parsed = std::move(writer).finish("image", "");
  parsed.reason = "read by text recognition";
  return parsed;
}

}  // namespace siyu::documents
