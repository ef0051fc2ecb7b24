// A chart's SVG drawn by librsvg: as vectors into a page, or as a PNG.
#pragma once

#include <cairo.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "report/chart.h"

namespace siyu::printer {

class Picture {
 public:
  /// Draws it once where nobody looks, so that what librsvg refuses is known before a page is laid out: kUnsupported, with the chart's `name`.
  static Result<std::shared_ptr<const Picture>> of(const report::Drawing& drawing, std::string_view name);
  double width() const { return width_; }
  double height() const { return height_; }
  Status draw(cairo_t* cairo, double x, double y, double width, double height) const;
  /// `pixels` wide.
  Result<std::string> png(int pixels) const;

 private:
  Picture(std::shared_ptr<void> handle, double width, double height, std::string_view name) : handle_(std::move(handle)), width_(width), height_(height), name_(name) {}
  std::shared_ptr<void> handle_;  // RsvgHandle, whose destruction is librsvg's
  double width_, height_;
  std::string name_;
};

}  // namespace siyu::printer
