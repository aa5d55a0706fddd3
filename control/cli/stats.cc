// SPDX-License-Identifier: BSD-3-Clause
//
// `postern stats`: what running engines have counted, per port and reason. With --watch again every
// second, with the rate since the time before.
#include <unistd.h>

#include <array>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <iostream>
#include <map>
#include <set>
#include <thread>

#include "control/cli/command.h"
#include "control/cli/engine_api.h"
#include "control/cli/printable.h"
#include "control/cli/rule_counts.h"
#include "control/cli/table.h"
#include "control/cli/time_text.h"
#include "rules/abi/vocabulary.h"

namespace postern::cli {
namespace {

void declare(OptionSet& options) {
  options.add_engines();
  options.add_flag("watch,w", "again every second, until interrupted");
  options.add_flag("rules,r", "also what each list, category, rule and signature has counted");
  options.add_flag("all,a", "also the reasons that nothing was counted under");
}

struct Sample {
  std::chrono::steady_clock::time_point at;
  EngineHealth health;
  EngineCounters counters;
  std::optional<EngineRules> rules;  // where they are asked for
};

Sample take_sample(const std::string& socket, bool with_rules) {
  EngineApi api(socket);
  Sample sample;
  sample.health = api.health();
  sample.counters = api.counters();
  if (with_rules) sample.rules = api.rules();
  sample.at = std::chrono::steady_clock::now();
  return sample;
}

boost::json::object to_json(const PortCounters& port) {
  boost::json::object reasons;
  for (const auto& [name, count] : port.reasons) reasons[json_text(name)] = count;
  return {{"received", port.received},
          {"bytes", port.bytes},
          {"passed", port.passed},
          {"stopped", port.stopped},
          {"reasons", std::move(reasons)}};
}

// "attempts stopped: 80.0 % of 1,234 in 1m, ..."; nothing of an engine that does not say.
void print_attempts(const std::vector<AttemptWindow>& attempts) {
  std::string text;
  for (const auto& window : attempts) {
    const auto tenths =
        window.judged == 0 ? 0 : (window.stopped * 1000 + window.judged / 2) / window.judged;
    text += (text.empty() ? "" : ", ") + std::to_string(tenths / 10) + "." +
            std::to_string(tenths % 10) + " % of " + grouped(window.judged) + " in " +
            printable(window.name);
  }
  if (!text.empty()) std::cout << "  attempts stopped: " << text << "\n\n";
}

boost::json::object to_json(const std::string& socket, const Sample& sample) {
  const auto& health = sample.health;
  boost::json::array pairs;
  for (const auto& pair : sample.counters.pairs)
    pairs.push_back(
        boost::json::object{{"wan", json_text(pair.wan_name)},
                            {"mx", json_text(pair.mx_name)},
                            {"ports", {{"wan", to_json(pair.wan)}, {"mx", to_json(pair.mx)}}}});
  boost::json::value until = nullptr;
  if (health.unconfirmed_until) until = *health.unconfirmed_until;
  boost::json::object object{
      {"socket", json_text(socket)},
      {"engine", json_text(health.engine)},
      {"topology", json_text(health.topology)},
      {"generation", health.generation},
      {"snapshot", json_text(health.snapshot)},
      {"unconfirmed_until", std::move(until)},
      {"uptime", health.uptime},
      {"entries", health.entries},
      {"ports", {{"wan", to_json(sample.counters.wan)}, {"mx", to_json(sample.counters.mx)}}},
      {"pairs", std::move(pairs)},
      {"attempts", to_json(sample.counters.attempts)}};
  if (sample.rules) object["rules"] = to_json(*sample.rules);
  return object;
}

uint64_t count_of(const PortCounters& port, std::string_view reason) {
  for (const auto& [name, count] : port.reasons)
    if (name == reason) return count;
  return 0;
}

// Rows for both ports, with rates when there is a sample before this one.
class CounterTable {
 public:
  CounterTable(const Sample& now, const Sample* before)
      : now_(now),
        before_(before),
        table_(before ? std::vector{Table::kLeft, Table::kRight, Table::kRight, Table::kRight,
                                    Table::kRight}
                      : std::vector{Table::kLeft, Table::kRight, Table::kRight}) {
    if (before)
      table_.row({"", "wan", "/s", "mx", "/s"});
    else
      table_.row({"", "wan", "mx"});
  }

  // value(port) is what the row shows.
  template <typename Value>
  void row(const std::string& name, const Value& value) {
    std::vector<std::string> cells = {name};
    for (const auto port : {&EngineCounters::wan, &EngineCounters::mx}) {
      const uint64_t count = value(now_.counters.*port);
      cells.push_back(grouped(count));
      if (before_) cells.push_back(rate(count, value(before_->counters.*port)));
    }
    table_.row(cells);
  }

  void print() const { table_.print(std::cout, 2); }

 private:
  std::string rate(uint64_t count, uint64_t previous) const {
    const std::chrono::duration<double> elapsed = now_.at - before_->at;
    // An engine that was started anew counts from zero.
    if (count < previous || elapsed.count() <= 0) return "-";
    return grouped(
        static_cast<uint64_t>(static_cast<double>(count - previous) / elapsed.count() + 0.5));
  }

  const Sample& now_;
  const Sample* before_;
  Table table_;
};

// What each wire's two ports received, and stopped of it.
void print_pairs(const std::vector<PairCounters>& pairs) {
  Table table({Table::kLeft, Table::kRight, Table::kRight});
  table.row({"wire", "received", "stopped"});
  for (const auto& pair : pairs) {
    table.row({"wan " + pair.wan_name, grouped(pair.wan.received), grouped(pair.wan.stopped)});
    table.row({"mx  " + pair.mx_name, grouped(pair.mx.received), grouped(pair.mx.stopped)});
  }
  std::cout << '\n';
  table.print(std::cout, 2);
}

void print_sample(const std::string& socket, const Sample& sample, const Sample* before, bool all) {
  const auto& health = sample.health;
  std::cout << printable(socket) << "  " << printable(health.engine) << ", "
            << printable(health.topology) << ", ";
  if (health.generation > 0)
    std::cout << "generation " << health.generation << " (" << printable(health.snapshot) << ")";
  else
    std::cout << "no snapshot";
  if (health.unconfirmed_until)
    std::cout << " unconfirmed until " << utc_text(*health.unconfirmed_until);
  std::cout << ", " << counted(health.entries, "entry", "entries") << ", up "
            << duration_text(static_cast<int64_t>(health.uptime)) << "\n\n";
  print_attempts(sample.counters.attempts);
  CounterTable table(sample, before);
  table.row("received", [](const PortCounters& port) { return port.received; });
  table.row("bytes", [](const PortCounters& port) { return port.bytes; });
  const auto& counters = sample.counters;
  // A reason that this program does not know yet is shown under neither fate.
  std::set<std::string> unknown;
  for (const auto* port : {&counters.wan, &counters.mx})
    for (const auto& [name, count] : port->reasons) unknown.insert(name);
  for (const bool stops : {false, true}) {
    if (stops)
      table.row("stopped", [](const PortCounters& port) { return port.stopped; });
    else
      table.row("passed", [](const PortCounters& port) { return port.passed; });
    for (const auto& reason : kReasonWords) {
      if (reason.stops != stops) continue;
      unknown.erase(std::string(reason.word));
      if (all || count_of(counters.wan, reason.word) + count_of(counters.mx, reason.word) > 0)
        table.row("  " + std::string(reason.word),
                  [&](const PortCounters& port) { return count_of(port, reason.word); });
    }
  }
  for (const auto& name : unknown)
    table.row(name, [&](const PortCounters& port) { return count_of(port, name); });
  table.print();
  if (counters.pairs.size() > 1) print_pairs(counters.pairs);
  if (!sample.rules) return;
  std::cout << '\n';
  print(std::cout, *sample.rules);
}

// One look at every engine. False when one of them did not answer.
bool print_all(const std::vector<std::string>& sockets, const Invocation& invocation,
               std::map<std::string, Sample>& before) {
  bool all_answered = true;
  boost::json::array engines;
  bool first = true;
  for (const auto& socket : sockets) {
    try {
      auto sample = take_sample(socket, invocation.flag("rules"));
      if (invocation.json()) {
        engines.push_back(to_json(socket, sample));
      } else {
        if (!first) std::cout << '\n';
        first = false;
        const auto previous = before.find(socket);
        print_sample(socket, sample, previous == before.end() ? nullptr : &previous->second,
                     invocation.flag("all"));
      }
      before[socket] = std::move(sample);
    } catch (const EngineError& error) {
      all_answered = false;
      before.erase(socket);
      std::cerr << "postern stats: " << printable(error.what()) << '\n';
      engines.push_back(
          boost::json::object{{"socket", json_text(socket)}, {"error", json_text(error.bare())}});
    }
  }
  if (invocation.json())
    std::cout << boost::json::serialize(boost::json::object{{"engines", std::move(engines)}})
              << '\n';
  return all_answered;
}

int run(const Invocation& invocation) {
  const auto sockets = require_engines(invocation);
  std::map<std::string, Sample> before;
  if (!invocation.flag("watch")) return print_all(sockets, invocation, before) ? kFine : kBadInput;
  const bool is_terminal = isatty(STDOUT_FILENO) && !invocation.json();
  for (bool first = true;; first = false) {
    if (is_terminal)
      std::cout << "\x1b[H\x1b[2J";
    else if (!first && !invocation.json())
      std::cout << '\n';
    print_all(sockets, invocation, before);
    if (!std::cout.flush()) return kBadInput;
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

}  // namespace

const Command kStatsCommand = {
    "stats",
    "Shows what running engines have counted, per port and reason",
    "[--engine SOCKET]... [--watch] [--all] [--rules]",
    "With --watch, each round shows the rate per second since the round before; with -j it is one\n"
    "line of JSON.\n",
    declare,
    run,
};

}  // namespace postern::cli
