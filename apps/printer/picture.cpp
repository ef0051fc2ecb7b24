#include "picture.h"

#include <librsvg/rsvg.h>

#include <algorithm>
#include <cmath>

namespace siyu::printer {

Result<std::shared_ptr<const Picture>> Picture::of(const report::Drawing& drawing) {
  GError* error = nullptr;
  RsvgHandle* handle = rsvg_handle_new_from_data(reinterpret_cast<const guint8*>(drawing.svg.data()), drawing.svg.size(), &error);
  if (handle == nullptr) {
    std::string detail = error != nullptr ? error->message : "";
    g_clear_error(&error);
    return internal("A chart of the report cannot be drawn", detail);
  }
  std::shared_ptr<void> owned(handle, [](void* object) { g_object_unref(object); });
  return std::shared_ptr<const Picture>(new Picture(std::move(owned), drawing.width, drawing.height));
}

void Picture::draw(cairo_t* cairo, double x, double y, double width, double height) const {
  const RsvgRectangle viewport{.x = x, .y = y, .width = width, .height = height};
  cairo_save(cairo);
  cairo_new_path(cairo);
  rsvg_handle_render_document(static_cast<RsvgHandle*>(handle_.get()), cairo, &viewport, nullptr);
  cairo_restore(cairo);
}

Result<std::string> Picture::png(int pixels) const {
  constexpr int kMaxHeight = 16'000;  // under cairo's own limit
  const int height = std::min(static_cast<int>(std::ceil(pixels * height_ / width_)), kMaxHeight);
  cairo_surface_t* surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, pixels, height);
  cairo_t* cairo = cairo_create(surface);
  cairo_set_source_rgb(cairo, 1, 1, 1);
  cairo_paint(cairo);
  draw(cairo, 0, 0, pixels, height);
  std::string bytes;
  const auto write = [](void* target, const unsigned char* data, unsigned length) {
    static_cast<std::string*>(target)->append(reinterpret_cast<const char*>(data), length);
    return CAIRO_STATUS_SUCCESS;
  };
  const auto status = cairo_status(cairo) != CAIRO_STATUS_SUCCESS ? cairo_status(cairo) : cairo_surface_write_to_png_stream(surface, write, &bytes);
  cairo_destroy(cairo);
  cairo_surface_destroy(surface);
  if (status != CAIRO_STATUS_SUCCESS) return internal("A chart of the report cannot be drawn", cairo_status_to_string(status));
  return bytes;
}

}  // namespace siyu::printer
