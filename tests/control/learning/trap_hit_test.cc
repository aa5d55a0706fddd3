// SPDX-License-Identifier: BSD-3-Clause
//
// Which mail to a spamtrap counts: not reports of failure, not automatic replies (RFC 3834).
#include "control/learning/trap_hit.h"

#include <gtest/gtest.h>

namespace postern::learning {
namespace {

TEST(TrapHit, AutomaticIsWhatDoesNotSayNo) {
  for (const char* field :
       {"Auto-Submitted: auto-replied\r\n", "AUTO-SUBMITTED:auto-generated\r\n",
        "Auto-Submitted : auto-replied; owner-email=\"a@b.example\"\r\n",
        "Auto-Submitted:\r\n (vacation (v2) no) auto-replied\r\n", "Auto-Submitted: (no) \\) x\r\n",
        "Auto-Submitted: nope\r\n", "Auto-Submitted:\r\n", "Auto-Submitted: (never ends no",
        "Auto-Submitted: \"no\"\r\n", "auto-submitted:n"})
    EXPECT_TRUE(says_automatic(field)) << field;
  for (const char* field :
       {"Auto-Submitted: no\r\n", "auto-submitted:NO", "Auto-Submitted: (x) no (y)\r\n",
        "Auto-Submitted: no;reason=x\r\n", "Auto-Submitted:\r\n\tno\r\n", "Auto-Submitted: no(x)",
        "Subject: auto-replied\r\n", "X-Auto-Submitted: auto-replied\r\n", "Auto-Submitted\r\n", "",
        ":", "Auto-Submitte: auto-replied\r\n"})
    EXPECT_FALSE(says_automatic(field)) << field;
}

TEST(TrapHit, NullSendersAndAutomaticRepliesCountNothing) {
  EXPECT_TRUE(trap_hit_counts("a@b.example", false));
  EXPECT_FALSE(trap_hit_counts("a@b.example", true));
  EXPECT_FALSE(trap_hit_counts("", false));
  EXPECT_FALSE(trap_hit_counts("", true));
}

}  // namespace
}  // namespace postern::learning
