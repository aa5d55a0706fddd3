// SPDX-License-Identifier: BSD-3-Clause
//
// SHA-256 through OpenSSL's EVP, and the hashes of a body.
#include "control/auth/body_hash.h"

#include <openssl/evp.h>

#include <algorithm>
#include <stdexcept>

namespace postern::auth {
namespace {

// Fetched once: EVP_sha256() would look the algorithm up again for every message.
const EVP_MD* sha256_algorithm() {
  static const std::unique_ptr<EVP_MD, void (*)(EVP_MD*)> algorithm(
      EVP_MD_fetch(nullptr, "SHA256", nullptr), EVP_MD_free);
  return algorithm.get();
}

void check(int status) {
  if (status != 1) throw std::runtime_error("OpenSSL cannot compute SHA-256");
}

}  // namespace

void Sha256::Free::operator()(EVP_MD_CTX* context) const noexcept {
  EVP_MD_CTX_free(context);
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  check(context_ ? EVP_DigestInit_ex2(context_.get(), sha256_algorithm(), nullptr) : 0);
}

void Sha256::update(std::string_view bytes) {
  check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
}

std::string Sha256::finish() {
  std::string hash(32, '\0');
  unsigned length = 0;
  check(EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(hash.data()), &length));
  return hash;
}

size_t BodyHashes::add(Canonicalization how, std::optional<uint64_t> limit) {
  size_t canonicalizer = 0;
  auto found = canonicalizers_.begin();
  for (; found != canonicalizers_.end() && found->how != how; ++found) canonicalizer++;
  if (found == canonicalizers_.end()) {
    canonicalizers_.push_back(
        {how, BodyCanonicalizer(how, [this, canonicalizer](std::string_view bytes) {
           take(canonicalizer, bytes);
         })});
  }
  const auto same = std::find_if(hashes_.begin(), hashes_.end(), [&](const Hash& hash) {
    return hash.canonicalizer == canonicalizer && hash.limit == limit;
  });
  if (same != hashes_.end()) return static_cast<size_t>(same - hashes_.begin());
  hashes_.push_back({canonicalizer, limit, 0, {}, {}});
  return hashes_.size() - 1;
}

void BodyHashes::take(size_t canonicalizer, std::string_view bytes) {
  for (Hash& hash : hashes_) {
    if (hash.canonicalizer != canonicalizer) continue;
    const uint64_t room = hash.limit ? *hash.limit - hash.taken : bytes.size();
    const auto part = bytes.substr(0, std::min<uint64_t>(room, bytes.size()));
    hash.sha256.update(part);
    hash.taken += part.size();
  }
}

void BodyHashes::update(std::string_view bytes) {
  for (auto& canonicalizer : canonicalizers_) canonicalizer.body.update(bytes);
}

void BodyHashes::finish() {
  std::vector<uint64_t> lengths;
  for (auto& canonicalizer : canonicalizers_) {
    canonicalizer.body.finish();
    lengths.push_back(canonicalizer.body.length());
  }
  for (Hash& hash : hashes_) {
    hash.result.hash = hash.sha256.finish();
    hash.result.body_length = lengths[hash.canonicalizer];
  }
}

}  // namespace postern::auth
