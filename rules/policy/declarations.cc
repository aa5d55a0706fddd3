// SPDX-License-Identifier: BSD-3-Clause
//
// list, protect and service (rules/policy/declarations.h).
#include "rules/policy/declarations.h"

#include <algorithm>
#include <tuple>

#include "rules/abi/snapshot_format.h"
#include "rules/lists/list_format.h"
#include "rules/policy/names.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

constexpr size_t kMaxContact = 200;  // it has to fit into one line of an SMTP reply

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

}  // namespace

void Declarations::read_list(Statement& statement) {
  const auto& name_token = statement.peek();
  const auto name = statement.expect_name("the name of a list");
  if (const auto other = list_named(policy_, name))
    statement.fail_at(name_token, "there is a list " + quoted(name) + " already, at line " +
                                      std::to_string(policy_.lists[*other].line));
  if (policy_.lists.size() == PS_MAX_LISTS)
    statement.fail_at(name_token, "more than " + std::to_string(PS_MAX_LISTS) + " lists");
  auto& list = policy_.lists.emplace_back();
  list.name = name;
  list.line = statement.line();
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
  } else {
    statement.fail_here(listed({"format", "category", "contact", "expires", "max-change"}));
  }
}

void Declarations::read_protect(Statement& statement) {
  do {
    policy_.protects.push_back(statement.expect_prefix());
    policy_.protect_lines.push_back(statement.line());
  } while (!statement.at_end());
}

void Declarations::read_service(Statement& statement) {
  const auto& name_token = statement.peek();
  const auto name = statement.expect_name("the name of a service");
  if (const auto other = service_named(policy_, name))
    statement.fail_at(name_token, "there is a service " + quoted(name) + " already, at line " +
                                      std::to_string(policy_.services[*other].line));
  if (policy_.services.size() == UINT16_MAX)
    statement.fail_at(name_token, "more than 65535 services");
  const size_t index = policy_.services.size();
  auto& service = policy_.services.emplace_back();
  service.name = name;
  service.line = statement.line();

  const size_t first = destinations_.size();
  do {
    const auto column = statement.peek().column;
    service.destinations.push_back(statement.expect_prefix());
    destinations_.push_back(
        {service.port, service.destinations.back(), index, statement.line(), column});
  } while (!statement.at_end() && !statement.peek().is_word("port"));
  if (statement.accept("port")) service.port = statement.expect_port();
  for (size_t i = first; i < destinations_.size(); i++) destinations_[i].port = service.port;
  statement.expect_end();
}

std::vector<Declarations::Overlap> Declarations::overlaps() const {
  // Prefixes nest or are apart. In this order one is covered exactly when it lies within the last
  // one that nobody covered.
  auto sorted = destinations_;
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.port, a.prefix, a.line, a.column) <
           std::tuple(b.port, b.prefix, b.line, b.column);
  });
  std::vector<Overlap> found;
  const PlacedDestination* outer = nullptr;
  for (const auto& destination : sorted) {
    if (outer && outer->port == destination.port &&
        outer->prefix.contains(destination.prefix.first()))
      found.push_back({destination, *outer});
    else
      outer = &destination;
  }
  return found;
}

}  // namespace postern
