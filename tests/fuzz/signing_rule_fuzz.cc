// SPDX-License-Identifier: BSD-3-Clause
//
// Any octets as a key table: read whole, or refused with places inside it. What was read is within
// its bounds and can be written as tags of a signature.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "control/auth/signing_rule.h"
#include "control/auth/tag_list.h"
#include "control/dns/domain_name.h"
#include "rules/text/diagnostic.h"

namespace {

using namespace postern;
using namespace postern::auth;

void must(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto lines = static_cast<uint32_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  try {
    std::map<std::pair<std::string, bool>, size_t> signatures;
    for (const SigningRule& rule : parse_signing_rules(text, "fuzz")) {
      must(rule.line >= 1 && rule.line <= lines && !rule.key_file.empty());
      must(rule.key_file.find('\0') == std::string::npos);
      must(dns::to_a_labels(rule.domain) == rule.domain);
      must(dns::to_a_labels(rule.selector) == rule.selector);
      must(!rule.lifetime || *rule.lifetime > 0);
      const size_t count = ++signatures[{rule.domain, rule.for_subdomains}];
      must(count <= kMaxSignaturesPerMessage);
      std::string tags = "d=" + rule.domain + "; s=" + rule.selector + "; h=from";
      for (const auto& name : rule.oversigned) tags += ':' + name;
      must(parse_tag_list(tags).error.empty());
    }
  } catch (const BadInput& error) {
    must(!error.diagnostics().empty() && error.diagnostics().size() <= 20);
    for (const auto& one : error.diagnostics()) {
      must(one.line >= 1 && one.line <= lines);
      must(one.column >= 1 && one.column <= size + 1);
    }
  }
  return 0;
}
