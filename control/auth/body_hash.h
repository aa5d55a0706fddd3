// SPDX-License-Identifier: BSD-3-Clause
//
// The hashes of one body, all computed in one pass while it streams by: one for each distinct pair
// of canonicalization and l= among the signatures of the message (RFC 6376 §3.7), so that ten
// signatures that agree cost what one costs.
#pragma once

#include <openssl/types.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/auth/dkim_canonicalize.h"

namespace postern::auth {

// SHA-256, which is the only hash that DKIM still has (RFC 8301 §3.1).
class Sha256 {
 public:
  Sha256();
  void update(std::string_view bytes);
  std::string finish();  // 32 octets; once

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const noexcept;
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

class BodyHashes {
 public:
  // Before the first update(). Returns the number to ask with.
  size_t add(Canonicalization how, std::optional<uint64_t> limit);
  void update(std::string_view bytes);
  void finish();

  // After finish().
  struct BodyHash {
    std::string hash;          // 32 octets
    uint64_t body_length = 0;  // of the whole canonical body, whatever the limit
  };
  const BodyHash& result(size_t number) const { return hashes_[number].result; }

 private:
  struct Hash {
    size_t canonicalizer;
    std::optional<uint64_t> limit;
    uint64_t taken = 0;
    Sha256 sha256;
    BodyHash result;
  };
  struct Canonicalizer {
    Canonicalization how;
    BodyCanonicalizer body;
  };
  void take(size_t canonicalizer, std::string_view bytes);

  std::vector<Hash> hashes_;
  std::list<Canonicalizer> canonicalizers_;  // at most two; they stay where they are
};

}  // namespace postern::auth
