// SPDX-License-Identifier: BSD-3-Clause
//
// Which texts are names of hosts.
#include "rules/text/host_name.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace postern {
namespace {

const std::string kLabel63(63, 'a');
// 63 + 1 + 63 + 1 + 63 + 1 + 61 = 253
const std::string kName253 =
    kLabel63 + '.' + kLabel63 + '.' + kLabel63 + '.' + std::string(61, 'b');

TEST(HostName, IsLabelsOfLettersDigitsAndHyphens) {
  for (const std::string name :
       {"mx", "localhost", "MX1.Example.NET", "3com.example", "a-b.c--d.example",
        "xn--bcher-kva.example", "25.mx.example", "1a"})
    EXPECT_EQ(fault_of_host_name(name), nullptr) << name;
  EXPECT_EQ(fault_of_host_name(kLabel63), nullptr);
  EXPECT_EQ(fault_of_host_name(kName253), nullptr);
}

TEST(HostName, IsRefusedWithAReason) {
  const std::pair<std::string, const char*> kCases[] = {
      {"", "is empty"},
      {".", "has an empty label"},
      {"a..b", "has an empty label"},
      {".mx.example", "has an empty label"},
      {"mx.example.", "has an empty label"},
      {"-x", "has a label that begins or ends with a hyphen"},
      {"x-", "has a label that begins or ends with a hyphen"},
      {"mx.-a.example", "has a label that begins or ends with a hyphen"},
      {"mx.a-.example", "has a label that begins or ends with a hyphen"},
      {"-", "has a label that begins or ends with a hyphen"},
      {kLabel63 + "a.example", "has a label of more than 63 bytes"},
      {kName253 + 'b', "has more than 253 bytes"},
      {"mx_1.example", "has an underscore, as no host's name has"},
      {"a b", "has a byte that no domain name has"},
      {"mx.example\r\n", "has a byte that no domain name has"},
      {std::string("m\0x", 3), "has a byte that no domain name has"},
      {"b\xc3\xbc"
       "cher.example",
       "has a byte that no domain name has"},
      {"[192.0.2.1]", "has a byte that no domain name has"},
      {"192.0.2.1", "ends in a number, as no host's name does"},
      {"25", "ends in a number, as no host's name does"}};
  for (const auto& [name, fault] : kCases) EXPECT_STREQ(fault_of_host_name(name), fault) << name;
}

}  // namespace
}  // namespace postern
