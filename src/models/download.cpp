#include "models/download.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "net/http.h"

namespace siyu::models {
namespace {

constexpr int kMaxAttempts = 1000;                          // for a server that gives a few bytes a time
constexpr int kFirstContact = 5;                            // attempts at a server that has never answered: its address is likely wrong
constexpr std::uint64_t kLargestModel = 4ULL << 40;         // when nobody says how large it is
constexpr std::uint64_t kCheckDiskEvery = 64ULL << 20;

class OpenFile {
 public:
  OpenFile(const std::filesystem::path& path, bool truncate)
      : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | (truncate ? O_TRUNC : 0), 0600)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  Status write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto written = fd_ < 0 ? -1 : ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0 && (errno == ENOSPC || errno == EDQUOT))
        return fail(ErrorCode::kStorageFull, "The disk is full; free space and pull the model again: it goes on where it stopped");
      if (written < 0) return fail(ErrorCode::kInternal, "The download cannot be written to the disk", std::to_string(errno));
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }

 private:
  int fd_;
};

std::uint64_t size_of(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  return error ? 0 : size;
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

struct ContentRange {
  std::optional<std::uint64_t> first, total;
};

/// `bytes 100-199/1000`, `bytes */1000` (RFC 9110 §14.4).
ContentRange parse_content_range(std::string_view text) {
  if (!text.starts_with("bytes ")) return {};
  text.remove_prefix(6);
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return {};
  return {.first = whole_number(text.substr(0, std::min(text.find('-'), slash))), .total = whole_number(text.substr(slash + 1))};
}

/// One download of one file, over as many connections as it takes.
class Download {
 public:
  Download(Fetcher& fetcher, const HubOptions& hubs, PlannedFile& file, const std::filesystem::path& target, const DownloadLimits& limits, Stop& stop,
           const DownloadEvents& events)
      : fetcher_(fetcher), hubs_(hubs), file_(file), target_(target), limits_(limits), stop_(stop), events_(events) {}

  /// One connection: success when the file is whole. kUnavailable and kDeadlineExceeded are worth another one.
  Status attempt() {
    offset_ = resume_point();
    events_.progress(offset_);
    if (file_.bytes && offset_ == *file_.bytes) return {};
    std::vector<std::pair<std::string, std::string>> headers;
    if (offset_ > 0) headers.emplace_back("Range", fmt::format("bytes={}-", offset_));
    if (offset_ > 0 && !file_.etag.empty()) headers.emplace_back("If-Range", file_.etag);
    ASSIGN_OR_RETURN(const auto url, net::parse_url(file_.url));
    ASSIGN_OR_RETURN(auto fetched, fetcher_.get(url, headers, stop_));
    RETURN_IF_ERROR(accept(fetched, url));
    RETURN_IF_ERROR(check_disk_space(target_.parent_path(), file_.bytes ? *file_.bytes - offset_ : 0, limits_.disk_reserve));
    RETURN_IF_ERROR(events_.plan_changed());
    return receive(*fetched.body);
  }

 private:
  /// How much of what lies on the disk can be gone on from. Without a validator or a checksum nothing can: the file may be another one by now.
  std::uint64_t resume_point() const {
    const auto size = size_of(target_);
    const bool known = !file_.etag.empty() || !file_.sha256.empty();
    return known && (!file_.bytes || size <= *file_.bytes) ? size : 0;
  }

  Status accept(const Fetched& fetched, const net::Url& asked) {
    const auto& headers = fetched.head.headers;
    const auto status = fetched.head.status;
    const auto range = parse_content_range(headers.get("Content-Range").value_or(""));
    if (status == 416 || (status == 206 && range.first != offset_)) {
      std::error_code ignored;
      std::filesystem::remove(target_, ignored);
      return fail(ErrorCode::kUnavailable, fetched.url.origin() + " cannot go on where the download stopped; it begins again");
    }
    // A content server's signed address may have run out; the next attempt asks the hub for a new one.
    if (status == 403 && fetched.url.origin() != asked.origin()) return fail(ErrorCode::kUnavailable, fetched.url.origin() + " refuses its own signed address");
    if (status != 200 && status != 206) return std::unexpected(status_error(fetched, file_.path, hubs_));
    if (status == 200) offset_ = 0;
    if (file_.sha256.empty()) file_.sha256 = fetched.linked_sha256;
    return accept_size(fetched, status == 206 ? range.total : std::nullopt);
  }

  Status accept_size(const Fetched& fetched, std::optional<std::uint64_t> total) {
    const auto& headers = fetched.head.headers;
    if (!total)
      if (const auto rest = whole_number(headers.get("Content-Length").value_or("-"))) total = offset_ + *rest;
    if (total && file_.bytes && *total != *file_.bytes)
      return invalid(fmt::format("{} announces {} bytes for {}, and {} were expected; the file has changed, pull it again", fetched.url.origin(), *total, file_.path, *file_.bytes));
    if (total && *total > kLargestModel) return fail(ErrorCode::kTooLarge, fmt::format("{} announces {} bytes for {}; that is no model", fetched.url.origin(), *total, file_.path));
    if (total) file_.bytes = total;
    const bool ends_by_itself = headers.get("Transfer-Encoding").value_or("").find("chunked") != std::string_view::npos;
    if (!file_.bytes && !ends_by_itself && file_.sha256.empty())
      return invalid(fetched.url.origin() + " does not say how large the file is; give its checksum with --sha256, so that a cut can be told from the end");
    const auto etag = headers.get("ETag").value_or("");
    file_.etag = etag.starts_with('"') ? std::string(etag) : "";  // a weak one does not vouch for bytes (RFC 9110 §13.1.5)
    return {};
  }

  Status receive(FetchedBody& body) {
    const OpenFile out(target_, /*truncate=*/offset_ == 0);
    std::string head;  // until the first four bytes are there
    std::uint64_t unchecked = 0;
    for (;;) {
      ASSIGN_OR_RETURN(const auto piece, body.next());
      if (!piece) break;
      if (offset_ + piece->size() > file_.bytes.value_or(kLargestModel)) return too_long();
      if (offset_ < 4) {
        head += piece->substr(0, 4 - std::min<std::size_t>(head.size(), 4));
        if (head.size() >= 4 && !head.starts_with("GGUF")) return invalid(file_.path + " is not a GGUF model file; check the source's address");
      }
      RETURN_IF_ERROR(out.write(*piece));
      offset_ += piece->size();
      unchecked += piece->size();
      if (unchecked > kCheckDiskEvery) {
        RETURN_IF_ERROR(check_disk_space(target_.parent_path(), 0, limits_.disk_reserve));
        unchecked = 0;
      }
      events_.progress(offset_);
    }
    if (file_.bytes && offset_ < *file_.bytes) return fail(ErrorCode::kUnavailable, fmt::format("The connection ended after {} of {} bytes", offset_, *file_.bytes));
    file_.bytes = offset_;
    return {};
  }

  std::unexpected<Error> too_long() const {
    return invalid(fmt::format("The server sends more than the {} bytes that it announced for {}; the file is not what it says", file_.bytes.value_or(kLargestModel), file_.path));
  }

  Fetcher& fetcher_;
  const HubOptions& hubs_;
  PlannedFile& file_;
  const std::filesystem::path& target_;
  const DownloadLimits& limits_;
  Stop& stop_;
  const DownloadEvents& events_;
  std::uint64_t offset_ = 0;
};

bool worth_another(const Error& error) { return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kDeadlineExceeded; }

}  // namespace

Status check_disk_space(const std::filesystem::path& dir, std::uint64_t needed, std::uint64_t reserve) {
  std::error_code error;
  const auto space = std::filesystem::space(dir, error);
  if (error || space.available >= needed + reserve) return {};
  constexpr double kGiB = 1ULL << 30;
  return fail(ErrorCode::kStorageFull,
              fmt::format("The disk of the data folder has {:.1f} GiB free, and {:.1f} GiB are needed ({:.2f} GiB stay reserved); free space and pull the model again",
                          static_cast<double>(space.available) / kGiB, static_cast<double>(needed + reserve) / kGiB, static_cast<double>(reserve) / kGiB));
}

Status download(Fetcher& fetcher, const HubOptions& hubs, PlannedFile& file, const std::filesystem::path& target, const DownloadLimits& limits, const Clock& clock,
                Stop& stop, const DownloadEvents& events) {
  Download one(fetcher, hubs, file, target, limits, stop, events);
  auto furthest = size_of(target);
  auto last_gain = clock.steady_now();
  auto wait = limits.first_wait;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    const auto status = one.attempt();
    if (stop.requested()) return fail(ErrorCode::kCancelled, "The download was stopped");
    if (status || !worth_another(status.error())) return status;
    if (const auto size = size_of(target); size > furthest) {
      furthest = size;
      last_gain = clock.steady_now();
      wait = limits.first_wait;
    }
    if (!file.bytes && furthest == 0 && attempt + 1 >= kFirstContact) return status;
    if (clock.steady_now() - last_gain > limits.give_up)
      return fail(ErrorCode::kUnavailable, status.error().message + fmt::format("; nothing new came for {} s. Pull again to go on where it stopped", limits.give_up.count()));
    events.retrying(status.error().message);
    if (!stop.sleep(wait)) return fail(ErrorCode::kCancelled, "The download was stopped");
    wait = std::min(wait * 2, limits.longest_wait);
  }
  return fail(ErrorCode::kUnavailable, "The connection was cut too often; pull again to go on where it stopped");
}

}  // namespace siyu::models
