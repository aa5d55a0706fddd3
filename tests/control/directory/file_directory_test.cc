// SPDX-License-Identifier: BSD-3-Clause
//
// A recipient file as a directory: what it answers, and one generation after another.
#include "control/directory/file_directory.h"

#include "rules/text/diagnostic.h"
#include "tests/control/directory/asking.h"
#include "tests/rules/support/temporary_directory.h"

namespace postern::directory {
namespace {

namespace asio = boost::asio;

// Empty: reloaded; else what is wrong.
asio::awaitable<std::string> reload(FileDirectory& directory,
                                    Shrinking shrinking = Shrinking::kRefused) {
  std::string complaint;
  try {
    co_await directory.reload(shrinking);
  } catch (const std::exception& error) {
    complaint = error.what();
  }
  co_return complaint;
}

TEST(FileDirectory, AnswersWithThePlace) {
  asio::io_context loop(1);
  const test::TemporaryDirectory files;
  const auto path =
      files.write("recipients", "user@example.org\nroot@example.org user@example.org\n");
  FileDirectory directory(path, {});
  const auto alias = ask(loop, directory, "Root@example.org");
  EXPECT_EQ(told(alias), "known user@example.org");
  EXPECT_EQ(alias.source, "file " + path + ":2");
  EXPECT_EQ(told(ask(loop, directory, "nobody@example.org")), "unknown");
  EXPECT_EQ(ask(loop, directory, "nobody").detail, "not an address");
}

TEST(FileDirectory, ABadGenerationDoesNotReplaceAGoodOne) {
  asio::io_context loop(1);
  const test::TemporaryDirectory files;
  const auto path = files.write("recipients", "user@example.org\n");
  FileDirectory directory(path, {});
  EXPECT_EQ(directory.generation(), 1u);
  files.write("recipients", "user@example.org\nother@example.org\n");
  EXPECT_EQ(told(ask(loop, directory, "other@example.org")), "unknown") << "not yet";
  EXPECT_EQ(finish(loop, reload(directory)), "");
  EXPECT_EQ(directory.generation(), 2u);
  EXPECT_EQ(told(ask(loop, directory, "other@example.org")), "known other@example.org");
  files.write("recipients", "user@example.org\nbroken\n");
  EXPECT_TRUE(finish(loop, reload(directory)).starts_with(path + ":2:1: "));
  EXPECT_EQ(directory.generation(), 2u);
  EXPECT_EQ(told(ask(loop, directory, "other@example.org")), "known other@example.org");
  std::filesystem::remove(path);
  EXPECT_NE(finish(loop, reload(directory)), "");
  EXPECT_EQ(told(ask(loop, directory, "other@example.org")), "known other@example.org");
  EXPECT_THROW(FileDirectory(path, {}), BadInput);
}

TEST(FileDirectory, AFileThatWasCutOffIsTakenOnlyWhereSomebodyMeansIt) {
  asio::io_context loop(1);
  const test::TemporaryDirectory files;
  const auto path = files.write("recipients", "a@example.org\nb@example.org\nc@example.org\n");
  FileDirectory directory(path, {});
  files.write("recipients", "a@example.org\n");
  EXPECT_NE(finish(loop, reload(directory)).find("1 of 3 entries are left"), std::string::npos);
  EXPECT_EQ(told(ask(loop, directory, "c@example.org")), "known c@example.org");
  files.write("recipients", "a@example.org\nb@example.org\n");
  EXPECT_EQ(finish(loop, reload(directory)), "");
  files.write("recipients", "");
  EXPECT_NE(finish(loop, reload(directory)), "");
  EXPECT_EQ(finish(loop, reload(directory, Shrinking::kAllowed)), "");
  EXPECT_EQ(told(ask(loop, directory, "a@example.org")), "unknown");
}

}  // namespace
}  // namespace postern::directory
