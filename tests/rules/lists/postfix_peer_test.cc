// SPDX-License-Identifier: BSD-3-Clause
//
// Postfix itself (`postmap -q - cidr:FILE`) says of generated tables, at every address at which
// something can change, what our reader of postfix-cidr says. Skipped where it is not installed.
#include <gtest/gtest.h>
#include <stdio.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <random>

#include "rules/lists/list_lines.h"
#include "rules/text/file_text.h"
#include "tests/rules/lists/naive_listing.h"
#include "tests/rules/support/temporary_directory.h"

namespace postern::test {
namespace {

constexpr const char* kProgram = "/usr/sbin/postmap";

class PostfixPeer : public testing::Test {
 protected:
  void SetUp() override {
    if (access(kProgram, X_OK) != 0) GTEST_SKIP() << kProgram << " is not installed";
  }
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }

  // Few different ones, so that they nest and meet.
  std::string pattern() {
    const bool v4 = below(3) != 0;
    std::string text = v4 ? "10" : "2001:db8";
    for (int i = 0; v4 && i < 3; i++) text += '.' + std::to_string(below(2) ? 0 : 254 + below(2));
    if (!v4) text += "::" + std::to_string(below(4));
    const int bits = v4 ? 32 : 128;
    const auto length = bits - static_cast<int>(below(v4 ? 26 : 100));
    const auto prefix =
        Prefix::make(IpAddress::parse(text).value(), length, Prefix::HostBits::kMask)->to_string();
    switch (below(4)) {
      case 0:
        return '[' + prefix + ']';
      case 1:
        return '[' + prefix.substr(0, prefix.find('/')) + ']' + prefix.substr(prefix.find('/'));
      default:
        return prefix;
    }
  }
  std::string negation() { return below(4) == 0 ? (below(2) ? "!" : "! ") : ""; }

  std::string table(int depth) {
    std::string text;
    for (auto count = 1 + below(6); count > 0; count--) {
      if (depth < 3 && below(4) == 0) {
        text += (below(2) ? "if " : "IF ") + negation() + pattern() + '\n' + table(depth + 1) +
                "endif\n";
        continue;
      }
      text += negation() + pattern();
      text += below(3) == 0 ? "\n# between\n\n   " : " ";
      const auto number = std::to_string(next_result_++);
      switch (below(4)) {
        case 0:
          text += "OK\n";
          break;
        case 1:
          text += "DUNNO\n";
          break;
        default:
          text += "R" + number + " text\n  and more\n";
      }
    }
    return text;
  }

  // Address -> the first word of the result, "" for those that let pass and for none.
  std::map<std::string, std::string> ask(const std::string& text,
                                         const std::vector<IpAddress>& places) {
    const TemporaryDirectory directory;
    const auto file = directory.write("table", text);
    // Postfix waits two seconds for a file that has just been written to hold still.
    const auto earlier = std::filesystem::file_time_type::clock::now() - std::chrono::minutes(1);
    std::filesystem::last_write_time(file, earlier);
    std::filesystem::last_write_time(directory.write("main.cf", ""), earlier);
    std::string keys;
    std::map<std::string, std::string> words;
    for (const auto& place : places) {
      keys += place.to_string() + '\n';
      words[place.to_string()] = "";
    }
    const auto command = std::string(kProgram) + " -c '" + directory.path("") +
                         "' -q - 'cidr:" + file + "' < '" + directory.write("keys", keys) +
                         "' > '" + directory.path("answers") + "' 2> '" + directory.path("errors") +
                         "'";
    if (system(command.c_str()) == -1) throw std::runtime_error("no shell");
    EXPECT_EQ(read_file_text(directory.path("errors"), 1 << 20).text, "");
    const auto answers = read_file_text(directory.path("answers"), 1 << 24).text;
    for (ListLines lines(answers, Comments::kNone); lines.next();) {
      Cursor cursor(lines.text());
      const auto key = take_word(cursor), word = take_word(cursor);
      words[std::string(key)] = word == "OK" || word == "DUNNO" ? "" : word;
    }
    return words;
  }

 private:
  std::mt19937 random_{5};
  int next_result_ = 1;
};

TEST_F(PostfixPeer, AgreesAtEveryBoundary) {
  size_t listed = 0;
  for (int i = 0; i < 200; i++) {
    const auto text = table(0);
    const auto content = read_list("postfix-cidr", text);
    ASSERT_EQ(content.skipped_count, 0u) << text;
    for (const auto& [address, word] : ask(text, places_of(content))) {
      ASSERT_EQ(words_at(content, address), word) << address << " in\n" << text;
      listed += word.empty() ? 0 : 1;
    }
  }
  EXPECT_GT(listed, 1000u);
}

}  // namespace
}  // namespace postern::test
