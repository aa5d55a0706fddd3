// SPDX-License-Identifier: BSD-3-Clause
//
// What each request of the management API means, over an engine in memory.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "rules/compile/compile.h"
#include "rules/policy/parse.h"
#include "tests/dataplane/engine/api_fixture.h"
#include "tests/rules/support/compiled.h"

namespace postern {
namespace {

TEST_F(ApiTest, HealthBeforeTheFirstSnapshot) {
  const auto answer = ask("GET", "/v1/health");
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.content_type, "application/json");
  const auto health = object_of(answer);
  EXPECT_EQ(health.at("engine"), "memory");
  EXPECT_EQ(health.at("topology"), "wire");
  EXPECT_EQ(health.at("generation"), 0);
  EXPECT_EQ(health.at("snapshot"), "");
  EXPECT_EQ(health.at("entries"), 0);
  EXPECT_GE(health.at("uptime").as_int64(), 0);
}

TEST_F(ApiTest, CountersNameEveryReasonAndAddUp) {
  engine_.counters_.packets[PS_PORT_WAN][PS_REASON_RULE_DROP] = 7;
  engine_.counters_.packets[PS_PORT_WAN][PS_REASON_NO_RULE] = 5;
  engine_.counters_.packets[PS_PORT_MX][PS_REASON_FROM_INSIDE] = 3;
  engine_.counters_.bytes[PS_PORT_WAN] = 1000;
  engine_.counters_.events[PS_EVENT_LIMIT_FULL] = 5;
  const auto counters = object_of(ask("GET", "/v1/counters"));
  EXPECT_EQ(counters.at("generation"), 0);
  const auto& wan = counters.at("ports").at("wan").as_object();
  EXPECT_EQ(wan.at("received"), 12u);
  EXPECT_EQ(wan.at("passed"), 5u);
  EXPECT_EQ(wan.at("stopped"), 7u);
  EXPECT_EQ(wan.at("bytes"), 1000u);
  const auto& reasons = wan.at("reasons").as_object();
  EXPECT_EQ(reasons.size(), size_t{PS_REASON_COUNT});
  EXPECT_EQ(reasons.at("rule-drop"), 7u);
  EXPECT_EQ(reasons.at("egress-full"), 0u);
  EXPECT_EQ(counters.at("ports").at("mx").at("reasons").at("from-inside"), 3u);
  EXPECT_EQ(counters.at("events").at("limit-full"), 5u);
  const auto& pairs = counters.at("pairs").as_array();  // this engine has one
  ASSERT_EQ(pairs.size(), 1u);
  EXPECT_EQ(pairs[0].at("ports"), counters.at("ports"));

  PortPair one{"eth1", "eth2", engine_.counters_}, other{"eth3", "eth4", engine_.counters_};
  other.counters.packets[PS_PORT_WAN][PS_REASON_RULE_DROP] = 100;
  engine_.pairs_ = {one, other};
  const auto both = object_of(ask("GET", "/v1/counters"));
  EXPECT_EQ(both.at("ports").at("wan").at("reasons").at("rule-drop"), 107u);
  EXPECT_EQ(both.at("ports").at("wan").at("received"), 12u + 105u);
  EXPECT_EQ(both.at("ports").at("mx").at("received"), 6u);
  EXPECT_EQ(both.at("events").at("limit-full"), 10u);
  const auto& each = both.at("pairs").as_array();
  ASSERT_EQ(each.size(), 2u);
  EXPECT_EQ(each[0].at("wan"), "eth1");
  EXPECT_EQ(each[1].at("mx"), "eth4");
  EXPECT_EQ(each[1].at("ports").at("wan").at("stopped"), 100u);
  const auto metrics = ask("GET", "/metrics").body;
  EXPECT_NE(metrics.find("postern_pair_packets_total{engine=\"memory\",pair=\"2\",port=\"wan\","
                         "fate=\"stopped\"} 100\n"),
            std::string::npos);
  EXPECT_NE(metrics.find("port=\"wan\",reason=\"rule-drop\",fate=\"stopped\"} 107\n"),
            std::string::npos);
  engine_.pairs_.clear();
  EXPECT_EQ(ask("GET", "/metrics").body.find("postern_pair"), std::string::npos);
  EXPECT_EQ(counters.at("events").at("limit-observed"), 0u);
}

TEST_F(ApiTest, WhatRulesHaveCounted) {
  const auto none = object_of(ask("GET", "/v1/rules"));
  EXPECT_EQ(none.at("generation"), 0);
  EXPECT_TRUE(none.at("lists").as_array().empty());
  test::Workshop shop;
  shop.list("a.txt", "203.0.113.0/24\n");
  const auto snapshot = shop.snapshot(
      "list a \"a.txt\" category c\nservice mx 198.51.100.25\n"
      "signature s /x/ drop\nconnection to mx\n  observe drop list a\n"
      "  limit any 1/minute burst 1 else drop\n");
  engine_.features_ = PS_FEATURE_SIGNATURE | PS_FEATURE_LIMIT;
  engine_.load(snapshot);
  engine_.rule_counts_.cells[snapshot->class_of(test::address("203.0.113.1"))] = {7, 2};
  engine_.rule_counts_.signatures[0] = 5;
  const auto counted = object_of(ask("GET", "/v1/rules"));
  EXPECT_EQ(counted.at("generation"), snapshot->generation());
  EXPECT_EQ(serialize(counted.at("lists")),
            R"([{"list":"a","category":"c","attempts":7,"stopped":2}])");
  const auto& category = counted.at("categories").as_array().at(0);
  EXPECT_EQ(category.at("category"), "c");
  EXPECT_EQ(category.at("attempts"), 7);
  EXPECT_EQ(category.at("stopped"), 2);
  EXPECT_EQ(category.at("windows").at("1m").at("seconds"), 0);
  const auto& rule = counted.at("rules").as_array().at(0);
  EXPECT_EQ(rule.at("rule"), "observe drop list a");
  EXPECT_EQ(rule.at("line"), 5);
  EXPECT_EQ(rule.at("attempts"), 7);
  EXPECT_EQ(rule.at("observed"), true);
  const auto& limit = counted.at("rules").as_array().at(1);
  EXPECT_EQ(limit.at("line"), 6);
  EXPECT_EQ(limit.at("attempts"), 2);
  EXPECT_EQ(limit.at("observed"), false);
  EXPECT_EQ(serialize(counted.at("signatures")), R"([{"signature":"s","hits":5}])");

  api_.tick();
  engine_.rule_counts_.cells[snapshot->class_of(test::address("203.0.113.1"))] = {17, 11};
  const auto later = object_of(ask("GET", "/v1/rules")).at("categories").as_array().at(0);
  for (const auto* window : {"1m", "10m", "1h"}) {
    EXPECT_EQ(later.at("windows").at(window).at("judged"), 10) << window;
    EXPECT_EQ(later.at("windows").at(window).at("stopped"), 9) << window;
  }

  const auto metrics = ask("GET", "/metrics").body;
  for (const auto* line : {R"(postern_list_attempts_total{engine="memory",list="a"} 17)",
                           R"(postern_category_stopped_total{engine="memory",category="c"} 11)",
                           R"(postern_signature_hits_total{engine="memory",signature="s"} 5)"})
    EXPECT_NE(metrics.find(std::string(line) + "\n"), std::string::npos) << line;
}

TEST_F(ApiTest, CountersSayWhichShareOfAttemptsWasStoppedLately) {
  engine_.counters_.packets[PS_PORT_WAN][PS_REASON_RULE_DROP] = 1000;
  auto windows = object_of(ask("GET", "/v1/counters")).at("attempts").as_object();
  EXPECT_EQ(windows.at("1m").at("seconds"), 0);
  api_.tick();
  engine_.counters_.packets[PS_PORT_WAN][PS_REASON_RULE_DROP] += 30;
  engine_.counters_.packets[PS_PORT_WAN][PS_REASON_NO_RULE] += 10;
  engine_.counters_.packets[PS_PORT_WAN][PS_REASON_NOT_TCP] += 500;
  windows = object_of(ask("GET", "/v1/counters")).at("attempts").as_object();
  for (const auto* window : {"1m", "10m", "1h"}) {
    EXPECT_EQ(windows.at(window).at("judged"), 40) << window;
    EXPECT_EQ(windows.at(window).at("stopped"), 30) << window;
  }
  const auto metrics = ask("GET", "/metrics").body;
  EXPECT_NE(metrics.find(R"(postern_attempts_judged{engine="memory",window="10m"} 40)"),
            std::string::npos);
  EXPECT_NE(metrics.find(R"(postern_attempts_stopped{engine="memory",window="1h"} 30)"),
            std::string::npos);
}

TEST_F(ApiTest, AnEntryIsInForceWhenTheAnswerComes) {
  const auto source = *IpAddress::parse("203.0.113.7");
  const auto answer = ask("POST", "/v1/entries",
                          R"({"prefix":"203.0.113.7","action":"drop","reason":"r","seconds":60})");
  EXPECT_EQ(answer.status, 200u) << answer.body;
  EXPECT_EQ(object_of(answer).at("prefix"), "203.0.113.7/32");
  EXPECT_EQ(engine_.learned(source, monotonic_ns()), PS_ACTION_DROP);

  const auto listed = object_of(ask("GET", "/v1/entries"));
  EXPECT_EQ(listed.at("capacity"), 64u);
  EXPECT_EQ(listed.at("evicted"), 0u);
  const auto& entries = listed.at("entries").as_array();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].at("prefix"), "203.0.113.7/32");
  EXPECT_EQ(entries[0].at("action"), "drop");
  EXPECT_EQ(entries[0].at("reason"), "r");
  EXPECT_GT(entries[0].at("seconds").to_number<int>(), 0);
  EXPECT_LE(entries[0].at("seconds").to_number<int>(), 60);

  const auto removed = ask("DELETE", "/v1/entries", R"({"prefix":"203.0.113.7/32"})");
  EXPECT_EQ(removed.status, 200u);
  EXPECT_EQ(object_of(removed).at("removed"), true);
  EXPECT_EQ(engine_.learned(source, monotonic_ns()), -1);
  expect_error(ask("DELETE", "/v1/entries", R"({"prefix":"203.0.113.7/32"})"), 404);
}

// However many there are, an answer has about a megabyte of them and says where the rest begins.
TEST_F(ApiTest, EntriesComeByThePage) {
  MemoryEngine engine(10'000);
  Api api(engine);
  const auto get = [&](const std::string& target) {
    return api.handle(this_engine(), "GET", target, "");
  };
  const auto now = monotonic_ns();
  const uint64_t later = now + 3600 * uint64_t{1'000'000'000};
  std::vector<std::string> all;
  for (uint32_t i = 0; i < 10'000; i++) {
    const auto prefix = *Prefix::make(IpAddress::v4(0x0a000000 + i * 256), i % 2 ? 24 : 32,
                                      Prefix::HostBits::kMask);
    engine.dynamic().add({prefix, Action::DROP, std::string(250, 'r'), later}, now);
  }
  ASSERT_GT(engine.dynamic().size(), 9'900u);  // but for full buckets
  std::string after;
  size_t pages = 0;
  for (std::string target = "/v1/entries";; target = "/v1/entries?after=" + after) {
    const auto answer = get(target);
    ASSERT_EQ(answer.status, 200u) << answer.body;
    EXPECT_LT(answer.body.size(), 1'500'000u);
    const auto object = object_of(answer);
    for (const auto& entry : object.at("entries").as_array())
      all.emplace_back(entry.at("prefix").as_string());
    pages++;
    if (object.at("next").is_null()) break;
    EXPECT_EQ(object.at("next"), json::string(all.back()));
    after = all.back();
  }
  EXPECT_GE(pages, 3u);
  EXPECT_EQ(all.size(), engine.dynamic().size());
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size());

  const auto few = object_of(get("/v1/entries?limit=2&after=" + all[9]));
  ASSERT_EQ(few.at("entries").as_array().size(), 2u);
  EXPECT_EQ(few.at("entries").as_array()[0].at("prefix"), json::string(all[10]));
  EXPECT_EQ(few.at("next"), json::string(all[11]));
  // One that is not there any more, or never was, is a place all the same.
  EXPECT_EQ(object_of(get("/v1/entries?limit=1&after=0.0.0.0/0")).at("entries").as_array().size(),
            1u);
  const auto none = object_of(get("/v1/entries?after=" + all.back()));
  EXPECT_TRUE(none.at("entries").as_array().empty());
  EXPECT_TRUE(none.at("next").is_null());
}

TEST_F(ApiTest, EntriesThatCoverAnAddress) {
  for (const auto* prefix : {"203.0.113.0/24", "203.0.113.7/32", "203.0.113.8/32",
                             "2001:db8:1:2::/64", "2001:db8:1::/48", "2001:db8:2::/48"})
    ASSERT_EQ(ask("POST", "/v1/entries",
                  std::string(R"({"action":"drop","seconds":60,"prefix":")") + prefix + "\"}")
                  .status,
              200u);
  const auto prefixes = [&](const std::string& address) {
    std::string text;
    const auto answer = object_of(ask("GET", "/v1/entries?address=" + address));
    for (const auto& entry : answer.at("entries").as_array())
      text += std::string(entry.at("prefix").as_string()) + ' ';
    EXPECT_TRUE(answer.at("next").is_null());
    return text;
  };
  EXPECT_EQ(prefixes("203.0.113.7"), "203.0.113.7/32 203.0.113.0/24 ");
  EXPECT_EQ(prefixes("::ffff:203.0.113.9"), "203.0.113.0/24 ");
  EXPECT_EQ(prefixes("2001:db8:1:2::3"), "2001:db8:1:2::/64 2001:db8:1::/48 ");
  EXPECT_EQ(prefixes("192.0.2.1"), "");
}

// What programs have learned gives way to what somebody decides, and not the other way round.
TEST_F(ApiTest, WhatIsLearnedReplacesNothingThatSomebodyDecided) {
  const auto add = [&](const std::string& more) {
    return ask("POST", "/v1/entries", R"({"prefix":"203.0.113.7","seconds":60)" + more + "}");
  };
  const auto now = [&] {
    return object_of(ask("GET", "/v1/entries")).at("entries").as_array().at(0).as_object();
  };
  const std::string learned = R"(,"action":"drop","learned":true)";
  EXPECT_EQ(add(learned).status, 200u);
  EXPECT_EQ(now().at("learned"), true);
  EXPECT_EQ(add(learned).status, 200u);
  EXPECT_EQ(add(R"(,"action":"allow")").status, 200u);
  EXPECT_EQ(now().at("learned"), false);
  expect_error(add(learned), 409);
  EXPECT_EQ(now().at("action"), "allow");
  expect_error(ask("DELETE", "/v1/entries", R"({"prefix":"203.0.113.7/32","learned":true})"), 409);
  EXPECT_EQ(now().at("action"), "allow");
  EXPECT_EQ(ask("DELETE", "/v1/entries", R"({"prefix":"203.0.113.7/32","learned":false})").status,
            200u);
  EXPECT_EQ(add(learned).status, 200u);
  EXPECT_EQ(ask("DELETE", "/v1/entries", R"({"prefix":"203.0.113.7/32"})").status, 200u);
  expect_error(add(R"(,"action":"drop","learned":1)"), 400);
}

TEST_F(ApiTest, WrongQuestionsForEntriesAreRefused) {
  for (const auto* query : {"x=1", "after", "address=192.0.2.1&limit=1", "limit=1&limit=2"})
    expect_error(ask("GET", std::string("/v1/entries?") + query), 400);
  for (const auto* query : {"after=192.0.2.1/24", "after=x", "limit=0", "limit=-1", "limit=x",
                            "address=192.0.2.0/24", "address="})
    expect_error(ask("GET", std::string("/v1/entries?") + query), 422);
}

TEST_F(ApiTest, ARefusedEntryChangesNothing) {
  expect_error(
      ask("POST", "/v1/entries", R"({"prefix":"203.0.0.0/16","action":"drop","seconds":1})"), 422);
  expect_error(ask("POST", "/v1/entries", "not json"), 400);
  EXPECT_EQ(engine_.dynamic().size(), 0u);
}

TEST_F(ApiTest, ASnapshotThatCannotBeOpenedIsRefusedAndTheOldOneStays) {
  expect_error(ask("PUT", "/v1/snapshot", R"({"path":"/nonexistent/file"})"), 422);
  const std::string path = testing::TempDir() + "postern-api-test.psnap";
  std::ofstream(path) << "this is not a snapshot\n";
  expect_error(ask("PUT", "/v1/snapshot", R"({"path":")" + path + R"("})"), 422);
  std::remove(path.c_str());
  EXPECT_EQ(engine_.snapshot(), nullptr);
}

TEST_F(ApiTest, ASnapshotIsInForceWhenTheAnswerComes) {
  const auto policy = parse_policy(
      "service mx 198.51.100.25/32 port 25\nconnection to mx\n    drop any\n", "test.policy");
  const std::string path = testing::TempDir() + "postern-api-test-good.psnap";
  write_snapshot(path, compile(policy).bytes);
  const std::string request = R"({"path":")" + path + R"("})";
  const auto answer = ask("PUT", "/v1/snapshot", request);
  EXPECT_EQ(answer.status, 200u) << answer.body;
  ASSERT_NE(engine_.snapshot(), nullptr);
  const auto in_force = engine_.snapshot()->generation();
  EXPECT_EQ(object_of(answer).at("generation").to_number<uint64_t>(), in_force);
  const auto health = object_of(ask("GET", "/v1/health"));
  EXPECT_EQ(health.at("generation").to_number<uint64_t>(), in_force);
  EXPECT_EQ(health.at("snapshot").as_string(), path);

  const auto before = engine_.snapshot();
  engine_.refuses_ = true;
  expect_error(ask("PUT", "/v1/snapshot", request), 422);
  EXPECT_EQ(engine_.snapshot(), before);
  std::remove(path.c_str());
}

TEST_F(ApiTest, ExplainsByTheRulesInForce) {
  expect_error(ask("GET", "/v1/explain?address=192.0.2.1"), 404);
  const auto policy = parse_policy(
      "protect 192.0.2.9\nservice mx 198.51.100.25/32 port 25\nconnection to mx\n    drop any\n",
      "test.policy");
  const std::string path = testing::TempDir() + "postern-api-test-explain.psnap";
  write_snapshot(path, compile(policy).bytes);
  ASSERT_EQ(ask("PUT", "/v1/snapshot", R"({"path":")" + path + R"("})").status, 200u);
  std::remove(path.c_str());
  const auto account = object_of(ask("GET", "/v1/explain?address=192.0.2.1"));
  EXPECT_EQ(account.at("generation").to_number<uint64_t>(), engine_.snapshot()->generation());
  const auto& service = account.at("services").as_array().at(0).as_object();
  EXPECT_EQ(service.at("verdict"), "drop");
  EXPECT_EQ(service.at("line"), 4);
  const auto other = object_of(ask("GET", "/v1/explain?address=192.0.2.9&to=203.0.113.1"));
  EXPECT_EQ(other.at("protected"), true);
  EXPECT_TRUE(other.at("services").as_array().empty());
  expect_error(ask("GET", "/v1/explain"), 400);
  expect_error(ask("GET", "/v1/explain?address=x"), 422);
  EXPECT_EQ(ask("POST", "/v1/explain?address=192.0.2.1").allow, "GET");
}

TEST_F(ApiTest, UnconfirmedRulesSayUntilWhenAndAreConfirmedByTheirGeneration) {
  const auto policy = parse_policy("message\n    accept any\n", "test.policy");
  const std::string path = testing::TempDir() + "postern-api-test-confirm.psnap";
  write_snapshot(path, compile(policy).bytes);
  const std::string confirmed = R"({"path":")" + path + R"("})";
  const std::string unconfirmed = R"({"path":")" + path + R"(","confirm_seconds":300})";
  expect_error(ask("PUT", "/v1/snapshot", unconfirmed), 422);  // nothing to fall back to
  EXPECT_TRUE(object_of(ask("GET", "/v1/health")).at("unconfirmed_until").is_null());
  EXPECT_EQ(ask("PUT", "/v1/snapshot", confirmed).status, 200u);
  EXPECT_TRUE(object_of(ask("GET", "/v1/health")).at("unconfirmed_until").is_null());

  EXPECT_EQ(ask("PUT", "/v1/snapshot", unconfirmed).status, 200u);
  const auto health = object_of(ask("GET", "/v1/health"));
  EXPECT_GT(health.at("unconfirmed_until").to_number<int64_t>(), 1'700'000'000);
  const auto generation = std::to_string(health.at("generation").to_number<uint64_t>());
  expect_error(ask("POST", "/v1/snapshot/confirm", R"({"generation":1})"), 404);
  const auto request = R"({"generation":)" + generation + "}";
  const auto answer = ask("POST", "/v1/snapshot/confirm", request);
  EXPECT_EQ(answer.status, 200u) << answer.body;
  EXPECT_EQ(answer.body, request + "\n");
  expect_error(ask("POST", "/v1/snapshot/confirm", request), 404);
  EXPECT_TRUE(object_of(ask("GET", "/v1/health")).at("unconfirmed_until").is_null());
  EXPECT_EQ(ask("GET", "/v1/snapshot/confirm").allow, "POST");
  std::remove(path.c_str());
}

// An attempt from 192.0.2.1 to port 25 of 198.51.100.25, with a payload, as a frame.
const std::vector<uint8_t> kAttempt = [] {
  std::vector<uint8_t> frame = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0};
  const uint8_t ip[] = {0x45, 0, 0, 46, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 25};
  const uint8_t tcp[] = {0x9c, 0x40, 0,    25, 0,    0,    0, 1, 0, 0,
                         0,    0,    0x50, 2,  0xff, 0xff, 0, 0, 0, 0};
  frame.insert(frame.end(), std::begin(ip), std::end(ip));
  frame.insert(frame.end(), std::begin(tcp), std::end(tcp));
  frame.insert(frame.end(), {'s', 'e', 'c', 'r', 'e', 't'});
  return frame;
}();

TEST_F(ApiTest, SamplesSayWhyInWords) {
  const std::string folder = testing::TempDir();
  std::ofstream(folder + "api-test-spam.cidr") << "# spam\n192.0.2.0/24\n";
  std::ofstream(folder + "api-test.policy") << "list spam \"api-test-spam.cidr\" category spam\n"
                                               "service mx 198.51.100.25 port 25\n"
                                               "connection to mx\n"
                                               "    drop list spam\n"
                                               "message\n"
                                               "    accept any\n";
  const std::string path = folder + "api-test-samples.psnap";
  write_snapshot(path, compile(read_policy(folder + "api-test.policy")).bytes);
  ASSERT_EQ(ask("PUT", "/v1/snapshot", R"({"path":")" + path + R"("})").status, 200u);

  const auto first = object_of(ask("GET", "/v1/samples?bytes=headers"));
  EXPECT_TRUE(first.at("samples").as_array().empty());
  const auto target = [&](const std::string& more) {
    return "/v1/samples?after=" + std::to_string(first.at("next").to_number<uint64_t>()) + more;
  };
  // Nothing yet, and time to wait.
  EXPECT_TRUE(
      api_.handle(this_engine(), "GET", target("&wait=100"), "", std::chrono::milliseconds(99))
          .pending);
  EXPECT_FALSE(
      api_.handle(this_engine(), "GET", target("&wait=100"), "", std::chrono::milliseconds(100))
          .pending);

  auto decision = ps_decision_because(PS_REASON_RULE_DROP);
  decision.rule = 1;
  decision.cell = 2;
  engine_.samples_.offer(decision, PS_PORT_WAN, kAttempt.data(), 60, 60, monotonic_ns());
  engine_.samples_.offer(ps_decision_because(PS_REASON_LEARNED_DROP), PS_PORT_WAN, kAttempt.data(),
                         20, 1500, monotonic_ns());
  api_.tick_samples();
  const auto answer = ask("GET", target("&wait=100&bytes=headers"));
  ASSERT_FALSE(answer.pending);
  const auto batch = object_of(answer);
  EXPECT_EQ(batch.at("lost"), 0);
  EXPECT_EQ(batch.at("overrun"), 0);
  EXPECT_EQ(batch.at("every"), 1);
  const auto& samples = batch.at("samples").as_array();
  ASSERT_EQ(samples.size(), 2u);
  const auto& sample = samples[0].as_object();
  EXPECT_EQ(sample.at("port"), "wan");
  EXPECT_EQ(sample.at("reason"), "rule-drop");
  EXPECT_EQ(sample.at("stopped"), true);
  EXPECT_EQ(sample.at("action"), "drop");
  EXPECT_EQ(sample.at("every"), 1);
  EXPECT_EQ(sample.at("length"), 60);
  EXPECT_EQ(sample.at("source"), "192.0.2.1");
  EXPECT_EQ(sample.at("source_port"), 40000);
  EXPECT_EQ(sample.at("destination"), "198.51.100.25");
  EXPECT_EQ(sample.at("destination_port"), 25);
  EXPECT_EQ(sample.at("protocol"), 6);
  EXPECT_EQ(sample.at("tcp_flags"), 2);
  const auto& list = sample.at("lists").as_array().at(0).as_object();
  EXPECT_EQ(list.at("list"), "spam");
  EXPECT_EQ(list.at("line"), 2);
  EXPECT_EQ(list.at("category"), "spam");
  EXPECT_EQ(sample.at("rule").at("rule"), "drop list spam");
  EXPECT_EQ(sample.at("rule").at("line"), 4);
  // Headers only: nothing of what was said.
  EXPECT_EQ(sample.at("bytes").as_string().size(), 2 * 54u);
  EXPECT_TRUE(sample.at("bytes").as_string().starts_with("0200000000010200000000020800"));
  const auto now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  EXPECT_NEAR(static_cast<double>(sample.at("time").to_number<int64_t>()), static_cast<double>(now),
              60e9);
  // A frame that was cut before its addresses.
  EXPECT_TRUE(samples[1].at("source").is_null());
  EXPECT_TRUE(samples[1].at("lists").is_null());
  EXPECT_EQ(samples[1].at("length"), 1500);

  const auto whole = object_of(ask("GET", target("&bytes=2048&reason=rule-drop")));
  ASSERT_EQ(whole.at("samples").as_array().size(), 1u);
  EXPECT_TRUE(whole.at("samples").at(0).at("bytes").as_string().ends_with("736563726574"));
  EXPECT_FALSE(object_of(ask("GET", target(""))).at("samples").at(0).as_object().contains("bytes"));
  expect_error(ask("GET", "/v1/samples?reason=nothing"), 422);
  expect_error(ask("POST", "/v1/samples"), 405);
  // An engine that was told to take none.
  Api without(engine_, {.samples_per_second = 0});
  expect_error(without.handle(this_engine(), "GET", "/v1/samples", ""), 422);
  for (const auto* file : {"api-test-spam.cidr", "api-test.policy", "api-test-samples.psnap"})
    std::remove((folder + file).c_str());
}

// What a slow client holds is bounded; what does not fit into an answer comes with the next.
TEST_F(ApiTest, AnAnswerWithSamplesIsBounded) {
  const auto first = object_of(ask("GET", "/v1/samples?bytes=2048"));
  std::vector<uint8_t> frame(2048, 0x5a);
  for (int round = 0; round < 5; round++) {
    for (int i = 0; i < 200; i++)
      engine_.samples_.offer(ps_decision_because(PS_REASON_RULE_DROP), PS_PORT_WAN, frame.data(),
                             2048, 2048, monotonic_ns());
    api_.tick_samples();
  }
  auto next = first.at("next").to_number<uint64_t>();
  size_t samples = 0, answers = 0;
  for (;; answers++) {
    const auto answer = ask("GET", "/v1/samples?bytes=2048&after=" + std::to_string(next));
    EXPECT_LT(answer.body.size(), size_t{1} << 21);
    const auto batch = object_of(answer);
    const auto& got = batch.at("samples").as_array();
    if (got.empty()) break;
    for (const auto& sample : got) EXPECT_EQ(sample.at("sequence").to_number<uint64_t>(), ++next);
    EXPECT_EQ(batch.at("next").to_number<uint64_t>(), next);
    samples += got.size();
  }
  EXPECT_EQ(samples, 1000u);
  EXPECT_GT(answers, 3u);
}

TEST_F(ApiTest, UnknownPathsAndMethods) {
  expect_error(ask("GET", "/"), 404);
  expect_error(ask("GET", "/v1/health/"), 404);
  expect_error(ask("GET", "/v2/health"), 404);
  expect_error(ask("GET", ""), 404);
  for (const auto* path :
       {"/v1/health", "/v1/counters", "/metrics", "/v1/snapshot", "/v1/entries"}) {
    const auto answer = ask("PATCH", path);
    expect_error(answer, 405);
    EXPECT_FALSE(answer.allow.empty()) << path;
  }
  EXPECT_EQ(ask("PATCH", "/v1/entries").allow, "GET, POST, DELETE");
  EXPECT_EQ(ask("GET", "/v1/health?verbose").status, 200u);
}

TEST_F(ApiTest, ABodyOverItsLimitIsRefused) {
  expect_error(ask("POST", "/v1/entries", std::string(Api::kMaxBodyBytes + 1, ' ')), 413);
}

TEST_F(ApiTest, MetricsHaveTheVocabulary) {
  engine_.counters_.packets[PS_PORT_WAN][PS_REASON_RULE_DROP] = 7;
  engine_.counters_.bytes[PS_PORT_MX] = 99;
  const auto answer = ask("GET", "/metrics");
  EXPECT_EQ(answer.status, 200u);
  EXPECT_TRUE(answer.content_type.starts_with("text/plain; version=0.0.4"));
  const auto has = [&](std::string_view line) {
    return answer.body.find(std::string(line) + "\n") != std::string::npos;
  };
  EXPECT_TRUE(has(
      R"(postern_packets_total{engine="memory",port="wan",reason="rule-drop",fate="stopped"} 7)"));
  EXPECT_TRUE(has(
      R"(postern_packets_total{engine="memory",port="mx",reason="from-inside",fate="passed"} 0)"));
  EXPECT_TRUE(has(R"(postern_bytes_total{engine="memory",port="mx"} 99)"));
  EXPECT_TRUE(has(R"(postern_snapshot_generation{engine="memory"} 0)"));
  EXPECT_TRUE(has(R"(postern_dynamic_entries{engine="memory"} 0)"));
  EXPECT_TRUE(has("# TYPE postern_packets_total counter"));
}

}  // namespace
}  // namespace postern
