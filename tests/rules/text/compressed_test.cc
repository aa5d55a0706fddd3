// SPDX-License-Identifier: BSD-3-Clause
//
// Unpacking what zlib and liblzma packed, and refusing what is damaged or too much.
#include "rules/text/compressed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/rules/support/compiled.h"
#include "tests/rules/support/packed.h"

namespace postern::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr size_t kMax = 1 << 20;

std::string complaint(const std::string& bytes, size_t max_bytes = kMax) {
  return complaint_of([&] { uncompressed(bytes, "a.list", max_bytes); });
}

// Of many sizes, and hard to pack.
std::string noise(size_t size) {
  std::mt19937 random(static_cast<unsigned>(size));
  std::string text;
  while (text.size() < size) text += static_cast<char>('0' + random() % 10);
  return text;
}

TEST(Compressed, UnpacksWhatWasPacked) {
  for (const size_t size : {0, 1, 2, 5000, 70000, 1000000}) {
    const auto text = noise(size);
    EXPECT_EQ(uncompressed(gzipped(text), "a.list", kMax), text) << size;
    EXPECT_EQ(uncompressed(xzed(text), "a.list", kMax), text) << size;
  }
  EXPECT_EQ(uncompressed(gzipped(std::string(kMax, 'x')), "a.list", kMax), std::string(kMax, 'x'));
}

TEST(Compressed, LeavesOtherBytesAlone) {
  for (const std::string text : {"", "\x1f", "192.0.2.1\n",
                                 "\xfd"
                                 "7zXZ",
                                 "PK\x03\x04"})
    EXPECT_EQ(uncompressed(text, "a.list", 3), text);
}

TEST(Compressed, ReadsAllMembers) {
  EXPECT_EQ(uncompressed(gzipped("a\n") + gzipped("") + gzipped("b\n"), "a.list", kMax), "a\nb\n");
  EXPECT_EQ(uncompressed(xzed("a\n") + xzed("b\n"), "a.list", kMax), "a\nb\n");
}

TEST(Compressed, AllowsZerosBehindTheEnd) {
  EXPECT_EQ(uncompressed(gzipped("a\n") + std::string(512, '\0'), "a.list", kMax), "a\n");
  EXPECT_EQ(uncompressed(xzed("a\n") + std::string(512, '\0'), "a.list", kMax), "a\n");
}

TEST(Compressed, RefusesOtherBytesBehindTheEnd) {
  EXPECT_EQ(complaint(gzipped("a\n") + "x"), "a.list: is gzip with something behind its end");
  EXPECT_THAT(complaint(xzed("a\n") + "xxxxxxxxxxxx"),
              HasSubstr("or xz with something behind its end"));
}

TEST(Compressed, RefusesATruncatedFile) {
  const auto text = noise(3000);
  const auto gzip = gzipped(text), xz = xzed(text);
  for (size_t size = 2; size < gzip.size(); size++)
    EXPECT_EQ(complaint(gzip.substr(0, size)),
              "a.list: is gzip that ends too soon; is the file truncated?")
        << size;
  for (size_t size = 6; size < xz.size(); size++)
    EXPECT_EQ(complaint(xz.substr(0, size)),
              "a.list: is xz that ends too soon; is the file truncated?")
        << size;
  EXPECT_THAT(complaint(gzip + gzip.substr(0, gzip.size() / 2)), HasSubstr("ends too soon"));
}

// Checksums see every changed byte of the contents; in the header of gzip some mean nothing.
TEST(Compressed, RefusesADamagedFile) {
  const auto text = noise(3000);
  const auto gzip = gzipped(text), xz = xzed(text);
  for (size_t at = 20; at < gzip.size(); at++) {
    auto damaged = gzip;
    damaged[at] = static_cast<char>(damaged[at] ^ 0xff);
    EXPECT_THAT(complaint(damaged), StartsWith("a.list: is ")) << at;
  }
  for (size_t at = 6; at < xz.size(); at++) {
    auto damaged = xz;
    damaged[at] = static_cast<char>(damaged[at] ^ 0xff);
    EXPECT_THAT(complaint(damaged), StartsWith("a.list: is ")) << at;
  }
}

TEST(Compressed, UnpacksNoMoreThanIsAllowed) {
  EXPECT_EQ(complaint(gzipped(std::string(kMax + 1, '0'))),
            "a.list: is gzip of too much: at most 1048576 bytes are unpacked");
  EXPECT_EQ(complaint(xzed(std::string(kMax + 1, '0'))),
            "a.list: is xz of too much: at most 1048576 bytes are unpacked");
  // Two GiB in two MB: what is unpacked of it is the limit, not the whole.
  const auto bomb = gzipped(std::string(1 << 20, '0'));
  std::string bombs;
  for (int i = 0; i < 2048; i++) bombs += bomb;
  EXPECT_THAT(complaint(bombs), HasSubstr("too much"));
}

}  // namespace
}  // namespace postern::test
