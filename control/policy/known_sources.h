// SPDX-License-Identifier: BSD-3-Clause
//
// KnownSources: sources that behaved as mail servers do, and are therefore greeted without a pause
// for a while (postscreen's temporary allow list). A source is an IPv4 address, an IPv6 /64, or
// whatever network its user asks about. Bounded; a source that is forgotten is tested again, so
// that the table fails towards delay, never towards refusing. Written to a file and read back, so
// that a restart does not delay everybody.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "control/policy/expiring_table.h"
#include "rules/address/address.h"

namespace postern::policy {

class KnownSources {
 public:
  struct Options {
    size_t capacity = 100'000;
    int64_t known_for = 7 * 86400;  // seconds after it was last seen to behave
  };
  explicit KnownSources(const Options& options)
      : known_for_(options.known_for), sources_(options.capacity) {}

  // Times are Unix seconds.
  bool knows(const Prefix& source, int64_t now) { return sources_.find(source, now) != nullptr; }
  void remember(const Prefix& source, int64_t now);
  void forget(const Prefix& source);

  // One line each: the prefix, a space, the Unix time when it is forgotten.
  std::string text() const;
  // Takes lines as text() writes them; those that have expired are left out, and so are those that
  // expire later than they could. The number of lines that are no such thing is returned: a file
  // that was damaged costs some sources a pause.
  size_t read(std::string_view text, int64_t now);

  size_t size() const noexcept { return sources_.size(); }
  uint64_t changes() const noexcept { return changes_; }  // since the beginning, what text() shows

 private:
  int64_t known_for_;
  ExpiringTable<Prefix, char> sources_;  // what is known of one is that it is there
  uint64_t changes_ = 0;
};

}  // namespace postern::policy
