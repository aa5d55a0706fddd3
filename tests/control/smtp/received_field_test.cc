// SPDX-License-Identifier: BSD-3-Clause
//
// The Received field for the kinds of sessions there are, and for clients that lie about their
// name.
#include "control/smtp/received_field.h"

#include <gtest/gtest.h>

namespace postern::smtp {
namespace {

TEST(ReceivedField, ForOneRecipientOverTls) {
  const ReceivedFacts facts{.helo = "client.example",
                            .client = *IpAddress::parse("203.0.113.7"),
                            .by = "mx.farm.example",
                            .extended = true,
                            .tls = "TLSv1.3 TLS_AES_256_GCM_SHA384",
                            .id = "abc-1.1",
                            .recipient = "someone@farm.example",
                            .now = 1795471561};
  EXPECT_EQ(write_received(facts),
            "Received: from client.example ([203.0.113.7])\r\n"
            "\tby mx.farm.example with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
            "\tid abc-1.1\r\n"
            "\tfor <someone@farm.example>;\r\n"
            "\tMon, 23 Nov 2026 22:06:01 +0000\r\n");
}

TEST(ReceivedField, NamesTheClientWhereReverseDnsDoes) {
  ReceivedFacts facts{.helo = "client.example",
                      .client = *IpAddress::parse("203.0.113.7"),
                      .name = "mail.client.example",
                      .by = "mx.farm.example"};
  EXPECT_TRUE(
      write_received(facts).starts_with("Received: from client.example (mail.client.example "
                                        "[203.0.113.7])\r\n\tby mx.farm.example"));
  facts.name = "odd) name";
  EXPECT_TRUE(write_received(facts).starts_with("Received: from client.example ([203.0.113.7])"));
}

TEST(ReceivedField, SaysHowTheClientSpoke) {
  ReceivedFacts facts{.helo = "c.example",
                      .client = *IpAddress::parse("2001:db8::1"),
                      .by = "mx",
                      .extended = true,
                      .tls = {},
                      .id = "i",
                      .recipient = {},
                      .now = 0};
  EXPECT_EQ(write_received(facts),
            "Received: from c.example ([IPv6:2001:db8::1])\r\n\tby mx with ESMTP\r\n\tid i;\r\n"
            "\tThu, 01 Jan 1970 00:00:00 +0000\r\n");
  facts.extended = false;
  EXPECT_NE(write_received(facts).find(" with SMTP\r\n"), std::string::npos);
}

TEST(ReceivedField, ReplacesANameThatIsNone) {
  for (const char* name : {"a(b", "x;y", "\"q\"", "[x", "a@b", ""}) {
    const ReceivedFacts facts{.helo = name,
                              .client = *IpAddress::parse("192.0.2.1"),
                              .by = "mx",
                              .extended = true,
                              .tls = {},
                              .id = "i",
                              .recipient = {},
                              .now = 0};
    EXPECT_TRUE(write_received(facts).starts_with("Received: from [192.0.2.1] ([192.0.2.1])\r\n"))
        << name;
  }
}

TEST(ReceivedField, DatesOfLeapYears) {
  EXPECT_EQ(write_date(951782400), "Tue, 29 Feb 2000 00:00:00 +0000");
  EXPECT_EQ(write_date(4102444799), "Thu, 31 Dec 2099 23:59:59 +0000");
}

}  // namespace
}  // namespace postern::smtp
