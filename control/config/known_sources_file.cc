// SPDX-License-Identifier: BSD-3-Clause
//
// Read whole and replaced whole, by one worker at a time: a lock on a file beside it, as the file
// itself is replaced. Behind load balancers sources may be any worker's: lines of sources that this
// one does not know are kept until they expire.
#include "control/config/known_sources_file.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>

#include <ctime>
#include <exception>
#include <filesystem>
#include <span>

#include "control/listen/descriptor.h"
#include "control/policy/log_text.h"
#include "rules/text/cursor.h"
#include "rules/text/file_text.h"
#include "rules/text/replace_file.h"
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

void KnownSourcesFile::read(int64_t now) {
  std::error_code none;
  if (path_.empty() || !std::filesystem::exists(path_, none)) return;
  try {
    const auto file = read_file_text(path_, kMaxFile);
    const auto is_mine = [this](const Prefix& source) {
      return steering_.may_meet(source.first(), worker_);
    };
    const size_t bad = sources_.read(lines_of(file.text, is_mine), now);
    spdlog::info("known-sources state=read file={} sources={} bad-lines={}", path_, sources_.size(),
                 bad);
  } catch (const std::exception& error) {
    spdlog::error("known-sources state=refused file={} error={}", path_,
                  policy::log_value(error.what()));
  }
}

// Without those that have expired.
std::string KnownSourcesFile::lines_of_others() const {
  std::error_code none;
  if (!std::filesystem::exists(path_, none)) return {};
  policy::KnownSources there({.capacity = kMaxLines, .known_for = kForEver});
  there.read(read_file_text(path_, kMaxFile).text, std::time(nullptr));
  const bool anybodys = steering_.by() == listen::Steering::By::kChance;
  return lines_of(there.text(), [&](const Prefix& source) {
    return anybodys ? !sources_.knows(source, std::time(nullptr))
                    : !steering_.may_meet(source.first(), worker_);
  });
}

bool KnownSourcesFile::write() {
  if (path_.empty() || sources_.changes() == written_changes_) return true;
  try {
    std::string text = sources_.text();
    listen::Descriptor lock;
    if (steering_.workers() > 1) {
      lock =
          listen::Descriptor(::open((path_ + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
      if (lock) ::flock(lock.get(), LOCK_EX);
      text += lines_of_others();
    }
    ReplacementFile file(path_);
    file.write(std::as_bytes(std::span(text)));
    file.put_in_place();
    written_changes_ = sources_.changes();
    if (!worked_) spdlog::info("known-sources state=written file={}", path_);
    worked_ = true;
  } catch (const std::exception& error) {
    if (worked_)
      spdlog::error("known-sources state=refused file={} error={}", path_,
                    policy::log_value(error.what()));
    worked_ = false;
  }
  return worked_;
}

}  // namespace postern::config
