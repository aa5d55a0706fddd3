// SPDX-License-Identifier: BSD-3-Clause
//
// Files that no feed should ever send, each loaded by a policy as any list is: one clear line for
// each, and the last good list stays. What unpacks to too much is in
// tests/rules/text/compressed_test.cc, where the limit is small.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <ostream>

#include "tests/rules/support/compiled.h"
#include "tests/rules/support/packed.h"

namespace postern::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct HostileFile {
  const char* name;
  std::string bytes;
  std::string why;            // how the complaint begins, behind the path
  std::string declared = {};  // what the policy says about its format
};

void PrintTo(const HostileFile& file, std::ostream* out) {
  *out << file.name;
}

// The text as UTF-16, its bytes in the given order.
std::string utf16(std::string_view text, bool little_endian) {
  std::string bytes;
  for (const char c : text)
    bytes.append(little_endian ? std::string{c, '\0'} : std::string{'\0', c});
  return bytes;
}

std::vector<HostileFile> hostile_files() {
  const std::string good = "192.0.2.1\n198.51.100.0/24\n";
  const auto gzip = gzipped(good), xz = xzed(good);
  const std::string bad_line = ": has no usable line; the first of 1 bad ones: ";
  auto damaged = gzip;
  damaged[damaged.size() - 6] ^= 1;
  return {
      {"empty", "", ": is empty"},
      {"comments_only", "# nothing today\n\n", ": is empty"},
      {"html", "<!DOCTYPE html>\n<html><body>502 Bad Gateway 192.0.2.1</body></html>\n",
       ": is HTML or XML, not a list"},
      {"binary",
       std::string("\x7f"
                   "ELF\2\1\1\0\0\0\0\0\0",
                   13),
       ": is binary"},
      {"nul_behind_an_address", std::string("192.0.2.1\0\n", 11), ": is binary"},
      {"utf16_le_with_mark", "\xff\xfe" + utf16(good, true), ": is binary (or UTF-16), not text"},
      {"utf16_be", utf16(good, false), ": is binary (or UTF-16), not text"},
      {"truncated_gzip", gzip.substr(0, gzip.size() / 2), ": is gzip that ends too soon"},
      {"gzip_magic_only", "\x1f\x8b", ": is gzip that ends too soon"},
      {"damaged_gzip", damaged, ": is damaged gzip: incorrect data check"},
      {"truncated_xz", xz.substr(0, xz.size() - 1), ": is xz that ends too soon"},
      {"gzip_of_html", gzipped("<html>192.0.2.1</html>"), ": is HTML or XML, not a list"},
      {"long_line", std::string(16 << 20, '1'), ": is of no format that is known"},
      {"no_format", "what is this\n", ": is of no format that is known"},
      {"everyone", "192.0.2.1\n0.0.0.0/0\n", ": has 0.0.0.0/0 at line 2, which is everyone"},
      {"everyone_ipv6", "192.0.2.1\n::/0\n", ": has ::/0 at line 2, which is everyone"},
      {"everyone_as_a_range", "0.0.0.0-255.255.255.255\n", ": has 0.0.0.0/0 at line 1"},
      {"everyone_by_a_mask", "0.0.0.0/0.0.0.0\n", ": has 0.0.0.0/0 at line 1"},
      {"host_bits", "192.0.2.1/24\n",
       bad_line + "\"192.0.2.1/24\" has bits set behind its length; did you mean 192.0.2.0/24?"},
      {"mapped", "::ffff:192.0.2.1\n",
       bad_line + "\"::ffff:192.0.2.1\" is IPv4 written as IPv6, which no packet carries"},
      {"backwards", "192.0.2.9-192.0.2.1\n",
       bad_line + "\"192.0.2.9-192.0.2.1\" ends before it begins"},
      {"two_families", "192.0.2.1-2001:db8::1\n",
       bad_line + "\"192.0.2.1-2001:db8::1\" begins in one address family and ends in another"},
      {"octal_looking", "012.0.0.1\n", bad_line + "\"012.0.0.1\" has an octet with a leading zero",
       " format cidr"},
      {"length_of_the_other_family", "192.0.2.0/64\n",
       bad_line + "\"192.0.2.0/64\" is not an address or a prefix", " format cidr"},
      {"negative_length", "192.0.2.0/-8\n",
       bad_line + "\"192.0.2.0/-8\" is not an address or a prefix", " format cidr"},
      {"drop_cut_short", "{\"cidr\":\"192.0.2.0/24\",\"sblid\":\"SBL1\"}\n",
       ": the metadata line that ends a DROP file is missing"},
      {"csv_cut_short", "ip,comment\n192.0.2.1,x\n192.0.2.2,\"and th",
       ":3: a quote opens in this row and never closes"},
      {"patterns", "{\"list\":[\"/x/\"],\"type\":\"regex\"}",
       ": is a warninglist of type \"regex\""},
  };
}

class HostileFiles : public testing::TestWithParam<HostileFile> {};

TEST_P(HostileFiles, GiveOneLineAndChangeNothing) {
  Workshop shop;
  shop.list("a.txt", "192.0.2.1\n");
  const auto previous = shop.snapshot("list a \"a.txt\"\n");
  shop.list("a.txt", GetParam().bytes);
  const auto policy = "list a \"a.txt\"" + GetParam().declared + '\n';

  const auto path = shop.directory().path("a.txt");
  const auto complaint = complaint_of([&] { shop.compile(policy); });
  EXPECT_THAT(complaint, StartsWith(path + GetParam().why));
  EXPECT_EQ(std::ranges::count(complaint, '\n'), 0) << complaint;
  EXPECT_LT(complaint.size(), path.size() + 250);

  const auto kept = shop.compile(policy, {.previous = previous.get()});
  ASSERT_EQ(kept.warnings.size(), 1u);
  EXPECT_EQ(kept.warnings[0].to_string(), complaint + " (refused; the last good one stays)");
  const auto snapshot = Snapshot::from_bytes(kept.bytes, "kept");
  EXPECT_NE(snapshot->class_of(address("192.0.2.1")), 0u);
  EXPECT_EQ(snapshot->class_of(address("192.0.2.2")), 0u);
}

INSTANTIATE_TEST_SUITE_P(Each, HostileFiles, testing::ValuesIn(hostile_files()),
                         [](const auto& info) { return std::string(info.param.name); });

class UnreadableFiles : public testing::Test {
 protected:
  std::string complaint() const {
    return complaint_of([&] { shop_.compile("list a \"a.txt\"\n"); });
  }
  std::string path() const { return shop_.directory().path("a.txt"); }
  Workshop shop_;
};

TEST_F(UnreadableFiles, ADirectory) {
  shop_.list("a.txt/b", "192.0.2.1\n");
  EXPECT_EQ(complaint(), path() + ": cannot be read: Is a directory");
}

TEST_F(UnreadableFiles, ALinkToItself) {
  ASSERT_EQ(::symlink("a.txt", path().c_str()), 0);
  EXPECT_EQ(complaint(), path() + ": cannot be read: Too many levels of symbolic links");
}

TEST_F(UnreadableFiles, ALinkToNothing) {
  ASSERT_EQ(::symlink("b.txt", path().c_str()), 0);
  EXPECT_EQ(complaint(), path() + ": cannot be read: No such file or directory");
}

// A hole, so that the file takes no room; its size alone refuses it, before a byte is read.
TEST_F(UnreadableFiles, TwoGigabytesInALine) {
  shop_.list("a.txt", "192.0.2.1");
  ASSERT_EQ(::truncate(path().c_str(), off_t{1} << 31), 0);
  EXPECT_THAT(complaint(), StartsWith(path() + ": is too big: at most "));
}

// Odd, and yet what it says is clear.
class OddFiles : public testing::TestWithParam<HostileFile> {};

TEST_P(OddFiles, AreRead) {
  Workshop shop;
  shop.list("a.txt", GetParam().bytes);
  const auto result = shop.compile("list a \"a.txt\"\n", {.strict = true});
  EXPECT_EQ(result.warnings.size(), 0u);
  const auto snapshot = Snapshot::from_bytes(result.bytes, "odd");
  EXPECT_NE(snapshot->class_of(address("192.0.2.1")), 0u);
  EXPECT_EQ(snapshot->class_of(address("192.0.2.2")), 0u);
}

std::string repeated(std::string_view line, size_t count) {
  std::string text;
  text.reserve(line.size() * count);
  for (size_t i = 0; i < count; i++) text += line;
  return text;
}

INSTANTIATE_TEST_SUITE_P(
    Each, OddFiles,
    testing::Values(HostileFile{"crlf", "# a\r\n\r\n192.0.2.1\r\n", ""},
                    HostileFile{"utf8_mark",
                                "\xEF\xBB\xBF"
                                "192.0.2.1\n",
                                ""},
                    HostileFile{"no_last_newline", "192.0.2.1", ""},
                    HostileFile{"latin1_comment", "192.0.2.1 # Caf\xe9\n", ""},
                    HostileFile{"gzip", gzipped("192.0.2.1\n"), ""},
                    HostileFile{"xz", xzed("192.0.2.1\n"), ""},
                    HostileFile{"long_comment", "#" + std::string(16 << 20, 'x') + "\n192.0.2.1\n",
                                ""},
                    HostileFile{"duplicate_millions", repeated("192.0.2.1\n", 2'000'000), ""}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace postern::test
