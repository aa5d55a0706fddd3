// SPDX-License-Identifier: BSD-3-Clause
//
// Read whole and replaced whole, by one worker at a time: a lock on a file beside it, as the file
// itself is replaced. Behind load balancers sources may be any worker's: lines of sources that this
// one does not know are kept until they expire.
#include "control/config/known_sources_file.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <ctime>
#include <filesystem>
#include <string_view>
#include <thread>
#include <utility>

#include "control/listen/descriptor.h"
#include "rules/text/cursor.h"
#include "rules/text/file_text.h"
#include "rules/text/words.h"

namespace postern::config {
namespace {

constexpr size_t kMaxFile = 64u << 20;
constexpr size_t kMaxLines = 1'000'000;
constexpr int64_t kForEver = int64_t{1} << 40;  // seconds

// The lines whose source is one of those. What is no line of ours is nobody's.
template <typename Wanted>
std::string lines_of(std::string_view text, Wanted wanted) {
  std::string result;
  Cursor lines(text);
  while (!lines.at_end()) {
    const auto line = lines.take_until('\n');
    Cursor words(line);
    const auto source = Prefix::parse(take_word(words), Prefix::HostBits::kRefuse);
    if (!source || wanted(*source)) result.append(line) += '\n';
  }
  return result;
}

}  // namespace

KnownSourcesFile::KnownSourcesFile(std::string path, policy::KnownSources& sources,
                                   const listen::Steering& steering, size_t worker)
    : KeptTable(std::move(path), table()),
      sources_(sources),
      steering_(steering),
      worker_(worker) {}

// Asked for nothing before the constructor has ended.
KeptTable::Table KnownSourcesFile::table() {
  return {.name = "known-sources",
          .count = "sources",
          .text = [this] { return sources_.text() + lines_of_others(); },
          .changes = [this] { return sources_.changes(); },
          .size = [this] { return sources_.size(); },
          .read =
              [this](std::string_view text, int64_t now) {
                const auto is_mine = [this](const Prefix& source) {
                  return steering_.may_meet(source.first(), worker_);
                };
                return sources_.read(lines_of(text, is_mine), now);
              }};
}

// Without those that have expired.
std::string KnownSourcesFile::lines_of_others() const {
  if (steering_.workers() == 1) return {};
  std::error_code none;
  if (!std::filesystem::exists(path(), none)) return {};
  policy::KnownSources there({.capacity = kMaxLines, .known_for = kForEver});
  there.read(read_file_text(path(), kMaxFile).text, std::time(nullptr));
  const bool anybodys = steering_.by() == listen::Steering::By::kChance;
  return lines_of(there.text(), [&](const Prefix& source) {
    return anybodys ? !sources_.knows(source, std::time(nullptr))
                    : !steering_.may_meet(source.first(), worker_);
  });
}

// Who has the lock may be stopped, or wait for a disk: this is a loop that serves mail.
bool KnownSourcesFile::write(std::chrono::milliseconds patience) {
  listen::Descriptor lock;
  if (steering_.workers() > 1 && !path().empty() && changed()) {
    lock =
        listen::Descriptor(::open((path() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    const auto end = std::chrono::steady_clock::now() + patience;
    while (lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      if (std::chrono::steady_clock::now() >= end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
  }
  return KeptTable::write(patience);
}

}  // namespace postern::config
