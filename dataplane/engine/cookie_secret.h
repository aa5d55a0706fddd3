// SPDX-License-Identifier: BSD-3-Clause
//
// CookieSecret: where the keys of dataplane/core/cookie.h come from. Each epoch's key is derived
// from the secret and the epoch's number, so engines that share the secret and the time accept each
// other's cookies, and nothing but the secret has to be kept. Without a shared one it is random.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>

#include "dataplane/core/cookie.h"

namespace postern {

class CookieSecret {
 public:
  // Shorter ones can be guessed, longer ones are a mistake.
  static constexpr size_t kMinBytes = 16, kMaxBytes = 4096;

  // Throws std::system_error when there is no randomness.
  static CookieSecret random();
  // The whole file is the secret. Throws std::runtime_error, with the path, when it cannot be read,
  // has another size, or may be read by everyone.
  static CookieSecret from_file(const std::filesystem::path& path);

  // HMAC-SHA-256 (RFC 2104) of the epoch under the secret, its first 16 bytes.
  ps_siphash_key key_of(uint32_t epoch) const;

  static uint32_t epoch_at(int64_t unix_seconds) noexcept {
    return static_cast<uint32_t>(unix_seconds / PS_COOKIE_EPOCH_SECONDS);
  }
  // Brings the keys to that time, while others read them: no reader takes a half-written key, as
  // the key that changes is one that nobody accepts at the time. To be called once a second.
  void rotate(ps_cookie_keys& keys, int64_t unix_seconds) const;

 private:
  explicit CookieSecret(const std::array<uint8_t, 32>& root) noexcept : root_(root) {}

  std::array<uint8_t, 32> root_;  // SHA-256 of what was given
};

}  // namespace postern
