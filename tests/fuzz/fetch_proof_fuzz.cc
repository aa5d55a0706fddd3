// SPDX-License-Identifier: BSD-3-Clause
//
// Proofs that servers send beside a feed: any octets as a checksum file, as a signature and as a
// key. What is behind the first NUL is the feed. A checksum file that is believed has the checksum
// in it; nothing that is not signed is believed to be.
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "control/cli/fetch/proof.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace postern::cli;
  constexpr const char* kKey =  // of RFC 8410 §10.1
      "-----BEGIN PUBLIC KEY-----\n"
      "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
      "-----END PUBLIC KEY-----\n";
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto proof = text.substr(0, text.find('\0'));
  const auto feed = text.substr(std::min(size, proof.size() + 1));
  if (!why_not_checksum(feed, proof, "feed.txt")) {
    std::string lower(proof);
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
    if (lower.find(sha256_hex(feed)) == std::string::npos) std::abort();
  }
  if (!why_not_signed(feed, proof, kKey)) std::abort();
  (void)why_not_signed(feed, feed, proof);
  return 0;
}
