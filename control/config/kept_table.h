// SPDX-License-Identifier: BSD-3-Clause
//
// KeptTable: keeps a table of memory in a file, so that a restart does not begin anew. The file is
// a convenience: what cannot be read or written is logged once and costs what the table saves,
// never mail. Read whole and replaced whole.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace postern::config {

class KeptTable {
 public:
  // What it asks of the table.
  struct Table {
    std::string name;   // in the log: "known-sources"
    std::string count;  // what its entries are called there: "sources"
    std::function<std::string()> text;
    std::function<uint64_t()> changes;  // of what text() shows
    std::function<size_t()> size;
    // Takes what text() made; the number of lines that are no such thing. now: Unix seconds.
    std::function<size_t(std::string_view text, int64_t now)> read;
  };
  // path: empty: does nothing. The table outlives this.
  KeptTable(std::string path, Table table) : path_(std::move(path)), table_(std::move(table)) {}
  virtual ~KeptTable() = default;
  KeptTable(const KeptTable&) = delete;
  KeptTable& operator=(const KeptTable&) = delete;

  void read(int64_t now);
  // Replaces the file where anything changed since. False: it could not be, which is logged when
  // that is new, or somebody else was about to for longer than `patience`, and it is to be tried
  // again soon.
  virtual bool write(std::chrono::milliseconds patience = {});

 protected:
  const std::string& path() const noexcept { return path_; }
  bool changed() const { return table_.changes() != written_changes_; }

 private:
  std::string path_;
  Table table_;
  uint64_t written_changes_ = 0;
  bool worked_ = true;
};

// Of a table with text(), changes(), size() and read().
template <typename Kept>
KeptTable::Table table_of(std::string name, std::string count, Kept& kept) {
  return {.name = std::move(name),
          .count = std::move(count),
          .text = [&kept] { return kept.text(); },
          .changes = [&kept] { return kept.changes(); },
          .size = [&kept] { return kept.size(); },
          .read = [&kept](std::string_view text, int64_t now) { return kept.read(text, now); }};
}

}  // namespace postern::config
