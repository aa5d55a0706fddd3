// SPDX-License-Identifier: BSD-3-Clause
//
// The text is read leniently, line by line: the file is a convenience.
#include "control/policy/known_sources.h"

#include <charconv>

#include "rules/text/cursor.h"
#include "rules/text/words.h"

namespace postern::policy {

void KnownSources::remember(const Prefix& source, int64_t now) {
  sources_.put(source, '\0', now + known_for_);
  changes_++;
}

void KnownSources::forget(const Prefix& source) {
  if (sources_.erase(source)) changes_++;
}

std::string KnownSources::text() const {
  std::string text;
  sources_.for_each([&](const Prefix& source, char, int64_t expires) {
    text += source.to_string() + ' ' + std::to_string(expires) + '\n';
  });
  return text;
}

size_t KnownSources::read(std::string_view text, int64_t now) {
  size_t bad = 0;
  Cursor lines(text);
  while (!lines.at_end()) {
    Cursor line(lines.take_until('\n'));
    const auto source = Prefix::parse(take_word(line), Prefix::HostBits::kRefuse);
    const auto number = take_word(line);
    int64_t expires = 0;
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), expires);
    if (!source || error != std::errc{} || end != number.data() + number.size() || !line.at_end() ||
        expires > now + known_for_) {
      bad++;
    } else if (expires > now) {
      sources_.put(*source, '\0', expires);
    }
  }
  return bad;
}

}  // namespace postern::policy
