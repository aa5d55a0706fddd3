// SPDX-License-Identifier: BSD-3-Clause
//
// Who may change what over the management API, and what the audit log says of it.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "rules/compile/compile.h"
#include "rules/policy/parse.h"
#include "tests/dataplane/engine/api_fixture.h"

namespace postern {
namespace {

// What is in an audit log, line by line; the log is gone with this.
class AuditFile {
 public:
  explicit AuditFile(const std::string& name) : path(testing::TempDir() + name) {
    std::remove(path.c_str());
  }
  ~AuditFile() { std::remove(path.c_str()); }
  std::vector<json::object> lines() const {
    std::ifstream file(path);
    std::vector<json::object> lines;
    for (std::string line; std::getline(file, line);)
      lines.push_back(json::parse(line).as_object());
    return lines;
  }
  const std::string path;
};

const Caller kReader{Role::kReader, "uid 1000 (pid 7)", {{"uid", 1000}, {"gid", 100}, {"pid", 7}}};
const Caller kOperator{Role::kOperator, "uid 0 (pid 8)", {{"uid", 0}, {"gid", 0}, {"pid", 8}}};
constexpr auto kEntry = R"({"prefix":"192.0.2.1/32","action":"drop","reason":"x","seconds":9})";

TEST_F(ApiTest, AReaderSeesAndChangesNothing) {
  const AuditFile audit("postern-api-test-reader.audit");
  Api api(engine_, {.audit = audit.path});
  for (const auto* path : {"/v1/health", "/v1/counters", "/v1/entries", "/metrics", "/v1/samples",
                           "/v1/samples?bytes=headers"})
    EXPECT_EQ(api.handle(kReader, "GET", path, "").status, 200u) << path;
  const std::pair<const char*, const char*> changes[] = {{"PUT", "/v1/snapshot"},
                                                         {"POST", "/v1/snapshot/confirm"},
                                                         {"POST", "/v1/entries"},
                                                         {"DELETE", "/v1/entries"}};
  for (const auto& [method, path] : changes) {
    const auto answer = api.handle(kReader, method, path, kEntry);
    expect_error(answer, 403);
    EXPECT_EQ(object_of(answer).at("error"),
              "only operators may change what this engine does; uid 1000 (pid 7) is a reader");
  }
  const auto whole = api.handle(kReader, "GET", "/v1/samples?bytes=100", "");
  expect_error(whole, 403);
  expect_error(api.handle({}, "GET", "/v1/health", ""), 403);
  EXPECT_EQ(engine_.dynamic().size(), 0u);
  const auto lines = audit.lines();
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_EQ(lines[2].at("event"), "refused");
  EXPECT_EQ(lines[2].at("request"), "POST /v1/entries");
  EXPECT_EQ(lines[2].at("who").at("uid"), 1000);
  EXPECT_EQ(lines[2].at("role"), "reader");
}

// Who is refused can make it so as often as he likes: he fills no disk, and nothing is left unsaid.
TEST_F(ApiTest, RefusalsAreSoManyLinesASecond) {
  const AuditFile audit("postern-api-test-refusals.audit");
  Api api(engine_, {.audit = audit.path});
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return static_cast<size_t>(
        std::chrono::ceil<std::chrono::seconds>(std::chrono::steady_clock::now() - begin).count());
  };
  for (int i = 0; i < 1000; i++) api.unknown({});
  EXPECT_LE(audit.lines().size(), (seconds() + 1) * AuditLog::kRefusalsPerSecond);
  // Changes have their lines all the while.
  EXPECT_EQ(api.handle(kOperator, "POST", "/v1/entries", kEntry).status, 200u);
  EXPECT_EQ(audit.lines().back().at("event"), "change");
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  api.unknown({});
  size_t told = 0;
  for (const auto& line : audit.lines()) {
    if (line.at("event") != "refused") continue;
    told++;
    if (line.contains("left_out")) told += line.at("left_out").to_number<size_t>();
  }
  EXPECT_EQ(told, 1001u);
}

TEST_F(ApiTest, EveryChangeIsInTheAuditLogWithBeforeAndAfter) {
  const AuditFile audit("postern-api-test-changes.audit");
  Api api(engine_, {.audit = audit.path});
  EXPECT_EQ(api.handle(kOperator, "POST", "/v1/entries", kEntry).status, 200u);
  EXPECT_EQ(api.handle(kOperator, "POST", "/v1/entries",
                       R"({"prefix":"192.0.2.1/32","action":"reset","seconds":60})")
                .status,
            200u);
  EXPECT_EQ(api.handle(kOperator, "DELETE", "/v1/entries", R"({"prefix":"192.0.2.1/32"})").status,
            200u);
  EXPECT_EQ(api.handle(kOperator, "DELETE", "/v1/entries", R"({"prefix":"192.0.2.1/32"})").status,
            404u);
  const auto policy = parse_policy("message\n    accept any\n", "test.policy");
  const std::string path = testing::TempDir() + "postern-api-test-audit.psnap";
  write_snapshot(path, compile(policy).bytes);
  const std::string load = R"({"path":")" + path + R"(")";
  EXPECT_EQ(api.handle(kOperator, "PUT", "/v1/snapshot", load + "}").status, 200u);
  const auto first = engine_.snapshot()->generation();
  EXPECT_EQ(
      api.handle(kOperator, "PUT", "/v1/snapshot", load + R"(,"confirm_seconds":300})").status,
      200u);
  const auto confirm = R"({"generation":)" + std::to_string(first) + "}";
  EXPECT_EQ(api.handle(kOperator, "POST", "/v1/snapshot/confirm", confirm).status, 200u);
  engine_.refuses_ = true;
  EXPECT_EQ(api.handle(kOperator, "PUT", "/v1/snapshot", load + "}").status, 422u);
  std::remove(path.c_str());
  EXPECT_EQ(api.handle(kOperator, "PUT", "/v1/snapshot", load + "}").status, 422u);  // no change

  const auto lines = audit.lines();
  ASSERT_EQ(lines.size(), 8u);
  EXPECT_EQ(lines[0].at("event"), "change");
  EXPECT_EQ(lines[0].at("engine"), "memory");
  EXPECT_EQ(lines[0].at("number"), 1);
  EXPECT_EQ(lines[0].at("who").at("pid"), 8);
  EXPECT_EQ(lines[0].at("what"), "entry-add");
  EXPECT_TRUE(lines[0].at("before").is_null());
  EXPECT_EQ(lines[0].at("after").at("action"), "drop");
  EXPECT_EQ(lines[0].at("after").at("seconds"), 9);
  EXPECT_TRUE(lines[0].at("time").as_string().ends_with("Z"));
  EXPECT_EQ(lines[1].at("before").at("action"), "drop");
  EXPECT_EQ(lines[1].at("after").at("action"), "reset");
  EXPECT_EQ(lines[2].at("what"), "entry-remove");
  EXPECT_EQ(lines[2].at("before").at("action"), "reset");
  EXPECT_TRUE(lines[2].at("after").is_null());
  EXPECT_EQ(lines[3].at("what"), "snapshot-load");
  EXPECT_EQ(lines[3].at("before").at("generation"), 0);
  EXPECT_EQ(lines[3].at("after").at("generation").to_number<uint64_t>(), first);
  EXPECT_EQ(std::string(lines[3].at("after").at("snapshot").as_string()), path);
  EXPECT_TRUE(lines[4].at("before").at("unconfirmed_until").is_null());
  EXPECT_FALSE(lines[4].at("after").at("unconfirmed_until").is_null());
  EXPECT_EQ(lines[5].at("what"), "snapshot-confirm");
  EXPECT_FALSE(lines[5].at("before").at("unconfirmed_until").is_null());
  EXPECT_TRUE(lines[5].at("after").at("unconfirmed_until").is_null());
  EXPECT_EQ(lines[6].at("event"), "change");
  EXPECT_EQ(lines[7].at("event"), "failed");
  EXPECT_EQ(lines[7].at("number"), lines[6].at("number"));
  EXPECT_EQ(lines[7].at("why"), "the engine has no room for it");
}

TEST_F(ApiTest, RulesThatFallBackAreInTheAuditLog) {
  const AuditFile audit("postern-api-test-rollback.audit");
  Api api(engine_, {.audit = audit.path});
  const std::string path = testing::TempDir() + "postern-api-test-rollback.psnap";
  const auto load = [&](const std::string& more) {
    write_snapshot(path, compile(parse_policy("message\n    accept any\n", "test.policy")).bytes);
    return api.handle(kOperator, "PUT", "/v1/snapshot", R"({"path":")" + path + "\"" + more + "}")
        .status;
  };
  ASSERT_EQ(load(""), 200u);
  const auto first = engine_.snapshot()->generation();
  ASSERT_EQ(load(R"(,"confirm_seconds":1)"), 200u);
  const auto second = engine_.snapshot()->generation();
  ASSERT_NE(first, second);
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  api.tick();
  ASSERT_EQ(engine_.snapshot()->generation(), first);
  const auto line = audit.lines().back();
  EXPECT_EQ(line.at("what"), "snapshot-rollback");
  EXPECT_EQ(line.at("who").at("by"), "clock");
  EXPECT_EQ(line.at("before").at("generation").to_number<uint64_t>(), second);
  EXPECT_EQ(line.at("after").at("generation").to_number<uint64_t>(), first);
  std::remove(path.c_str());
}

TEST_F(ApiTest, WithoutItsLineNothingIsChanged) {
  Api full(engine_, {.audit = "/dev/full"});
  const auto answer = full.handle(kOperator, "POST", "/v1/entries", kEntry);
  expect_error(answer, 500);
  EXPECT_EQ(
      object_of(answer).at("error"),
      "nothing is changed, as the audit log /dev/full cannot be written: No space left on device");
  EXPECT_EQ(engine_.dynamic().size(), 0u);
  ASSERT_EQ(ask("POST", "/v1/entries", kEntry).status, 200u);
  expect_error(full.handle(kOperator, "DELETE", "/v1/entries", R"({"prefix":"192.0.2.1/32"})"),
               500);
  EXPECT_EQ(engine_.dynamic().size(), 1u);
  EXPECT_THROW(Api(engine_, {.audit = "/nonexistent/folder/audit"}), std::runtime_error);
}

TEST_F(ApiTest, TheAuditLogMayBeRotatedByRenamingIt) {
  const AuditFile audit("postern-api-test-rotate.audit"), old("postern-api-test-rotate.audit.1");
  Api api(engine_, {.audit = audit.path});
  api.handle(kOperator, "POST", "/v1/entries", kEntry);
  std::rename(audit.path.c_str(), old.path.c_str());
  api.handle(kOperator, "POST", "/v1/entries", kEntry);
  EXPECT_EQ(old.lines().size(), 1u);
  ASSERT_EQ(audit.lines().size(), 1u);
  EXPECT_EQ(audit.lines()[0].at("number"), 2);
}

}  // namespace
}  // namespace postern
