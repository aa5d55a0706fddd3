// SPDX-License-Identifier: BSD-3-Clause
//
// XCLIENT and XFORWARD: what is offered is sent, encoded so that no value can end its line or begin
// another attribute, and in lines that a server takes.
#include "control/smtp/forwarded_client.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::smtp {
namespace {

const ForwardAttributes kXclient =
    ForwardAttributes::read("NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT");
const ForwardAttributes kXforward =
    ForwardAttributes::read("NAME ADDR PORT PROTO HELO IDENT SOURCE");

ForwardedClient client() {
  return {.address = *IpAddress::parse("192.0.2.1"),
          .port = 40001,
          .local = *IpAddress::parse("2001:db8::25"),
          .local_port = 25,
          .name = "mail.example",
          .helo = "client.example",
          .extended = true,
          .id = "6a1-1"};
}

// RFC 3461 §4, read the other way.
std::string decoded(const std::string& text) {
  std::string result;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] != '+') {
      result += text[i];
    } else {
      result += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    }
  }
  return result;
}

TEST(ForwardedClient, AsTheReadmesHaveIt) {
  EXPECT_EQ(write_xclient(client(), kXclient),
            "XCLIENT NAME=mail.example ADDR=192.0.2.1 PORT=40001 PROTO=ESMTP HELO=client.example "
            "DESTADDR=IPV6:2001:db8::25 DESTPORT=25");
  EXPECT_EQ(write_xforward(client(), kXforward),
            std::vector<std::string>{"XFORWARD NAME=mail.example ADDR=192.0.2.1 PORT=40001 "
                                     "PROTO=ESMTP HELO=client.example IDENT=6a1-1 SOURCE=REMOTE"});
}

TEST(ForwardedClient, OnlyWhatIsOffered) {
  EXPECT_EQ(write_xclient(client(), ForwardAttributes::read("PORT ADDR NEW")),
            "XCLIENT ADDR=192.0.2.1 PORT=40001");
  EXPECT_EQ(write_xclient(client(), ForwardAttributes::read("NAME HELO")), "");
  EXPECT_EQ(write_xclient(client(), {}), "");
  EXPECT_TRUE(write_xforward(client(), {}).empty());
  EXPECT_TRUE(ForwardAttributes::read("").empty());
}

TEST(ForwardedClient, WhatIsNotKnownIsToldAsSuch) {
  auto nobody = client();
  nobody.name.clear();
  nobody.helo.clear();
  nobody.extended = false;
  EXPECT_EQ(write_xclient(nobody, ForwardAttributes::read("NAME ADDR HELO PROTO")),
            "XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.1 PROTO=SMTP HELO=[UNAVAILABLE]");
  nobody.name_missing = true;
  EXPECT_EQ(write_xclient(nobody, ForwardAttributes::read("NAME ADDR HELO PROTO")),
            "XCLIENT NAME=[TEMPUNAVAIL] ADDR=192.0.2.1 PROTO=SMTP HELO=[UNAVAILABLE]");
  EXPECT_EQ(write_xforward(nobody, ForwardAttributes::read("NAME ADDR")),
            std::vector<std::string>{"XFORWARD NAME=[UNAVAILABLE] ADDR=192.0.2.1"});
}

TEST(ForwardedClient, NoValueBreaksOut) {
  for (int c = 0; c < 256; c++) {
    auto evil = client();
    evil.helo = std::string("a") + static_cast<char>(c) + "ADDR=10.0.0.1";
    const auto line = write_xclient(evil, ForwardAttributes::read("ADDR HELO"));
    const auto value = line.substr(line.find(" HELO=") + 6);
    EXPECT_EQ(value.find_first_of("= \r\n"), std::string::npos) << c;
    for (const char octet : value) EXPECT_TRUE(octet > ' ' && octet <= '~') << c;
    EXPECT_EQ(decoded(value), evil.helo);
  }
}

TEST(ForwardedClient, LinesAreNeverTooLong) {
  for (size_t name : {0, 200, 255, 256, 2000}) {
    for (size_t helo : {0, 200, 255, 256, 2000}) {
      auto long_one = client();
      long_one.address = *IpAddress::parse("2001:db8:1111:2222:3333:4444:5555:6666");
      long_one.local = long_one.address;
      long_one.name = std::string(name, 'n');
      long_one.helo = std::string(helo, 'h');
      EXPECT_LE(write_xclient(long_one, kXclient).size(), 510u);
      std::string all;
      for (const auto& command : write_xforward(long_one, kXforward)) {
        EXPECT_LE(command.size(), 510u);
        EXPECT_TRUE(command.starts_with("XFORWARD "));
        all += command;
      }
      if (name > 0 && name <= 255) {
        EXPECT_NE(all.find(" NAME=" + long_one.name), std::string::npos);
      }
      if (helo > 0 && helo <= 255) {
        EXPECT_NE(all.find(" HELO=" + long_one.helo), std::string::npos);
      }
      if (helo > 255) {
        EXPECT_NE(all.find(" HELO=[UNAVAILABLE]"), std::string::npos);
      }
    }
  }
}

}  // namespace
}  // namespace postern::smtp
