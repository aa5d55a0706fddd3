// SPDX-License-Identifier: BSD-3-Clause
//
// Messages from files: line ends, mbox lines, files that are not there, the names in the JSON, and
// the messages of POSTERN_DATA's conformance/mail-auth-dkim.
#include "control/auth/verify_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "control/dns/master_file_resolver.h"
#include "control/dns/unbound_resolver.h"
#include "rules/text/diagnostic.h"
#include "tests/control/auth/run.h"
#include "tests/control/auth/signer.h"
#include "tests/support/scripted_resolver.h"

namespace postern::auth {
namespace {

constexpr const char* kTags =
    "v=1; a=ed25519-sha256; c=simple/simple; d=example.org; s=sel; h=From";

class File {
 public:
  explicit File(const std::string& bytes) {
    std::string pattern = std::filesystem::temp_directory_path() / "postern-message-XXXXXX";
    close(mkstemp(pattern.data()));
    path_ = pattern;
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  ~File() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class VerifyFile : public testing::Test {
 protected:
  VerifyFile() {
    resolver.set_text("sel._domainkey.example.org", {"k=ed25519; p=" + key.public_part()});
  }
  Result result_of(const std::string& bytes) {
    const File file(bytes);
    const AuthResult result = verify_file(file.path(), {}, resolver);
    return result.dkim.empty() ? Result::kNone : result.dkim[0].result;
  }
  static std::string with_bare_lf(std::string text) {
    std::erase(text, '\r');
    return text;
  }

  const SigningKey key = SigningKey::ed25519();
  dns::ScriptedResolver resolver;
  const std::string message =
      sign_message("From: a@example.org\r\nTo: b\r\n\r\nline\r\n\r\nline\r\n", kTags, key);
};

TEST_F(VerifyFile, TakesEitherLineEnd) {
  EXPECT_EQ(result_of(message), Result::kPass);
  EXPECT_EQ(result_of(with_bare_lf(message)), Result::kPass);
}

TEST_F(VerifyFile, PassesOverAnMboxLine) {
  const std::string mbox = "From alice@example.org Mon Nov 23 00:00:00 2026\n";
  EXPECT_EQ(result_of(mbox + with_bare_lf(message)), Result::kPass);
  EXPECT_EQ(result_of(mbox), Result::kNone);
  const File field("From : a@example.org\n\n");
  EXPECT_EQ(verify_file(field.path(), {}, resolver).from_domain, "example.org");
}

TEST_F(VerifyFile, ReadsFilesOfManyPieces) {
  std::string body;
  while (body.size() < 300000)
    body += "a line of a long message " + std::to_string(body.size()) + "\r\n";
  const std::string large = sign_message("From: a@example.org\r\n\r\n" + body, kTags, key);
  EXPECT_EQ(result_of(large), Result::kPass);
  EXPECT_EQ(result_of(with_bare_lf(large)), Result::kPass);
  EXPECT_EQ(result_of(""), Result::kNone);
}

TEST_F(VerifyFile, SaysWhichFileItCannotRead) {
  for (const char* path : {"/nonexistent/message.eml", "/"}) {
    try {
      verify_file(path, {}, resolver);
      FAIL() << path;
    } catch (const BadInput& error) {
      EXPECT_EQ(error.diagnostics().at(0).file, path);
      EXPECT_TRUE(error.diagnostics().at(0).message.starts_with("cannot be read: "));
    }
  }
}

TEST_F(VerifyFile, RunsTheLoopOfItsResolver) {
  boost::asio::io_context loop(1);
  dns::UnboundResolver::Options options;
  options.forward_to = {"127.0.0.1@1"};  // nobody answers there
  options.deadline = std::chrono::milliseconds(300);
  dns::UnboundResolver unbound(loop, options);
  const File file(message);
  const AuthResult result = verify_file(file.path(), {}, unbound, loop);
  ASSERT_EQ(result.dkim.size(), 1U);
  EXPECT_EQ(result.dkim[0].result, Result::kTempError);
  EXPECT_TRUE(result.dns_failed);
  EXPECT_EQ(verify_file(file.path(), {}, unbound, loop).dkim.size(), 1U) << "and again";
}

TEST(ToJson, HasTheNamesOfTheContract) {
  AuthResult result;
  DkimResult dkim;
  dkim.domain = "example.org";
  dkim.selector = "sel";
  dkim.algorithm = "rsa-sha256";
  dkim.key_bits = 2048;
  dkim.result = Result::kPass;
  dkim.body_hash_ok = true;
  result.dkim.push_back(dkim);
  result.spf.push_back({"helo", "mail.example.org", Result::kNone, ""});
  result.dmarc.domain = "example.org";
  EXPECT_EQ(
      boost::json::serialize(to_json(result)),
      R"({"dkim":[{"domain":"example.org","selector":"sel","algorithm":"rsa-sha256",)"
      R"("key_bits":2048,"result":"pass","reason":"","body_hash_ok":true}],)"
      R"("spf":[{"identity":"helo","domain":"mail.example.org","result":"none","reason":""}],)"
      R"("dmarc":{"result":"none","policy":"","domain":"example.org"}})");
  EXPECT_EQ(boost::json::serialize(to_json({})),
            R"({"dkim":[],"spf":[],"dmarc":{"result":"none","policy":"","domain":""}})");
}

TEST(ToJson, IsUtf8WhateverTheMessageSays) {
  AuthResult result;
  result.dkim.emplace_back().selector =
      "a\xff"
      "b";
  const std::string text = boost::json::serialize(to_json(result));
  EXPECT_NE(text.find("a\xef\xbf\xbd"
                      "b"),
            std::string::npos)
      << text;
}

// Each file: lines "NAME RECORD", an empty line, the message. All of them are good mail, which
// python3-dkim confirms (it holds the x= of 005 against today's clock); 005 is good until its x=,
// 1667930064.
TEST(Conformance, MailAuthDkim) {
  const char* data = getenv("POSTERN_DATA");
  if (data == nullptr) GTEST_SKIP() << "POSTERN_DATA is not set";
  const auto folder = std::filesystem::path(data) / "conformance" / "mail-auth-dkim";
  if (!std::filesystem::is_directory(folder)) GTEST_SKIP() << folder << " is not there";
  const struct {
    const char* file;
    std::vector<std::string> signatures;  // "domain selector algorithm bits"
    const char* author;
  } kExpected[] = {
      {"001.txt",
       {"football.example.com brisbane ed25519-sha256 256",
        "football.example.com test rsa-sha256 1024"},
       "football.example.com"},
      {"002.txt", {"example.com newengland rsa-sha256 1024"}, "football.example.com"},
      {"003.txt", {"ietf.org ietf1 rsa-sha256 1024", "ietf.org ietf1 rsa-sha256 1024"}, "jck.com"},
      {"004.txt", {"facebookmail.com s1024-2013-q3 rsa-sha256 1024"}, "facebookmail.com"},
      {"005.txt", {"topicbox.com sysmsg-1 rsa-sha256 1024"}, "topicbox.com"},
      {"006.txt", {"github.com dk2016 rsa-sha256 1024"}, "github.com"},
  };
  for (const auto& expected : kExpected) {
    SCOPED_TRACE(expected.file);
    std::ifstream file(folder / expected.file, std::ios::binary);
    dns::ScriptedResolver resolver;
    for (std::string line; std::getline(file, line) && !line.empty();) {
      const auto blank = line.find(' ');
      resolver.set_text(line.substr(0, blank), {line.substr(blank + 1)});
    }
    std::ostringstream message;
    message << file.rdbuf();
    const auto verify = [&](const std::string& text, int64_t now) {
      std::istringstream stream(text);
      boost::asio::io_context loop(1);
      return verify_stream(stream, expected.file, at_time(now), resolver, loop);
    };
    const AuthResult result = verify(message.str(), 1667930064);
    EXPECT_EQ(result.from_domain, expected.author);
    ASSERT_EQ(result.dkim.size(), expected.signatures.size());
    for (size_t i = 0; i < result.dkim.size(); i++) {
      const DkimResult& dkim = result.dkim[i];
      EXPECT_EQ(dkim.result, Result::kPass) << dkim.reason;
      EXPECT_TRUE(dkim.body_hash_ok);
      EXPECT_EQ(dkim.domain + ' ' + dkim.selector + ' ' + dkim.algorithm + ' ' +
                    std::to_string(dkim.key_bits),
                expected.signatures[i]);
    }
    const bool expires = std::string_view(expected.file) == "005.txt";
    EXPECT_EQ(verify(message.str(), 1667930065).dkim[0].result,
              expires ? Result::kPolicy : Result::kPass);
    for (const auto& dkim : verify(message.str() + "one line more\n", 1667930064).dkim) {
      EXPECT_EQ(dkim.result, Result::kFail);
      EXPECT_EQ(dkim.reason, "body hash did not verify");
      EXPECT_FALSE(dkim.body_hash_ok);
    }
  }
}

}  // namespace
}  // namespace postern::auth
