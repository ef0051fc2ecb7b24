// A report whose every text tries to be more than text, for the tests of all formats.
#pragma once

#include "report/document.h"

namespace siyu::report {

inline std::string hostile_text() {
  return "<script>alert(1)</script>]]>--><img src=x "
         "onerror=alert(1)>&amp;&#x41;\"'\\|`**_[x](javascript:alert(1))$\x01\x02\x1f\xff\xfe\xed\xa0\x80\u202Eevil\u2066\uFFFF\u2028"
         "\n# heading\n- item\n1. one\n| a | b |\n```\n\n" +
         std::string(2500, 'W') + "שלום\u0301\u0302\u0303 👩‍👩‍👧 </w:t></w:r> %s {} {0}";
}

inline Document hostile_report() {
  const auto text = hostile_text();
  const Run every{.text = text, .bold = true, .italic = true, .code = true, .subscript = true, .link = "javascript:alert(1)", .source = 1};
  Document report{.title = text,
                  .subtitle = text,
                  .organisation = text,
                  .author = text,
                  .date = text,
                  .classification = text,
                  .revision = text,
                  .numbered_headings = true,
                  .sources = {{text, "https://a.cn/\"><script>"}, {text, "https://a.cn/'(x)\\"}}};
  const Rich rich{text, every, bold(text), code("``" + text), link(text, "https://a.cn/?x='%27&y=(1)"), cite(2), cite(99)};
  report.blocks = {TableOfContents{99},
                   Heading{1, rich, text},
                   Paragraph{rich},
                   List{{{rich, {{rich}}, true}}},
                   Table{.columns = {{text}, {text, Align::kEnd}}, .rows = {{{rich, rich}}, {{rich}, true}}, .caption = text},
                   KeyFigures{{{text, text, text}}},
                   Callout{Tone::kRisk, text, rich},
                   Definitions{{{rich, rich}}},
                   PageBreak{},
                   ChartBlock{DonutChart{.title = text, .unit = text, .slices = {{text, 1}, {text, 2}}}, text},
                   ChartBlock{GanttChart{.title = text, .begins = text, .tasks = {{text, text, 0, 5, false, true, text, {text}}}}, text}};
  return report;
}

}  // namespace siyu::report
