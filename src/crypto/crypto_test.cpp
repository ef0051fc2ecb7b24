#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "crypto/certificate.h"
#include "crypto/hash.h"
#include "crypto/password.h"
#include "crypto/signature.h"

namespace siyu::crypto {
namespace {

std::filesystem::path fresh_dir(const std::string& name) {
  const auto dir = std::filesystem::path(::testing::TempDir()) / ("siyu_crypto_" + name);
  std::filesystem::remove_all(dir);
  std::filesystem::create_directories(dir);
  return dir;
}

// FIPS 180-4 example and GB/T 32905-2016 appendix A.1, both over "abc".
TEST(Hash, MatchesPublishedDigests) {
  EXPECT_EQ(sha256_hex(as_bytes("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sm3_hex(as_bytes("abc")), "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
  Sha256 pieces;
  pieces.update(as_bytes("a"));
  pieces.update(as_bytes("bc"));
  EXPECT_EQ(pieces.hex(), sha256_hex(as_bytes("abc")));
}

TEST(Hash, Sm3MatchesTheVectorFile) {
  const char* data = std::getenv("SIYU_TEST_DATA");
  if (data == nullptr) GTEST_SKIP() << "SIYU_TEST_DATA is unset";
  std::ifstream file(std::filesystem::path(data) / "crypto" / "sm3.vec");
  std::string line, input;
  int checked = 0;
  while (std::getline(file, line)) {
    if (line.starts_with("In = ")) input = line.substr(5);
    if (line == "In =") input.clear();
    if (!line.starts_with("Out = ")) continue;
    std::string expected = line.substr(6);
    for (auto& c : expected) c = static_cast<char>(std::tolower(c));
    EXPECT_EQ(sm3_hex(*from_hex(input)), expected);
    ++checked;
  }
  EXPECT_GT(checked, 10);
}

TEST(Password, VerifiesOnlyTheRightOneAndSaltsEachHash) {
  OsRandom random;
  const auto first = hash_password("正确 horse", random).value(), second = hash_password("正确 horse", random).value();
  EXPECT_NE(first, second);
  EXPECT_TRUE(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
  EXPECT_TRUE(verify_password("正确 horse", first));
  EXPECT_FALSE(verify_password("wrong", first));
  EXPECT_FALSE(verify_password("", "not a hash"));
}

TEST(Password, RandomSecretsUseTheWholeAlphabet) {
  SeededRandom random(7);
  const auto secret = random_secret(5000, random);
  EXPECT_EQ(secret.size(), 5000U);
  EXPECT_EQ(std::set<char>(secret.begin(), secret.end()).size(), 62U);
}

TEST(Signature, SurvivesReopeningAndRefusesChanges) {
  const auto dir = fresh_dir("signature");
  const auto signature = SigningKey::open(dir / "key.pem").value().sign("entry 1").value();
  const auto key = SigningKey::open(dir / "key.pem").value().public_key();
  EXPECT_TRUE(verify_signature("entry 1", signature, key));
  EXPECT_FALSE(verify_signature("entry 2", signature, key));
  EXPECT_FALSE(verify_signature("entry 1", "00", key));
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(dir / "key.pem").permissions(), perms::owner_read | perms::owner_write);
  std::ofstream(dir / "key.pem") << "garbage";
  EXPECT_EQ(SigningKey::open(dir / "key.pem").error().code, ErrorCode::kCorrupted);
}

TEST(Certificate, IsKeptUntilItExpires) {
  const auto dir = fresh_dir("certificate");
  ManualClock clock;
  OsRandom random;
  const auto read = [&] {
    std::ifstream in(dir / "cert.pem");
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  ASSERT_TRUE(ensure_self_signed(dir, {"localhost", "127.0.0.1", "::1"}, clock, random).has_value());
  const auto first = read();
  EXPECT_TRUE(first.starts_with("-----BEGIN CERTIFICATE-----"));
  ASSERT_TRUE(ensure_self_signed(dir, {"localhost"}, clock, random).has_value());
  EXPECT_EQ(read(), first);
  clock.advance(std::chrono::hours(24 * 826));
  ASSERT_TRUE(ensure_self_signed(dir, {"localhost"}, clock, random).has_value());
  EXPECT_NE(read(), first);
}

}  // namespace
}  // namespace siyu::crypto
