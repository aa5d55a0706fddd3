// SPDX-License-Identifier: BSD-3-Clause
//
// map and fetch (rules/policy/list_details.h).
#include "rules/policy/list_details.h"

#include <algorithm>
#include <utility>

#include "rules/policy/names.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

constexpr int kHeaviest = 1000;
constexpr size_t kMaxUrl = 2048;

// Whether what the earlier map takes is all that the later could.
bool takes_all_of(const ValueMap& earlier, const ValueMap& later) {
  if (std::holds_alternative<ValueMap::Any>(earlier.match)) return true;
  const auto* one = std::get_if<ValueMap::WordIs>(&earlier.match);
  const auto* other = std::get_if<ValueMap::WordIs>(&later.match);
  return one && other && one->word == other->word;
}

decltype(ValueMap::match) read_map_match(Statement& statement) {
  const auto& token = statement.peek();
  if (token.kind == Token::Kind::kString)
    return ValueMap::WordIs{statement.expect_string("a value")};
  if (token.kind != Token::Kind::kWord) statement.fail_here("a value, \"value\" or \"any\"");
  if (statement.accept("any")) return ValueMap::Any{};
  if (statement.accept("value")) {
    const auto comparison = statement.expect_comparison();
    return ValueMap::NumberIs{comparison, statement.expect_number()};
  }
  return ValueMap::WordIs{std::string(statement.take().text)};
}

// "sha256//BASE64", several with ";" between: any one of them will do, so that a host can change
// its key.
bool are_pins(std::string_view text) {
  constexpr std::string_view kKind = "sha256//";
  constexpr size_t kBase64 = 44;  // of 32 bytes, with one "=" at the end
  for (;;) {
    const auto pin = text.substr(0, text.find(';'));
    const auto digest = pin.substr(std::min(pin.size(), kKind.size()));
    if (!pin.starts_with(kKind) || digest.size() != kBase64 || !digest.ends_with('=') ||
        !std::ranges::all_of(digest.substr(0, kBase64 - 1), [](char c) {
          return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                 c == '+' || c == '/';
        }))
      return false;
    if (pin.size() == text.size()) return true;
    text.remove_prefix(pin.size() + 1);
  }
}

std::string expect_url(Statement& statement, std::string_view what) {
  const auto& token = statement.peek();
  auto url = statement.expect_string(what);
  if (host_of_url(url).empty())
    statement.fail_at(token, std::string(what) +
                                 " is a https: URL with a host, and without a user or a fragment");
  return url;
}

}  // namespace

std::string host_of_url(std::string_view url) {
  constexpr std::string_view kScheme = "https://";
  const auto is_plain = [](char c) { return c > 0x20 && c < 0x7f && c != '"' && c != '\\'; };
  if (!url.starts_with(kScheme) || url.size() > kMaxUrl || !std::ranges::all_of(url, is_plain) ||
      url.find('#') != std::string_view::npos)
    return {};
  const auto rest = url.substr(kScheme.size());
  const auto authority = rest.substr(0, rest.find_first_of("/?"));
  if (authority.find('@') != std::string_view::npos) return {};
  // A port is part of where, not of who; an IPv6 host keeps its brackets.
  const auto bracket = authority.rfind(']');
  const auto colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  std::string host(authority.substr(0, colon));
  std::ranges::transform(host, host.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return host;
}

void read_map(Statement& statement, ListDeclaration& list) {
  const auto& first = statement.peek();
  if (list.maps.size() == kMaxMapsPerList)
    statement.fail_at(first, "more than " + std::to_string(kMaxMapsPerList) + " maps of one list");
  if (has_only_domains(list))
    statement.fail_at(first, "this map can never hold: domains have no values");
  ValueMap map;
  map.match = read_map_match(statement);
  if (statement.accept("ignore")) {
    map.ignored = true;
  } else {
    for (bool any = false;; any = true) {
      if (map.category.empty() && statement.accept("category"))
        map.category = statement.expect_name("the name of a category");
      else if (!map.weight && statement.accept("weight"))
        map.weight = statement.expect_integer(-kHeaviest, kHeaviest);
      else if (any)
        break;
      else
        statement.fail_here(listed({"category", "weight", "ignore"}));
      if (statement.at_end()) break;
    }
  }
  statement.expect_end();
  for (const auto& earlier : list.maps)
    if (takes_all_of(earlier, map))
      statement.fail_at(first, "this map can never hold: the map at line " +
                                   std::to_string(earlier.place.line) + " comes before it");
  map.place = statement.place();
  map.text = statement.text();
  list.maps.push_back(std::move(map));
}

void read_fetch(Statement& statement, ListDeclaration& list) {
  if (list.fetch)
    statement.fail_at(statement.peek(), "there is a fetch already, at line " +
                                            std::to_string(list.fetch->place.line));
  FetchDeclaration fetch;
  fetch.place = statement.place();
  fetch.url = expect_url(statement, "the feed's URL");
  while (!statement.at_end()) {
    const auto& option = statement.peek();
    const auto only_once = [&](bool is_set) {
      if (is_set) statement.fail_at(option, quoted(option.text) + " is there already");
    };
    const auto same_host = [&](const Token& token, const std::string& url) {
      if (host_of_url(url) != host_of_url(fetch.url))
        statement.fail_at(token, "this is another host than the feed's; only one is trusted");
    };
    if (statement.accept("max-bytes")) {
      only_once(fetch.max_bytes.has_value());
      fetch.max_bytes = statement.expect_bytes();
    } else if (statement.accept("pin")) {
      only_once(!fetch.pin.empty());
      const auto& token = statement.peek();
      fetch.pin = statement.expect_string("a pin");
      if (!are_pins(fetch.pin))
        statement.fail_at(token,
                          "a pin is sha256// and the base64 of the host's public key's "
                          "SHA-256; several have ; between");
    } else if (statement.accept("checksum")) {
      only_once(!fetch.checksum_url.empty());
      const auto& token = statement.peek();
      fetch.checksum_url = expect_url(statement, "the checksum's URL");
      same_host(token, fetch.checksum_url);
    } else if (statement.accept("signature")) {
      only_once(!fetch.signature_url.empty());
      const auto& token = statement.peek();
      fetch.signature_url = expect_url(statement, "the signature's URL");
      same_host(token, fetch.signature_url);
      statement.expect("key");
      fetch.key_file = statement.expect_string("the public key's file");
    } else {
      statement.fail_here(listed({"max-bytes", "pin", "checksum", "signature"}));
    }
  }
  list.fetch = std::move(fetch);
}

}  // namespace postern
