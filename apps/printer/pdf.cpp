#include "pdf.h"

#include <cairo-pdf.h>
#include <fmt/format.h>

#include <map>
#include <vector>

#include "compose.h"
#include "report/wire.h"
#include "report/words.h"

namespace siyu::printer {
namespace {

/// A PDF surface that writes into memory.
class Surface {
 public:
  Surface() {
    const auto write = [](void* target, const unsigned char* data, unsigned length) {
      static_cast<std::string*>(target)->append(reinterpret_cast<const char*>(data), length);
      return CAIRO_STATUS_SUCCESS;
    };
    surface_ = cairo_pdf_surface_create_for_stream(write, &bytes_, kPageWidth, kPageHeight);
    cairo_ = cairo_create(surface_);
  }
  ~Surface() {
    cairo_destroy(cairo_);
    cairo_surface_destroy(surface_);
  }
  Surface(const Surface&) = delete;
  Surface& operator=(const Surface&) = delete;
  cairo_t* cairo() { return cairo_; }
  cairo_surface_t* surface() { return surface_; }
  Result<std::string> finish() {
    const auto drawn = cairo_status(cairo_);
    cairo_surface_finish(surface_);
    const auto written = cairo_surface_status(surface_);
    const auto status = drawn != CAIRO_STATUS_SUCCESS ? drawn : written;
    if (status != CAIRO_STATUS_SUCCESS) return internal("The report cannot be printed", cairo_status_to_string(status));
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
  cairo_surface_t* surface_ = nullptr;
  cairo_t* cairo_ = nullptr;
};

void set_properties(cairo_surface_t* surface, const report::Document& document) {
  const auto set = [&](cairo_pdf_metadata_t key, const std::string& value) {
    if (!value.empty()) cairo_pdf_surface_set_metadata(surface, key, value.c_str());
  };
  set(CAIRO_PDF_METADATA_TITLE, document.title);
  set(CAIRO_PDF_METADATA_AUTHOR, document.author.empty() ? document.organisation : document.author);
  set(CAIRO_PDF_METADATA_SUBJECT, document.subtitle);
  set(CAIRO_PDF_METADATA_KEYWORDS, document.classification);
  set(CAIRO_PDF_METADATA_CREATOR, "Siyu " SIYU_VERSION);
  // The clock stays out of it: equal reports are equal bytes.
  const auto day = report::parse_date(document.date) ? document.date : "2000-01-01";
  set(CAIRO_PDF_METADATA_CREATE_DATE, day + "T00:00:00Z");
  set(CAIRO_PDF_METADATA_MOD_DATE, day + "T00:00:00Z");
}

void add_outline(cairo_surface_t* surface, const std::vector<report::OutlineEntry>& outline, const report::Document& document) {
  int parents[5] = {CAIRO_PDF_OUTLINE_ROOT, CAIRO_PDF_OUTLINE_ROOT, CAIRO_PDF_OUTLINE_ROOT, CAIRO_PDF_OUTLINE_ROOT, CAIRO_PDF_OUTLINE_ROOT};
  for (const auto& entry : outline) {
    const auto text = entry.number.empty() ? entry.text : entry.number + " " + entry.text;
    const auto where = "dest=" + tag_quoted(entry.anchor);
    const int id = cairo_pdf_surface_add_outline(surface, parents[entry.level - 1], text.c_str(), where.c_str(),
                                                 entry.level == 1 ? CAIRO_PDF_OUTLINE_FLAG_OPEN : static_cast<cairo_pdf_outline_flags_t>(0));
    for (int level = entry.level; level < 5; ++level) parents[level] = id;
  }
  if (!document.sources.empty())
    cairo_pdf_surface_add_outline(surface, CAIRO_PDF_OUTLINE_ROOT, std::string(report::words(document.language).sources).c_str(), "dest='sources'",
                                  static_cast<cairo_pdf_outline_flags_t>(0));
}

/// The lines above and beneath the text of every page but a title page.
class Running {
 public:
  Running(const report::Document& document, const Typesetter& typesetter) : document_(document), typesetter_(typesetter) {
    title_ = one_line(document.title, kMuted, kWidth - 130);
    mark_ = one_line(document.classification, kAlarm, 120);
    const auto left = document.organisation + (document.organisation.empty() || document.revision.empty() ? "" : "  ·  ") + document.revision;
    left_ = one_line(left, kMuted, kWidth - 130);
  }

  void draw(cairo_t* cairo, std::size_t page, std::size_t pages) const {
    title_->draw(cairo, kLeft, kTop - 38, 0, 1, {});
    mark_->draw(cairo, kLeft + kWidth - mark_->width(), kTop - 38, 0, 1, {});
    fill_rect(cairo, kLeft, kTop - 21, kWidth, 0.6, kLine);
    const double y = kPageHeight - kBottom + 26;
    left_->draw(cairo, kLeft, y, 0, 1, {});
    const auto number = document_.language == report::Language::kZh ? fmt::format("第 {} 页，共 {} 页", page, pages) : fmt::format("Page {} of {}", page, pages);
    const auto text = one_line(number, kMuted, 120);
    text->draw(cairo, kLeft + kWidth - text->width(), y, {});
  }

 private:
  /// Cut where it is longer: a header has one line.
  std::shared_ptr<const Text> one_line(const std::string& given, const Colour& colour, double width) const {
    const TextStyle style{.size = 8.2, .colour = colour};
    auto text = given;
    for (double natural = typesetter_.natural_width(text, style); natural > width && text.size() > 8; natural = typesetter_.natural_width(text, style)) {
      // Nearly to the width in one step, then by characters.
      auto keep = std::min(text.size() - 4, static_cast<std::size_t>(static_cast<double>(text.size()) * width / natural));
      while (keep > 0 && (static_cast<unsigned char>(text[keep]) & 0xC0) == 0x80) --keep;
      text = text.substr(0, keep) + "…";
    }
    return typesetter_.lay_out(text, style);
  }

  const report::Document& document_;
  const Typesetter& typesetter_;
  std::shared_ptr<const Text> title_, mark_, left_;
};

std::map<std::string, std::size_t> pages_of_anchors(const std::vector<Page>& pages) {
  std::map<std::string, std::size_t> page_of_anchor;
  for (std::size_t page = 0; page < pages.size(); ++page)
    for (const auto& placed : pages[page].pieces)
      for (const auto& anchor : placed.piece->anchors) page_of_anchor.emplace(anchor, page + 1);
  return page_of_anchor;
}

}  // namespace

Result<std::vector<std::size_t>> heading_pages(const report::Document& document) {
  RETURN_IF_ERROR(check_fonts(document));
  Composer composer(document);
  ASSIGN_OR_RETURN(const auto pieces, composer.run());
  ASSIGN_OR_RETURN(const auto pages, paginate(pieces, report::kMaxPages));
  const auto page_of_anchor = pages_of_anchors(pages);
  std::vector<std::size_t> out;
  for (const auto& entry : composer.outline()) out.push_back(page_of_anchor.at(entry.anchor));
  return out;
}

Result<std::string> print_pdf(const report::Document& document) {
  RETURN_IF_ERROR(check_fonts(document));
  Composer composer(document);
  ASSIGN_OR_RETURN(const auto pieces, composer.run());
  ASSIGN_OR_RETURN(const auto pages, paginate(pieces, report::kMaxPages));

  const auto page_of_anchor = pages_of_anchors(pages);
  std::unordered_set<std::string> anchors;
  for (const auto& [anchor, page] : page_of_anchor) anchors.insert(anchor);
  Surface target;
  set_properties(target.surface(), document);
  const Running running(document, composer.typesetter());
  Links links(std::move(anchors));
  const Canvas canvas{.cairo = target.cairo(), .links = &links, .page_of_anchor = page_of_anchor};
  // A tagged PDF: its text is read in order, and cairo writes its links soundly only within one.
  cairo_tag_begin(target.cairo(), "Document", nullptr);
  for (std::size_t page = 0; page < pages.size(); ++page) {
    if (page > 0 || !document.title_page) running.draw(target.cairo(), page + 1, pages.size());
    for (const auto& placed : pages[page].pieces) {
      for (const auto& anchor : placed.piece->anchors) add_destination(target.cairo(), anchor, kLeft, placed.y - 12);
      if (!placed.piece->draw) continue;
      cairo_tag_begin(target.cairo(), placed.piece->role, nullptr);
      placed.piece->draw(canvas, placed.y);
      cairo_tag_end(target.cairo(), placed.piece->role);
      links.write(target.cairo());
    }
    cairo_show_page(target.cairo());
  }
  cairo_tag_end(target.cairo(), "Document");
  add_outline(target.surface(), composer.outline(), document);
  ASSIGN_OR_RETURN(auto bytes, target.finish());
  return with_language(std::move(bytes), report::language_tag(document.language));
}

}  // namespace siyu::printer
