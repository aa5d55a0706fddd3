// SPDX-License-Identifier: BSD-3-Clause
//
// Each word may be said once: a second one would be one of the two for the reader and another for
// us.
#include "control/config/backend_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include "control/config/value.h"
#include "control/smtp/farm_pool.h"

namespace postern::config {
namespace {

using smtp::Backend;
using smtp::HandOn;
using smtp::TlsUse;

constexpr std::string_view kForm =
    "HOST[:PORT][,weight=N][,max=N][,backup][,tls=none|may|require|verify][,tls-name=NAME]"
    "[,hand-on=none|xclient|xforward|proxy]";

constexpr std::array<std::pair<std::string_view, TlsUse>, 4> kTls = {{
    {"none", TlsUse::kNone},
    {"may", TlsUse::kMay},
    {"require", TlsUse::kRequire},
    {"verify", TlsUse::kVerify},
}};
constexpr std::array<std::pair<std::string_view, HandOn>, 4> kHandOn = {{
    {"none", HandOn::kNothing},
    {"xclient", HandOn::kXclient},
    {"xforward", HandOn::kXforward},
    {"proxy", HandOn::kProxy},
}};

template <typename Words, typename Value>
bool find_in(const Words& words, std::string_view text, Value& value) {
  const auto found = std::ranges::find(words, text, &Words::value_type::first);
  if (found == words.end()) return false;
  value = found->second;
  return true;
}

constexpr size_t kMostConnections = 100'000;

template <typename Number>
bool read_number(std::string_view text, size_t most, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number >= 1 && number <= most;
}

// Why the word cannot be taken; empty: it was.
std::string read_word(std::string_view word, Backend& backend) {
  const size_t equals = word.find('=');
  const auto name = word.substr(0, equals);
  const auto value =
      equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
  if (word == "backup") {
    backend.backup = true;
  } else if (name == "weight") {
    if (!read_number(value, smtp::FarmPool::kMaxWeight, backend.weight))
      return "given a weight from 1 to " + std::to_string(smtp::FarmPool::kMaxWeight);
  } else if (name == "max") {
    if (!read_number(value, kMostConnections, backend.max))
      return "given a max from 1 to " + std::to_string(kMostConnections);
  } else if (name == "tls") {
    if (!find_in(kTls, value, backend.tls)) return "given tls=none, may, require or verify";
  } else if (name == "tls-name") {
    if (value.empty() || value.size() > 255) return "given a name in tls-name";
    backend.tls_name = value;
  } else if (name == "hand-on") {
    if (!find_in(kHandOn, value, backend.hand_on))
      return "given hand-on=none, xclient, xforward or proxy";
  } else {
    return std::string(kForm);
  }
  return {};
}

}  // namespace

std::variant<Backend, BadBackend> parse_backend(std::string_view text) {
  const std::string_view whole = text;
  const auto take = [&text] {
    const size_t comma = text.find(',');
    const auto word = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    return word;
  };
  Backend backend;
  const auto host = parse_host(take(), 25);
  if (!host || whole.ends_with(','))
    return BadBackend{std::string(kForm) + ", IPv6 in brackets", std::string(whole)};
  backend.host = host->host;
  backend.port = host->port;
  std::set<std::string_view> said;
  while (!text.empty()) {
    const auto word = take();
    if (!said.insert(word.substr(0, word.find('='))).second)
      return BadBackend{"told each thing once", std::string(word)};
    if (auto complaint = read_word(word, backend); !complaint.empty())
      return BadBackend{std::move(complaint), std::string(word)};
  }
  if (!backend.tls_name.empty() && backend.tls != TlsUse::kVerify)
    return BadBackend{"given tls-name only with tls=verify", std::string(whole)};
  return backend;
}

}  // namespace postern::config
