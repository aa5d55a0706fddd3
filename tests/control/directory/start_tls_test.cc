// SPDX-License-Identifier: BSD-3-Clause
//
// The response to StartTLS, at every length that may have come so far, and what is none.
#include "control/directory/start_tls.h"

#include <gtest/gtest.h>

namespace postern::directory {
namespace {

using namespace std::string_view_literals;

// As slapd 2.5 sends it: success, no name, no diagnostic.
constexpr auto kSuccess = "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"sv;
constexpr auto kRefused =
    "\x30\x1d\x02\x01\x01\x78\x18\x0a\x01\x02\x04\x00\x04\x11unsupported thing"sv;

TEST(StartTls, TheRequestIsWhatRfc4511Says) {
  EXPECT_EQ(start_tls_request(),
            "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
            "1.3.6.1.4.1.1466.20037");
}

TEST(StartTls, AResponseIsReadOnceItIsThere) {
  for (const auto whole : {kSuccess, kRefused}) {
    for (size_t length = 0; length < whole.size(); length++) {
      const auto reading = read_start_tls_response(whole.substr(0, length));
      EXPECT_FALSE(reading.broken) << length;
      EXPECT_FALSE(reading.response) << length;
    }
    const auto reading = read_start_tls_response(whole);
    ASSERT_TRUE(reading.response);
    EXPECT_EQ(reading.response->length, whole.size());
  }
  EXPECT_EQ(read_start_tls_response(kSuccess).response->code, 0u);
  const auto refused = read_start_tls_response(kRefused);
  EXPECT_EQ(refused.response->code, 2u);
  EXPECT_EQ(refused.response->diagnostic, "unsupported thing");
}

TEST(StartTls, WhatFollowsIsNotPartOfIt) {
  const auto reading = read_start_tls_response(std::string(kSuccess) + "injected");
  ASSERT_TRUE(reading.response);
  EXPECT_EQ(reading.response->length, kSuccess.size());
}

TEST(StartTls, LongFormsAndFurtherFieldsAreRead) {
  const auto long_form =
      "\x30\x84\x00\x00\x00\x10\x02\x01\x01\x78\x84\x00\x00\x00\x07\x0a\x01\x00\x04\x00\x04\x00"sv;
  ASSERT_TRUE(read_start_tls_response(long_form).response);
  const auto with_name =
      "\x30\x11\x02\x01\x01\x78\x0c\x0a\x01\x00\x04\x00\x04\x00\x8a\x03"
      "1.3"sv;
  EXPECT_TRUE(read_start_tls_response(with_name).response);
}

TEST(StartTls, AnythingElseIsBroken) {
  for (const auto bytes :
       {"HTTP/1.1 400"sv, "\x15\x03\x03"sv, "\x30\x80"sv, "\x30\x85\x00\x00\x00\x00\x01"sv,
        "\x30\x84\x7f\xff\xff\xff"sv, "\x30\x82\x20\x00"sv, "\x30\x00"sv,
        "\x30\x0c\x02\x01\x02\x78\x07\x0a\x01\x00\x04\x00\x04\x00"sv,   // to another message
        "\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00"sv,   // a bind response
        "\x30\x0c\x02\x01\x01\x78\x07\x02\x01\x00\x04\x00\x04\x00"sv,   // no ENUMERATED
        "\x30\x0c\x02\x01\x01\x78\x08\x0a\x01\x00\x04\x00\x04\x00"sv,   // longer than its message
        "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x01"sv})  // cut diagnostic
    EXPECT_TRUE(read_start_tls_response(bytes).broken) << bytes;
}

}  // namespace
}  // namespace postern::directory
