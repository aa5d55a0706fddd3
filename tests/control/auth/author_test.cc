// SPDX-License-Identifier: BSD-3-Clause
//
// The domain of the From field: what has one, and what software disagrees about and so has none.
#include "control/auth/author.h"

#include <gtest/gtest.h>

namespace postern::auth {
namespace {

TEST(AuthorDomain, OfOneMailbox) {
  const struct {
    const char* body;
    const char* domain;
  } kCases[] = {
      {" alice@example.org", "example.org"},
      {" Alice <alice@Example.ORG>", "example.org"},
      {"<alice@example.org>", "example.org"},
      {" \"Alice, of Example\" <alice@example.org>", "example.org"},
      {" \"mallory@evil.example\" <alice@example.org>", "example.org"},
      {" \"a \\\" <x@evil.example>\" <alice@example.org>", "example.org"},
      {" Alice Q. Public <alice@example.org>", "example.org"},
      {" Alice (a comment) <alice@example.org> (another)", "example.org"},
      {" alice@example.org (Alice)", "example.org"},
      {" (mallory@evil.example) alice@example.org", "example.org"},
      {" (nested (mallory@evil.example)) alice@example.org", "example.org"},
      {" alice(c)@(c)example(c).(c)org", "example.org"},
      {" alice @ example . org", "example.org"},
      {" \"quoted local\"@example.org", "example.org"},
      {" \"with@sign\"@example.org", "example.org"},
      {" a.b.c@example.org", "example.org"},
      {" \"a\".b@example.org", "example.org"},
      {"\r\n Alice\r\n\t<alice@example.org>\r\n", "example.org"},
      {" =?utf-8?q?Al=69ce?= <alice@example.org>", "example.org"},
      {" Al\xc3\xadse <alice@b\xc3\xbc"
       "cher.example>",
       "xn--bcher-kva.example"},
      {" , alice@example.org ,", "example.org"},
      {" .dots. lead. <alice@example.org>", "example.org"},
      {" a=b/c?d@example.org", "example.org"},
  };
  for (const auto& c : kCases) EXPECT_EQ(author_domain_of(c.body), c.domain) << c.body;
}

TEST(AuthorDomain, OfNothingElse) {
  for (const char* body : {
           "",
           " ",
           " Alice",
           " alice@",
           " @example.org",
           " alice@example.org, bob@example.net",
           " Alice <alice@example.org>, Bob <bob@example.org>",
           " group: alice@example.org;",
           " undisclosed recipients:;",
           " alice@[192.0.2.1]",
           " <@relay.example:alice@example.org>",
           " <>",
           " Alice <>",
           " Alice <alice@example.org",
           " Alice alice@example.org>",
           " mallory@evil.example <alice@example.org>",
           " Alice <alice@example.org> <mallory@evil.example>",
           " Alice <alice@example.org> trailing",
           " <alice@example.org>@evil.example",
           " alice@example.org@evil.example",
           " alice smith@example.org",
           " .alice@example.org",
           " alice.@example.org",
           " a..b@example.org",
           " alice@example..org",
           " alice@.example.org",
           " alice@example.org.",
           " (unclosed alice@example.org",
           " \"unclosed alice@example.org",
           " Alice <alice@\"example.org\">",
           " alice@exa mple.org",
           " alice@-example.org",
           " alice; bob@example.org",
       }) {
    EXPECT_EQ(author_domain_of(body), "") << body;
  }
  EXPECT_EQ(author_domain_of(std::string_view(" alice@example.org\0.evil", 23)), "");
  EXPECT_EQ(author_domain_of(std::string(100, '(') + std::string(100, ')') + "a@example.org"), "");
}

TEST(AuthorDomain, WantsOneFromField) {
  const auto of = [](std::string_view header) {
    return author_domain(split_header_fields(header));
  };
  EXPECT_EQ(of("To: b@example.net\r\nfrom: a@example.org\r\n"), "example.org");
  EXPECT_EQ(of("From : a@example.org\r\n"), "example.org");
  EXPECT_EQ(of("To: b@example.net\r\n"), "");
  EXPECT_EQ(of("From: a@example.org\r\nFrom: a@example.org\r\n"), "");
  EXPECT_EQ(of("From: a@example.org\r\nFrom \t: b@example.org\r\n"), "");
}

}  // namespace
}  // namespace postern::auth
