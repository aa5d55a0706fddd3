// SPDX-License-Identifier: BSD-3-Clause
//
// Backends as they are written in settings.
#include "control/config/backend_text.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::config {
namespace {

using smtp::Backend;
using smtp::HandOn;
using smtp::TlsUse;

Backend read(const std::string& text) {
  const auto result = parse_backend(text);
  if (const auto* bad = std::get_if<BadBackend>(&result)) ADD_FAILURE() << text << bad->expected;
  return std::get<Backend>(result);
}
BadBackend refused(const std::string& text) {
  const auto result = parse_backend(text);
  if (std::holds_alternative<Backend>(result)) return {"taken", text};
  return std::get<BadBackend>(result);
}

TEST(BackendText, AHostIsEnough) {
  EXPECT_EQ(read("192.0.2.10"), (Backend{.host = "192.0.2.10", .port = "25"}));
  EXPECT_EQ(read("farm.example:2525"), (Backend{.host = "farm.example", .port = "2525"}));
  EXPECT_EQ(read("[2001:db8::1]:26"), (Backend{.host = "2001:db8::1", .port = "26"}));
  EXPECT_EQ(read("[2001:db8::1]:26").place(), "[2001:db8::1]:26");
  EXPECT_EQ(read("192.0.2.10").place(), "192.0.2.10:25");
}

TEST(BackendText, EverythingInAnyOrder) {
  const Backend all{.host = "a.example",
                    .port = "2525",
                    .weight = 7,
                    .backup = true,
                    .max = 50,
                    .tls = TlsUse::kVerify,
                    .tls_name = "mx.example",
                    .hand_on = HandOn::kXclient};
  EXPECT_EQ(
      read("a.example:2525,weight=7,max=50,backup,tls=verify,tls-name=mx.example,hand-on=xclient"),
      all);
  EXPECT_EQ(
      read("a.example:2525,hand-on=xclient,tls-name=mx.example,backup,max=50,tls=verify,weight=7"),
      all);
  EXPECT_EQ(read("a,tls=may,hand-on=proxy").tls, TlsUse::kMay);
  EXPECT_EQ(read("a,tls=require,hand-on=xforward").hand_on, HandOn::kXforward);
  EXPECT_EQ(read("a,tls=none,hand-on=none"), (Backend{.host = "a", .port = "25"}));
}

TEST(BackendText, WhatIsWrongIsNamed) {
  for (const auto& [text, part] : std::initializer_list<std::pair<const char*, const char*>>{
           {"", ""},
           {",weight=1", ",weight=1"},
           {"a:0", "a:0"},
           {"a b", "a b"},
           {"a,", "a,"},
           {"a,,backup", ""},
           {"a,weight=0", "weight=0"},
           {"a,weight=1001", "weight=1001"},
           {"a,weight=", "weight="},
           {"a,weight=2x", "weight=2x"},
           {"a,weight=-1", "weight=-1"},
           {"a,max=0", "max=0"},
           {"a,max=100001", "max=100001"},
           {"a,max=x", "max=x"},
           {"a,backup=yes", "backup=yes"},
           {"a,tls", "tls"},
           {"a,tls=maybe", "tls=maybe"},
           {"a,hand-on=xmagic", "hand-on=xmagic"},
           {"a,hand-on=xclient,hand-on=proxy", "hand-on=proxy"},
           {"a,backup,backup", "backup"},
           {"a,tls=may,tls-name=b", "a,tls=may,tls-name=b"},
           {"a,tls=verify,tls-name=", "tls-name="},
           {"a,wieght=2", "wieght=2"}}) {
    EXPECT_EQ(refused(text).part, part) << refused(text).expected;
    EXPECT_NE(refused(text).expected, "taken") << text;
  }
}

}  // namespace
}  // namespace postern::config
