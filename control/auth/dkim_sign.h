// SPDX-License-Identifier: BSD-3-Clause
//
// DkimSigner: signs one message while it streams by (RFC 6376 §5). The header is held, as the
// signature covers it whole; the body is hashed as it comes and never stored. Who signs is said by
// the author's domain, in the one mailbox of the one From field: of a message with several, nobody
// could say for whom we speak. Signatures that are there already stay and are not covered.
//
// Signed are all fields of the names in dkim_sign.cc that the message has (RFC 6376 §5.4.1), each
// of them, and once more those that the rule oversigns. Received, Return-Path, Bcc, Comments and
// the like are not: relays and clients change them. l= and z= are never written.
//
// What cannot be signed is let by unsigned, with a reason: it is the site's own mail. So is a
// message whose header is over the limits of header_fields.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/auth/body_hash.h"
#include "control/auth/dkim_header_hash.h"
#include "control/auth/header_fields.h"
#include "control/auth/signing_table.h"

namespace postern::auth {

struct SigningResult {
  std::string fields;  // DKIM-Signature fields with their CRLFs, to stand on top; empty: not signed
  std::string author_domain;           // A-labels; empty: there is none
  std::vector<std::string> key_names;  // "selector._domainkey.domain" of each
  std::string reason;                  // why it is not signed
};

// The table in force, and what was done by it. Outlives the signers.
struct SigningService {
  std::shared_ptr<const SigningTable> table;  // never null; another one after a reload
  uint64_t signed_messages = 0;
  uint64_t unsigned_messages = 0;
};

class DkimSigner {
 public:
  explicit DkimSigner(SigningService& service) : service_(service), table_(service.table) {}

  // The blanks behind the colons are a guess (milter without SMFIP_HDR_LEADSPC): headers are then
  // signed relaxed, whatever the rule says. Before the first update().
  void header_is_guessed() noexcept { header_is_guessed_ = true; }
  // The message with CRLF line ends and without dot-stuffing, cut anywhere.
  void update(std::string_view bytes);
  // False once the header has shown that nobody signs.
  bool wants_body() const noexcept { return !began_ || !signatures_.empty(); }
  // Once, after the last byte. now: Unix seconds, for t=. Counts. Throws std::runtime_error where
  // OpenSSL fails.
  SigningResult finish(int64_t now);

 private:
  struct Signature {
    const SigningTable::Entry* entry;
    Canonicalization header;
    std::vector<std::string> names;  // h=
    size_t body_hash = 0;
  };

  void begin_body();
  std::vector<std::string> names_for(const SigningRule& rule, const FieldIndex& index) const;
  std::string sign(const Signature& signature, const FieldIndex& index, int64_t now);

  SigningService& service_;
  std::shared_ptr<const SigningTable> table_;
  HeaderReader header_;
  BodyHashes hashes_;
  std::vector<Signature> signatures_;
  SigningResult result_;
  bool header_is_guessed_ = false;
  bool began_ = false;
};

}  // namespace postern::auth
