// SPDX-License-Identifier: BSD-3-Clause
//
// The key table: which keys sign the mail of which author's domain, and how. One signature per
// line:
//
//   # domain         selector  key file          settings
//   example.org      s2026     s2026.pem
//   example.org      ed2026    ed2026.pem        x=14d oversign=from:to:subject
//   *.example.org    s2026     s2026.pem         c=relaxed/simple
//
// A domain that stands in several lines gets several signatures. "*.example.org" is for authors
// below example.org, not at it, and still signs as d=example.org, where the key is published; of
// several lines that fit, those of the longest domain hold, one that fits exactly before all. i= is
// never written: it would say what d= says already, and a key with t=s would fail by it. Key files
// are named from the folder of the table. Limits are below; what is beyond them is refused whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/auth/dkim_signature.h"

namespace postern::auth {

constexpr size_t kMaxSigningRules = 100'000;
constexpr size_t kMaxSignaturesPerMessage = 4;

struct SigningRule {
  std::string domain;           // d=, A-labels
  bool for_subdomains = false;  // of authors below it, not at it
  std::string selector;         // s=, A-labels
  std::string key_file;         // as written
  Canonicalization header = Canonicalization::kRelaxed;
  Canonicalization body = Canonicalization::kRelaxed;
  std::optional<int64_t> lifetime = {};            // seconds from t= to x=; nullopt: no x=
  std::vector<std::string> oversigned = {"from"};  // field names, lower case
  uint32_t line = 0;                               // of the table
  uint32_t key_column = 0;                         // where key_file stands in it
  std::string source = {};                         // the text of the line
};

// file: for messages. Throws BadInput with every line that is wrong, or the first of very many.
std::vector<SigningRule> parse_signing_rules(std::string_view text, const std::string& file);

}  // namespace postern::auth
