// SPDX-License-Identifier: BSD-3-Clause
//
// The command line, the config file, and the arguments that EAL gets from them.
#include "dataplane/dpdk/options.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "dataplane/dpdk/eal.h"

namespace postern::dpdk {
namespace {

using Words = std::vector<std::string>;

std::string usage_error(Words words) {
  try {
    read_options(words);
  } catch (const WrongUsage& wrong) {
    return wrong.what();
  }
  return "fine";
}

class ConfigFile {
 public:
  explicit ConfigFile(const std::string& text) {
    std::string name = testing::TempDir() + "postern-config-XXXXXX";
    close(mkstemp(name.data()));
    path_ = name;
    std::ofstream(path_) << text;
  }
  ~ConfigFile() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(Options, Defaults) {
  const auto options = read_options({"--wan", "net_null0", "--mx", "net_null1"});
  EXPECT_EQ(options.wan, Words{"net_null0"});
  EXPECT_EQ(options.mx, Words{"net_null1"});
  EXPECT_EQ(options.snapshot, "");
  EXPECT_EQ(options.api.socket, "/run/postern/dataplane.sock");
  EXPECT_TRUE(options.cores.empty());
  EXPECT_EQ(options.burst, 64u);
  EXPECT_EQ(options.idle_sleep_us, 0u);
  EXPECT_EQ(options.limit_sources, 65536u);
  EXPECT_EQ(options.answers_per_second, 100'000u);
  EXPECT_EQ(options.cookie_secret, "");
  EXPECT_FALSE(options.profile);
  EXPECT_TRUE(options.propagate_link);
  EXPECT_EQ(options.state_dir, "");
  EXPECT_EQ(options.bad_snapshot, BadSnapshot::kRefuse);
  EXPECT_TRUE(options.fail_open.empty());
  EXPECT_EQ(options.host, "");
  EXPECT_TRUE(options.eal.empty());
}

TEST(Options, EverythingSaid) {
  const auto options = read_options(
      {"--wan=0000:01:00.0", "--mx=0000:01:00.1", "--snapshot=/s", "--api=/a", "--cores=2,4-6",
       "--burst=48", "--idle-sleep=50", "--memory=1024", "--dynamic-entries=1000000",
       "--limit-sources=2000", "--answers=0", "--cookie-secret=/c", "--profile", "--link=ignore",
       "--state-dir=/d", "--bad-snapshot=last-good", "--fail-open=br0",
       "--eal=--log-level=lib.eal:debug --socket-limit 512"});
  EXPECT_EQ(options.snapshot, "/s");
  EXPECT_EQ(options.api.socket, "/a");
  EXPECT_EQ(options.cores, (std::vector<unsigned>{2, 4, 5, 6}));
  EXPECT_EQ(options.burst, 48u);
  EXPECT_EQ(options.idle_sleep_us, 50u);
  EXPECT_EQ(options.memory_mb, 1024u);
  EXPECT_EQ(options.dynamic_entries, 1'000'000u);
  EXPECT_EQ(options.limit_sources, 2000u);
  EXPECT_EQ(options.answers_per_second, 0u);
  EXPECT_EQ(options.cookie_secret, "/c");
  EXPECT_TRUE(options.profile);
  EXPECT_FALSE(options.propagate_link);
  EXPECT_EQ(options.state_dir, "/d");
  EXPECT_EQ(options.bad_snapshot, BadSnapshot::kLastGood);
  EXPECT_EQ(options.fail_open, Words{"br0"});
  EXPECT_EQ(options.eal, (Words{"--log-level=lib.eal:debug", "--socket-limit", "512"}));
}

TEST(Options, TheCommandLineWinsOverTheFile) {
  const ConfigFile file(
      "# a comment\nwan = net_null0\nmx = net_null1\nburst = 8\nmemory = 64\nprofile = yes\n");
  const auto options = read_options({"--config", file.path(), "--burst", "16"});
  EXPECT_EQ(options.wan, Words{"net_null0"});
  EXPECT_EQ(options.burst, 16u);
  EXPECT_EQ(options.memory_mb, 64u);
  EXPECT_TRUE(options.profile);
}

TEST(Options, ABadConfigFileIsNamed) {
  const ConfigFile unknown("wan = a\nmx = b\nbrust = 8\n");
  try {
    read_options({"--config", unknown.path()});
    FAIL() << "not refused";
  } catch (const WrongUsage&) {
    FAIL() << "a file is input, not usage";
  } catch (const std::runtime_error& refused) {
    EXPECT_TRUE(std::string(refused.what()).starts_with(unknown.path())) << refused.what();
  }
  EXPECT_THROW(read_options({"--config", "/nonexistent/file"}), std::runtime_error);
}

TEST(Options, HelpAndVersionNeedNothingElse) {
  EXPECT_TRUE(read_options({"--help"}).help);
  EXPECT_TRUE(read_options({"-h"}).help);
  EXPECT_TRUE(read_options({"--version"}).version);
  EXPECT_NE(options_help().find("--idle-sleep"), std::string::npos);
}

TEST(Options, WrongUsage) {
  const Words ports = {"--wan", "net_null0", "--mx", "net_null1"};
  const auto with = [&](Words more) {
    auto words = ports;
    words.insert(words.end(), more.begin(), more.end());
    return usage_error(words);
  };
  EXPECT_EQ(with({}), "fine");
  EXPECT_NE(usage_error({}).find("--wan"), std::string::npos);
  EXPECT_NE(usage_error({"--wan", "net_null0"}).find("--mx"), std::string::npos);
  for (const auto& words :
       {Words{"--burst", "0"}, Words{"--burst", "257"}, Words{"--burst", "-1"},
        Words{"--burst", "many"}, Words{"--burst"}, Words{"--brust", "8"}, Words{"--bur", "8"},
        Words{"stray"}, Words{"--idle-sleep", "100001"}, Words{"--memory", "1"},
        Words{"--dynamic-entries", "0"}, Words{"--dynamic-entries", "99999999999999999999"},
        Words{"--link", "maybe"}, Words{"--bad-snapshot", "pray"},
        Words{"--bad-snapshot", "last-good"}, Words{"--burst", "8", "--burst", "9"}})
    EXPECT_NE(with(words), "fine") << words[0];
}

TEST(Options, SeveralWires) {
  const auto options =
      read_options({"--wan", "net_null0", "--mx", "net_null1", "--wan", "net_null2", "--mx",
                    "net_null3", "--fail-open", "a", "--fail-open", "b"});
  EXPECT_EQ(options.wan, (Words{"net_null0", "net_null2"}));
  EXPECT_EQ(options.mx, (Words{"net_null1", "net_null3"}));
  EXPECT_EQ(options.fail_open, (Words{"a", "b"}));
  EXPECT_NE(usage_error({"--wan", "a", "--mx", "b", "--wan", "c"}).find("2 and 1"),
            std::string::npos);
  EXPECT_NE(usage_error({"--wan", "a", "--mx", "b", "--wan", "c", "--mx", "d", "--fail-open", "e"})
                .find("--fail-open"),
            std::string::npos);
  Words many;
  for (int i = 0; i < 9; i++)
    for (const auto* word : {"--wan", "w", "--mx", "m"}) many.emplace_back(word);
  EXPECT_NE(usage_error(many).find("at most 8"), std::string::npos);
  // What the command line says takes the place of all that the file says.
  const ConfigFile file("wan = a\nmx = b\nwan = c\nmx = d\n");
  EXPECT_EQ(read_options({"--config", file.path()}).wan, (Words{"a", "c"}));
  EXPECT_EQ(read_options({"--config", file.path(), "--wan", "e", "--mx", "f"}).wan, Words{"e"});
}

TEST(Options, AHostInPlaceOfAPort) {
  const auto options = read_options({"--wan", "net_null0", "--host", "mail0"});
  EXPECT_EQ(options.host, "mail0");
  EXPECT_TRUE(options.mx.empty());
  EXPECT_FALSE(options.host_vhost);
  const auto vhost = read_options({"--wan", "net_null0", "--host", "mail0,vhost"});
  EXPECT_EQ(vhost.host, "mail0");
  EXPECT_TRUE(vhost.host_vhost);
  EXPECT_NE(usage_error({"--wan", "a", "--host", "mail0", "--mx", "b"}), "fine");
  EXPECT_NE(usage_error({"--wan", "a", "--wan", "b", "--host", "mail0"}), "fine");
  for (const auto* name : {"a,b", "a/b", "sixteen-letters-", ",vhost", "a b"})
    EXPECT_NE(usage_error({"--wan", "a", "--host", name}), "fine") << name;
}

TEST(CoreList, ReadsRangesAndRefusesNonsense) {
  EXPECT_EQ(read_core_list("0"), (std::vector<unsigned>{0}));
  EXPECT_EQ(read_core_list("3,1"), (std::vector<unsigned>{3, 1}));
  EXPECT_EQ(read_core_list("1-3,7"), (std::vector<unsigned>{1, 2, 3, 7}));
  for (const auto* text : {"", ",", "1,", "-1", "1-", "3-1", "1,1", "1-3,2", "x", "1 2", "5000"})
    EXPECT_THROW(read_core_list(text), WrongUsage) << text;
}

TEST(EalArguments, WorkersArePinnedAndTheRestKeepsOffTheirCores) {
  const auto arguments = eal_arguments({{2, 3}, 64, {}, {}}, {0, 1, 2, 3});
  const auto has = [&](const std::string& word) {
    return std::ranges::find(arguments, word) != arguments.end();
  };
  EXPECT_TRUE(has("--lcores=0@(0,1),1@2,2@3"));
  EXPECT_TRUE(has("--no-pci"));
  EXPECT_TRUE(has("--in-memory"));
}

TEST(EalArguments, WithEveryCorePollingTheRestFloats) {
  const auto arguments = eal_arguments({{0, 1}, 64, {"0000:01:00.0"}, {"--x"}}, {0, 1});
  EXPECT_NE(std::ranges::find(arguments, "--lcores=0@(0,1),1@0,2@1"), arguments.end());
  EXPECT_EQ(std::ranges::find(arguments, "--no-pci"), arguments.end());
  EXPECT_NE(std::ranges::find(arguments, "0000:01:00.0"), arguments.end());
  EXPECT_EQ(arguments.back(), "--x");
}

}  // namespace
}  // namespace postern::dpdk
