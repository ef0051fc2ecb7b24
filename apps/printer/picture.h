// A chart's SVG drawn by librsvg: as vectors into a page, or as a PNG.
#pragma once

#include <cairo.h>

#include <memory>
#include <string>

#include "base/result.h"
#include "report/chart.h"

namespace siyu::printer {

class Picture {
 public:
  /// Fails when librsvg refuses it, which is a fault of the charts, not of their data.
  static Result<std::shared_ptr<const Picture>> of(const report::Drawing& drawing);
  double width() const { return width_; }
  double height() const { return height_; }
  void draw(cairo_t* cairo, double x, double y, double width, double height) const;
  /// `pixels` wide.
  Result<std::string> png(int pixels) const;

 private:
  Picture(std::shared_ptr<void> handle, double width, double height) : handle_(std::move(handle)), width_(width), height_(height) {}
  std::shared_ptr<void> handle_;  // RsvgHandle, whose destruction is librsvg's
  double width_, height_;
};

}  // namespace siyu::printer
