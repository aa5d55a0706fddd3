// SPDX-License-Identifier: BSD-3-Clause
//
// The field that tells others to quarantine, as settings name it and as it is written.
#include "control/policy/disposition_text.h"

#include <gtest/gtest.h>

namespace postern::policy {
namespace {

TEST(QuarantineField, IsAFieldOfAHeader) {
  const auto both = parse_quarantine_field("X-Spam-Flag:  YES ");
  ASSERT_TRUE(both);
  EXPECT_EQ(both->name, "X-Spam-Flag");
  EXPECT_EQ(both->value, "YES");
  const auto name = parse_quarantine_field("X-Held");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->name, "X-Held");
  EXPECT_EQ(name->value, "");
  for (const std::string& text :
       {std::string(), std::string(": YES"), std::string("X-Spam Flag: YES"),
        std::string("X-Held:"), std::string("X-\xC3\xBC: a"), std::string("X-Held: a\r\nBcc: b"),
        std::string("X-Held: \t\x01"), std::string(71, 'x'), "X-Held: " + std::string(201, 'x')})
    EXPECT_FALSE(parse_quarantine_field(text)) << text;
}

TEST(QuarantineField, IsWrittenOnlyWhereTheDispositionIsToQuarantine) {
  Disposition disposition;
  disposition.action = Action::kQuarantine;
  disposition.rule = "quarantine dkim = fail";
  const QuarantineField field;
  const QuarantineField fixed{.name = "X-Spam-Flag", .value = "YES"};
  EXPECT_TRUE(result_fields("mx.example", {}, disposition, &field)
                  .ends_with("\r\nX-Postern-Quarantine: \"quarantine dkim = fail\"\r\n"));
  EXPECT_TRUE(
      result_fields("mx.example", {}, disposition, &fixed).ends_with("\r\nX-Spam-Flag: YES\r\n"));
  const auto none = result_fields("mx.example", {}, disposition, nullptr);
  EXPECT_EQ(none.find("Quarantine"), std::string::npos);
  disposition.action = Action::kAccept;
  EXPECT_EQ(result_fields("mx.example", {}, disposition, &fixed), none);
}

}  // namespace
}  // namespace postern::policy
