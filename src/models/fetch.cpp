#include "models/fetch.h"

#include <algorithm>
#include <future>

namespace siyu::models {
namespace {

constexpr int kMaxRedirects = 8;
constexpr std::size_t kMaxText = 16UL << 20;                 // a repository's listing with thousands of files
constexpr auto kLongestTransfer = std::chrono::hours(7 * 24);  // stalls end earlier; this ends a trickle

bool is_redirect(int status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

}  // namespace

std::string read_sha256(std::string_view text) {
  std::string digits(text);
  std::ranges::transform(digits, digits.begin(), [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return digits.size() == 64 && std::ranges::all_of(digits, is_digit) ? digits : "";
}

void Stop::request() {
  const std::lock_guard lock(mu_);
  requested_ = true;
  if (stream_ != nullptr) stream_->cancel();
  changed_.notify_all();
}

bool Stop::requested() const {
  const std::lock_guard lock(mu_);
  return requested_;
}

bool Stop::sleep(std::chrono::milliseconds time) {
  std::unique_lock lock(mu_);
  return !changed_.wait_for(lock, time, [this] { return requested_; });
}

void Stop::watch(net::ClientStream* stream) {
  const std::lock_guard lock(mu_);
  stream_ = stream;
  if (requested_ && stream != nullptr) stream->cancel();
}

FetchedBody::FetchedBody(std::unique_ptr<net::ClientStream> stream, Stop& stop) : stream_(std::move(stream)), stop_(stop) { stop_.watch(stream_.get()); }
FetchedBody::~FetchedBody() { stop_.watch(nullptr); }

Result<std::optional<std::string>> FetchedBody::next() {
  std::promise<Result<std::optional<std::string>>> piece;
  auto arrived = piece.get_future();
  stream_->pull([&piece](Result<std::optional<std::string>> chunk) { piece.set_value(std::move(chunk)); });
  return arrived.get();  // bounded by the transfer's own limits: a stall ends it with an error
}

Result<Fetched> Fetcher::get(const net::Url& url, const std::vector<std::pair<std::string, std::string>>& headers, Stop& stop) {
  Fetched fetched{.head = {}, .url = url, .linked_sha256 = {}, .body = {}};
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    net::ClientRequest request{.method = "GET", .url = fetched.url.text, .headers = headers, .timeout = kLongestTransfer};
    request.headers.emplace_back("User-Agent", "siyu/" SIYU_VERSION);
    request.headers.emplace_back("Accept-Encoding", "identity");
    for (const auto& credential : credentials_)
      if (credential.origin == fetched.url.origin()) request.headers.emplace_back("Authorization", "Bearer " + credential.token);
    ASSIGN_OR_RETURN(auto stream, http_.open(request));
    fetched.body.reset();  // stops watching the previous hop before the next is watched
    fetched.body = std::make_unique<FetchedBody>(std::move(stream), stop);
    ASSIGN_OR_RETURN(fetched.head, fetched.body->wait_head());
    if (!is_redirect(fetched.head.status)) return fetched;

    auto linked = fetched.head.headers.get("X-Linked-Etag").value_or("");
    if (linked.starts_with('"') && linked.ends_with('"') && linked.size() > 2) linked = linked.substr(1, linked.size() - 2);
    if (auto sha256 = read_sha256(linked); !sha256.empty()) fetched.linked_sha256 = std::move(sha256);
    const auto location = fetched.head.headers.get("Location");
    if (!location) return invalid(fetched.url.origin() + " redirects without saying where to");
    auto next = net::resolve_url(fetched.url, *location);
    if (!next) return invalid(fetched.url.origin() + " redirects to an address that is not followed: " + next.error().message);
    if (fetched.url.scheme == "https" && next->scheme == "http")
      return invalid(fetched.url.origin() + " redirects from https to plain http, which is not followed");
    fetched.url = std::move(*next);
  }
  return invalid(url.origin() + " redirects more than " + std::to_string(kMaxRedirects) + " times");
}

Result<Fetcher::Text> Fetcher::get_text(const net::Url& url, Stop& stop) {
  ASSIGN_OR_RETURN(auto fetched, get(url, {}, stop));
  Text text{.status = fetched.head.status, .headers = std::move(fetched.head.headers), .body = {}};
  for (;;) {
    ASSIGN_OR_RETURN(const auto piece, fetched.body->next());
    if (!piece) return text;
    text.body += *piece;
    if (text.body.size() > kMaxText) return fail(ErrorCode::kTooLarge, fetched.url.origin() + " answers with far more than a list of files");
  }
}

}  // namespace siyu::models
