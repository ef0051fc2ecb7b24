// Documents as JSON, for siyu-printer. Every field is there: both ends are of one build.
#include <fmt/format.h>

#include "base/json.h"
#include "report/document.h"

namespace siyu::report {
namespace {

// Blocks and charts are told apart by the one key of their object.
template <class T>
struct Key;
template <>
struct Key<Heading> {
  static constexpr std::string_view kName = "heading";
};
template <>
struct Key<Paragraph> {
  static constexpr std::string_view kName = "paragraph";
};
template <>
struct Key<List> {
  static constexpr std::string_view kName = "list";
};
template <>
struct Key<Table> {
  static constexpr std::string_view kName = "table";
};
template <>
struct Key<KeyFigures> {
  static constexpr std::string_view kName = "key_figures";
};
template <>
struct Key<Callout> {
  static constexpr std::string_view kName = "callout";
};
template <>
struct Key<ChartBlock> {
  static constexpr std::string_view kName = "chart";
};
template <>
struct Key<Definitions> {
  static constexpr std::string_view kName = "definitions";
};
template <>
struct Key<PageBreak> {
  static constexpr std::string_view kName = "page_break";
};
template <>
struct Key<TableOfContents> {
  static constexpr std::string_view kName = "table_of_contents";
};
template <>
struct Key<LineChart> {
  static constexpr std::string_view kName = "line";
};
template <>
struct Key<BarChart> {
  static constexpr std::string_view kName = "bar";
};
template <>
struct Key<TornadoChart> {
  static constexpr std::string_view kName = "tornado";
};
template <>
struct Key<GanttChart> {
  static constexpr std::string_view kName = "gantt";
};
template <>
struct Key<DonutChart> {
  static constexpr std::string_view kName = "donut";
};

struct ChartRow {
  json::value chart;
  std::string caption;
};
BOOST_DESCRIBE_STRUCT(ChartRow, (), (chart, caption))

struct DocumentRow {
  std::string title, subtitle, organisation, author, date;
  Language language = Language::kZh;
  std::string classification, revision;
  bool title_page = false, numbered_headings = false;
  std::vector<json::value> blocks;
  std::vector<Source> sources;
};
BOOST_DESCRIBE_STRUCT(DocumentRow, (), (title, subtitle, organisation, author, date, language, classification, revision, title_page, numbered_headings, blocks, sources))

template <class Variant>
json::value encode_one(const Variant& given);

template <class T>
json::value encode_kind(const T& kind) {
  return to_json(kind);
}
json::value encode_kind(const ChartBlock& block) { return to_json(ChartRow{encode_one(block.chart), block.caption}); }

template <class Variant>
json::value encode_one(const Variant& given) {
  return std::visit([](const auto& kind) -> json::value { return json::object{{Key<std::remove_cvref_t<decltype(kind)>>::kName, encode_kind(kind)}}; }, given);
}

template <class Variant>
Result<Variant> decode_one(const json::value& value, std::string_view path);

template <class T>
Result<T> decode_kind(const json::value& value, std::string_view path) {
  if constexpr (std::is_same_v<T, ChartBlock>) {
    ASSIGN_OR_RETURN(auto row, from_json<ChartRow>(value, UnknownKeys::kRefuse, path));
    ASSIGN_OR_RETURN(auto chart, decode_one<Chart>(row.chart, path));
    return ChartBlock{std::move(chart), std::move(row.caption)};
  } else {
    return from_json<T>(value, UnknownKeys::kRefuse, path);
  }
}

template <class Variant>
Result<Variant> decode_one(const json::value& value, std::string_view path) {
  const auto* object = value.if_object();
  if (object == nullptr || object->size() != 1) return invalid(fmt::format("`{}` must be an object of one key, its kind", path));
  const std::string_view key = object->begin()->key();
  Result<Variant> out = invalid(fmt::format("`{}`: there is no kind `{}`", path, key.substr(0, 40)));
  boost::mp11::mp_for_each<boost::mp11::mp_transform<std::type_identity, Variant>>([&](auto identity) {
    using T = typename decltype(identity)::type;
    if (Key<T>::kName != key) return;
    auto kind = decode_kind<T>(object->begin()->value(), path);
    if (kind) out = Variant(std::move(*kind));
    else out = std::unexpected(std::move(kind).error());
  });
  return out;
}

}  // namespace

std::string encode_document(const Document& document) {
  DocumentRow row{document.title,
                  document.subtitle,
                  document.organisation,
                  document.author,
                  document.date,
                  document.language,
                  document.classification,
                  document.revision,
                  document.title_page,
                  document.numbered_headings,
                  {},
                  document.sources};
  row.blocks.reserve(document.blocks.size());
  for (const auto& block : document.blocks) row.blocks.push_back(encode_one(block));
  return to_json_text(row);
}

Result<Document> decode_document(std::string_view text) {
  ASSIGN_OR_RETURN(auto row, from_json_text<DocumentRow>(text, UnknownKeys::kRefuse));
  Document document{row.title,    row.subtitle,          row.organisation, row.author,     row.date,
                    row.language, row.classification,    row.revision,     row.title_page, row.numbered_headings,
                    {},           std::move(row.sources)};
  document.blocks.reserve(row.blocks.size());
  for (std::size_t at = 0; at < row.blocks.size(); ++at) {
    ASSIGN_OR_RETURN(auto block, decode_one<Block>(row.blocks[at], fmt::format("blocks[{}]", at)));
    document.blocks.push_back(std::move(block));
  }
  return document;
}

}  // namespace siyu::report
