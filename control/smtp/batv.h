// SPDX-License-Identifier: BSD-3-Clause
//
// Batv: bounce address tag validation (draft-levine-smtp-batv-01, scheme prvs). The envelope sender
// of our mail is tagged on its way out, user@example.org to
//
//   prvs=KDDDSSSSSS=user@example.org
//
// with a key's number, the day on which the tag expires (days since 1970, modulo 1000) and the
// first three octets of an HMAC-SHA1 over number, day and address. Who reports a failure of our
// mail reports to that address; a report to an untagged one is of mail that somebody else sent in
// our name. Pure: no sockets and no clock.
//
// The address is hashed in lower case, as servers on the way may change the case. Only addresses
// that are plain are tagged: ASCII atoms with dots between, of at most kMaxPlainLocal octets, so
// that the tagged one keeps within 64 (RFC 5321 §4.5.3.1.1). All others go out as they are, and
// reports to them cannot be told.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace postern::smtp {

class Batv {
 public:
  static constexpr size_t kMaxPlainLocal = 48;
  static constexpr size_t kMaxDomains = 1'000'000;

  // A file of keys and domains:
  //   key 2 SECRET                  a digit, and 16 octets at least; the first key signs, and tags
  //   key 1 OLDSECRET               by the others are still valid
  //   lifetime 7d                   of a tag; 1d to 99d
  //   tag example.org               its mail is tagged, and tags are taken off what comes to it
  //   check example.net             likewise, and reports that prove nothing are refused
  // Comments are lines that begin with "#".
  // file: for messages. Throws BadInput.
  static Batv parse(std::string_view text, const std::string& file);
  // The same of a file that only its owner and group may read.
  static Batv load(const std::string& path);

  // address: MAIL FROM without brackets. As it is, where it is not to be tagged, or is already.
  std::string tag(std::string_view address, int64_t now) const;

  enum class Finding : uint8_t {
    kNotOurs,   // a domain without tags: nothing is known, and nothing was taken off
    kCannotBe,  // an address that would not have been tagged
    kValid,
    kUntagged,
    kForged,  // by no key of ours, or of another address
    kExpired,
  };
  struct Reading {
    Finding finding = Finding::kNotOurs;
    std::string address;   // without its tag, be it valid or not
    bool checked = false;  // the domain refuses what proves nothing
  };
  // recipient: RCPT TO without brackets.
  Reading read(std::string_view recipient, int64_t now) const;

  size_t domains() const noexcept { return domains_.size(); }
  size_t keys() const noexcept { return keys_.size(); }

 private:
  friend class BatvReader;
  struct Key {
    char number;
    std::string secret;
  };
  struct Domain {
    bool tagged = false;
    bool checked = false;
  };
  const Domain* find(std::string_view domain) const;
  std::string value(const Key& key, std::string_view day, std::string_view address) const;

  std::vector<Key> keys_;                               // the one that signs is first
  std::map<std::string, Domain, std::less<>> domains_;  // by A-labels
  int64_t lifetime_days_ = 7;
};

}  // namespace postern::smtp
