// SPDX-License-Identifier: BSD-3-Clause
//
// Which texts are domain names, and in what form they are kept.
#include "rules/text/domain_name.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(DomainName, IsMadeCanonical) {
  EXPECT_EQ(canonical_domain("Example.NET"), "example.net");
  EXPECT_EQ(canonical_domain("example.net."), "example.net");
  EXPECT_EQ(canonical_domain("xn--bcher-kva.example"), "xn--bcher-kva.example");
  EXPECT_EQ(canonical_domain("_spf.3com.example"), "_spf.3com.example");
  const std::string longest_label(63, 'a');
  EXPECT_EQ(canonical_domain(longest_label + ".example"), longest_label + ".example");
}

TEST(DomainName, IsRefusedWithAReason) {
  const std::string label63(63, 'a');
  const std::pair<std::string, const char*> kCases[] = {
      {"", "is empty"},
      {"com", "single label"},
      {".", "empty label"},
      {"example..net", "empty label"},
      {".example.net", "empty label"},
      {"example.net..", "empty label"},
      {"*.example.net", "no domain name has"},
      {"exa mple.net", "no domain name has"},
      {"user@example.net", "no domain name has"},
      {"-example.net", "hyphen"},
      {"example-.net", "hyphen"},
      {"192.0.2.1", "ends in a number"},
      {"b\xc3\xbc"
       "cher.example",
       "not ASCII"},
      {label63 + "a.example", "more than 63"},
      {label63 + '.' + label63 + '.' + label63 + '.' + label63, "more than 253"}};
  for (const auto& [text, reason] : kCases) {
    std::string why;
    EXPECT_EQ(canonical_domain(text, &why), std::nullopt) << text;
    EXPECT_NE(why.find(reason), std::string::npos) << text << ": " << why;
  }
}

}  // namespace
}  // namespace postern
