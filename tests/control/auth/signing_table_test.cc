// SPDX-License-Identifier: BSD-3-Clause
//
// Key tables with their keys: who signs for whom, and which keys are not taken.
#include "control/auth/signing_table.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/control/auth/rfc8463.h"
#include "tests/rules/support/temporary_directory.h"

namespace postern::auth {
namespace {

class SigningTableTest : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::string path = directory_.path(name);
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
    return path;
  }
  SigningTable load(const std::string& text) {
    return SigningTable::load(write("table", text, 0644));
  }
  std::string complaint(const std::string& text) {
    try {
      load(text);
      return "taken";
    } catch (const BadInput& error) {
      std::string shown;
      for (const auto& one : error.diagnostics())
        shown +=
            std::to_string(one.line) + ':' + std::to_string(one.column) + ": " + one.message + '\n';
      const std::string folder = directory_.path("");
      for (size_t at; (at = shown.find(folder)) != std::string::npos;)
        shown.erase(at, folder.size());
      return shown;
    }
  }
  std::string signer(const SigningTable& table, const std::string& author) {
    const auto* entries = table.find(author);
    std::string shown;
    if (entries != nullptr)
      for (const auto& entry : *entries)
        shown += (shown.empty() ? "" : " ") + entry.rule.selector + '@' + entry.rule.domain;
    return shown.empty() ? "nobody" : shown;
  }

  postern::test::TemporaryDirectory directory_;
};

TEST_F(SigningTableTest, TheLongestDomainThatFitsSigns) {
  write("k.pem", kRfc8463Ed25519PrivateKey);
  const auto table = load(
      "example.org one k.pem\nexample.org two k.pem\n*.example.org below k.pem\n"
      "*.a.example.org deeper k.pem\nb.a.example.org exact k.pem\n");
  EXPECT_EQ(signer(table, "example.org"), "one@example.org two@example.org");
  EXPECT_EQ(signer(table, "x.example.org"), "below@example.org");
  EXPECT_EQ(signer(table, "a.example.org"), "below@example.org");
  EXPECT_EQ(signer(table, "x.a.example.org"), "deeper@a.example.org");
  EXPECT_EQ(signer(table, "y.x.a.example.org"), "deeper@a.example.org");
  EXPECT_EQ(signer(table, "b.a.example.org"), "exact@b.a.example.org");
  EXPECT_EQ(signer(table, "org"), "nobody");
  EXPECT_EQ(signer(table, "anexample.org"), "nobody");
  EXPECT_EQ(signer(table, ""), "nobody");
  EXPECT_EQ(table.size(), 5U);
  EXPECT_EQ(table.keys(), 1U);
}

TEST_F(SigningTableTest, KeysAreFoundFromTheFolderOfTheTable) {
  const auto path = write("k.pem", kRfc8463Ed25519PrivateKey);
  EXPECT_EQ(signer(load("example.org s k.pem\n"), "example.org"), "s@example.org");
  EXPECT_EQ(signer(load("example.org s " + path + "\n"), "example.org"), "s@example.org");
}

TEST_F(SigningTableTest, AKeyThatOthersMayReadIsRefused) {
  for (const mode_t mode : {0644, 0604, 0602, 0660, 0620, 0601})
    EXPECT_TRUE(complaint((write("k.pem", kRfc8463Ed25519PrivateKey, mode), "example.org s k.pem"))
                    .starts_with("1:15: k.pem holds a secret and has mode 0"))
        << mode;
  for (const mode_t mode : {0600, 0400, 0640, 0440, 0700})
    EXPECT_EQ(complaint((write("k.pem", kRfc8463Ed25519PrivateKey, mode), "example.org s k.pem")),
              "taken")
        << mode;
}

TEST_F(SigningTableTest, AKeyThatCannotBeHadIsToldAtEachLineThatWantsIt) {
  write("bad.pem", "nonsense");
  EXPECT_EQ(complaint("a.example s bad.pem\nb.example s none.pem\nc.example s bad.pem\n"),
            "1:13: bad.pem is no private key in PEM\n"
            "2:13: none.pem cannot be read: No such file or directory\n"
            "3:13: bad.pem is no private key in PEM\n");
}

TEST_F(SigningTableTest, SmallKeysAreRefusedAndUnusualOnesWarnedOf) {
  write("weak.pem", DkimPrivateKey::rsa(768).pem());
  EXPECT_EQ(complaint("a.example s weak.pem"),
            "1:13: weak.pem has 768 bits, under 1024 (RFC 8301)\n");
  write("small.pem", kRfc8463RsaPrivateKey);
  const auto table = load("a.example s small.pem\nb.example s small.pem\n");
  ASSERT_EQ(table.warnings().size(), 1U);
  EXPECT_TRUE(
      table.warnings()[0].message.ends_with("has 1024 bits, under the 2048 that RFC 8301 advises"));
  EXPECT_EQ(table.warnings()[0].line, 1U);
  write("fine.pem", DkimPrivateKey::rsa(2048).pem());
  EXPECT_TRUE(load("a.example s fine.pem").warnings().empty());
  write("large.pem", DkimPrivateKey::rsa(4104).pem());
  EXPECT_TRUE(load("a.example s large.pem")
                  .warnings()
                  .at(0)
                  .message.ends_with("has 4104 bits, over 4096, which many do not verify"));
}

TEST_F(SigningTableTest, ATableThatIsNotThereIsTold) {
  EXPECT_THROW(SigningTable::load(directory_.path("none")), BadInput);
}

}  // namespace
}  // namespace postern::auth
