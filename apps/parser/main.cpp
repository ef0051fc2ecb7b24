// siyu-parser: takes one file through descriptor 3, gives up everything it does not need, reads the file, answers, ends.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <clocale>
#include <cstdio>

#include "documents/parse.h"
#include "documents/wire.h"
#include "sandbox/errand.h"
#include "sandbox/lockdown.h"

namespace siyu::parser {
namespace {

constexpr Millis kPeerTimeout{30'000};

sandbox::LockdownOptions lockdown(const documents::ParseJob& job) {
  return {.profile = sandbox::Profile::kParser,
          .read_paths = {"/usr/lib", "/lib", "/lib64", "/etc/ld.so.cache", "/usr/share/poppler", "/usr/share/fonts", "/usr/share/fontconfig", "/etc/fonts",
                         "/var/cache/fontconfig", "/usr/share/tesseract-ocr", "/usr/share/icu", "/dev/null", "/dev/urandom"},
          .execute_files = {"/usr/bin/pdfinfo", "/usr/bin/pdftotext", "/usr/bin/pdftoppm", "/usr/bin/tesseract", "/lib64/ld-linux-x86-64.so.2",
                            "/lib/ld-linux-aarch64.so.1"},
          .address_space_bytes = static_cast<std::uint64_t>(job.memory_bytes)};
}

class MappedFile {
 public:
  explicit MappedFile(int fd) {
    struct stat info {};
    if (::fstat(fd, &info) != 0 || info.st_size <= 0) return;
    size_ = static_cast<std::size_t>(info.st_size);
    data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data_ == MAP_FAILED) size_ = 0;
  }
  ~MappedFile() {
    if (size_ > 0) ::munmap(data_, size_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  std::string_view bytes() const { return {static_cast<const char*>(data_), size_}; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

int run() {
  ::prctl(PR_SET_NAME, "siyu-parser");
  ::setlocale(LC_CTYPE, "C.UTF-8");  // libarchive gives names in the locale's encoding
  const auto errand = sandbox::receive_errand(kPeerTimeout);
  if (!errand) return 1;
  const auto job = documents::decode_job(errand->job);
  if (!job) return 1;
  if (!sandbox::lock_down(lockdown(*job))) return sandbox::kExitUnlocked;
  const MappedFile file(errand->file.get());
  const auto time = Millis(job->milliseconds);
  const auto document = documents::parse({.bytes = file.bytes(), .name = job->name, .password = job->password,
                                          .deadline = std::chrono::steady_clock::now() + time - time / 20});
  const auto sent = documents::encode(document, [](const Frame& frame) { return sandbox::send_with_fds(sandbox::kChildSocket, encode_frame(frame), {}, kPeerTimeout); });
  return sent ? 0 : 1;
}

}  // namespace
}  // namespace siyu::parser

int main() {
  if (::fcntl(siyu::sandbox::kChildSocket, F_GETFD) < 0) {
    std::fputs("siyu-parser is started by siyu, not by hand: descriptor 3 must be its socket. To read one file: siyu parse FILE\n", stderr);
    return 2;
  }
  return siyu::parser::run();
}
