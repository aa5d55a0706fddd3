// SPDX-License-Identifier: BSD-3-Clause
//
// A rollback journal and no write-ahead log: a file with the latter cannot be read by who may not
// write beside it. What control writes in one go takes milliseconds, and readers wait for it.
#include "control/learning/learned_file.h"

#include <sqlite3.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "control/reputation/sqlite_statement.h"

namespace postern::learning {

using reputation::Statement;

namespace {

constexpr int kApplicationId = 0x504c5244;  // "PLRD": what the file says it is
constexpr int kSchemaVersion = 1;
constexpr int kBusyMilliseconds = 1000;

constexpr const char* kTables =
    "CREATE TABLE entry (prefix TEXT PRIMARY KEY, learned INTEGER NOT NULL,"
    " expires INTEGER NOT NULL, rule TEXT NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX entry_expires ON entry (expires);"
    "CREATE TABLE evidence (prefix TEXT NOT NULL, number INTEGER NOT NULL, time INTEGER NOT NULL,"
    " id TEXT NOT NULL, what TEXT NOT NULL, PRIMARY KEY (prefix, number)) WITHOUT ROWID;"
    "CREATE TRIGGER entry_gone AFTER DELETE ON entry BEGIN"
    " DELETE FROM evidence WHERE prefix = old.prefix; END;"
    "CREATE TABLE trusted (source TEXT PRIMARY KEY, domain TEXT NOT NULL,"
    " expires INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX trusted_expires ON trusted (expires);"
    "CREATE TABLE removal (number INTEGER PRIMARY KEY AUTOINCREMENT, prefix TEXT NOT NULL,"
    " time INTEGER NOT NULL, by TEXT NOT NULL, why TEXT NOT NULL, done INTEGER NOT NULL);";

constexpr const char* kEntryColumns = "SELECT prefix, learned, expires, rule, reason FROM entry";

std::optional<Prefix> read_prefix(std::string_view text) {
  return Prefix::parse(text, Prefix::HostBits::kRefuse);
}

}  // namespace

struct LearnedFile::State {
  std::string path;
  sqlite3* database = nullptr;

  ~State() { sqlite3_close(database); }

  [[noreturn]] void fail() const {
    throw std::runtime_error(path + ": " + sqlite3_errmsg(database));
  }
  [[noreturn]] void refuse(const std::string& why) const {
    throw std::runtime_error(path + ": not a file of learned entries: " + why);
  }
  void run(const std::string& text) const {
    if (sqlite3_exec(database, text.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail();
  }
  Statement prepare(const char* text) const {
    Statement statement(database, text);
    if (!statement) fail();
    return statement;
  }
  // True: a row is there.
  bool step(Statement& statement) const {
    const int result = statement.step();
    if (result != SQLITE_ROW && result != SQLITE_DONE) fail();
    return result == SQLITE_ROW;
  }
  int64_t number(const char* text) const {
    auto statement = prepare(text);
    if (!step(statement)) refuse("it answers nothing");
    return statement.number(0);
  }

  void open(Purpose purpose) {
    const int flags = purpose == Purpose::kRead     ? SQLITE_OPEN_READONLY
                      : purpose == Purpose::kChange ? SQLITE_OPEN_READWRITE
                                                    : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (sqlite3_open_v2(path.c_str(), &database, flags, nullptr) != SQLITE_OK) fail();
    sqlite3_busy_timeout(database, kBusyMilliseconds);
    if (purpose == Purpose::kKeep && number("SELECT count(*) FROM sqlite_master") == 0) create();
    const auto application = number("PRAGMA application_id");
    const auto version = number("PRAGMA user_version");
    if (application != kApplicationId)
      refuse(application == 0 && number("SELECT count(*) FROM sqlite_master") == 0
                 ? "it is empty"
                 : "it belongs to another program");
    if (version != kSchemaVersion)
      refuse("version " + std::to_string(version) + ", expected " + std::to_string(kSchemaVersion));
    run("PRAGMA synchronous = NORMAL");
  }

  void create() const {
    Transaction transaction(*this);
    // Another process may have been first.
    if (number("SELECT count(*) FROM sqlite_master") == 0)
      run("PRAGMA application_id = " + std::to_string(kApplicationId) +
          ";PRAGMA user_version = " + std::to_string(kSchemaVersion) + ';' + kTables);
    transaction.commit();
  }

  class Transaction {
   public:
    explicit Transaction(const State& state) : state_(state) { state_.run("BEGIN IMMEDIATE"); }
    ~Transaction() {
      if (!done_) sqlite3_exec(state_.database, "ROLLBACK", nullptr, nullptr, nullptr);
    }
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    void commit() {
      state_.run("COMMIT");
      done_ = true;
    }

   private:
    const State& state_;
    bool done_ = false;
  };

  std::vector<Evidence> evidence_of(Statement& select, std::string_view prefix) const {
    select.bind(1, prefix);
    std::vector<Evidence> all;
    while (all.size() < LearnedEntry::kMaxEvidence && step(select))
      all.push_back({select.number(0), std::string(select.text(1)), std::string(select.text(2))});
    select.reset();
    return all;
  }

  std::vector<LearnedEntry> read(Statement& rows) const {
    auto evidence =
        prepare("SELECT time, id, what FROM evidence WHERE prefix = ?1 ORDER BY number");
    std::vector<LearnedEntry> all;
    while (step(rows)) {
      const auto prefix = read_prefix(rows.text(0));
      if (!prefix) continue;
      all.push_back({.prefix = *prefix,
                     .learned = rows.number(1),
                     .expires = rows.number(2),
                     .rule = std::string(rows.text(3)),
                     .reason = std::string(rows.text(4)),
                     .evidence = evidence_of(evidence, rows.text(0))});
    }
    std::ranges::sort(all, {}, &LearnedEntry::prefix);
    return all;
  }

  std::vector<Removal> read_removals(Statement& rows) const {
    std::vector<Removal> all;
    while (step(rows)) {
      const auto prefix = read_prefix(rows.text(1));
      if (!prefix) continue;
      all.push_back({.number = rows.number(0),
                     .prefix = *prefix,
                     .time = rows.number(2),
                     .by = std::string(rows.text(3)),
                     .why = std::string(rows.text(4))});
    }
    return all;
  }

  // With its evidence.
  void remove(const Prefix& prefix) const {
    auto statement = prepare("DELETE FROM entry WHERE prefix = ?1");
    statement.bind(1, prefix.to_string());
    step(statement);
  }

  void put(const LearnedEntry& entry) const {
    const std::string prefix = entry.prefix.to_string();
    auto row = prepare("INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5)");
    row.bind(1, prefix);
    row.bind(2, entry.learned);
    row.bind(3, entry.expires);
    row.bind(4, entry.rule);
    row.bind(5, entry.reason);
    step(row);
    auto evidence = prepare("INSERT INTO evidence VALUES (?1, ?2, ?3, ?4, ?5)");
    for (size_t i = 0; i < entry.evidence.size(); i++) {
      evidence.bind(1, prefix);
      evidence.bind(2, static_cast<int64_t>(i));
      evidence.bind(3, entry.evidence[i].time);
      evidence.bind(4, entry.evidence[i].id);
      evidence.bind(5, entry.evidence[i].what);
      step(evidence);
      evidence.reset();
    }
  }

  // Of table what has expired, and what is beyond the capacity.
  void trim(const std::string& table, const std::string& key, int64_t now, size_t capacity) const {
    const auto size = number(("SELECT count(*) FROM " + table).c_str());
    const auto over = std::max<int64_t>(0, size - static_cast<int64_t>(capacity));
    run("DELETE FROM " + table + " WHERE expires <= " + std::to_string(now) + " OR " + key +
        " IN (SELECT " + key + " FROM " + table + " ORDER BY expires LIMIT " +
        std::to_string(over) + ")");
  }
};

LearnedFile::LearnedFile(const std::string& path, Purpose purpose)
    : state_(std::make_unique<State>()) {
  state_->path = path;
  state_->open(purpose);
}

LearnedFile::~LearnedFile() = default;

std::vector<LearnedEntry> LearnedFile::entries(int64_t now) {
  auto rows = state_->prepare((std::string(kEntryColumns) + " WHERE expires > ?1").c_str());
  rows.bind(1, now);
  return state_->read(rows);
}

std::vector<LearnedEntry> LearnedFile::covering(const IpAddress& address, int64_t now) {
  std::vector<LearnedEntry> all;
  auto rows =
      state_->prepare((std::string(kEntryColumns) + " WHERE prefix = ?1 AND expires > ?2").c_str());
  for (int length = address.is_v4() ? 32 : 128; length >= 0; length--) {
    rows.bind(1, Prefix::make(address, length, Prefix::HostBits::kMask)->to_string());
    rows.bind(2, now);
    for (auto& entry : state_->read(rows)) all.push_back(std::move(entry));
    rows.reset();
  }
  return all;
}

std::map<Prefix, TrustedSource> LearnedFile::trusted(int64_t now) {
  auto rows = state_->prepare("SELECT source, domain, expires FROM trusted WHERE expires > ?1");
  rows.bind(1, now);
  std::map<Prefix, TrustedSource> all;
  while (state_->step(rows))
    if (const auto source = read_prefix(rows.text(0)))
      all[*source] = {std::string(rows.text(1)), rows.number(2)};
  return all;
}

std::vector<Removal> LearnedFile::removals() {
  auto rows = state_->prepare("SELECT number, prefix, time, by, why FROM removal ORDER BY number");
  return state_->read_removals(rows);
}

int64_t LearnedFile::last_removal() {
  return state_->number("SELECT coalesce(max(number), 0) FROM removal");
}

std::vector<Removal> LearnedFile::removals_to_do(int64_t above) {
  auto rows = state_->prepare(
      "SELECT number, prefix, time, by, why FROM removal WHERE number > ?1 OR done = 0"
      " ORDER BY number");
  rows.bind(1, above);
  return state_->read_removals(rows);
}

void LearnedFile::write(const LearnedChanges& changes, int64_t now, size_t entries,
                        size_t trusted) {
  State::Transaction transaction(*state_);
  for (const auto& [prefix, entry] : changes.entries) {
    state_->remove(prefix);
    if (entry) state_->put(*entry);
  }
  for (const auto& [source, trust] : changes.trusted) {
    auto row = state_->prepare("INSERT OR REPLACE INTO trusted VALUES (?1, ?2, ?3)");
    row.bind(1, source.to_string());
    row.bind(2, trust.domain);
    row.bind(3, trust.expires);
    state_->step(row);
  }
  for (const int64_t number : changes.carried_out) {
    auto row = state_->prepare("UPDATE removal SET done = 1 WHERE number = ?1");
    row.bind(1, number);
    state_->step(row);
  }
  state_->trim("entry", "prefix", now, entries);
  state_->trim("trusted", "source", now, trusted);
  transaction.commit();
}

bool LearnedFile::remove(const Prefix& prefix, std::string_view by, std::string_view why,
                         int64_t now) {
  State::Transaction transaction(*state_);
  const std::string text = prefix.to_string();
  auto known = state_->prepare("SELECT 1 FROM entry WHERE prefix = ?1 AND expires > ?2");
  known.bind(1, text);
  known.bind(2, now);
  if (!state_->step(known)) return false;
  known.reset();
  state_->remove(prefix);
  auto note = state_->prepare(
      "INSERT INTO removal (prefix, time, by, why, done) VALUES (?1, ?2, ?3, ?4, 0)");
  note.bind(1, text);
  note.bind(2, now);
  note.bind(3, by);
  note.bind(4, why);
  state_->step(note);
  state_->run("DELETE FROM removal WHERE number <= (SELECT max(number) FROM removal) - " +
              std::to_string(kMaxRemovals));
  transaction.commit();
  return true;
}

int64_t LearnedFile::version() {
  return state_->number("PRAGMA data_version");
}

}  // namespace postern::learning
