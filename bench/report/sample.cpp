// Writes the sample report in both languages and all formats into a folder, to be looked at: report_sample FOLDER
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "report/render.h"
#include "report/sample_fixture.h"
#include "report/sandboxed_printer.h"
#include "sandbox/process.h"

using namespace siyu::report;

int main(int count, char** arguments) {
  const std::filesystem::path folder = count > 1 ? arguments[1] : "report-sample";
  std::filesystem::create_directories(folder);
  const SandboxedPrinter printer(siyu::sandbox::sibling_program("siyu-printer"));
  int failures = 0;
  for (const auto language : {Language::kZh, Language::kEn}) {
    for (const auto format : {Format::kMarkdown, Format::kHtml, Format::kDocx, Format::kPdf}) {
      const auto begin = std::chrono::steady_clock::now();
      const auto rendered = render(sample_report(language), format, language == Language::kZh ? "sample-zh" : "sample-en", &printer);
      if (!rendered) {
        std::fprintf(stderr, "%.*s: %s (%s)\n", static_cast<int>(extension(format).size()), extension(format).data(), rendered.error().message.c_str(),
                     rendered.error().detail.c_str());
        ++failures;
        continue;
      }
      for (const auto& file : rendered->files) std::ofstream(folder / file.name, std::ios::binary) << file.bytes;
      std::printf("%s: %zu bytes, %.0f ms\n", rendered->files[0].name.c_str(), rendered->bytes().size(),
                  std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
    }
  }
  return failures == 0 ? 0 : 1;
}
