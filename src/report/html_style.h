// The style of HTML reports.
#pragma once

#include <string_view>

namespace siyu::report {

constexpr std::string_view kHtmlStyle = R"css(:root {
  color-scheme: light dark;
  --ground: #ffffff; --ink: #1f2933; --muted: #5f6b76; --line: #dde3e9; --soft: #f4f7fa; --accent: #1f5fa8;
  --note: #1f5fa8; --note-soft: #eef4fa; --good: #17805f; --good-soft: #ecf6f2; --warning: #a8690a; --warning-soft: #fdf5e8; --risk: #b83a2c; --risk-soft: #fbefed;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ground: #14191f; --ink: #e4e9ee; --muted: #9aa7b3; --line: #303a44; --soft: #1c232b; --accent: #7db2ea;
    --note: #7db2ea; --note-soft: #1a2735; --good: #5cc2a0; --good-soft: #17291f; --warning: #e2ac55; --warning-soft: #2d2415; --risk: #ec8b7e; --risk-soft: #32201d;
  }
  .chart-ground { fill: transparent; } .chart-ink { fill: #e4e9ee; } .chart-muted { fill: #9aa7b3; }
  line.chart-ink { stroke: #e4e9ee; } line.chart-grid { stroke: #3a4550; } path.chart-grid { stroke: #55616d; } .chart-halo { stroke: #14191f; }
  .chart-band { fill: #1f2730; }
  .chart [fill="#1f5fa8"] { fill: #4f8fd6; } .chart [stroke="#1f5fa8"] { stroke: #4f8fd6; } .chart [fill="#7a4a1e"] { fill: #b98050; } .chart [stroke="#7a4a1e"] { stroke: #b98050; }
  .chart [fill="#b83a2c"] { fill: #ec8b7e; } .chart [stroke="#b83a2c"] { stroke: #ec8b7e; } .chart path[stroke="#ffffff"] { stroke: #14191f; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); line-height: 1.75; font-size: 16px; overflow-wrap: anywhere;
  font-family: "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", system-ui, sans-serif; }
main { max-width: 830px; margin: 0 auto; padding: 56px 32px 96px; }
.title { border-bottom: 3px solid var(--accent); padding-bottom: 22px; margin-bottom: 36px; }
.title .mark { float: right; margin: 0; padding: 1px 12px; border: 1px solid var(--risk); color: var(--risk); border-radius: 3px; font-size: 14px; letter-spacing: .08em; }
.title .organisation { margin: 0 0 10px; color: var(--muted); font-size: 15px; }
h1 { font-size: 32px; line-height: 1.3; margin: 0; text-wrap: balance; }
.subtitle { font-size: 18px; color: var(--muted); margin: 8px 0 0; }
.facts { display: flex; flex-wrap: wrap; gap: 6px 32px; margin: 18px 0 0; font-size: 14px; }
.facts div { display: flex; gap: 10px; } .facts dt { color: var(--muted); } .facts dd { margin: 0; }
h2 { font-size: 23px; line-height: 1.4; margin: 48px 0 14px; color: var(--accent); }
h3 { font-size: 18.5px; line-height: 1.45; margin: 34px 0 10px; }
h4 { font-size: 16.5px; margin: 26px 0 8px; } h5 { font-size: 15.5px; margin: 22px 0 6px; color: var(--muted); }
h2, h3, h4, h5 { scroll-margin-top: 20px; text-wrap: balance; }
.number { font-variant-numeric: tabular-nums; margin-right: .4em; }
p { margin: 0 0 14px; } a { color: var(--accent); text-underline-offset: 3px; text-decoration-thickness: 1px; }
ul, ol { padding-left: 1.6em; margin: 0 0 14px; } li { margin: 3px 0; } li > ul, li > ol { margin: 3px 0; } li::marker { color: var(--accent); }
code { font-family: "Noto Sans Mono CJK SC", ui-monospace, Menlo, Consolas, monospace; font-size: .89em; background: var(--soft); border: 1px solid var(--line); border-radius: 3px; padding: 0 4px; }
.cite a { text-decoration: none; } sup, sub { line-height: 0; font-size: .72em; }
.table { overflow-x: auto; margin: 20px 0 26px; }
table { border-collapse: collapse; width: 100%; font-size: 14.5px; line-height: 1.6; font-variant-numeric: tabular-nums; overflow-wrap: break-word; }
td.long, th.long { overflow-wrap: anywhere; }
caption { text-align: left; font-weight: 600; font-size: 14px; padding-bottom: 8px; }
th { text-align: left; font-weight: 600; background: var(--soft); border-bottom: 1.5px solid var(--accent); padding: 8px 12px; vertical-align: bottom; }
td { padding: 8px 12px; border-bottom: 1px solid var(--line); vertical-align: top; min-width: 3em; }
.end { text-align: right; } .center { text-align: center; }
tr.sum td { font-weight: 600; background: var(--note-soft); border-bottom-color: var(--accent); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(160px, 1fr)); gap: 14px; margin: 20px 0 26px; }
.figures > div { border: 1px solid var(--line); border-top: 3px solid var(--accent); border-radius: 4px; padding: 14px 16px 12px; break-inside: avoid; }
.figures p { margin: 0; } .label, .remark { font-size: 13.5px; color: var(--muted); line-height: 1.5; } .value { font-size: 25px; font-weight: 600; line-height: 1.45; font-variant-numeric: tabular-nums; } .value.long { font-size: 19.5px; line-height: 1.86; }
.callout { border-left: 4px solid var(--note); background: var(--note-soft); border-radius: 0 4px 4px 0; padding: 12px 18px; margin: 20px 0 24px; break-inside: avoid; }
.callout p { margin: 0; } .callout-title { font-weight: 600; color: var(--note); }
.good { border-color: var(--good); background: var(--good-soft); } .good .callout-title { color: var(--good); }
.warning { border-color: var(--warning); background: var(--warning-soft); } .warning .callout-title { color: var(--warning); }
.risk { border-color: var(--risk); background: var(--risk-soft); } .risk .callout-title { color: var(--risk); }
.chart { margin: 24px 0 28px; break-inside: avoid; } .chart svg { width: 100%; height: auto; display: block; } figcaption { font-size: 14px; color: var(--muted); margin-top: 8px; text-align: center; }
.definitions { display: grid; grid-template-columns: minmax(120px, 26%) 1fr; gap: 8px 24px; margin: 16px 0 24px; } .definitions dt { font-weight: 600; } .definitions dd { margin: 0; }
.contents { margin: 8px 0 32px; } .contents > p, .side > p { font-weight: 600; margin: 0 0 8px; color: var(--accent); } .contents > p { font-size: 20px; }
.contents ul, .side ul { list-style: none; padding: 0; margin: 0; } .contents a, .side a { color: inherit; text-decoration: none; } .contents a:hover, .side a:hover { color: var(--accent); }
.contents li { border-bottom: 1px dotted var(--line); padding: 3px 0; } .level-1 { font-weight: 600; } .contents .level-2 { padding-left: 1.6em; } .contents .level-3 { padding-left: 3.2em; } .contents .level-4 { padding-left: 4.8em; }
.side { display: none; } .sources { font-size: 14.5px; } .sources li:target { background: var(--note-soft); }
@media screen and (min-width: 1280px) {
  .side { display: block; position: fixed; top: 56px; left: max(24px, calc(50vw - 415px - 300px)); width: 240px; max-height: calc(100vh - 90px); overflow-y: auto; font-size: 13.5px; line-height: 1.5; color: var(--muted); }
  .side li { margin: 7px 0; } .side .level-1 { font-weight: 400; color: var(--ink); } .side .level-2 { padding-left: 1.2em; }
}
@media (max-width: 600px) { main { padding: 28px 18px 60px; } h1 { font-size: 25px; } .definitions { display: block; } .definitions dd { margin: 0 0 10px; } .figures { grid-template-columns: 1fr 1fr; } }
@page { size: A4; margin: 22mm 20mm; @bottom-center { content: counter(page) " / " counter(pages); font-size: 9pt; color: #5f6b76; } }
@media print {
  body { font-size: 10.5pt; line-height: 1.6; print-color-adjust: exact; -webkit-print-color-adjust: exact; } main { max-width: none; padding: 0; } .side { display: none; }
  h1 { font-size: 22pt; } h2 { font-size: 16pt; margin-top: 26pt; } h3 { font-size: 13pt; } table { font-size: 9.5pt; } .value { font-size: 16pt; } .value.long { font-size: 12.5pt; line-height: 1.85; }
  h2, h3, h4, h5, caption { break-after: avoid; } thead { display: table-header-group; } tr, li { break-inside: avoid; } p { orphans: 2; widows: 2; }
  .table { overflow: visible; } .page-break { break-after: page; } .figures { grid-template-columns: repeat(4, 1fr); } a { color: inherit; text-decoration: none; }
}
)css";

}  // namespace siyu::report
