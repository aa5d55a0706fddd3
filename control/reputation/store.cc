// SPDX-License-Identifier: BSD-3-Clause
//
// What has not been written yet is kept as differences, so that two processes may share a file:
// each adds its own. At most kMaxPending domains wait; when the file refuses for so long that there
// are more, what is new is forgotten, because forgetting never refuses anybody's mail.
#include "control/reputation/store.h"

#include <sqlite3.h>

#include <algorithm>
#include <limits>
#include <map>
#include <stdexcept>
#include <utility>

#include "control/reputation/sqlite_statement.h"

namespace postern::reputation {
namespace {

constexpr size_t kMaxPending = 100'000;
constexpr int kApplicationId = 0x504f5354;  // "POST": what the file says it is
constexpr int kSchemaVersion = 1;
constexpr int kBusyMilliseconds = 50;       // flushing blocks the loop
constexpr int kOpeningMilliseconds = 5000;  // several workers open it at once

int64_t as_stored(uint64_t count) noexcept {
  return static_cast<int64_t>(std::min<uint64_t>(count, std::numeric_limits<int64_t>::max()));
}

uint64_t as_counted(int64_t stored) noexcept {
  return stored < 0 ? 0 : static_cast<uint64_t>(stored);
}

void add(DomainRecord& sum, const DomainRecord& more) noexcept {
  if (more.messages == 0) return;
  sum.first_seen = sum.messages == 0 ? more.first_seen : std::min(sum.first_seen, more.first_seen);
  sum.last_seen = std::max(sum.last_seen, more.last_seen);
  sum.messages += more.messages;
  sum.accepted += more.accepted;
  sum.rejected += more.rejected;
}

}  // namespace

double score(const DomainRecord& record) noexcept {
  const double good = 1 + static_cast<double>(record.accepted);
  const double bad = 1 + static_cast<double>(record.rejected);
  return good / (good + bad);
}

struct Store::State {
  std::string path;
  sqlite3* database = nullptr;
  Statement select, upsert;
  std::map<std::string, DomainRecord, std::less<>> pending;

  ~State() {
    select = Statement();
    upsert = Statement();
    sqlite3_close(database);
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw std::runtime_error(path + ": not a reputation store: " + why);
  }

  bool run(const char* text) const {
    return sqlite3_exec(database, text, nullptr, nullptr, nullptr) == SQLITE_OK;
  }

  int64_t pragma(const char* text) const {
    Statement statement(database, text);
    if (!statement || statement.step() != SQLITE_ROW) refuse(sqlite3_errmsg(database));
    return statement.number(0);
  }

  void open() {
    if (sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                        nullptr) != SQLITE_OK)
      throw std::runtime_error(path + ": " + sqlite3_errmsg(database));
    sqlite3_busy_timeout(database, kOpeningMilliseconds);
    if (pragma("SELECT count(*) FROM sqlite_master") == 0) create();
    const auto application = pragma("PRAGMA application_id");
    const auto version = pragma("PRAGMA user_version");
    if (application != kApplicationId) refuse("the file belongs to another program");
    if (version != kSchemaVersion)
      refuse("version " + std::to_string(version) + ", expected " + std::to_string(kSchemaVersion));
    // Not a write-ahead log: such a file cannot be opened where it cannot be written. A reader may
    // be in the way of a flush, which is then done a little later.
    run("PRAGMA synchronous = NORMAL");  // a power cut may lose what a crash may lose
    select = Statement(database,
                       "SELECT messages, accepted, rejected, first_seen, last_seen"
                       " FROM domain WHERE name = ?1");
    upsert = Statement(
        database,
        "INSERT INTO domain VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (name) DO UPDATE SET"
        " messages = messages + excluded.messages, accepted = accepted + excluded.accepted,"
        " rejected = rejected + excluded.rejected,"
        " first_seen = min(first_seen, excluded.first_seen),"
        " last_seen = max(last_seen, excluded.last_seen)");
    if (!select || !upsert) refuse(sqlite3_errmsg(database));
    sqlite3_busy_timeout(database, kBusyMilliseconds);
  }

  void create() const {
    const std::string text =
        "PRAGMA application_id = " + std::to_string(kApplicationId) +
        ";"
        "PRAGMA user_version = " +
        std::to_string(kSchemaVersion) +
        ";"
        "CREATE TABLE domain (name TEXT PRIMARY KEY, messages INTEGER NOT NULL,"
        " accepted INTEGER NOT NULL, rejected INTEGER NOT NULL, first_seen INTEGER NOT NULL,"
        " last_seen INTEGER NOT NULL) WITHOUT ROWID;";
    bool done = run("BEGIN IMMEDIATE");
    // Another process may have been first.
    if (done && pragma("SELECT count(*) FROM sqlite_master") == 0) done = run(text.c_str());
    if (!done || !run("COMMIT")) throw std::runtime_error(path + ": " + sqlite3_errmsg(database));
  }

  // nullopt: the file cannot be read now.
  std::optional<DomainRecord> stored(std::string_view domain) {
    DomainRecord record;
    select.bind(1, domain);
    const int result = select.step();
    if (result == SQLITE_ROW) {
      record.messages = as_counted(select.number(0));
      record.accepted = as_counted(select.number(1));
      record.rejected = as_counted(select.number(2));
      record.first_seen = select.number(3);
      record.last_seen = select.number(4);
    }
    select.reset();
    if (result != SQLITE_ROW && result != SQLITE_DONE) return std::nullopt;
    return record;
  }

  bool write(const std::string& domain, const DomainRecord& record) {
    upsert.bind(1, domain);
    upsert.bind(2, as_stored(record.messages));
    upsert.bind(3, as_stored(record.accepted));
    upsert.bind(4, as_stored(record.rejected));
    upsert.bind(5, record.first_seen);
    upsert.bind(6, record.last_seen);
    const bool done = upsert.step() == SQLITE_DONE;
    upsert.reset();
    return done;
  }
};

Store::Store(const std::string& path) : state_(std::make_unique<State>()) {
  state_->path = path;
  state_->open();
}

Store::~Store() {
  flush();
}

Store::LookUp Store::look_up(std::string_view domain) const {
  const auto stored = state_->stored(domain);
  DomainRecord record = stored.value_or(DomainRecord{});
  const auto pending = state_->pending.find(domain);
  if (pending != state_->pending.end()) add(record, pending->second);
  LookUp found{.record = std::nullopt, .failed = !stored};
  if (record.messages > 0) found.record = record;
  return found;
}

void Store::record(std::string_view domain, Outcome outcome, int64_t now) {
  auto& pending = state_->pending;
  auto entry = pending.find(domain);
  if (entry == pending.end()) {
    if (pending.size() >= kMaxPending) return;
    entry = pending.emplace(domain, DomainRecord{}).first;
  }
  add(entry->second, DomainRecord{.messages = 1,
                                  .accepted = outcome == Outcome::kAccepted ? 1u : 0u,
                                  .rejected = outcome == Outcome::kRejected ? 1u : 0u,
                                  .first_seen = now,
                                  .last_seen = now});
}

bool Store::flush() {
  if (state_->pending.empty()) return true;
  bool done = state_->run("BEGIN IMMEDIATE");
  for (auto entry = state_->pending.begin(); done && entry != state_->pending.end(); ++entry)
    done = state_->write(entry->first, entry->second);
  done = done && state_->run("COMMIT");
  if (done)
    state_->pending.clear();
  else
    state_->run("ROLLBACK");
  return done;
}

}  // namespace postern::reputation
