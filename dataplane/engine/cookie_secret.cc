// SPDX-License-Identifier: BSD-3-Clause
//
// Deriving and rotating cookie keys (dataplane/engine/cookie_secret.h).
#include "dataplane/engine/cookie_secret.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace postern {
namespace {

std::array<uint8_t, 32> sha256(const std::vector<char>& bytes) {
  std::array<uint8_t, 32> digest;
  unsigned length = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1 ||
      length != digest.size())
    throw std::runtime_error("OpenSSL does not do SHA-256");
  return digest;
}

template <typename T>
void publish(T& place, T value) noexcept {
  __atomic_store_n(&place, value, __ATOMIC_RELEASE);
}

}  // namespace

CookieSecret CookieSecret::random() {
  std::array<uint8_t, 32> root;
  for (size_t have = 0; have < root.size();) {
    const auto got = getrandom(root.data() + have, root.size() - have, 0);
    if (got < 0 && errno != EINTR)
      throw std::system_error(errno, std::generic_category(), "no randomness for cookies");
    if (got > 0) have += static_cast<size_t>(got);
  }
  return CookieSecret(root);
}

CookieSecret CookieSecret::from_file(const std::filesystem::path& path) {
  const auto refuse = [&](const std::string& why) -> std::runtime_error {
    return std::runtime_error(path.string() + ": " + why);
  };
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) throw refuse(std::strerror(errno));
  if (!S_ISREG(status.st_mode)) throw refuse("is not a file");
  if (status.st_mode & S_IROTH) throw refuse("everybody may read this secret; chmod 600 it");
  std::ifstream file(path, std::ios::binary);
  std::vector<char> bytes(kMaxBytes + 1);
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (file.bad() || file.gcount() == 0) throw refuse("cannot be read, or is empty");
  bytes.resize(static_cast<size_t>(file.gcount()));
  if (bytes.size() < kMinBytes || bytes.size() > kMaxBytes)
    throw refuse("a secret has " + std::to_string(kMinBytes) + " to " + std::to_string(kMaxBytes) +
                 " bytes");
  return CookieSecret(sha256(bytes));
}

ps_siphash_key CookieSecret::key_of(uint32_t epoch) const {
  static constexpr char kPurpose[] = "postern refusal cookie";
  std::array<uint8_t, sizeof kPurpose + 4> message;
  std::memcpy(message.data(), kPurpose, sizeof kPurpose);
  for (size_t i = 0; i < 4; i++)
    message[sizeof kPurpose + i] = static_cast<uint8_t>(epoch >> (24 - 8 * i));
  std::array<uint8_t, 32> digest;
  unsigned length = 0;
  if (!HMAC(EVP_sha256(), root_.data(), static_cast<int>(root_.size()), message.data(),
            message.size(), digest.data(), &length) ||
      length != digest.size())
    throw std::runtime_error("OpenSSL does not do HMAC-SHA-256");
  ps_siphash_key key;
  std::memcpy(key.words, digest.data(), sizeof key.words);
  return key;
}

void CookieSecret::rotate(ps_cookie_keys& keys, int64_t unix_seconds) const {
  const uint32_t epoch = epoch_at(unix_seconds);
  if (keys.accepted != 0 && keys.epoch == epoch) return;
  const auto bit = [](uint32_t of) { return 1u << (of % PS_COOKIE_KEYS); };
  // Where the keys before are those of other epochs (a start, a clock that jumped), all are new.
  const bool moved_on = keys.accepted != 0 && keys.epoch + 1 == epoch;
  publish(keys.accepted, moved_on ? bit(epoch - 1) | bit(epoch) : 0u);
  for (uint32_t of = moved_on ? epoch + 1 : epoch - 1; of != epoch + 2; of++) {
    const auto key = key_of(of);
    publish(keys.keys[of % PS_COOKIE_KEYS].words[0], key.words[0]);
    publish(keys.keys[of % PS_COOKIE_KEYS].words[1], key.words[1]);
  }
  publish(keys.epoch, epoch);
  publish(keys.accepted, bit(epoch - 1) | bit(epoch) | bit(epoch + 1));
}

}  // namespace postern
