// SPDX-License-Identifier: BSD-3-Clause
//
// A table of names as text, compiled, for those who test what a class does.
#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "control/policy/name_classes.h"

namespace postern::policy::test {

// A client whose name begins with "pool-" is dynamic, with the built-in exceptions.
inline constexpr std::string_view kPools = "/^pool-/ REJECT a pool\n";

inline std::shared_ptr<NameClasses> name_classes(std::string_view table = kPools,
                                                 std::string contact = "") {
  using names::PcreTable;
  using names::TableMatcher;
  std::vector<names::ClassifiedTable> tables;
  tables.push_back({.matcher = TableMatcher(PcreTable::parse(table, "/etc/postern/isp.pcre")),
                    .against = "dynamic",
                    .marked = "odd"});
  auto exceptions =
      TableMatcher(PcreTable::parse(names::NameClassifier::built_in_exceptions(), "built-in"));
  return std::make_shared<NameClasses>(
      names::NameClassifier(std::move(tables), std::move(exceptions)), std::move(contact));
}

}  // namespace postern::policy::test
