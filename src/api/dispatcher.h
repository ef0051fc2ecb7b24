// Every request's way: find the operation → who is it → may they (audit) → handler → answer.
#pragma once

#include "api/call.h"
#include "api/router.h"

namespace siyu::api {

/// Files of the console, by path; absent paths fall back to the entry page.
struct Asset {
  std::string_view path, content_type, content;
};

/// Thread-safe.
class Dispatcher final : public net::Handler {
 public:
  Dispatcher(Services& services, std::span<const Asset> console);
  net::BodyPlan plan(const net::RequestHead& head) override;
  net::Response handle(net::Request& request) override;
  /// What only hands a request on to an engine is answered on the loop thread: the way to another and back would take longer.
  std::optional<net::Response> handle_now(net::Request& request) override;

 private:
  /// Nothing only when `at_once`, and something would have to be waited for.
  std::optional<net::Response> answer(net::Request& request, bool at_once);
  Reply dispatch(net::Request& request, Route& route, bool at_once);
  Result<Pass> admit(net::Request& request, const Operation& operation) const;
  Result<Principal> authenticate(const net::Request& request) const;
  net::Response console_page(std::string_view path) const;

  Services& services_;
  const Router router_;
  const std::span<const Asset> console_;
};

}  // namespace siyu::api
