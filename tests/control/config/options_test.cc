// SPDX-License-Identifier: BSD-3-Clause
//
// The settings of postern-control from the command line and from the file, and what an operator is
// told when they are wrong.
#include "control/config/options.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <string>
#include <vector>

#include "control/config/unused_settings.h"
#include "tests/control/config/given_options.h"
#include "tests/rules/support/temporary_directory.h"

namespace postern::config::test {
namespace {

using std::chrono::milliseconds;

TEST(ControlOptions, TheLeastThatIsNeeded) {
  const auto least = options(kLeast);
  ASSERT_EQ(least.proxy.farm.backends.size(), 1u);
  EXPECT_EQ(least.proxy.farm.backends[0].place(), "127.0.0.1:2525");
  ASSERT_EQ(least.listen.size(), 2u);
  EXPECT_EQ(least.listen[0].port, 25);
  EXPECT_EQ(least.judge.authserv_id, least.proxy.server.name);
  EXPECT_NE(complaint({"--snapshot", "x"}).find("farm is missing"), std::string::npos);
  EXPECT_NE(complaint({"--farm", "x"}).find("snapshot is missing"), std::string::npos);
}

TEST(ControlOptions, AMilterAloneNeedsNoFarmAndListensNowhereElse) {
  const std::vector<std::string> alone = {
      "--milter", "unix:/run/m", "--milter", "inet:8891@127.0.0.1", "--snapshot", "site.snap"};
  const auto read = options(alone);
  EXPECT_FALSE(read.runs_proxy);
  EXPECT_TRUE(read.listen.empty());
  ASSERT_EQ(read.milter_sockets.size(), 2u);
  EXPECT_EQ(read.milter_sockets[1].to_string(), "inet:8891@127.0.0.1");
  EXPECT_EQ(options(with({"--milter", "unix:/run/m"})).listen.size(), 2u);
  auto listening = alone;
  listening.insert(listening.end(), {"--listen", "127.0.0.1:25"});
  EXPECT_NE(complaint(listening).find("farm is missing"), std::string::npos);
  EXPECT_NE(complaint(with({"--milter", "/run/m"})).find("--milter is to be unix:PATH"),
            std::string::npos);
  const auto more = options(with({"--milter", "unix:/run/m", "--milter-group", "mail",
                                  "--milter-sessions", "7", "--milter-time", "1m"}));
  EXPECT_EQ(more.milter_group, "mail");
  EXPECT_EQ(more.milter.max_sessions, 7u);
  EXPECT_EQ(more.milter.command_time, milliseconds{60'000});
}

TEST(ControlOptions, Sources) {
  const auto plain = options(with({}));
  EXPECT_TRUE(plain.proxy.greet_teaser);
  EXPECT_EQ(plain.sources.greylist.delay, 0);
  EXPECT_EQ(plain.sources.known.known_for, 7 * 86400);
  using policy::Limited;
  const auto rate = [](const Options& from, Limited thing) {
    return from.sources.limits.rates[static_cast<size_t>(thing)];
  };
  EXPECT_EQ(rate(plain, Limited::kSessions).count, 0u);
  EXPECT_EQ(rate(plain, Limited::kErrors).count, 100u);
  EXPECT_EQ(rate(plain, Limited::kRoleRecipients).count, 30u);
  EXPECT_EQ(rate(plain, Limited::kRoleRecipients).milliseconds, 3'600'000);
  const auto set = options(
      with({"--greet-teaser", "no", "--greylist", "5m", "--known-for", "1d", "--known-sources",
            "/var/lib/k", "--session-rate", "30/1m", "--recipient-rate", "5/2s", "--error-rate",
            "0", "--postmaster-rate", "7/1d", "--unknown-rate", "9/1h"}));
  EXPECT_FALSE(set.proxy.greet_teaser);
  EXPECT_EQ(set.sources.greylist.delay, 300);
  EXPECT_EQ(set.sources.known.known_for, 86400);
  EXPECT_EQ(set.known_sources, "/var/lib/k");
  EXPECT_EQ(rate(set, Limited::kSessions).count, 30u);
  EXPECT_EQ(rate(set, Limited::kSessions).milliseconds, 60'000);
  EXPECT_EQ(rate(set, Limited::kRecipients).milliseconds, 2000);
  EXPECT_EQ(rate(set, Limited::kErrors).count, 0u);
  EXPECT_EQ(rate(set, Limited::kRoleRecipients).count, 7u);
  EXPECT_EQ(rate(plain, Limited::kUnknownRecipients).count, 100u);
  EXPECT_EQ(rate(set, Limited::kUnknownRecipients).count, 9u);
  EXPECT_NE(complaint(with({"--session-rate", "30"})).find("a rate such as"), std::string::npos);
  EXPECT_NE(complaint(with({"--greet-teaser", "maybe"})).find("yes or no"), std::string::npos);
}

TEST(ControlOptions, NamesAndTheDns) {
  const auto plain = options(with({})).names;
  EXPECT_TRUE(plain.tables.tables.empty());
  EXPECT_EQ(plain.tables.against, "dynamic");
  EXPECT_EQ(plain.reverse_time, milliseconds{5000});
  EXPECT_EQ(plain.reverse_lookups, 1000u);
  EXPECT_EQ(plain.silent_zones.patience, 86400);
  EXPECT_EQ(plain.silent_zones_file, "");
  const auto read = options(with({"--names",
                                  "a",
                                  "--names",
                                  "b",
                                  "--names-class",
                                  "pool",
                                  "--names-marked",
                                  "static",
                                  "--names-exceptions",
                                  "none",
                                  "--names-cache",
                                  "/var/c",
                                  "--names-contact",
                                  "mailto:a@b.example",
                                  "--reverse-time",
                                  "2s",
                                  "--reverse-lookups",
                                  "7",
                                  "--dns-patience",
                                  "2h",
                                  "--dns-silent",
                                  "/var/s"}));
  const auto& names = read.names;
  EXPECT_EQ(names.tables.tables, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(names.tables.against, "pool");
  EXPECT_EQ(names.tables.marked, "static");
  EXPECT_EQ(names.tables.exceptions, "none");
  EXPECT_EQ(names.tables.cache, "/var/c");
  EXPECT_EQ(names.tables.contact, "mailto:a@b.example");
  EXPECT_EQ(read.judge.reverse_time, milliseconds{2000});
  EXPECT_EQ(names.reverse_lookups, 7u);
  EXPECT_EQ(names.silent_zones.patience, 7200);
  EXPECT_EQ(names.silent_zones_file, "/var/s");
  EXPECT_EQ(options(with({"--dns-patience", "0"})).names.silent_zones.patience, 0);
  EXPECT_NE(complaint(with({"--dns-patience", "300ms"})).find("whole seconds"), std::string::npos);
  EXPECT_NE(complaint(with({"--names", "a", "--names-class", "a_b"})).find("a class: letters"),
            std::string::npos);
  EXPECT_NE(complaint(with({"--names-contact", "ftp://x"})).find("https:, http: or mailto:"),
            std::string::npos);
  EXPECT_NE(complaint(with({"--names-cache", "/x"})).find("of no use without names"),
            std::string::npos);
}

TEST(ControlOptions, TheQuarantineField) {
  EXPECT_EQ(options(with({})).judge.quarantine.name, "X-Postern-Quarantine");
  const auto set = options(with({"--quarantine-field", "X-Spam-Flag: YES"}));
  EXPECT_EQ(set.judge.quarantine.name, "X-Spam-Flag");
  EXPECT_EQ(set.judge.quarantine.value, "YES");
  for (const char* wrong : {": YES", "X Held", "X-Held:"})
    EXPECT_NE(complaint(with({"--quarantine-field", wrong})).find("a field such as"),
              std::string::npos)
        << wrong;
}

TEST(ControlOptions, BareLineEnds) {
  EXPECT_EQ(options(with({})).proxy.server.bare_line_ends, smtp::BareLineEnds::kRefuse);
  EXPECT_EQ(options(with({"--bare-line-ends", "normalise"})).proxy.server.bare_line_ends,
            smtp::BareLineEnds::kNormalise);
  EXPECT_NE(complaint(with({"--bare-line-ends", "pass"})).find("refuse or normalise"),
            std::string::npos);
}

TEST(ControlOptions, OurOwnWorkHasABound) {
  EXPECT_EQ(options(with({"--authentication-time", "20s"})).judge.authentication_time,
            policy::kMostOwnTime);
  EXPECT_EQ(complaint(with({"--authentication-time", "21s"})),
            "--authentication-time is to be a time such as 300ms, 5s, 10m or 1h, of 20s at most, "
            "not \"21s\"");
}

TEST(ControlOptions, EverythingFromTheFileAndTheCommandLineWins) {
  const postern::test::TemporaryDirectory directory;
  const auto file = directory.write("control.conf",
                                    "# a comment\n"
                                    "listen = 192.0.2.25:25\n"
                                    "listen = [2001:db8::25]:2525\n"
                                    "farm = farm.example\n"
                                    "name = mx.farm.example\n"
                                    "authserv-id = auth.farm.example\n"
                                    "certificate = c.pem\n"
                                    "key = k.pem\n"
                                    "certificate = c2.pem\n"
                                    "key = k2.pem\n"
                                    "snapshot = site.snap\n"
                                    "resolver = 127.0.0.1@5353\n"
                                    "reputation = rep.db\n"
                                    "engine = /run/a.sock\n"
                                    "engine = /run/b.sock\n"
                                    "greet-pause = 300ms\n"
                                    "learn-threshold = 5\n"
                                    "learn-half-life = 1h\n"
                                    "learn-for = 2d\n"
                                    "max-message = 10M\n"
                                    "user = nobody\n");
  const auto read = options({"--config", file, "--greet-pause", "2s", "--engine", "/run/c.sock"});
  ASSERT_EQ(read.listen.size(), 2u);
  EXPECT_EQ(read.listen[1].address.to_string(), "2001:db8::25");
  EXPECT_EQ(read.listen[1].port, 2525);
  EXPECT_EQ(read.proxy.farm.backends.at(0).place(), "farm.example:25");
  EXPECT_EQ(read.proxy.farm.own_name, "mx.farm.example");
  EXPECT_EQ(read.judge.authserv_id, "auth.farm.example");
  EXPECT_EQ(read.resolver.forward_to, std::vector<std::string>{"127.0.0.1@5353"});
  EXPECT_EQ(read.learning.teacher.engines.size(), 3u);
  EXPECT_EQ(read.certificates, (std::vector<std::string>{"c.pem", "c2.pem"}));
  EXPECT_EQ(read.keys, (std::vector<std::string>{"k.pem", "k2.pem"}));
  EXPECT_EQ(read.proxy.greet_pause, milliseconds{2000});
  EXPECT_EQ(read.evidence.threshold, 5u);
  EXPECT_EQ(read.evidence.half_life, 3600);
  EXPECT_EQ(read.learning.gate.learn_for, std::chrono::hours{48});
  EXPECT_EQ(read.proxy.max_message, 10u << 20);
  EXPECT_EQ(read.user, "nobody");
}

TEST(ControlOptions, AFarmOfSeveralBackends) {
  const postern::test::TemporaryDirectory directory;
  const auto file = directory.write("control.conf",
                                    "farm = a.example, weight=3\n"
                                    "snapshot = s\n");
  // A blank is part of no word.
  EXPECT_TRUE(complaint({"--config", file}).starts_with(file + ":1:"))
      << complaint({"--config", file});
  const auto read = options(with({"--farm",
                                  "a.example,weight=3,tls=verify,hand-on=xclient",
                                  "--farm",
                                  "[2001:db8::9]:26,backup",
                                  "--farm-ca",
                                  "ca.pem",
                                  "--farm-check",
                                  "10s",
                                  "--farm-fall",
                                  "3",
                                  "--farm-rise",
                                  "4",
                                  "--farm-slow-start",
                                  "1m",
                                  "--farm-stall",
                                  "0",
                                  "--farm-idle",
                                  "0",
                                  "--farm-idle-time",
                                  "5s",
                                  "--load-balancer",
                                  "192.0.2.0/28",
                                  "--load-balancer",
                                  "2001:db8::/64"}));
  const auto& farm = read.proxy.farm;
  ASSERT_EQ(farm.backends.size(), 3u);
  EXPECT_EQ(farm.backends[1].weight, 3u);
  EXPECT_EQ(farm.backends[1].tls, smtp::TlsUse::kVerify);
  EXPECT_EQ(farm.backends[1].hand_on, smtp::HandOn::kXclient);
  EXPECT_TRUE(farm.backends[2].backup);
  EXPECT_EQ(farm.ca_file, "ca.pem");
  EXPECT_EQ(farm.check_time, milliseconds{10'000});
  EXPECT_EQ(farm.pool.fall, 3u);
  EXPECT_EQ(farm.pool.rise, 4u);
  EXPECT_EQ(farm.pool.slow_start, milliseconds{60'000});
  EXPECT_EQ(farm.stall_time, milliseconds{0});
  EXPECT_EQ(farm.idle_legs, 0u);
  EXPECT_EQ(farm.idle_time, milliseconds{5000});
  ASSERT_EQ(read.proxy.load_balancers.size(), 2u);
  EXPECT_EQ(read.proxy.load_balancers[0].to_string(), "192.0.2.0/28");
  EXPECT_NE(complaint(with({"--farm", "a,weight=0"})).find("not \"weight=0\""), std::string::npos);
  EXPECT_NE(complaint(with({"--load-balancer", "192.0.2.1/28"})).find("--load-balancer"),
            std::string::npos);
}

TEST(ControlOptions, WhatIsWrongOnTheCommandLineIsNamed) {
  EXPECT_NE(complaint(with({"--greet-pause", "3"})).find("--greet-pause is to be a time"),
            std::string::npos);
  EXPECT_NE(complaint(with({"--listen", "mx.example"})).find("--listen"), std::string::npos);
  EXPECT_NE(complaint(with({"--max-errors", "0"})).find("from 1 to"), std::string::npos);
  EXPECT_NE(complaint(with({"--max-errors", "2K"})).find("number"), std::string::npos);
  EXPECT_NE(complaint(with({"--key", "k.pem"})).find("certificate and key"), std::string::npos);
  EXPECT_NE(complaint(with({"--name", "a b"})).find("host name"), std::string::npos);
  EXPECT_EQ(complaint(with({"--name", "mx..example"})),
            "--name is to be a host name, not \"mx..example\", which has an empty label");
  EXPECT_NE(complaint(with({"--name", "-mx.example"})).find("hyphen"), std::string::npos);
  EXPECT_NE(complaint(with({"--authserv-id", "a b"})).find("--authserv-id is to be letters"),
            std::string::npos);
  EXPECT_EQ(options(with({"--authserv-id", "mx_1"})).judge.authserv_id, "mx_1");
  EXPECT_THROW(parse(with({"--gree", "1s"})), UsageError) << "abbreviations are no options";
  EXPECT_THROW(parse(with({"stray"})), UsageError);
  EXPECT_THROW(parse(with({"--farm"})), UsageError);
}

TEST(ControlOptions, WhatIsWrongInTheFileIsToldWithItsPlace) {
  const postern::test::TemporaryDirectory directory;
  const auto wrong = [&](const std::string& lines) {
    return complaint({"--config", directory.write("control.conf", lines)});
  };
  const std::string file = directory.path("control.conf");
  const std::string fine = "farm = 127.0.0.1\nsnapshot = s\n";
  EXPECT_TRUE(
      wrong(fine + "greet-pause = soon\n").starts_with(file + ":3:15: greet-pause is to be"))
      << wrong(fine + "greet-pause = soon\n");
  EXPECT_TRUE(wrong(fine + "\n  gret-pause = 1s\n").starts_with(file + ":4:3: there is no setting"))
      << wrong(fine + "\n  gret-pause = 1s\n");
  EXPECT_TRUE(
      wrong(fine + "listen = 192.0.2.1\nlisten = mx.example\n").starts_with(file + ":4:10:"))
      << wrong(fine + "listen = 192.0.2.1\nlisten = mx.example\n");
  EXPECT_TRUE(wrong(fine + "nonsense\n").starts_with(file + ":3:")) << wrong(fine + "nonsense\n");
  EXPECT_TRUE(wrong(fine + "farm = b,backup\nfarm = a,tls=perhaps\n")
                  .starts_with(file + ":4:10: farm is to be given tls="))
      << wrong(fine + "farm = b,backup\nfarm = a,tls=perhaps\n");
  EXPECT_NE(wrong(fine + "name = a\nname = b\n").find("control.conf"), std::string::npos);
  EXPECT_NE(complaint({"--config", directory.path("missing")}).find("missing"), std::string::npos);
}

TEST(ControlOptions, Processes) {
  const auto plain = options(with({}));
  EXPECT_EQ(plain.workers, 1u);
  EXPECT_TRUE(plain.limit_system_calls);
  EXPECT_FALSE(plain.only_check);
  const auto other = options(with({"--workers", "4", "--seccomp", "no", "--check"}));
  EXPECT_EQ(other.workers, 4u);
  EXPECT_FALSE(other.limit_system_calls);
  EXPECT_TRUE(other.only_check);
  EXPECT_NE(complaint(with({"--workers", "0"})).find("from 1 to 64"), std::string::npos);
  EXPECT_NE(complaint(with({"--seccomp", "off"})).find("yes or no"), std::string::npos);
}

TEST(ControlOptions, HelpAndVersion) {
  const auto help = std::get<Answer>(parse({"--help"})).text;
  for (const char* name : {"--listen", "--farm", "--snapshot", "--greet-pause", "--drain-time",
                           "--milter", "--milter-group", "--milter-sessions", "--milter-time"})
    EXPECT_NE(help.find(name), std::string::npos) << name;
  // Whoever adds a setting says who looks at it (control/config/unused_settings.cc).
  std::set<std::string> told,
      known{"check",    "config",       "debug",         "dkim-keys", "drain-time",
            "farm",     "help",         "listen",        "milter",    "name",
            "outbound", "seccomp",      "outbound-from", "smarthost", "snapshot",
            "status",   "status-group", "user",          "version",   "workers"};
  for (const auto& name : settings_of_parts()) known.insert(name);
  const std::regex setting("(^|\\n)[^\\n]{0,9}--([a-z0-9-]+)");
  for (std::sregex_iterator at(help.begin(), help.end(), setting), end; at != end; ++at)
    told.insert((*at)[2]);
  EXPECT_EQ(told, known);
  EXPECT_TRUE(std::get<Answer>(parse({"--version"})).text.starts_with("postern-control "));
}

}  // namespace
}  // namespace postern::config::test
