// SPDX-License-Identifier: BSD-3-Clause
//
// A name whose addresses DNS could not tell may be confirmed or not; the class is known where it
// comes out the same either way. It is enough to try them one by one: where no single one makes a
// difference, no number of them does.
#include "control/policy/client_names.h"

#include <algorithm>
#include <utility>

#include "control/policy/log_text.h"

namespace postern::policy {
namespace {

using Reverse = ClientNames::Reverse;
using Names = std::vector<ClassedName>;

ClassedName classed(std::string_view name, NameClasses* classes) {
  return classes != nullptr ? classes->classify(name) : unclassed(name);
}

Names all_of(const std::vector<std::string>& names, NameClasses* classes) {
  Names all;
  for (const auto& name : names) all.push_back(classed(name, classes));
  return all;
}

// The name that decides for all of them: the first that is static, else the first, where the others
// agree with it.
ClassedName decisive(const Names& names) {
  if (names.empty()) return {};
  const auto vouched = std::ranges::find(names, names::kStatic, &ClassedName::name_class);
  if (vouched != names.end()) return *vouched;
  const auto& first = names.front();
  const auto agrees = [&](const ClassedName& name) { return name.name_class == first.name_class; };
  if (std::ranges::all_of(names, agrees)) return first;
  return {.name = first.name};
}

// What nobody confirms can only speak against the client.
ClassedName only_claimed(ClassedName name) {
  if (name.name_class == names::kStatic) return {.name = std::move(name.name)};
  return name;
}

ClassedName decisive_of_claimed(Names names) {
  for (auto& name : names) name = only_claimed(std::move(name));
  return decisive(names);
}

Names joined(Names names, const Names& more) {
  names.insert(names.end(), more.begin(), more.end());
  return names;
}

}  // namespace

ClientNames client_names(const dns::ReverseLookup& lookup, NameClasses* classes) {
  ClientNames known;
  known.reverse = lookup.status;
  if (classes != nullptr) known.contact = classes->contact();
  const auto confirmed = all_of(lookup.confirmed, classes);
  const auto unconfirmed = all_of(lookup.unconfirmed, classes);
  const auto failed = all_of(lookup.failed, classes);
  if (!confirmed.empty()) known.name = decisive(confirmed).name;
  known.evidence =
      confirmed.empty() ? decisive_of_claimed(joined(unconfirmed, failed)) : decisive(confirmed);
  known.could_be_nameless =
      confirmed.empty() && unconfirmed.empty() && failed.empty() && !lookup.truncated;

  const std::string& name_class = known.evidence.name_class;
  const bool is_final = !confirmed.empty() && name_class == names::kStatic;
  // The PTR record itself, or names that were not looked at.
  const bool missing = lookup.truncated || (lookup.status == Reverse::kTemperror && failed.empty());
  const bool makes_no_difference = std::ranges::all_of(failed, [&](const ClassedName& name) {
    return decisive(joined(confirmed, {name})).name_class == name_class;
  });
  const bool no_tables = classes == nullptr || classes->classifier().tables().empty();
  if (is_final || no_tables || (!missing && makes_no_difference))
    known.name_class = name_class;
  else
    known.fault = lookup.detail.empty() ? "too many names" : lookup.detail;
  if (lookup.status == Reverse::kTemperror && known.fault.empty()) known.fault = lookup.detail;
  return known;
}

std::string names_text(const ClientNames& names) {
  const auto& name = names.name.empty() ? names.evidence.name : names.name;
  return "rdns=" + std::string(dns::word(names.reverse)) +
         " name=" + (name.empty() ? "-" : log_value(name)) +
         " name-class=" + names.name_class.value_or("missing") +
         " helo-class=" + names.helo.name_class;
}

ClassedName classify_helo(std::string_view helo, NameClasses* classes) {
  return only_claimed(classed(helo, classes));
}

}  // namespace postern::policy
