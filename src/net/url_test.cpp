#include "net/url.h"

#include <gtest/gtest.h>

namespace siyu::net {
namespace {

TEST(Url, IsTakenApart) {
  const auto url = parse_url("HTTPS://Hub.Example/a%20b/c?x=1#part").value();
  EXPECT_EQ(url.origin(), "https://hub.example:443");
  EXPECT_EQ(url.path, "/a%20b/c");
  EXPECT_EQ(without_query(url.text).find('?'), std::string::npos);
  EXPECT_EQ(parse_url("http://[::1]:8080").value().origin(), "http://[::1]:8080");
}

TEST(Url, OnlyWebAddressesWithoutSecretsAreTaken) {
  for (const auto* bad : {"file:///etc/passwd", "ftp://a/b", "gopher://a", "javascript:alert(1)", "a/b", "", "http://", "http://user:secret@host/x", "http://a b/"})
    EXPECT_FALSE(parse_url(bad).has_value()) << bad;
}

TEST(Url, RedirectsAreResolvedAndHeldToTheSameRules) {
  const auto base = parse_url("https://hub.example/models/a?x=1").value();
  EXPECT_EQ(resolve_url(base, "/b?y=2").value().text, "https://hub.example/b?y=2");
  EXPECT_EQ(resolve_url(base, "c").value().text, "https://hub.example/models/c");
  EXPECT_EQ(resolve_url(base, "//cdn.example/d").value().origin(), "https://cdn.example:443");
  EXPECT_FALSE(resolve_url(base, "file:///etc/passwd").has_value());
  EXPECT_FALSE(resolve_url(base, "https://user@evil.example/").has_value());
}

}  // namespace
}  // namespace siyu::net
