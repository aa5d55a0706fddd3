// SPDX-License-Identifier: BSD-3-Clause
//
// Lists as they are published, where POSTERN_DATA names a directory that has them (rules/*.xz):
// they are recognised, and every line of them is understood.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "rules/text/compressed.h"
#include "rules/text/file_text.h"
#include "tests/rules/lists/read_list.h"

namespace postern::test {
namespace {

struct RealList {
  const char* file;
  const char* format;
  size_t at_least;
};

class RealLists : public testing::TestWithParam<RealList> {};

TEST_P(RealLists, AreUnderstood) {
  const char* data = std::getenv("POSTERN_DATA");
  if (!data) GTEST_SKIP() << "POSTERN_DATA is not set";
  const auto file = std::filesystem::path(data) / "rules" / (std::string(GetParam().file) + ".xz");
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not there";

  constexpr size_t kMax = size_t{1} << 30;
  const auto text = uncompressed(read_file_text(file.string(), kMax).text, file.string(), kMax);
  const auto* format = recognise_list_format(text);
  ASSERT_NE(format, nullptr);
  EXPECT_EQ(format->name(), GetParam().format);

  const auto content = format->read(text, {.file = GetParam().file});
  EXPECT_GE(content.size(), GetParam().at_least);
  EXPECT_EQ(content.skipped_count, 0u)
      << (content.skipped.empty() ? "" : content.skipped.front().to_string());
}

INSTANTIATE_TEST_SUITE_P(Published, RealLists,
                         testing::Values(RealList{"bitwire-inbound.txt", "cidr", 100000},
                                         RealList{"romainmarcoux-full.txt", "cidr", 100000},
                                         RealList{"oxl-ip-dynamic.txt", "cidr", 50000},
                                         RealList{"oxl-net-dynamic.txt", "cidr", 50000},
                                         RealList{"oxl-net-hosting.txt", "cidr", 50000},
                                         RealList{"ipverse-allocations-v4.txt", "cidr", 50000},
                                         RealList{"ipverse-allocations-v6.txt", "cidr", 50000},
                                         RealList{"spamhaus-drop-v4.json", "drop", 1000},
                                         RealList{"ipsum-weighted.txt", "weighted", 100000},
                                         RealList{"wael.p2p", "p2p", 400000},
                                         RealList{"misp-smtp-sending-ips.json", "misp", 900}),
                         [](const auto& info) {
                           std::string name = info.param.file;
                           for (char& c : name)
                             if (c == '-' || c == '.') c = '_';
                           return name;
                         });

}  // namespace
}  // namespace postern::test
