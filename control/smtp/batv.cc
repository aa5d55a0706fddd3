// SPDX-License-Identifier: BSD-3-Clause
//
// Tags of 24 bits, compared in constant time. Who wants to guess one asks 2^24 times for each
// address, at RCPT.
#include "control/smtp/batv.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <optional>
#include <utility>

#include "control/dns/domain_name.h"
#include "rules/text/cursor.h"
#include "rules/text/diagnostic.h"
#include "rules/text/private_text.h"
#include "rules/text/quoted.h"
#include "rules/text/words.h"

namespace postern::smtp {
namespace {

constexpr size_t kMaxFile = 64u << 20;
constexpr std::string_view kScheme = "prvs=";
constexpr size_t kValueLength = 10;  // K DDD SSSSSS
constexpr size_t kLeastSecret = 16;
constexpr size_t kMostSecret = 256;
constexpr int64_t kMaxLifetime = 99;  // days; the number in a tag has only a thousand
constexpr int64_t kDay = 86400;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// RFC 5322 §3.2.3: atoms with dots between.
bool is_plain(std::string_view local) {
  if (local.empty() || local.front() == '.' || local.back() == '.') return false;
  if (local.find("..") != std::string_view::npos) return false;
  return std::ranges::all_of(local, [](char c) {
    return c > ' ' && c < 0x7f &&
           std::string_view("()<>[]:;@\\,\"").find(c) == std::string_view::npos;
  });
}

struct Parts {
  std::string_view local, domain;
};
std::optional<Parts> split(std::string_view address) {
  const auto at = address.rfind('@');
  if (at == std::string_view::npos) return std::nullopt;
  return Parts{address.substr(0, at), address.substr(at + 1)};
}

// What stands between "prvs=" and the local part; nullopt: it is no tagged one.
struct Tagged {
  std::string_view value, local;
};
std::optional<Tagged> read_tag(std::string_view local) {
  if (local.size() <= kScheme.size() + kValueLength + 1) return std::nullopt;
  if (!dns::equals_ignoring_case(local.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  const auto value = local.substr(kScheme.size(), kValueLength);
  const auto rest = local.substr(kScheme.size() + kValueLength);
  if (rest.front() != '=') return std::nullopt;
  if (!std::ranges::all_of(value.substr(0, 4), is_digit) ||
      !std::ranges::all_of(value.substr(4), is_hex))
    return std::nullopt;
  return Tagged{value, rest.substr(1)};
}

}  // namespace

// Reads a file line by line and stops at the first one that is wrong.
class BatvReader {
 public:
  BatvReader(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  Batv read() {
    for (size_t at = 0; at < text_.size();) {
      const auto end = std::min(text_.find('\n', at), text_.size());
      source_ = text_.substr(at, end - at);
      line_++;
      at = end + 1;
      read_line();
    }
    line_ = 0;
    if (batv_.keys_.empty()) refuse({}, "there is no key");
    return std::move(batv_);
  }

 private:
  // The text of a line that holds a secret is not shown.
  [[noreturn]] void refuse(std::string_view where, std::string message) const {
    Diagnostic diagnostic{.file = file_, .line = line_, .message = std::move(message)};
    if (where.data() != nullptr)
      diagnostic.column = static_cast<uint32_t>(where.data() - source_.data()) + 1;
    throw BadInput(std::move(diagnostic));
  }

  void read_line() {
    Cursor cursor(source_);
    const auto verb = take_word(cursor);
    if (verb.empty() || verb.front() == '#') return;
    if (verb == "key")
      read_key(verb, cursor);
    else if (verb == "lifetime")
      read_lifetime(verb, cursor);
    else if (verb == "tag" || verb == "check")
      read_domains(verb, cursor);
    else
      refuse(verb, quoted(verb) + " is neither key, lifetime, tag nor check");
  }

  void read_key(std::string_view verb, Cursor& cursor) {
    const auto number = take_word(cursor);
    const auto secret = take_word(cursor);
    if (number.size() != 1 || !is_digit(number.front()))
      refuse(number.empty() ? verb : number, "a key has a number of one digit");
    if (secret.size() < kLeastSecret || secret.size() > kMostSecret)
      refuse(secret.empty() ? number : secret, "a secret has 16 to 256 octets without blanks");
    const auto rest = take_word(cursor);
    if (!rest.empty()) refuse(rest, "a key is a number and a secret");
    const bool is_known =
        std::ranges::find(batv_.keys_, number.front(), &Batv::Key::number) != batv_.keys_.end();
    if (is_known) refuse(number, "there is a key of this number already");
    batv_.keys_.push_back({number.front(), std::string(secret)});
  }

  void read_lifetime(std::string_view verb, Cursor& cursor) {
    const auto word = take_word(cursor);
    int64_t days = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), days);
    const bool is_one = error == std::errc() && end + 1 == word.data() + word.size() && *end == 'd';
    if (!is_one || days < 1 || days > kMaxLifetime || !cursor.at_end())
      refuse(word.empty() ? verb : word, "a lifetime is of 1d to 99d");
    batv_.lifetime_days_ = days;
  }

  void read_domains(std::string_view verb, Cursor& cursor) {
    auto word = take_word(cursor);
    if (word.empty()) refuse(verb, "there is no domain");
    for (; !word.empty(); word = take_word(cursor)) {
      const auto domain = dns::to_a_labels(word);
      if (!domain) refuse(word, quoted(word) + " is no domain");
      auto& entry = batv_.domains_[*domain];
      if (batv_.domains_.size() > Batv::kMaxDomains) refuse(word, "too many domains");
      entry.tagged = true;
      if (verb == "check") entry.checked = true;
    }
  }

  std::string_view text_;
  const std::string& file_;
  std::string_view source_;
  uint32_t line_ = 0;
  Batv batv_;
};

Batv Batv::parse(std::string_view text, const std::string& file) {
  return BatvReader(text, file).read();
}

Batv Batv::load(const std::string& path) {
  return parse(read_private_text(path, kMaxFile), path);
}

const Batv::Domain* Batv::find(std::string_view domain) const {
  const auto name = dns::to_a_labels(domain);
  if (!name) return nullptr;
  const auto found = domains_.find(*name);
  return found == domains_.end() ? nullptr : &found->second;
}

// K DDD SSSSSS; address: untagged, in lower case.
std::string Batv::value(const Key& key, std::string_view day, std::string_view address) const {
  std::string source(1, key.number);
  source += day;
  source += address;
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned length = 0;
  HMAC(EVP_sha1(), key.secret.data(), static_cast<int>(key.secret.size()),
       reinterpret_cast<const unsigned char*>(source.data()), source.size(), hash.data(), &length);
  std::array<char, 8> hex{};
  std::snprintf(hex.data(), hex.size(), "%02x%02x%02x", hash[0], hash[1], hash[2]);
  return key.number + std::string(day) + hex.data();
}

std::string Batv::tag(std::string_view address, int64_t now) const {
  const auto parts = split(address);
  if (!parts) return std::string(address);
  const Domain* domain = find(parts->domain);
  const bool is_tagged = read_tag(parts->local).has_value();
  if (domain == nullptr || !domain->tagged || is_tagged || !is_plain(parts->local) ||
      parts->local.size() > kMaxPlainLocal)
    return std::string(address);
  std::array<char, 8> day{};
  std::snprintf(day.data(), day.size(), "%03u",
                static_cast<unsigned>((now / kDay + lifetime_days_) % 1000));
  return std::string(kScheme) + value(keys_.front(), day.data(), dns::ascii_lower(address)) + '=' +
         std::string(address);
}

Batv::Reading Batv::read(std::string_view recipient, int64_t now) const {
  Reading reading{.address = std::string(recipient)};
  const auto parts = split(recipient);
  const Domain* domain = parts ? find(parts->domain) : nullptr;
  if (domain == nullptr) return reading;
  reading.checked = domain->checked;
  const auto tagged = read_tag(parts->local);
  if (!tagged) {
    const bool could_be = is_plain(parts->local) && parts->local.size() <= kMaxPlainLocal;
    reading.finding = could_be ? Finding::kUntagged : Finding::kCannotBe;
    return reading;
  }
  reading.address = std::string(tagged->local) + '@' + std::string(parts->domain);
  reading.finding = Finding::kForged;
  const auto day = tagged->value.substr(1, 3);
  const std::string address = dns::ascii_lower(reading.address);
  const std::string claimed = dns::ascii_lower(tagged->value);
  for (const Key& key : keys_) {
    if (key.number != claimed.front()) continue;
    const std::string right = value(key, day, address);
    if (CRYPTO_memcmp(right.data(), claimed.data(), kValueLength) != 0) continue;
    int64_t expires = 0;
    std::from_chars(day.data(), day.data() + day.size(), expires);
    const int64_t days_left = (expires - now / kDay % 1000 + 1000) % 1000;
    // Of those that were made under a longer lifetime, too: the day is under the key's hash.
    reading.finding = days_left <= kMaxLifetime ? Finding::kValid : Finding::kExpired;
  }
  return reading;
}

}  // namespace postern::smtp
