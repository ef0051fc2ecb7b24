#include "picture.h"

#include <fmt/format.h>
#include <librsvg/rsvg.h>

#include <algorithm>
#include <cmath>

namespace siyu::printer {
namespace {

std::unexpected<Error> not_drawn(std::string_view name, std::string detail) {
  const auto which = name.empty() ? "A chart of the report" : fmt::format("The chart \"{}\" of the report", name);
  return fail(ErrorCode::kUnsupported, which + " cannot be drawn for print; Markdown and HTML can be had without it", std::move(detail));
}

}  // namespace

Result<std::shared_ptr<const Picture>> Picture::of(const report::Drawing& drawing, std::string_view name) {
  GError* error = nullptr;
  RsvgHandle* handle = rsvg_handle_new_from_data(reinterpret_cast<const guint8*>(drawing.svg.data()), drawing.svg.size(), &error);
  if (handle == nullptr) {
    std::string detail = error != nullptr ? error->message : "";
    g_clear_error(&error);
    return not_drawn(name, std::move(detail));
  }
  std::shared_ptr<void> owned(handle, [](void* object) { g_object_unref(object); });
  std::shared_ptr<const Picture> picture(new Picture(std::move(owned), drawing.width, drawing.height, name));
  const cairo_rectangle_t whole{.x = 0, .y = 0, .width = drawing.width, .height = drawing.height};
  cairo_surface_t* surface = cairo_recording_surface_create(CAIRO_CONTENT_COLOR_ALPHA, &whole);
  cairo_t* cairo = cairo_create(surface);
  const auto drawn = picture->draw(cairo, 0, 0, drawing.width, drawing.height);
  cairo_destroy(cairo);
  cairo_surface_destroy(surface);
  RETURN_IF_ERROR(drawn);
  return picture;
}

Status Picture::draw(cairo_t* cairo, double x, double y, double width, double height) const {
  const RsvgRectangle viewport{.x = x, .y = y, .width = width, .height = height};
  GError* error = nullptr;
  cairo_save(cairo);
  cairo_new_path(cairo);
  const bool drawn = rsvg_handle_render_document(static_cast<RsvgHandle*>(handle_.get()), cairo, &viewport, &error) != 0;
  cairo_restore(cairo);
  if (drawn) return {};
  std::string detail = error != nullptr ? error->message : "";
  g_clear_error(&error);
  return not_drawn(name_, std::move(detail));
}

Result<std::string> Picture::png(int pixels) const {
  constexpr int kMaxHeight = 16'000;  // under cairo's own limit
  const int height = std::min(static_cast<int>(std::ceil(pixels * height_ / width_)), kMaxHeight);
  cairo_surface_t* surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, pixels, height);
  cairo_t* cairo = cairo_create(surface);
  cairo_set_source_rgb(cairo, 1, 1, 1);
  cairo_paint(cairo);
  const auto drawn = draw(cairo, 0, 0, pixels, height);
  std::string bytes;
  const auto write = [](void* target, const unsigned char* data, unsigned length) {
    static_cast<std::string*>(target)->append(reinterpret_cast<const char*>(data), length);
    return CAIRO_STATUS_SUCCESS;
  };
  const auto status = cairo_status(cairo) != CAIRO_STATUS_SUCCESS ? cairo_status(cairo) : cairo_surface_write_to_png_stream(surface, write, &bytes);
  cairo_destroy(cairo);
  cairo_surface_destroy(surface);
  RETURN_IF_ERROR(drawn);
  if (status != CAIRO_STATUS_SUCCESS) return not_drawn(name_, cairo_status_to_string(status));
  return bytes;
}

}  // namespace siyu::printer
