// SPDX-License-Identifier: BSD-3-Clause
//
// What each request of the management API means, over an engine in memory.
#include "dataplane/engine/api.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstdio>
#include <fstream>
#include <string>

#include "rules/compile/compile.h"
#include "rules/policy/parse.h"
#include "tests/dataplane/engine/memory_engine.h"

namespace postern {
namespace {

namespace json = boost::json;

class ApiTest : public testing::Test {
 protected:
  ApiAnswer ask(std::string_view method, std::string_view target, std::string_view body = "") {
    return api_.handle(method, target, body);
  }
  json::object object_of(const ApiAnswer& answer) { return json::parse(answer.body).as_object(); }
  // An error is JSON with one line, whatever went wrong.
  void expect_error(const ApiAnswer& answer, unsigned status) {
    EXPECT_EQ(answer.status, status) << answer.body;
    const auto object = object_of(answer);
    ASSERT_EQ(object.size(), 1u);
    const auto& line = object.at("error").as_string();
    EXPECT_FALSE(line.empty());
    EXPECT_EQ(line.find('\n'), json::string::npos) << line;
  }

  MemoryEngine engine_;
  Api api_{engine_};
};

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
