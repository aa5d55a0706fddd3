// SPDX-License-Identifier: BSD-3-Clause
//
// `postern diff`: what another snapshot changes for addresses, the largest changes first.
#include <boost/json/serialize.hpp>
#include <iostream>

#include "control/cli/command.h"
#include "control/cli/difference_report.h"
#include "control/cli/printable.h"
#include "control/cli/time_text.h"

namespace postern::cli {
namespace {

void declare(OptionSet& options) {
  options.add_operand("OLD");
  options.add_operand("NEW");
  options.add_flag("all,a", "all changes, not only the largest");
}

boost::json::object side_json(const Snapshot& snapshot) {
  return {{"snapshot", json_text(snapshot.name())},
          {"generation", snapshot.generation()},
          {"created", snapshot.created()}};
}

int run(const Invocation& invocation) {
  const auto before = Snapshot::open(invocation.required("OLD", "the old snapshot"));
  const auto after = Snapshot::open(invocation.required("NEW", "the new snapshot"));
  const auto difference = difference_of(*before, *after, unix_now());
  if (invocation.json()) {
    auto document = difference_json(difference);
    document["old"] = side_json(*before);
    document["new"] = side_json(*after);
    std::cout << boost::json::serialize(document) << '\n';
  } else {
    print_difference(std::cout, difference, invocation.flag("all"));
  }
  return kFine;
}

}  // namespace

const Command kDiffCommand = {
    "diff",
    "Says which addresses another snapshot treats otherwise",
    "OLD NEW [--all]",
    "OLD and NEW are snapshot files. Lists, categories and services are matched by name, as they\n"
    "are now: what has expired counts for nothing. Prefixes are the fewest that cover the\n"
    "addresses. Exit status 0 whether or not anything changes. Message rules are not compared.\n",
    declare,
    run,
};

}  // namespace postern::cli
