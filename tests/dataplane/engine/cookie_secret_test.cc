// SPDX-License-Identifier: BSD-3-Clause
//
// Keys of epochs: the same on every node that has the secret, and never a half-written one.
#include "dataplane/engine/cookie_secret.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

namespace postern {
namespace {

constexpr int64_t kNow = 1'800'000'000;
constexpr int64_t kEpoch = PS_COOKIE_EPOCH_SECONDS;

class CookieSecretTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ =
        std::filesystem::temp_directory_path() / ("postern-secret-" + std::to_string(::getpid()));
    write("sixteen bytes ok");
  }
  void TearDown() override { std::filesystem::remove(path_); }
  void write(const std::string& text, mode_t mode = 0600) {
    std::ofstream(path_) << text;
    chmod(path_.c_str(), mode);
  }
  std::string refusal() const {
    try {
      CookieSecret::from_file(path_);
      return "";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }
  std::filesystem::path path_;
};

ps_packet client() {
  ps_packet packet{};
  packet.family = PS_FAMILY_V4;
  packet.source.bytes[0] = 198;
  packet.destination.bytes[0] = 203;
  packet.tcp_flags = PS_TCP_ACK;
  return packet;
}

// Whether the one accepts what the other made.
bool accepts(const ps_cookie_keys& one, const ps_cookie_keys& other) {
  auto packet = client();
  packet.acknowledgement = ps_be32_of(ps_cookie_make(&other, &packet) + 1);
  return ps_cookie_said(&one, &packet) == 0;
}

TEST_F(CookieSecretTest, TheSameSecretAndTimeMakeTheSameCookies) {
  const auto one = CookieSecret::from_file(path_), two = CookieSecret::from_file(path_);
  ps_cookie_keys keys{}, other{};
  one.rotate(keys, kNow);
  two.rotate(other, kNow);
  EXPECT_EQ(std::memcmp(&keys, &other, sizeof keys), 0);
  write("sixteen bytes OK");
  ps_cookie_keys strange{};
  CookieSecret::from_file(path_).rotate(strange, kNow);
  EXPECT_FALSE(accepts(keys, strange));
  ps_cookie_keys random{};
  CookieSecret::random().rotate(random, kNow);
  EXPECT_FALSE(accepts(keys, random));
}

// As computed by `printf 'sixteen bytes ok' | sha256sum`, then openssl's HMAC under that of
// "postern refusal cookie", a zero, and the number of the epoch.
TEST_F(CookieSecretTest, KeysAreWhatIsDocumented) {
  const auto secret = CookieSecret::from_file(path_);
  const auto key = secret.key_of(6'000'000);
  const uint8_t expected[16] = {0x12, 0xcb, 0xe7, 0x32, 0xb7, 0xbc, 0x41, 0x9a,
                                0x67, 0xb3, 0x94, 0xc1, 0xac, 0x77, 0xf9, 0xf4};
  EXPECT_EQ(std::memcmp(key.words, expected, sizeof expected), 0);
}

TEST_F(CookieSecretTest, OneEpochBeforeAndOneAfterAreAccepted) {
  const auto secret = CookieSecret::from_file(path_);
  ps_cookie_keys keys{};
  secret.rotate(keys, kNow);
  for (int64_t off = -4; off <= 4; off++) {
    ps_cookie_keys other{};
    secret.rotate(other, kNow + off * kEpoch);
    EXPECT_EQ(accepts(keys, other), off >= -1 && off <= 1) << off;
  }
}

TEST_F(CookieSecretTest, RotatingIsTheSameAsStarting) {
  const auto secret = CookieSecret::from_file(path_);
  ps_cookie_keys rotated{};
  for (const int64_t step : {0, 1, 2, 3, 9, 8, 20, 21}) {  // forwards, and where a clock jumps
    secret.rotate(rotated, kNow + step * kEpoch);
    ps_cookie_keys fresh{};
    secret.rotate(fresh, kNow + step * kEpoch);
    EXPECT_EQ(rotated.epoch, fresh.epoch);
    EXPECT_EQ(rotated.accepted, fresh.accepted);
    for (uint32_t slot = 0; slot < PS_COOKIE_KEYS; slot++)
      if ((fresh.accepted >> slot & 1u) != 0) {
        EXPECT_EQ(std::memcmp(&rotated.keys[slot], &fresh.keys[slot], sizeof fresh.keys[slot]), 0);
      }
  }
}

// What a reader makes at any time during a rotation, it accepts a moment later. In twenty thousand
// rotations, or as many as there is time for: where both threads have one core, and share it with
// others, each rotation takes time slices.
TEST_F(CookieSecretTest, ReadersSeeNoHalfWrittenKey) {
  const auto secret = CookieSecret::from_file(path_);
  ps_cookie_keys keys{};
  secret.rotate(keys, kNow);
  std::atomic<bool> done{false};
  std::atomic<int> made{0}, lost{0};
  std::thread reader([&] {
    auto packet = client();
    while (!done || made == 0) {
      packet.acknowledgement = ps_be32_of(ps_cookie_make(&keys, &packet) + 1);
      if (ps_cookie_said(&keys, &packet) != 0) lost++;
      made++;
    }
  });
  const auto enough = std::chrono::steady_clock::now() + std::chrono::seconds{5};
  for (int64_t step = 1;
       step <= 50 || (step <= 20'000 && std::chrono::steady_clock::now() < enough); step++) {
    secret.rotate(keys, kNow + step * kEpoch);
    // Never two rotations between the making and the asking, as nowhere else either: the next comes
    // when a cookie has been asked about since this one was seen.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    for (const int seen = made; made == seen;) std::this_thread::yield();
  }
  done = true;
  reader.join();
  EXPECT_EQ(lost, 0) << "of " << made;
}

TEST_F(CookieSecretTest, FilesThatAreNoSecret) {
  write("too short");
  EXPECT_EQ(refusal(), path_.string() + ": a secret has 16 to 4096 bytes");
  write("");
  EXPECT_EQ(refusal(), path_.string() + ": cannot be read, or is empty");
  write(std::string(4097, 'x'));
  EXPECT_EQ(refusal(), path_.string() + ": a secret has 16 to 4096 bytes");
  write("sixteen bytes ok", 0644);
  EXPECT_EQ(refusal(), path_.string() + ": everybody may read this secret; chmod 600 it");
  std::filesystem::remove(path_);
  EXPECT_EQ(refusal(), path_.string() + ": No such file or directory");
}

}  // namespace
}  // namespace postern
