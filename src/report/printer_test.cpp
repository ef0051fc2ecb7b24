// The real siyu-printer in its sandbox, judged by other programs: poppler's for PDF, LibreOffice for DOCX.
#include "report/sandboxed_printer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "report/hostile_fixture.h"
#include "report/sample_fixture.h"
#include "report/wire.h"
#include "sandbox/process.h"

namespace siyu::report {
namespace {

using ::testing::HasSubstr;

class PrinterTest : public ::testing::Test {
 protected:
  PrinterTest() {
    std::string pattern = ::testing::TempDir() + "siyu-report-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~PrinterTest() override { std::filesystem::remove_all(folder_); }

  std::string rendered(const Document& document, Format format, const std::string& name) const {
    const auto made = render(document, format, name, &printer_);
    EXPECT_TRUE(made) << made.error().message << " " << made.error().detail;
    if (!made) return {};
    const auto path = folder_ / made->files[0].name;
    std::ofstream(path, std::ios::binary) << made->bytes();
    return path.string();
  }
  static std::string output_of(const std::string& command) {
    std::string out;
    FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    std::array<char, 4096> buffer;
    while (const auto got = std::fread(buffer.data(), 1, buffer.size(), pipe)) out.append(buffer.data(), got);
    const int status = ::pclose(pipe);
    EXPECT_EQ(status, 0) << command << "\n" << out;
    return out;
  }
  static std::string bytes_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const SandboxedPrinter printer_{sandbox::sibling_program("siyu-printer")};
  std::filesystem::path folder_;
};

/// Each of the texts, in this order.
void expect_in_order(const std::string& text, const std::vector<std::string>& wanted) {
  std::size_t at = 0;
  for (const auto& part : wanted) {
    const auto found = text.find(part, at);
    ASSERT_NE(found, std::string::npos) << part << "\nafter\n" << text.substr(at > 200 ? at - 200 : 0, 400);
    at = found + part.size();
  }
}

TEST_F(PrinterTest, PdfHoldsItsChineseTextInOrder) {
  const auto path = rendered(sample_report(Language::kZh), Format::kPdf, "zh");
  const auto text = output_of("pdftotext -layout '" + path + "' -");
  expect_in_order(text, {"示例商业银行股份有限公司",
                         "私域大模型一体机部署方案",
                         "容量、配置与成本测算报告",
                         "2026年2月18日",
                         "目录",
                         "容量测算",
                         "第 2 页，共 8 页",
                         "推荐配置",
                         "两台双卡服务器即可满足高峰需求",
                         "方案可行",
                         "制度问答",
                         "并发用户数与首字延迟",
                         "首字延迟随并发用户数的变化",
                         "物料清单",
                         "部件 26",
                         "1,012,500",
                         "职责分工",
                         "需求确认与现场勘察",
                         "五年总成本的构成",
                         "资料来源",
                         "GB/T 22239-2019"});
}

TEST_F(PrinterTest, PdfSaysWhatItIs) {
  const auto path = rendered(sample_report(Language::kZh), Format::kPdf, "zh");
  const auto info = output_of("pdfinfo '" + path + "'");
  for (const std::string line :
       {"Title:           私域大模型一体机部署方案", "Author:          信息科技部", "Pages:           8", "595.276 x 841.89 pts (A4)", "CreationDate:    Wed Feb 18"})
    EXPECT_THAT(info, HasSubstr(line));
  EXPECT_THAT(bytes_of(path), HasSubstr("/Lang (zh-CN)"));
  EXPECT_THAT(bytes_of(path), HasSubstr("/Outlines"));
  EXPECT_THAT(info, HasSubstr("Tagged:          yes"));
  expect_in_order(output_of("pdfinfo -struct-text '" + path + "'"), {"Document", "目录", "工作负载", "H1", "1  结论", "两台双卡服务器", "H2", "2.1  工作负载"});
  // The update that says the language leaves a file that poppler reads without complaint.
  EXPECT_EQ(output_of("pdftotext '" + path + "' /dev/null"), "");
}

TEST_F(PrinterTest, PdfFontsAreEmbeddedSubsets) {
  const auto path = rendered(sample_report(Language::kZh), Format::kPdf, "zh");
  std::istringstream fonts(output_of("pdffonts '" + path + "'"));
  std::string line;
  int count = 0;
  for (int number = 0; std::getline(fonts, line); ++number) {
    if (number < 2) continue;
    ++count;
    EXPECT_THAT(line, HasSubstr(" yes yes yes ")) << line;
  }
  EXPECT_GE(count, 2);
}

TEST_F(PrinterTest, ContentsNameThePagesOfTheHeadings) {
  auto report = Document{.title = "t", .language = Language::kEn, .blocks = {TableOfContents{2}}};
  for (int i = 1; i <= 12; ++i) {
    report.blocks.push_back(PageBreak{});
    report.blocks.push_back(Heading{1, "Chapter " + std::string(1, static_cast<char>('A' + i - 1))});
    report.blocks.push_back(Paragraph{"text"});
  }
  const auto path = rendered(report, Format::kPdf, "contents");
  const auto contents = output_of("pdftotext -layout -l 1 '" + path + "' -");
  for (int i = 1; i <= 12; ++i) {
    const auto chapter = "Chapter " + std::string(1, static_cast<char>('A' + i - 1));
    EXPECT_THAT(contents, ::testing::ContainsRegex(chapter + " +" + std::to_string(i + 1) + "\n"));
    EXPECT_THAT(output_of("pdftotext -f " + std::to_string(i + 1) + " -l " + std::to_string(i + 1) + " '" + path + "' -"), HasSubstr(chapter));
  }
}

TEST_F(PrinterTest, TableHeadersRepeatOnEveryPage) {
  Table table{.columns = {{"编号栏"}, {"内容栏"}}, .rows = {}};
  for (int i = 0; i < 200; ++i) table.rows.push_back({{std::to_string(i), "行"}});
  const auto path = rendered(Document{.title = "t", .blocks = {table}}, Format::kPdf, "table");
  const auto pages = output_of("pdfinfo '" + path + "' | sed -n 's/^Pages: *//p'");
  ASSERT_GE(std::stoi(pages), 4);
  for (int page = 1; page <= std::stoi(pages); ++page)
    EXPECT_THAT(output_of("pdftotext -f " + std::to_string(page) + " -l " + std::to_string(page) + " '" + path + "' -"), HasSubstr("编号栏"));
}

TEST_F(PrinterTest, ARowHigherThanAPageIsSplit) {
  std::string lines;
  for (int i = 0; i < 300; ++i) lines += "line" + std::to_string(i) + "\n";
  const auto path = rendered(
      Document{.title = "t", .language = Language::kEn, .blocks = {Table{.columns = {{"a"}, {"b"}}, .rows = {{{lines, "short"}}}}, Callout{Tone::kNote, "", lines}}},
      Format::kPdf, "row");
  const auto text = output_of("pdftotext -layout '" + path + "' -");
  expect_in_order(text, {"line0", "line150", "line299", "Note", "line0", "line299"});
}

TEST_F(PrinterTest, EqualReportsAreEqualBytes) {
  const auto first = rendered(sample_report(Language::kZh), Format::kPdf, "a"), second = rendered(sample_report(Language::kZh), Format::kPdf, "b");
  EXPECT_TRUE(bytes_of(first) == bytes_of(second));
  const auto docx = rendered(sample_report(Language::kEn), Format::kDocx, "a"), again = rendered(sample_report(Language::kEn), Format::kDocx, "b");
  EXPECT_TRUE(bytes_of(docx) == bytes_of(again));
}

TEST_F(PrinterTest, HostileTextIsPrintedAsText) {
  const auto path = rendered(hostile_report(), Format::kPdf, "hostile");
  const auto text = output_of("pdftotext -layout '" + path + "' -");
  EXPECT_THAT(text, HasSubstr("<script>alert(1)</script>"));
  EXPECT_EQ(bytes_of(path).find("javascript:"), std::string::npos);
  EXPECT_FALSE(rendered(hostile_report(), Format::kDocx, "hostile").empty());
}

TEST_F(PrinterTest, AnEmptyReportIsOnePage) {
  const auto path = rendered(Document{}, Format::kPdf, "empty");
  EXPECT_THAT(output_of("pdfinfo '" + path + "'"), HasSubstr("Pages:           1\n"));
}

TEST_F(PrinterTest, TooManyPagesAreRefusedBeforeTheyAreDrawn) {
  Document report{.title = "t", .language = Language::kEn, .blocks = {}};
  for (int i = 0; i < 2'001; ++i) {
    report.blocks.push_back(Paragraph{"x"});
    report.blocks.push_back(PageBreak{});
  }
  const auto made = render(report, Format::kPdf, "r", &printer_);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kTooLarge);
  EXPECT_THAT(made.error().message, HasSubstr("2000 pages"));
}

TEST_F(PrinterTest, ASlowPrinterIsStopped) {
  const SandboxedPrinter hasty(sandbox::sibling_program("siyu-printer"), {.time = Millis(1)});
  const auto made = render(sample_report(Language::kZh), Format::kPdf, "r", &hasty);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_THAT(made.error().message, HasSubstr("Markdown and HTML"));
}

TEST_F(PrinterTest, AnEndedOrMissingPrinterSaysWhatRemains) {
  const SandboxedPrinter ended("/bin/false"), missing("/nowhere/siyu-printer");
  for (const auto* printer : {&ended, &missing}) {
    const auto made = render(sample_report(Language::kZh), Format::kPdf, "r", printer);
    ASSERT_FALSE(made);
    EXPECT_THAT(made.error().message, HasSubstr("Markdown and HTML"));
  }
}

TEST_F(PrinterTest, WithoutAFontForChineseItSaysWhatToInstall) {
  // fontconfig is given a file that names no folder of fonts; only an environment of its own can do that to a printer.
  auto child = sandbox::ChildProcess::spawn({.program = sandbox::sibling_program("siyu-printer"),
                                             .arguments = {},
                                             .environment = {"LANG=C.UTF-8", "FONTCONFIG_FILE=/usr/share/fontconfig/conf.avail/10-hinting-slight.conf"}});
  ASSERT_TRUE(child);
  const auto text = sandbox::memory_file(encode_document(sample_report(Language::kZh)), "report");
  ASSERT_TRUE(text);
  const std::array fds{text->get()};
  ASSERT_TRUE(
      sandbox::send_with_fds((*child)->socket(), encode_frame(encode(PrintJob{.work = PrintWork::kPdf, .memory_bytes = 1LL << 31, .seconds = 30})), fds, Millis(5'000)));
  const auto refused = [&](sandbox::ChildProcess& printer) -> std::string {
    FrameDecoder frames;
    PrintedDecoder printed;
    for (;;) {
      const auto received = sandbox::receive_with_fds(printer.socket(), 1UL << 16, Millis(30'000));
      if (!received || received->bytes.empty()) return "ended";
      frames.feed(received->bytes);
      while (auto frame = frames.next().value()) {
        const auto taken = printed.take(std::move(*frame));
        if (!taken) return taken.error().message;
        if (*taken) return "printed";
      }
    }
  };
  EXPECT_THAT(refused(**child), HasSubstr("fonts-noto-cjk"));
}

TEST_F(PrinterTest, MemoryHasALimit) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "sanitizers reserve terabytes of address space, so it is not limited under them";
#endif
#endif
  const SandboxedPrinter small(sandbox::sibling_program("siyu-printer"), {.memory_bytes = 150UL << 20});
  Document report{.title = "t", .language = Language::kEn, .blocks = {}};
  for (int i = 0; i < 4'000; ++i) report.blocks.push_back(Paragraph{std::string(2'000, 'x') + " " + std::string(1'500, 'y')});
  const auto made = render(report, Format::kPdf, "r", &small);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("split"));
}

TEST_F(PrinterTest, LibreOfficeOpensTheDocx) {
  if (std::system("command -v soffice >/dev/null") != 0) GTEST_SKIP() << "LibreOffice is not installed (scripts/install_packages.sh test)";
  for (const auto& [report, wanted] :
       {std::pair{sample_report(Language::kZh), std::vector<std::string>{"私域大模型一体机部署方案", "目录", "1 结论", "推荐配置", "部件 26", "资料来源"}},
        std::pair{hostile_report(), std::vector<std::string>{"<script>alert(1)</script>"}}}) {
    const auto path = rendered(report, Format::kDocx, "office");
    output_of("timeout -k 5 120 soffice -env:UserInstallation=file://" + folder_.string() + "/profile --headless --convert-to pdf --outdir '" + folder_.string() + "/pdf' '" +
              path + "'");
    const auto text = output_of("pdftotext -layout '" + folder_.string() + "/pdf/office.pdf' -");
    expect_in_order(text, wanted);
    EXPECT_THAT(output_of("pdffonts '" + folder_.string() + "/pdf/office.pdf'"), HasSubstr("CJK"));
  }
}

}  // namespace
}  // namespace siyu::report
