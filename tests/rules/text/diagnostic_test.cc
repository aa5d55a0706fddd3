// SPDX-License-Identifier: BSD-3-Clause
//
// How errors look.
#include "rules/text/diagnostic.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(Diagnostic, ShowsAsMuchPlaceAsItHas) {
  Diagnostic diagnostic{.file = "a.policy", .message = "is wrong"};
  EXPECT_EQ(diagnostic.to_string(), "a.policy: is wrong");
  diagnostic.line = 3;
  EXPECT_EQ(diagnostic.to_string(), "a.policy:3: is wrong");
  diagnostic.column = 5;
  EXPECT_EQ(diagnostic.to_string(), "a.policy:3:5: is wrong");
}

TEST(Diagnostic, PutsTheCaretUnderTheColumn) {
  const Diagnostic diagnostic{
      .file = "a", .line = 1, .column = 6, .message = "what?", .source = "drop everyone"};
  EXPECT_EQ(diagnostic.to_string(),
            "a:1:6: what?\n"
            "  drop everyone\n"
            "       ^");
}

TEST(Diagnostic, LinesTheCaretUpBehindTabsAndUtf8) {
  const Diagnostic tab{.file = "a", .line = 1, .column = 2, .message = "m", .source = "\tx"};
  EXPECT_EQ(tab.to_string(), "a:1:2: m\n  \tx\n  \t^");
  const Diagnostic utf8{
      .file = "a", .line = 1, .column = 5, .message = "m", .source = "\xc3\xbc\xc3\xbcx"};
  EXPECT_EQ(utf8.to_string(), "a:1:5: m\n  \xc3\xbc\xc3\xbcx\n    ^");
}

// So that whoever makes it safe once more changes no width.
TEST(Diagnostic, LinesTheCaretUpBehindWhatIsNotShown) {
  const Diagnostic odd{.file = "a",
                       .line = 1,
                       .column = 6,
                       .message = "m",
                       .source = "\xff\xe2\x80\xaex y"};  // no UTF-8; right-to-left override
  EXPECT_EQ(odd.to_string(), "a:1:6: m\n  ????x y\n       ^");
}

TEST(Diagnostic, CanPointBehindTheLine) {
  const Diagnostic diagnostic{
      .file = "a", .line = 1, .column = 5, .message = "m", .source = "drop"};
  EXPECT_EQ(diagnostic.to_string(), "a:1:5: m\n  drop\n      ^");
}

TEST(Diagnostic, CutsLongLinesAroundTheCaret) {
  const Diagnostic diagnostic{.file = "a",
                              .line = 1,
                              .column = 1001,
                              .message = "m",
                              .source = std::string(1000, 'x') + '!' + std::string(1000, 'y')};
  const auto text = diagnostic.to_string();
  const auto line = text.find("\n  ") + 3;
  const auto caret = text.rfind('^') - (text.rfind('\n') + 3);
  EXPECT_LT(text.size(), 500u);
  EXPECT_EQ(text[line + caret], '!');
}

TEST(Diagnostic, KeepsControlBytesFromTheTerminal) {
  const Diagnostic diagnostic{
      .file = "a", .line = 1, .column = 1, .message = "m", .source = "\x1b[31m\x7f"};
  EXPECT_EQ(diagnostic.to_string(), "a:1:1: m\n  ?[31m?\n  ^");
}

TEST(BadInput, SaysAllOfIt) {
  const BadInput bad(std::vector<Diagnostic>{{.file = "a", .line = 1, .message = "one"},
                                             {.file = "a", .line = 2, .message = "two"}});
  EXPECT_STREQ(bad.what(), "a:1: one\na:2: two");
  EXPECT_EQ(bad.diagnostics().size(), 2u);
}

}  // namespace
}  // namespace postern
