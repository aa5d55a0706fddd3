// SPDX-License-Identifier: BSD-3-Clause
//
// NaiveSite: the slow, obvious twin of a compiled policy. Lists are kept as their lines, rules as
// they are written; every question is answered by walking over all of them.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rules/abi/vocabulary.h"
#include "rules/address/address.h"

namespace postern::test {

struct NaiveList {
  std::string name, category;
  std::vector<Prefix> lines;

  bool has(const IpAddress& address) const {
    for (const auto& line : lines)
      if (line.contains(address)) return true;
    return false;
  }
  std::string text() const {
    std::string text;
    for (const auto& line : lines) text += line.to_string() + '\n';
    return text;
  }
};

struct NaiveRule {
  Action action;
  std::string list, category;  // both empty: any

  std::string text() const {
    if (!list.empty()) return std::string(word(action)) + " list " + list;
    if (!category.empty()) return std::string(word(action)) + " category " + category;
    return std::string(word(action)) + " any";
  }
};

struct NaiveService {
  std::string name;
  std::vector<Prefix> destinations;
  uint16_t port;
  std::vector<NaiveRule> rules;
};

struct NaiveVerdict {
  Action action;
  Reason reason;
  bool is_final;
  std::string rule;  // as written; empty: none

  bool operator==(const NaiveVerdict&) const = default;
};

struct NaiveSite {
  std::vector<NaiveList> lists;
  std::vector<Prefix> protects;
  std::vector<NaiveService> services;

  std::string policy() const {
    std::string text;
    for (const auto& list : lists) {
      text += "list " + list.name + " \"" + list.name + ".txt\" format cidr";
      if (!list.category.empty()) text += " category " + list.category;
      text += '\n';
    }
    for (const auto& prefix : protects) text += "protect " + prefix.to_string() + '\n';
    for (const auto& service : services) {
      text += "service " + service.name;
      for (const auto& prefix : service.destinations) text += ' ' + prefix.to_string();
      text += " port " + std::to_string(service.port) + '\n';
      text += "connection to " + service.name + '\n';
      for (const auto& rule : service.rules) text += "  " + rule.text() + '\n';
    }
    return text;
  }

  std::set<size_t> lists_of(const IpAddress& source) const {
    std::set<size_t> found;
    for (size_t i = 0; i < lists.size(); i++)
      if (lists[i].has(source)) found.insert(i);
    return found;
  }

  bool is_protected(const IpAddress& source) const {
    for (const auto& prefix : protects)
      if (prefix.contains(source)) return true;
    return false;
  }

  // Index into services.
  std::optional<size_t> service_of(const IpAddress& destination, uint16_t port) const {
    for (size_t i = 0; i < services.size(); i++)
      for (const auto& prefix : services[i].destinations)
        if (services[i].port == port && prefix.contains(destination)) return i;
    return std::nullopt;
  }

  NaiveVerdict judge(const NaiveService& service, const IpAddress& source) const {
    if (is_protected(source)) return {Action::ALLOW, Reason::PROTECTED, true, ""};
    for (const auto& rule : service.rules) {
      if (!matches(rule, source)) continue;
      switch (rule.action) {
        case Action::ALLOW:
          return {rule.action, Reason::RULE_ALLOW, true, rule.text()};
        case Action::INSPECT:
          return {rule.action, Reason::RULE_INSPECT, false, rule.text()};
        case Action::DROP:
          return {rule.action, Reason::RULE_DROP, false, rule.text()};
        case Action::RESET:
          return {rule.action, Reason::RULE_RESET, false, rule.text()};
      }
    }
    return {Action::ALLOW, Reason::NO_RULE, false, ""};
  }

 private:
  bool matches(const NaiveRule& rule, const IpAddress& source) const {
    if (rule.list.empty() && rule.category.empty()) return true;
    for (const auto& list : lists)
      if ((rule.list.empty() ? list.category == rule.category : list.name == rule.list) &&
          list.has(source))
        return true;
    return false;
  }
};

}  // namespace postern::test
