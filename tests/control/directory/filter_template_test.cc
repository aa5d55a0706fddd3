// SPDX-License-Identifier: BSD-3-Clause
//
// Filters made of a template and an address, every octet that could be more than a value, and
// templates that are none.
#include "control/directory/filter_template.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace postern::directory {
namespace {

using namespace std::string_view_literals;

std::string filter(std::string_view text, std::string local, std::string domain) {
  return FilterTemplate(text).filter_for({local, std::move(domain)}, local);
}

TEST(FilterTemplate, PutsTheAddressInItsPlaces) {
  EXPECT_EQ(filter("(mail=%s)", "user", "example.org"), "(mail=user@example.org)");
  EXPECT_EQ(filter("(&(uid=%u)(|(dc=%d)(dc=100%%))(mail=smtp:%s))", "user", "example.org"),
            "(&(uid=user)(|(dc=example.org)(dc=100%))(mail=smtp:user@example.org))");
  EXPECT_EQ(FilterTemplate("(mail=%s)").filter_for({"user+shop", "example.org"}, "user"),
            "(mail=user@example.org)");
}

TEST(FilterTemplate, OfAnybodyItHasAsterisksInItsPlaces) {
  const auto any = [](std::string_view text) { return FilterTemplate(text).filter_for_any(); };
  EXPECT_EQ(any("(mail=%s)"), "(mail=*)");
  EXPECT_EQ(any("(&(uid=%u)(|(dc=%d)(dc=100%%))(mail=smtp:%s))"),
            "(&(uid=*)(|(dc=*)(dc=100%))(mail=smtp:*))");
  EXPECT_EQ(any("(mail=%u@%d)"), "(mail=*@*)");
  EXPECT_EQ(any("(mail=%u%d)"), "(mail=*)");
  EXPECT_EQ(any("(mail=*%u*)"), "(mail=*)");
}

TEST(FilterTemplate, EscapesWhatRfc4515Names) {
  EXPECT_EQ(escape_filter_value("*()\\\0/"sv), "\\2a\\28\\29\\5c\\00/");
  EXPECT_EQ(escape_filter_value("\x7f\x1f\xc3\xbc"), "\\7f\\1f\\c3\\bc");
  EXPECT_EQ(escape_filter_value("user+a=b&c|d!<>~"), "user+a=b&c|d!<>~");
  EXPECT_EQ(filter("(uid=%u)", "*)(uid=*", "example.org"), "(uid=\\2a\\29\\28uid=\\2a)");
  EXPECT_EQ(filter("(mail=%s)", "*)(uid=*", "example.org"),
            "(mail=\"\\2a\\29\\28uid=\\2a\"@example.org)");
  EXPECT_EQ(filter("(mail=%s)", "%u", "%d"), "(mail=%u@%d)") << "what is put in is not read again";
}

TEST(FilterTemplate, NoOctetOfAValueSurvivesThatCouldEndIt) {
  for (int octet = 0; octet < 256; octet++) {
    const std::string value(1, static_cast<char>(octet));
    const std::string escaped = escape_filter_value(value);
    EXPECT_EQ(escaped.find_first_of("()*\0"sv), std::string::npos) << octet;
    if (escaped != value) {
      ASSERT_EQ(escaped.size(), 3u);
      EXPECT_EQ(std::stoi(escaped.substr(1), nullptr, 16), octet);
    }
  }
}

TEST(FilterTemplate, WrongOnesAreRefused) {
  for (const auto text :
       {""sv, "mail=%s"sv, "(mail=%s"sv, "(mail=%x)"sv, "(mail=%"sv, "(mail=%)"sv,
        "(objectClass=*)"sv, "(dc=%d)"sv, "(mail=%s))"sv, "((mail=%s)"sv, "(a=%s))((b=%s)"sv})
    EXPECT_THROW(FilterTemplate{text}, std::runtime_error) << text;
}

}  // namespace
}  // namespace postern::directory
