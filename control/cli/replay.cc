// SPDX-License-Identifier: BSD-3-Clause
//
// `postern replay`: a capture, run through the decision of the engines offline. One line per frame
// and the totals per reason. Output is written as the capture is read, so that its size does not
// matter.
#include <boost/json/serialize.hpp>
#include <iostream>
#include <map>

#include "control/cli/capture.h"
#include "control/cli/command.h"
#include "control/cli/endpoint_text.h"
#include "control/cli/offline_judge.h"
#include "control/cli/printable.h"
#include "control/cli/report.h"
#include "control/cli/rules_source.h"
#include "control/cli/table.h"
#include "control/cli/time_text.h"

namespace postern::cli {
namespace {

// Beside the reasons of the vocabulary: it is the capture's, not a packet's.
constexpr std::string_view kCut = "cut by the capture";

void declare(OptionSet& options) {
  options.add_operand("FILE.pcap");
  options.add_policy_or_snapshot();
  options.add_text("port", "PORT", "the port that the frames arrive on: wan (default) or mx");
  options.add_flag("totals", "only the totals, no line per frame");
}

struct Totals {
  uint64_t frames = 0, passed = 0, stopped = 0, cut = 0;
  std::map<std::string_view, uint64_t> reasons;

  void count(const Judgement& judgement) {
    frames++;
    if (!judgement.verdict) {
      cut++;
      reasons[kCut]++;
      return;
    }
    const auto reason = static_cast<Reason>(judgement.verdict->reason);
    reasons[word(reason)]++;
    (describe(reason).stops ? stopped : passed)++;
  }
};

boost::json::value optional_json(const std::optional<IpAddress>& address) {
  if (!address) return nullptr;
  return boost::json::value(address->to_string());
}

boost::json::value optional_json(const std::optional<uint16_t>& port) {
  if (!port) return nullptr;
  return boost::json::value(*port);
}

boost::json::object to_json(const CapturedFrame& frame, const Judgement& judgement,
                            const Policy& policy) {
  boost::json::object object{{"number", frame.number},
                             {"time", utc_text_micro(frame.time_ns)},
                             {"source", optional_json(judgement.source)},
                             {"source_port", optional_json(judgement.source_port)},
                             {"destination", optional_json(judgement.destination)},
                             {"destination_port", optional_json(judgement.destination_port)},
                             {"verdict", nullptr},
                             {"reason", kCut},
                             {"rule", nullptr},
                             {"file", nullptr},
                             {"line", nullptr}};
  if (judgement.verdict) {
    object["verdict"] = word(static_cast<Action>(judgement.verdict->action));
    object["reason"] = word(static_cast<Reason>(judgement.verdict->reason));
  }
  if (judgement.rule) {
    object["rule"] = json_text(judgement.rule->text);
    object["file"] = json_text(policy.file_of(judgement.rule->place));
    object["line"] = judgement.rule->place.line;
  }
  return object;
}

// Widths are fixed, because lines are printed before the widest is known; IPv6 may pass them.
void print_line(const CapturedFrame& frame, const Judgement& judgement, const Policy& policy) {
  const auto number = std::to_string(frame.number);
  std::string line(number.size() < 6 ? 6 - number.size() : 0, ' ');
  line += number + "  " + utc_text_micro(frame.time_ns) + "  ";
  line += padded(endpoint_text(judgement.source, judgement.source_port) + " -> " +
                     endpoint_text(judgement.destination, judgement.destination_port),
                 46);
  if (judgement.verdict) {
    line += "  " + padded(std::string(word(static_cast<Action>(judgement.verdict->action))), 7);
    line += "  " + std::string(word(static_cast<Reason>(judgement.verdict->reason)));
  } else {
    line += "  " + padded("-", 7) + "  " + std::string(kCut);
  }
  if (judgement.rule)
    line += "  " + printable(place_text(policy, judgement.rule->place)) + ": " +
            printable(judgement.rule->text);
  std::cout << line << '\n';
}

// The members behind "packets", without the braces of the document.
std::string json_tail(const Totals& totals, const std::vector<Diagnostic>& errors) {
  boost::json::object reasons;
  for (const auto& [reason, count] : totals.reasons) reasons[reason] = count;
  const boost::json::object tail{
      {"count", totals.frames},       {"passed", totals.passed},
      {"stopped", totals.stopped},    {"cut", totals.cut},
      {"totals", std::move(reasons)}, {"errors", diagnostics_json(errors)}};
  return boost::json::serialize(tail).substr(1);
}

void print_totals(const Totals& totals) {
  std::cout << counted(totals.frames, "packet", "packets") << '\n';
  Table table({Table::kLeft, Table::kRight, Table::kLeft});
  for (const bool stops : {false, true}) {
    table.row({stops ? "stopped" : "passed", grouped(stops ? totals.stopped : totals.passed)});
    for (const auto& reason : kReasonWords) {
      const auto found = totals.reasons.find(reason.word);
      if (reason.stops == stops && found != totals.reasons.end())
        table.row({"  " + std::string(reason.word), grouped(found->second),
                   std::string(reason.explanation)});
    }
  }
  if (totals.cut > 0)
    table.row({std::string(kCut), grouped(totals.cut),
               "too little of the frame was captured to judge it"});
  table.print(std::cout, 2);
}

ps_port port_of(const Invocation& invocation) {
  const auto port = invocation.text("port").value_or("wan");
  if (port == "wan") return PS_PORT_WAN;
  if (port == "mx") return PS_PORT_MX;
  throw WrongUsage("'" + port + "' is no port: wan or mx");
}

int run(const Invocation& invocation) {
  const auto path = invocation.required("FILE.pcap", "the capture");
  const auto port = port_of(invocation);
  const auto snapshot = open_rules(invocation);
  Capture capture(path);
  OfflineJudge judge(snapshot, port);
  const bool json = invocation.json();
  const bool lines = !invocation.flag("totals");
  Totals totals;
  std::vector<Diagnostic> errors;
  if (json) std::cout << R"({"packets":[)";
  bool first = true;
  try {
    while (const auto frame = capture.next()) {
      const auto judgement = judge.judge(*frame);
      totals.count(judgement);
      if (!lines) continue;
      if (json) {
        if (!first) std::cout << ',';
        std::cout << '\n' << boost::json::serialize(to_json(*frame, judgement, snapshot->policy()));
      } else {
        print_line(*frame, judgement, snapshot->policy());
      }
      first = false;
      if (!std::cout) break;
    }
  } catch (const BadInput& error) {
    // What was read until here is still told, and then what is wrong.
    errors = error.diagnostics();
    for (const auto& diagnostic : errors) print_diagnostic(std::cerr, diagnostic);
  }
  if (json) {
    std::cout << "],\n" << json_tail(totals, errors) << '\n';
  } else {
    if (lines && totals.frames > 0) std::cout << '\n';
    print_totals(totals);
  }
  return errors.empty() ? kFine : kBadInput;
}

}  // namespace

const Command kReplayCommand = {
    "replay",
    "Runs the frames of a capture through the decision, offline",
    "FILE.pcap --snapshot FILE [--port wan|mx] [--totals]",
    "Reads pcap and pcapng with Ethernet frames; - is standard input. Judges as an engine does "
    "that\n"
    "has learned nothing. Frames of which too little was captured are counted as `cut by the\n"
    "capture`.\n",
    declare,
    run,
};

}  // namespace postern::cli
