#include "picture_decoder.h"

#include <png.h>

#include <csetjmp>
#include <cstdio>

#include <jpeglib.h>
// After jpeglib.h, which it builds upon.
#include <jerror.h>

#include "engine/picture.h"

namespace siyu::worker {
namespace {

constexpr int kMostScans = 500;  // of a progressive JPEG; cameras write about ten, and each is computed over the whole picture
constexpr long kJpegMemory = 512L << 20;

std::unexpected<Error> undecodable(std::string why) {
  return fail(ErrorCode::kInvalidArgument, "The picture cannot be decoded: its file is damaged or cut off; send it again, or save it anew as PNG or JPEG", std::move(why));
}

/// libpng inflates row by row up to the announced size, so a file that would unfold to more costs nothing.
Status decode_png(std::string_view file, Pixels& out) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&image, file.data(), file.size()) == 0) return undecodable(image.message);
  image.format = PNG_FORMAT_RGBA;  // without the A, transparent parts would be blended with a background
  std::vector<unsigned char> rgba(PNG_IMAGE_SIZE(image));
  const bool whole = png_image_finish_read(&image, nullptr, rgba.data(), 0, nullptr) != 0;
  const std::string why = image.message;
  png_image_free(&image);
  if (!whole) return undecodable(why);
  for (std::size_t from = 0, to = 0; from < rgba.size(); from += 4)
    for (int i = 0; i < 3; ++i) out.rgb[to++] = rgba[from + static_cast<std::size_t>(i)];
  return {};
}

struct JpegErrors {
  jpeg_error_mgr base;
  std::jmp_buf escape;
  char why[JMSG_LENGTH_MAX];
};

[[noreturn]] void give_up(j_common_ptr decoder) {
  auto* errors = reinterpret_cast<JpegErrors*>(decoder->err);
  decoder->err->format_message(decoder, errors->why);
  std::longjmp(errors->escape, 1);
}

/// Warnings go nowhere, but those that say that a part of the picture is missing.
void on_message(j_common_ptr decoder, int level) {
  if (level < 0 && (decoder->err->msg_code == JWRN_JPEG_EOF || decoder->err->msg_code == JWRN_HIT_MARKER)) give_up(decoder);
}

void watch_scans(j_common_ptr decoder) {
  if (reinterpret_cast<j_decompress_ptr>(decoder)->input_scan_number > kMostScans) ERREXIT(decoder, JERR_CANT_SUSPEND);
}

/// longjmp crosses this frame: it holds nothing that has a destructor.
bool decode_jpeg_into(const unsigned char* file, unsigned long size, unsigned char* rgb, unsigned width, unsigned height, JpegErrors& errors) {
  jpeg_decompress_struct decoder;
  jpeg_progress_mgr progress{};
  decoder.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = give_up;
  errors.base.emit_message = on_message;
  errors.why[0] = 0;
  if (setjmp(errors.escape) != 0) {
    jpeg_destroy_decompress(&decoder);
    return false;
  }
  jpeg_create_decompress(&decoder);
  decoder.mem->max_memory_to_use = kJpegMemory;
  progress.progress_monitor = watch_scans;
  decoder.progress = &progress;
  jpeg_mem_src(&decoder, file, size);
  jpeg_read_header(&decoder, TRUE);
  decoder.out_color_space = JCS_RGB;
  jpeg_start_decompress(&decoder);
  bool fits = decoder.output_width == width && decoder.output_height == height && decoder.output_components == 3;
  while (fits && decoder.output_scanline < height) {
    JSAMPROW row = rgb + static_cast<std::size_t>(decoder.output_scanline) * width * 3;
    jpeg_read_scanlines(&decoder, &row, 1);
  }
  if (fits) jpeg_finish_decompress(&decoder);
  jpeg_destroy_decompress(&decoder);
  return fits;
}

}  // namespace

Result<Pixels> decode_picture(std::string_view file) {
  ASSIGN_OR_RETURN(const auto facts, engine::inspect_picture(file));
  Pixels pixels{.width = facts.width, .height = facts.height, .rgb = std::vector<unsigned char>(std::size_t{facts.width} * facts.height * 3)};
  if (facts.type == engine::PictureType::kPng) {
    RETURN_IF_ERROR(decode_png(file, pixels));
    return pixels;
  }
  JpegErrors errors;
  if (!decode_jpeg_into(reinterpret_cast<const unsigned char*>(file.data()), file.size(), pixels.rgb.data(), pixels.width, pixels.height, errors))
    return undecodable(errors.why);
  return pixels;
}

}  // namespace siyu::worker
