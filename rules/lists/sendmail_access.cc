// SPDX-License-Identifier: BSD-3-Clause
//
// Format sendmail-access: the source of Sendmail's access map, "key<blanks>value". Read are the
// keys of connections, tagged `Connect:` or not at all: leading octets of an IPv4 address, leading
// groups of an IPv6 one behind `IPv6:`, and the prefixes that Sendmail's cidrexpand takes. The
// longest match counts, and a tagged key before an untagged one. OK, RELAY and SKIP are exclusions,
// other values entries, with their first word as the value. All other keys (From:, GreetPause:,
// host names, ...) are none of this list's business, and a remark names them.
#include <algorithm>

#include "rules/address/octets_text.h"
#include "rules/address/prefix_text.h"
#include "rules/lists/formats.h"
#include "rules/lists/list_lines.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

struct AccessLine {
  std::string_view tag;  // without its colon; often empty
  std::string_view key, value;
};

bool has_only(std::string_view text, std::string_view characters) {
  return text.find_first_not_of(characters) == std::string_view::npos;
}

// "IPv6:2001:db8" has no tag.
AccessLine split(std::string_view line) {
  Cursor cursor(line);
  AccessLine parts{{}, take_word(cursor), {}};
  parts.value = cursor.rest();
  const auto colon = parts.key.find(':');
  if (colon == std::string_view::npos || colon == 0) return parts;
  const auto tag = parts.key.substr(0, colon);
  if (same_word(tag, "ipv6") || has_only(tag, "0123456789abcdefABCDEF")) return parts;
  parts.tag = tag;
  parts.key.remove_prefix(colon + 1);
  return parts;
}

bool is_ipv6(std::string_view key) {
  return same_word(key.substr(0, 5), "ipv6:");
}

// Whether somebody meant an address, be it a bad one. Host names have letters, and `@` is mail's.
bool means_address(std::string_view key) {
  return is_ipv6(key) || (!key.empty() && has_only(key, "0123456789./")) ||
         (key.find(':') != std::string_view::npos && has_only(key, "0123456789abcdefABCDEF:./"));
}

// Fewer than eight groups and no "::" are a prefix.
std::optional<Prefix> read_groups(std::string_view text, std::string* why) {
  const auto groups = std::ranges::count(text, ':') + 1;
  if (text.find("::") != std::string_view::npos || text.find('/') != std::string_view::npos ||
      groups == 8)
    return read_prefix(text, why);
  const auto whole = std::string(text) + "::/" + std::to_string(groups * 16);
  if (groups > 8 || !Prefix::parse(whole, Prefix::HostBits::kMask)) {
    *why = quoted(text) + " is not an address or leading groups of one";
    return std::nullopt;
  }
  return read_prefix(whole, why);
}

std::optional<Prefix> read_key(std::string_view key, std::string* why) {
  if (key.find(':') == std::string_view::npos)
    return key.find('/') == std::string_view::npos ? read_octets(key, why) : read_prefix(key, why);
  if (!is_ipv6(key)) {
    *why = quoted(key) + " has no IPv6: in front, so Sendmail never looks it up";
    return std::nullopt;
  }
  key.remove_prefix(5);
  if (key.ends_with("::")) {
    *why = quoted(key) + " ends in ::, which may be an address or its leading groups";
    return std::nullopt;
  }
  auto prefix = read_groups(key, why);
  if (prefix && prefix->family() == Family::kV6) return prefix;
  if (prefix) *why = quoted(key) + " is not an IPv6 address";
  return std::nullopt;
}

// Twice the length, and one more where the key has a tag; it has to fit into eight bits.
uint8_t specificity_of(const Prefix& prefix, bool tagged) {
  const int twice = 2 * prefix.length() - (prefix.family() == Family::kV6 ? 2 : 0);
  return static_cast<uint8_t>(std::max(twice, 0) + (tagged ? 1 : 0));
}

// "ERROR:5.7.1:550 text" -> "ERROR", "5.7.1:550 text".
EntryNote note_of(std::string_view value) {
  const auto end = std::min(value.find_first_of(": \t"), value.size());
  EntryNote note{.word = std::string(value.substr(0, end)),
                 .text = std::string(trimmed(value.substr(std::min(end + 1, value.size()))))};
  for (const auto passes : {"OK", "RELAY", "SKIP"})
    if (same_word(note.word, passes)) note.excluded = true;
  return note;
}

class SendmailAccessFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "sendmail-access"; }
  std::string_view title() const noexcept override {
    return "Sendmail access map, key and value; Connect: and untagged addresses";
  }

  Fit fit(std::string_view text) const override {
    return fit_of_lines(text, Comments::kHashLines, [](std::string_view line) {
      const auto parts = split(line);
      if (parts.value.empty()) return false;
      if (is_known_tag(parts.tag)) return true;
      std::string why;
      return parts.tag.empty() && is_known_value(parts.value) &&
             (read_key(parts.key, &why) || !means_address(parts.key));
    });
  }

  ListContent read(std::string_view text, const ListSource& source) const override {
    ListContent content;
    content.overlap = Overlap::kMostSpecific;
    content.expect(text.size() / 2);
    for (ListLines lines(text, Comments::kHashLines); lines.next();)
      read_line(lines.text(), lines.number(), source.file, content);
    return content;
  }

 private:
  static bool is_known_tag(std::string_view tag) {
    for (const auto known :
         {"connect", "from", "to", "spam", "greetpause", "clientrate", "clientconn", "srv_features",
          "try_tls", "tls_srv", "tls_clt", "tls_rcpt", "authinfo"})
      if (same_word(tag, known)) return true;
    return false;
  }

  static bool is_known_value(std::string_view value) {
    const auto word = note_of(value).word;
    for (const auto known :
         {"REJECT", "DISCARD", "ERROR", "OK", "RELAY", "SKIP", "QUARANTINE", "SUBJECT"})
      if (same_word(word, known)) return true;
    return word.size() == 3 && has_only(word, "0123456789");
  }

  static void read_line(std::string_view line, uint32_t number, const std::string& file,
                        ListContent& content) {
    const auto [tag, key, value] = split(line);
    if (value.empty()) return content.skip(file, number, quoted(line) + " has no value");
    const bool tagged = same_word(tag, "connect");
    if (!tag.empty() && !tagged)
      return content.remark(file, number,
                            quoted(tag) + " is not about connections, so this line is not read");
    if (!means_address(key))
      return content.remark(file, number,
                            quoted(key) + " is not an address, so this line is not read");
    std::string why;
    const auto prefix = read_key(key, &why);
    if (!prefix) return content.skip(file, number, why);
    auto note = note_of(value);
    note.specificity = specificity_of(*prefix, tagged);
    content.add(*prefix, number, content.notes.number_of(std::move(note)));
  }
};

}  // namespace

const ListFormat& sendmail_access_format() {
  static const SendmailAccessFormat format;
  return format;
}

}  // namespace postern
