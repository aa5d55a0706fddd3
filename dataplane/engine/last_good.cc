// SPDX-License-Identifier: BSD-3-Clause
//
// Keeping and finding the last good snapshot (dataplane/engine/last_good.h).
#include "dataplane/engine/last_good.h"

#include <spdlog/spdlog.h>

#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "dataplane/engine/owned_snapshot.h"
#include "rules/text/replace_file.h"

namespace postern {
namespace {

// An error's first line, as the rest of some shows the place in a text.
std::string first_line(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find('\n'));
}

}  // namespace

LastGood::LastGood(std::string directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error)
    throw std::runtime_error("cannot make the state directory " + directory + ": " +
                             error.message());
  path_ = std::move(directory) + "/last-good.snapshot";
}

void LastGood::keep(const Snapshot& snapshot) const {
  if (snapshot.name() == path_) return;  // it came from there
  ReplacementFile file(path_);
  file.write(snapshot.file_bytes());
  file.put_in_place();
}

std::shared_ptr<const Snapshot> LastGood::read() const {
  std::error_code error;
  if (!std::filesystem::exists(path_, error) && !error) return nullptr;
  try {
    return read_owned_snapshot(path_);
  } catch (const std::runtime_error& damaged) {
    throw std::runtime_error(first_line(damaged) + "; this is the copy of the last good rules: " +
                             "start with another --snapshot, or remove it to start without rules");
  }
}

std::optional<BadSnapshot> bad_snapshot_named(std::string_view word) noexcept {
  if (word == "refuse") return BadSnapshot::kRefuse;
  if (word == "last-good") return BadSnapshot::kLastGood;
  return std::nullopt;
}

std::shared_ptr<const Snapshot> starting_snapshot(const std::string& given,
                                                  const LastGood* last_good,
                                                  BadSnapshot otherwise) {
  if (given.empty()) return last_good ? last_good->read() : nullptr;
  try {
    return read_owned_snapshot(given);
  } catch (const std::runtime_error& bad) {
    const auto refuse = [&] {
      throw std::runtime_error(first_line(bad) + "; make it anew by `postern compile --output " +
                               given + "`, or start without --snapshot, and without rules");
    };
    if (!last_good || otherwise == BadSnapshot::kRefuse) refuse();
    auto kept = last_good->read();
    if (!kept) refuse();
    spdlog::warn("event=snapshot-refused error=\"{}\" instead={} generation={}", first_line(bad),
                 last_good->path(), kept->generation());
    return kept;
  }
}

}  // namespace postern
