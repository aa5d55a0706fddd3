// SPDX-License-Identifier: BSD-3-Clause
//
// `postern drops`: a live feed of what running engines stop, as samples: when, from where to where,
// which lists and lines, why, and what was done. One line per packet, until interrupted or as many
// as were asked for.
#include <boost/json/serialize.hpp>
#include <iostream>

#include "control/cli/command.h"
#include "control/cli/endpoint_text.h"
#include "control/cli/engine_samples.h"
#include "control/cli/printable.h"
#include "control/cli/table.h"
#include "control/cli/time_text.h"

namespace postern::cli {
namespace {

void declare(OptionSet& options) {
  add_sample_options(options);
}

// Widths are fixed, because lines are printed before the widest is known; IPv6 may pass them.
void print_line(const EngineSample& sample) {
  std::string line = utc_text_micro(sample.time_ns) + "  ";
  auto ends = endpoint_text(sample.source, sample.source_port) + " -> " +
              endpoint_text(sample.destination, sample.destination_port);
  if (sample.vlan) ends += " vlan " + printable(*sample.vlan);
  line += padded(ends, 46);
  line += "  " + padded(printable(sample.action), 7) + "  " + padded(printable(sample.reason), 14);
  line += "  " + printable(lists_text(sample));
  if (sample.rule) line += "; " + printable(*sample.rule_place) + ": " + printable(*sample.rule);
  if (sample.every > 1) line += "  (one of " + grouped(sample.every) + ")";
  std::cout << line << '\n';
}

int run(const Invocation& invocation) {
  EngineSamples samples(invocation, "");
  const bool json = invocation.json();
  const bool several = samples.sockets().size() > 1;
  samples.run(
      [&](const std::string& socket, const EngineSample& sample) {
        if (json) {
          auto document = sample.document;
          if (several) document["socket"] = json_text(socket);
          std::cout << boost::json::serialize(document) << '\n';
        } else {
          print_line(sample);
        }
        return std::cout.good();
      },
      [] { std::cout.flush(); });
  if (const auto lost = samples.lost_text(); !lost.empty())
    std::cerr << "postern drops: " << lost << '\n';
  return kFine;
}

}  // namespace

const Command kDropsCommand = {
    "drops",
    "Shows packets that running engines stop, as they come, and why",
    "[--engine SOCKET]... [--reason WORD]... [--fate WORD] [--every N]\n"
    "       [--count N] [--seconds N]",
    "A sample: an engine shows no more than so many packets in a second (its --samples), and says\n"
    "of each how many it stands for. Ends when interrupted.\n",
    declare,
    run,
};

}  // namespace postern::cli
