// SPDX-License-Identifier: BSD-3-Clause
//
// list, protect and service (rules/policy/declarations.h).
#include "rules/policy/declarations.h"

#include <algorithm>
#include <tuple>

#include "rules/abi/snapshot_format.h"
#include "rules/lists/list_format.h"
#include "rules/policy/list_details.h"
#include "rules/policy/names.h"
#include "rules/text/host_name.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

constexpr int kHeaviest = 1000;
constexpr size_t kMaxHostName = 100;  // it has to fit into one line of an SMTP reply
constexpr size_t kMaxContact = 200;   // likewise

std::string known_formats() {
  std::string names;
  for (const auto* format : list_formats()) {
    if (!names.empty()) names += ", ";
    names += format->name();
  }
  return names;
}

bool is_contact(std::string_view text) {
  const auto is_plain = [](char c) { return c > 0x20 && c < 0x7f; };
  return text.size() <= kMaxContact && std::all_of(text.begin(), text.end(), is_plain) &&
         (text.starts_with("https://") || text.starts_with("http://") ||
          text.starts_with("mailto:"));
}

StaleRule::Then read_stale_word(Statement& statement) {
  if (statement.accept("ignore")) return StaleRule::Then::kIgnore;
  if (statement.accept("keep")) return StaleRule::Then::kKeep;
  if (statement.accept("refuse")) return StaleRule::Then::kRefuse;
  statement.fail_here(listed({"ignore", "keep", "refuse"}));
}

}  // namespace

void Declarations::read_list(Statement& statement) {
  in_list_ = true;
  list_.reset();
  ignored_ = {};
  const auto& name_token = statement.peek();
  const auto name = statement.expect_name("the name of a list");
  if (const auto other = list_named(policy_, name))
    statement.fail_at(name_token,
                      "there is a list " + quoted(name) + " already, at " +
                          place_beside(policy_, policy_.lists[*other].place, statement.place()));
  if (policy_.lists.size() == PS_MAX_LISTS)
    statement.fail_at(name_token, "more than " + std::to_string(PS_MAX_LISTS) + " lists");
  auto& list = policy_.lists.emplace_back();
  list.name = name;
  list.place = statement.place();
  list_ = policy_.lists.size() - 1;
  has_weight_ = false;
  list.file = statement.expect_string("the list's file");
  while (!statement.at_end()) read_list_option(statement, list);
}

void Declarations::read_list_option(Statement& statement, ListDeclaration& list) {
  const auto& option = statement.peek();
  const auto only_once = [&](bool is_set) {
    if (is_set) statement.fail_at(option, quoted(option.text) + " is there already");
  };
  if (statement.accept("format")) {
    only_once(!list.format.empty());
    const auto& format = statement.peek();
    if (format.kind != Token::Kind::kWord) statement.fail_here("a format");
    if (!find_list_format(format.text))
      statement.fail_at(format,
                        quoted(format.text) + " is not a format; there are " + known_formats());
    list.format = statement.take().text;
  } else if (statement.accept("category")) {
    only_once(!list.category.empty());
    list.category = statement.expect_name("the name of a category");
  } else if (statement.accept("contact")) {
    only_once(!list.contact.empty());
    const auto& contact = statement.peek();
    list.contact = statement.expect_string("a contact");
    if (!is_contact(list.contact))
      statement.fail_at(contact,
                        "a contact is a https:, http: or mailto: URL of at most 200 bytes");
  } else if (statement.accept("expires")) {
    only_once(list.expires.has_value());
    list.expires = statement.expect_duration();
  } else if (statement.accept("max-change")) {
    only_once(list.max_change.has_value());
    list.max_change = statement.expect_percent();
  } else if (statement.accept("max-share")) {
    only_once(list.max_share.has_value());
    list.max_share = statement.expect_share();
  } else if (statement.accept("max-range")) {
    only_once(list.max_range_v4.has_value());
    list.max_range_v4 = statement.expect_prefix_length(Family::kV4);
    if (statement.peek().text.starts_with('/'))
      list.max_range_v6 = statement.expect_prefix_length(Family::kV6);
  } else if (statement.accept("weight")) {
    only_once(has_weight_);
    has_weight_ = true;
    list.weight = statement.expect_integer(-kHeaviest, kHeaviest);
  } else if (statement.accept("stale")) {
    only_once(list.stale.has_value());
    statement.expect("after");
    const auto after = statement.expect_duration();
    list.stale = StaleRule{after, read_stale_word(statement)};
  } else {
    statement.fail_here(listed({"format", "category", "contact", "weight", "expires", "stale",
                                "max-change", "max-share", "max-range"}));
  }
}

void Declarations::read_map(Statement& statement) {
  if (!in_list_) statement.fail_at(statement.peek(), "a map stands under the list that it is for");
  postern::read_map(statement, list_ ? policy_.lists[*list_] : ignored_);
}

void Declarations::read_fetch(Statement& statement) {
  if (!in_list_)
    statement.fail_at(statement.peek(), "a fetch stands under the list that it is for");
  postern::read_fetch(statement, list_ ? policy_.lists[*list_] : ignored_);
}

// Built in place: g++ 12 is wrong about moving such a variant (-Wmaybe-uninitialized).
decltype(Protect::what)& Declarations::add_protect(const PolicyPlace& place) {
  auto& protect = policy_.protects.emplace_back();
  protect.place = place;
  return protect.what;
}

void Declarations::read_protect(Statement& statement) {
  do {
    const auto place = statement.place();
    if (statement.accept("list")) {
      const auto& token = statement.peek();
      const auto name = statement.expect_name("the name of a list");
      const auto list = list_named(policy_, name);
      if (!list) statement.fail_at(token, "there is no list " + quoted(name));
      if (has_only_domains(policy_.lists[*list]))
        statement.fail_at(token, "list " + quoted(name) + " has domains; addresses are protected");
      add_protect(place).emplace<ProtectedList>(ProtectedList{*list});
    } else if (statement.accept("category")) {
      const auto& token = statement.peek();
      const auto name = statement.expect_name("the name of a category");
      if (lists_with_category(policy_, name).empty())
        statement.fail_at(token, "no list has category " + quoted(name));
      add_protect(place).emplace<ProtectedCategory>(ProtectedCategory{name});
    } else {
      const auto prefix = statement.expect_prefix();
      add_protect(place).emplace<Prefix>(prefix);
    }
  } while (!statement.at_end());
}

void Declarations::read_service(Statement& statement) {
  const auto& name_token = statement.peek();
  const auto name = statement.expect_name("the name of a service");
  if (const auto other = service_named(policy_, name))
    statement.fail_at(name_token,
                      "there is a service " + quoted(name) + " already, at " +
                          place_beside(policy_, policy_.services[*other].place, statement.place()));
  if (policy_.services.size() == UINT16_MAX)
    statement.fail_at(name_token, "more than 65535 services");
  const size_t index = policy_.services.size();
  auto& service = policy_.services.emplace_back();
  service.name = name;
  service.place = statement.place();

  const size_t first = destinations_.size();
  do {
    const auto column = statement.peek().column;
    service.destinations.push_back(statement.expect_prefix());
    destinations_.push_back({service.port, service.vlan, service.destinations.back(), index,
                             statement.place(), column});
  } while (!statement.at_end() && !statement.peek().is_word("port") &&
           !statement.peek().is_word("vlan") && !statement.peek().is_word("name"));
  if (statement.accept("port")) service.port = statement.expect_port();
  if (statement.accept("vlan")) service.vlan = statement.expect_vlan();
  if (statement.accept("name")) {
    const auto& token = statement.peek();
    service.host_name = statement.expect_string("a host name");
    if (const auto* fault = fault_of_host_name(service.host_name))
      statement.fail_at(token, "host name " + quoted(service.host_name) + ' ' + fault);
    if (service.host_name.size() > kMaxHostName)
      statement.fail_at(token, "a name to greet with has 100 bytes at most");
  }
  for (size_t i = first; i < destinations_.size(); i++) {
    destinations_[i].port = service.port;
    destinations_[i].vlan = service.vlan;
  }
  statement.expect_end();
}

std::vector<Declarations::Overlap> Declarations::overlaps() const {
  // Prefixes nest or are apart. In this order one is covered exactly when it lies within the last
  // one that nobody covered.
  auto sorted = destinations_;
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.port, a.vlan, a.prefix, a.place, a.column) <
           std::tuple(b.port, b.vlan, b.prefix, b.place, b.column);
  });
  std::vector<Overlap> found;
  const PlacedDestination* outer = nullptr;
  for (const auto& destination : sorted) {
    if (outer && outer->port == destination.port && outer->vlan == destination.vlan &&
        outer->prefix.contains(destination.prefix.first()))
      found.push_back({destination, *outer});
    else
      outer = &destination;
  }
  return found;
}

}  // namespace postern
