// siyu-printer: takes one report through descriptor 3, gives up everything but fonts, lays it out, answers, ends.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <clocale>
#include <cstdio>

#include "base/json.h"
#include "pdf.h"
#include "picture.h"
#include "report/wire.h"
#include "sandbox/errand.h"
#include "sandbox/lockdown.h"

namespace siyu::printer {
namespace {

constexpr Millis kPeerTimeout{30'000};
constexpr std::size_t kMaxInput = 512UL << 20;  // of JSON: a document's texts with all their manners
constexpr int kPicturePixels = 1320;            // 200 dots per inch over the width of a page's text

sandbox::LockdownOptions lockdown(const report::PrintJob& job) {
  return {.profile = sandbox::Profile::kWorker,
          .read_paths = {"/usr/lib", "/lib", "/lib64", "/etc/ld.so.cache", "/usr/share/fonts", "/usr/local/share/fonts", "/usr/share/fontconfig", "/etc/fonts",
                         "/var/cache/fontconfig", "/usr/share/icu", "/usr/share/mime", "/dev/null", "/dev/urandom"},
          .execute_files = {},
          .address_space_bytes = static_cast<std::uint64_t>(job.memory_bytes),
          .cpu_seconds = static_cast<std::uint64_t>(job.seconds)};
}

Result<std::string> read_all(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0 || info.st_size < 0) return internal("The report cannot be read");
  if (static_cast<std::size_t>(info.st_size) > kMaxInput)
    return fail(ErrorCode::kTooLarge, "The report is too large to be printed; split it");
  std::string text(static_cast<std::size_t>(info.st_size), '\0');
  for (std::size_t at = 0; at < text.size();) {
    const auto got = ::pread(fd, text.data() + at, text.size() - at, static_cast<off_t>(at));
    if (got <= 0) return internal("The report cannot be read");
    at += static_cast<std::size_t>(got);
  }
  return text;
}

Result<std::vector<std::string>> print(report::PrintWork work, int file) {
  ASSIGN_OR_RETURN(const auto text, read_all(file));
  ASSIGN_OR_RETURN(auto decoded, report::decode_document(text));
  ASSIGN_OR_RETURN(const auto document, report::prepare(std::move(decoded)));
  std::vector<std::string> files;
  if (work == report::PrintWork::kPdf) {
    ASSIGN_OR_RETURN(auto pdf, print_pdf(document));
    files.push_back(std::move(pdf));
    return files;
  }
  ASSIGN_OR_RETURN(const auto pages, heading_pages(document));
  files.push_back(to_json_text(pages));
  for (const auto& block : document.blocks) {
    const auto* chart = std::get_if<report::ChartBlock>(&block);
    if (chart == nullptr) continue;
    ASSIGN_OR_RETURN(const auto picture, Picture::of(report::draw_chart(chart->chart, document.language), chart->caption));
    ASSIGN_OR_RETURN(auto png, picture->png(kPicturePixels));
    files.push_back(std::move(png));
  }
  return files;
}

int run() {
  ::prctl(PR_SET_NAME, "siyu-printer");
  ::setlocale(LC_ALL, "C.UTF-8");
  const auto errand = sandbox::receive_errand(kPeerTimeout);
  if (!errand) return 1;
  const auto job = report::decode_print_job(errand->job);
  if (!job) return 1;
  if (!sandbox::lock_down(lockdown(*job))) return sandbox::kExitUnlocked;
  const auto sent = report::encode(print(job->work, errand->file.get()),
                                   [](const Frame& frame) { return sandbox::send_with_fds(sandbox::kChildSocket, encode_frame(frame), {}, kPeerTimeout); });
  return sent ? 0 : 1;
}

}  // namespace
}  // namespace siyu::printer

int main() {
  if (::fcntl(siyu::sandbox::kChildSocket, F_GETFD) < 0) {
    std::fputs("siyu-printer is started by siyu, not by hand: descriptor 3 must be its socket\n", stderr);
    return 2;
  }
  return siyu::printer::run();
}
