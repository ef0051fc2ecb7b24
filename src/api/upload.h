// What handlers of uploads share: the body in memory or mapped, and parts of it as files of their own.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "api/call.h"

namespace siyu::api {

/// The body of an upload, from memory or mapped from its spool file.
class UploadBody {
 public:
  static Result<std::unique_ptr<UploadBody>> open(const net::Request& request);
  ~UploadBody();
  UploadBody(const UploadBody&) = delete;
  UploadBody& operator=(const UploadBody&) = delete;
  std::string_view view() const { return view_; }
  std::string_view part(const net::FormPart& part) const { return view_.substr(part.begin, part.end - part.begin); }

 private:
  UploadBody() = default;
  void* mapped_ = nullptr;
  std::string_view view_;
};

/// A file that is gone when this is, unless somebody moved it away.
struct ScratchFile {
  ScratchFile() = default;
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  ~ScratchFile();
  std::filesystem::path path;
};

Status write_part(const Call& call, std::string_view bytes, ScratchFile& file);

}  // namespace siyu::api
