#include "documents/xlsx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "documents/cell_format.h"
#include "documents/sheet_grid.h"
#include "documents/zip_fixture.h"

namespace siyu::documents {
namespace {

using Kind = CellFormat::Kind;

ParsedDocument parse(const std::string& sheet, const std::string& workbook_properties = "") {
  const auto relationship = [](const std::string& id, const std::string& type, const std::string& target) {
    return "<Relationship Id='" + id + "' Type='http://x/" + type + "' Target='" + target + "'/>";
  };
  return parse_xlsx({.bytes = make_zip({
                         {"_rels/.rels", "<Relationships>" + relationship("r", "officeDocument", "xl/workbook.xml") + "</Relationships>"},
                         {"xl/workbook.xml", "<workbook>" + workbook_properties + "<sheets><sheet name='表一' r:id='s'/></sheets></workbook>"},
                         {"xl/_rels/workbook.xml.rels", "<Relationships>" + relationship("s", "worksheet", "sheet.xml") + relationship("t", "sharedStrings", "strings.xml") +
                                                            relationship("y", "styles", "styles.xml") + "</Relationships>"},
                         {"xl/strings.xml", "<sst><si><t>姓名</t><rPh><t>ming</t></rPh></si><si><r><t>ri</t></r><r><t>ch</t></r></si></sst>"},
                         {"xl/styles.xml", "<styleSheet><numFmts><numFmt numFmtId='200' formatCode='yyyy&quot;年&quot;m&quot;月&quot;'/></numFmts>"
                                           "<cellXfs><xf numFmtId='0'/><xf numFmtId='14'/><xf numFmtId='200'/><xf numFmtId='10'/></cellXfs></styleSheet>"},
                         {"xl/sheet.xml", "<worksheet>" + sheet + "</worksheet>"},
                     })});
}

TEST(Xlsx, CellsOfEveryTypeReadAsTheyAreShown) {
  const auto document = parse(
      "<sheetData><row r='1'><c r='A1' t='s'><v>0</v></c><c r='B1' t='s'><v>1</v></c><c r='C1' t='inlineStr'><is><t>in|line</t></is></c><c r='D1' t='b'><v>1</v></c></row>"
      "<row><c s='1'><v>45000</v></c><c s='2'><v>45000.5</v></c><c s='3'><v>0.256</v></c><c><f>1+1</f><v>0.30000000000000004</v></c></row></sheetData>");
  EXPECT_EQ(document.markdown, "## 表一\n\n| 姓名 | rich | in\\|line | TRUE |\n| --- | --- | --- | --- |\n| 2023-03-15 | 2023-03-15 | 25.60% | 0.3 |");
  ASSERT_EQ(document.pages.size(), 1U);
}

TEST(Xlsx, MergedCellsRepeatAndAHeadLineOverTheTableIsAParagraph) {
  const auto document = parse(
      "<sheetData><row r='1'><c r='A1' t='inlineStr'><is><t>年度统计表</t></is></c></row><row r='2'><c r='A2'><v>1</v></c><c r='B2'><v>2</v></c></row>"
      "<row r='3'><c r='B3'><v>4</v></c></row></sheetData><mergeCells><mergeCell ref='A1:XFD1'/><mergeCell ref='A2:A3'/></mergeCells>");
  EXPECT_EQ(document.markdown, "## 表一\n\n年度统计表\n\n| 1 | 2 |\n| --- | --- |\n| 1 | 4 |");
}

TEST(Xlsx, AFarAwayCellCostsNothing) {
  const auto document = parse("<sheetData><row r='1'><c r='A1'><v>1</v></c></row><row r='1048576'><c r='XFD1048576'><v>2</v></c></row></sheetData>");
  EXPECT_EQ(document.markdown, "## 表一\n\n1\n\n2");
}

TEST(SheetGrid, LabelsStayWithNumbersAcrossAnEmptyColumnAndTablesOfTheirOwnPart) {
  SheetGrid spaced, beside;
  for (int row = 0; row < 3; ++row) {
    spaced.set(row, 0, "label");
    spaced.set(row, 2, "number");
    for (const int column : {0, 1, 3, 4})
      if (column < 2 || row < 2) beside.set(row, column, column < 2 ? "left" : "right");
  }
  MarkdownWriter one, two;
  spaced.write(one);
  beside.write(two);
  EXPECT_EQ(std::move(one).finish("", "").blocks.size(), 1U);
  EXPECT_EQ(std::move(two).finish("", "").blocks.size(), 2U);
}

TEST(CellFormat, KnowsDatesFromTheirCodes) {
  EXPECT_EQ(read_format_code(R"([$-804]yyyy"年"m"月"d"日";@)").kind, Kind::kDate);
  EXPECT_EQ(read_format_code("h:mm AM/PM").kind, Kind::kTime);
  EXPECT_EQ(read_format_code("m/d/yy h:mm").kind, Kind::kDateTime);
  EXPECT_EQ(read_format_code("[h]:mm").kind, Kind::kElapsed);
  EXPECT_EQ(read_format_code("[Red]#,##0.00\" days\"").kind, Kind::kPlain);
  EXPECT_EQ(read_format_code("0.00%").decimals, 2);
}

TEST(CellFormat, CountsDaysAsSpreadsheetsDo) {
  EXPECT_EQ(show_number("1", {Kind::kDate}, false), "1900-01-01");
  EXPECT_EQ(show_number("61", {Kind::kDate}, false), "1900-03-01");
  EXPECT_EQ(show_number("0", {Kind::kDate}, true), "1904-01-01");
  EXPECT_EQ(show_number("45000.75", {Kind::kDateTime}, false), "2023-03-15 18:00:00");
  EXPECT_EQ(show_number("1.1041666667", {Kind::kElapsed}, false), "26:30:00");
  EXPECT_EQ(show_number("not a number", {Kind::kDate}, false), "not a number");
}

}  // namespace
}  // namespace siyu::documents
