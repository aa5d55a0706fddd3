// SPDX-License-Identifier: BSD-3-Clause
//
// MilterTest: the whole milter over a real socket, with keys of signed mail in its DNS, and a mail
// server that says what a test tells it to.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "tests/control/auth/signer.h"
#include "tests/control/milter/running_milter.h"

namespace postern::milter::test {

inline const std::string kMessage =
    "From: <a@good.example>\r\nTo:c@d.example\r\nSubject: \t odd\r\n\tspacing \r\n\r\nHello.\r\n";

inline constexpr std::chrono::milliseconds kPause{50};

inline std::vector<auth::HeaderField> header_of(const std::string& text) {
  return auth::split_header_fields(std::string_view(text).substr(0, text.find("\r\n\r\n") + 2));
}

class MilterTest : public testing::Test {
 protected:
  MilterTest() : key_(auth::SigningKey::ed25519()) {
    milter_.resolver.set_text("s._domainkey.good.example",
                              {"v=DKIM1; k=ed25519; p=" + key_.public_part()});
    milter_.resolver.fail("s._domainkey.silent.example", dns::RecordType::kTxt, "timed out");
  }
  std::string signed_by(const std::string& domain, const std::string& how = "simple/simple") const {
    return auth::sign_message(
        kMessage, "v=1; a=ed25519-sha256; c=" + how + "; d=" + domain + "; s=s; h=from:to:subject",
        key_);
  }

  // A whole message up to the command that asks for the decision.
  static void send_whole(MailServer& server, const std::string& text) {
    server.send(envelope());
    for (int i = 0; i < 2; i++) EXPECT_EQ(server.answer(), "c");
    for (const auto& field : header_of(text))
      server.send(header(std::string(field.name), value_for_server(field.body, true)));
    server.send(packet('N') + packet('E', text.substr(text.find("\r\n\r\n") + 4)));
  }

  auth::SigningKey key_;
  RunningMilter milter_;
};

}  // namespace postern::milter::test
