// SPDX-License-Identifier: BSD-3-Clause
//
// What the documents show is true: the example compiles and judges as it says, and every policy in
// docs/policy.md parses. POSTERN_DOCS names the folder; the build sets it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "rules/lists/list_format.h"
#include "rules/text/file_text.h"
#include "tests/rules/support/compiled.h"

namespace postern::test {
namespace {

using testing::IsEmpty;

std::string docs(const std::string& file) {
  const char* folder = std::getenv("POSTERN_DOCS");
  return std::string(folder ? folder : "docs") + '/' + file;
}

// The fenced blocks of a language in a Markdown text.
std::vector<std::string> blocks_of(const std::string& language, const std::string& text) {
  std::vector<std::string> blocks;
  const auto fence = "```" + language + '\n';
  for (size_t at = text.find(fence); at != std::string::npos; at = text.find(fence, at)) {
    at += fence.size();
    const auto end = text.find("```\n", at);
    blocks.push_back(text.substr(at, end - at));
    at = end + 4;
  }
  return blocks;
}

TEST(Docs, ExampleCompilesWithoutAWarning) {
  const auto result = compile(read_policy(docs("example.policy")), {.strict = true});
  EXPECT_THAT(result.warnings, IsEmpty());
  EXPECT_EQ(result.lists.size(), 5u);
}

TEST(Docs, ExampleJudgesAsItSays) {
  const auto snapshot =
      Snapshot::from_bytes(compile(read_policy(docs("example.policy"))).bytes, "example");
  const auto reason = [&](std::string_view source, std::string_view to) {
    const auto service = snapshot->service_of(address(to), 25).value();
    const auto address_class = snapshot->class_of(address(source));
    return word(static_cast<Reason>(snapshot->verdict(service.policy, address_class).reason));
  };
  EXPECT_EQ(reason("203.0.113.70", "198.51.100.1"), "rule-reset");
  EXPECT_EQ(reason("203.0.113.1", "198.51.100.1"), "rule-drop");
  EXPECT_EQ(reason("203.0.113.129", "198.51.100.1"), "rule-inspect");
  EXPECT_EQ(reason("203.0.113.200", "198.51.100.1"), "rule-allow");
  EXPECT_EQ(reason("192.0.2.1", "198.51.100.1"), "protected");
  EXPECT_EQ(reason("192.0.2.77", "198.51.100.1"), "no-rule");
  EXPECT_EQ(reason("2001:db8:d1a1::1", "2001:db8:25::1"), "rule-reset");
}

TEST(Docs, PoliciesInTheTextParse) {
  const auto blocks = blocks_of("policy", read_file_text(docs("policy.md"), 1 << 20).text);
  ASSERT_EQ(blocks.size(), 3u);
  for (const auto& block : blocks)
    EXPECT_EQ(complaint_of([&] { parse_policy(block, "policy.md"); }), "");
}

TEST(Docs, EveryFormatIsDescribed) {
  const auto text = read_file_text(docs("list-formats.md"), 1 << 20).text;
  for (const auto* format : list_formats())
    EXPECT_NE(text.find("\n## " + std::string(format->name()) + '\n'), std::string::npos)
        << format->name();
}

// And recognised: what a reader of the document copies is what the program takes it for.
TEST(Docs, ExamplesOfListsAreRead) {
  const auto text = read_file_text(docs("list-formats.md"), 1 << 20).text;
  for (const auto* format : list_formats()) {
    const std::string name(format->name());
    const auto blocks = blocks_of("list " + name, text);
    EXPECT_FALSE(blocks.empty()) << name << " has no example";
    for (const auto& block : blocks) {
      const auto content = format->read(block, {.file = name});
      EXPECT_GT(content.size(), 0u) << name;
      EXPECT_EQ(content.skipped_count, 0u)
          << (content.skipped.empty() ? "" : content.skipped.front().to_string());
      const auto* recognised = recognise_list_format(block);
      EXPECT_EQ(recognised ? recognised->name() : "none", name);
    }
  }
}

}  // namespace
}  // namespace postern::test
