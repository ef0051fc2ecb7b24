#include "api/upload.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>

namespace siyu::api {

Result<std::unique_ptr<UploadBody>> UploadBody::open(const net::Request& request) {
  std::unique_ptr<UploadBody> body(new UploadBody);
  if (request.body_file.empty()) {
    body->view_ = request.body;
    return body;
  }
  std::error_code error;
  const auto size = std::filesystem::file_size(request.body_file, error);
  const int fd = ::open(request.body_file.c_str(), O_RDONLY | O_CLOEXEC);
  void* mapped = error || fd < 0 ? MAP_FAILED : ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (fd >= 0) ::close(fd);
  if (mapped == MAP_FAILED) return internal("The upload could not be read back", request.body_file.string());
  body->mapped_ = mapped;
  body->view_ = {static_cast<const char*>(mapped), size};
  return body;
}

UploadBody::~UploadBody() {
  if (mapped_ != nullptr) ::munmap(mapped_, view_.size());
}

ScratchFile::~ScratchFile() {
  if (!path.empty()) ::unlink(path.c_str());
}

Status write_part(const Call& call, std::string_view bytes, ScratchFile& file) {
  file.path = call.services.spool_dir / ("part-" + call.request.id);
  std::ofstream out(file.path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) return fail(ErrorCode::kStorageFull, "There is no room on the server's disk for this upload; free space and try again");
  return {};
}

}  // namespace siyu::api
