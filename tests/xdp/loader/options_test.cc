// SPDX-License-Identifier: BSD-3-Clause
//
// The command line and the config file of postern-xdp: what they set, which wins, and that wrong
// usage is refused with a line that names the option.
#include "xdp/loader/options.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

namespace postern::xdp {
namespace {

std::variant<Options, Answer> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "postern-xdp");
  return parse_options(static_cast<int>(words.size()), words.data());
}

std::string refusal(std::vector<const char*> words) {
  try {
    parse(std::move(words));
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

class ConfigFile {
 public:
  explicit ConfigFile(const std::string& text) {
    std::string name = ::testing::TempDir() + "postern-xdp-XXXXXX";
    close(mkstemp(name.data()));
    path_ = name;
    std::ofstream(path_) << text;
  }
  ~ConfigFile() { std::filesystem::remove(path_); }
  const char* path() const { return path_.c_str(); }

 private:
  std::string path_;
};

TEST(Options, Defaults) {
  const auto options = std::get<Options>(parse({"--wan", "a", "--mx", "b"}));
  EXPECT_EQ(options.engine.wan, std::vector<std::string>{"a"});
  EXPECT_EQ(options.engine.mx, std::vector<std::string>{"b"});
  EXPECT_EQ(options.engine.topology, PS_TOPOLOGY_WIRE);
  EXPECT_EQ(options.engine.mode, Mode::kNative);
  EXPECT_EQ(options.engine.pin, "/sys/fs/bpf/postern");
  EXPECT_EQ(options.engine.dynamic_entries, 65536u);
  EXPECT_EQ(options.api.socket, "/run/postern/xdp.sock");
  EXPECT_TRUE(options.snapshot.empty());
  EXPECT_FALSE(options.keep);
  EXPECT_EQ(options.engine.limit_sources, 65536u);
  EXPECT_EQ(options.engine.answers_per_second, 100'000u);
  EXPECT_TRUE(options.cookie_secret.empty());
}

TEST(Options, AllOfThem) {
  const auto options = std::get<Options>(parse({"--wan",
                                                "a",
                                                "--topology",
                                                "host",
                                                "--snapshot",
                                                "s",
                                                "--api",
                                                "/x",
                                                "--pin",
                                                "/y",
                                                "--generic",
                                                "--keep",
                                                "--dynamic-entries",
                                                "100",
                                                "--limit-sources",
                                                "200",
                                                "--answers",
                                                "0",
                                                "--link",
                                                "ignore",
                                                "--state-dir",
                                                "/d",
                                                "--bad-snapshot",
                                                "last-good",
                                                "--cookie-secret",
                                                "/c"}));
  EXPECT_EQ(options.engine.topology, PS_TOPOLOGY_HOST);
  EXPECT_EQ(options.engine.mode, Mode::kGeneric);
  EXPECT_EQ(options.engine.pin, "/y");
  EXPECT_EQ(options.engine.dynamic_entries, 100u);
  EXPECT_EQ(options.engine.limit_sources, 200u);
  EXPECT_EQ(options.engine.answers_per_second, 0u);
  EXPECT_EQ(options.cookie_secret, "/c");
  EXPECT_EQ(options.snapshot, "s");
  EXPECT_EQ(options.api.socket, "/x");
  EXPECT_TRUE(options.keep);
  EXPECT_FALSE(options.engine.propagate_link);
  EXPECT_EQ(options.state_dir, "/d");
  EXPECT_EQ(options.bad_snapshot, BadSnapshot::kLastGood);
}

TEST(Options, TheCommandLineWinsOverTheFile) {
  const ConfigFile file("# ports\nwan = a\nmx = b\ngeneric = true\ndynamic-entries = 7\n");
  const auto options =
      std::get<Options>(parse({"--config", file.path(), "--mx", "c", "--dynamic-entries", "8"}));
  EXPECT_EQ(options.engine.wan, std::vector<std::string>{"a"});
  EXPECT_EQ(options.engine.mx, std::vector<std::string>{"c"});
  EXPECT_EQ(options.engine.mode, Mode::kGeneric);
  EXPECT_EQ(options.engine.dynamic_entries, 8u);
}

TEST(Options, WrongUsageNamesTheOption) {
  EXPECT_NE(refusal({}).find("--wan"), std::string::npos);
  EXPECT_NE(refusal({"--wan", "a"}).find("--mx"), std::string::npos);
  EXPECT_NE(refusal({"--wan", "a", "--mx", "a"}).find("same device"), std::string::npos);
  EXPECT_NE(refusal({"--wan", "a", "--mx", "b", "--topology", "host"}).find("--mx"),
            std::string::npos);
  EXPECT_NE(refusal({"--wan", "a", "--topology", "ring"}).find("ring"), std::string::npos);
  EXPECT_NE(
      refusal({"--wan", "a", "--mx", "b", "--dynamic-entries", "0"}).find("--dynamic-entries"),
      std::string::npos);
  EXPECT_NE(refusal({"--wan", "a", "--mx", "b", "--dynamic-entries", "99999999"})
                .find("--dynamic-entries"),
            std::string::npos);
  EXPECT_NE(refusal({"--wan", "a", "--mx", "b", "--dynamic-entries", "many"}).find("many"),
            std::string::npos);
  EXPECT_NE(refusal({"--wan", "a", "--mx", "b", "--pin", "here"}).find("--pin"), std::string::npos);
  EXPECT_NE(refusal({"--wan", "a", "--mx", "b", "--link", "maybe"}).find("maybe"),
            std::string::npos);
  EXPECT_NE(refusal({"--wan", "a", "--mx", "b", "--bad-snapshot", "pray"}).find("pray"),
            std::string::npos);
  EXPECT_NE(refusal({"--wan", "a", "--mx", "b", "--bad-snapshot", "last-good"}).find("--state-dir"),
            std::string::npos);
  EXPECT_NE(refusal({"--nonsense"}).find("nonsense"), std::string::npos);
  EXPECT_NE(refusal({"stray"}).find("positional"), std::string::npos);
  EXPECT_NE(refusal({"--wa", "a", "--mx", "b"}).find("--wa"), std::string::npos);
}

TEST(Options, SeveralWires) {
  const auto options =
      std::get<Options>(parse({"--wan", "a", "--mx", "b", "--wan", "c", "--mx", "d"}));
  EXPECT_EQ(options.engine.wan, (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(options.engine.mx, (std::vector<std::string>{"b", "d"}));
  EXPECT_NE(refusal({"--wan", "a", "--mx", "b", "--wan", "c"}).find("2 and 1"), std::string::npos);
  EXPECT_NE(refusal({"--wan", "a", "--mx", "b", "--wan", "a", "--mx", "c"}).find("same device"),
            std::string::npos);
  EXPECT_NE(refusal({"--wan", "a", "--wan", "b", "--topology", "host"}).find("one port"),
            std::string::npos);
  const ConfigFile file("wan = a\nmx = b\nwan = c\nmx = d\n");
  EXPECT_EQ(std::get<Options>(parse({"--config", file.path()})).engine.mx.size(), 2u);
}

TEST(Options, ABadConfigFileIsNamed) {
  const ConfigFile unknown("wan = a\nwam = b\n");
  for (const std::string& path : {std::string(unknown.path()), std::string("/nonexistent/x")}) {
    try {
      parse({"--config", path.c_str()});
      FAIL() << "not refused";
    } catch (const UsageError&) {
      FAIL() << "a file is input, not usage";
    } catch (const std::runtime_error& refused) {
      EXPECT_TRUE(std::string_view(refused.what()).starts_with(path)) << refused.what();
    }
  }
}

TEST(Options, HelpAndVersionNeedNothingElse) {
  EXPECT_NE(std::get<Answer>(parse({"--help"})).text.find("--dynamic-entries"), std::string::npos);
  EXPECT_NE(std::get<Answer>(parse({"--version"})).text.find(POSTERN_VERSION), std::string::npos);
}

}  // namespace
}  // namespace postern::xdp
