// SPDX-License-Identifier: BSD-3-Clause
//
// LastGood: a copy of the snapshot that an engine has in force, in a directory of its own, so that
// the engine can start from it when the file it is configured with is gone or damaged. Only rules
// that were confirmed are kept. The copy is replaced in one step: there is always a whole one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "rules/snapshot/snapshot.h"

namespace postern {

class LastGood {
 public:
  // Makes the directory where it is absent. Throws std::runtime_error with one line.
  explicit LastGood(std::string directory);

  const std::string& path() const noexcept { return path_; }
  // Throws std::system_error; then the former copy is still there.
  void keep(const Snapshot& snapshot) const;
  // nullptr when none was kept yet. Throws std::runtime_error with one line that says what to do
  // when the copy is damaged or cannot be read.
  std::shared_ptr<const Snapshot> read() const;

 private:
  std::string path_;
};

enum class BadSnapshot { kRefuse, kLastGood };
// "refuse", "last-good"; nullopt for anything else.
std::optional<BadSnapshot> bad_snapshot_named(std::string_view word) noexcept;

// What to start with. given: a file; empty: the last good one, if there is any. Where `given`
// cannot be used: by `otherwise`. last_good: nullptr keeps none. Throws std::runtime_error with one
// line; nullptr where there is nothing to start with.
std::shared_ptr<const Snapshot> starting_snapshot(const std::string& given,
                                                  const LastGood* last_good, BadSnapshot otherwise);

}  // namespace postern
