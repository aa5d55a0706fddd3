// SPDX-License-Identifier: BSD-3-Clause
//
// Writing the Prometheus text (dataplane/engine/metrics.h). Label values are words of ours, names,
// and a policy's places and rules.
#include "dataplane/engine/metrics.h"

#include <cstdint>
#include <span>

#include "rules/text/json_text.h"

namespace postern {
namespace {

void describe_family(std::string& text, std::string_view name, std::string_view type,
                     std::string_view help) {
  text.append("# HELP ").append(name).append(" ").append(help).append("\n");
  text.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void sample(std::string& text, std::string_view name, std::string_view labels, uint64_t value) {
  text.append(name).append("{").append(labels).append("} ");
  text.append(std::to_string(value)).append("\n");
}

// Escaped as the text format has it; bytes that are no UTF-8 become question marks.
std::string label(std::string_view name, std::string_view value) {
  std::string text(name);
  text += "=\"";
  for (const char c : json_text(value)) {
    if (c == '"' || c == '\\') text += '\\';
    if (c == '\n')
      text += "\\n";
    else
      text += c;
  }
  return text + '"';
}

// Of each wire, where there are several: what its ports received, by fate. The number is its place
// on the command line, from 1.
void write_pairs(std::string& text, const std::string& of_engine, std::span<const PortPair> pairs) {
  describe_family(text, "postern_pair_packets_total", "counter",
                  "Packets received by each pair of ports, by what became of them.");
  for (size_t number = 0; number < pairs.size(); number++)
    for (size_t port = 0; port < PS_PORT_COUNT; port++) {
      uint64_t counts[2] = {0, 0};  // passed, stopped
      for (size_t reason = 0; reason < PS_REASON_COUNT; reason++)
        counts[kReasonWords[reason].stops] += pairs[number].counters.packets[port][reason];
      for (const bool stops : {false, true})
        sample(text, "postern_pair_packets_total",
               of_engine + "," + label("pair", std::to_string(number + 1)) + "," +
                   label("port", kPortWords[port]) + "," +
                   label("fate", stops ? "stopped" : "passed"),
               counts[stops]);
    }
}

}  // namespace

std::string prometheus_text(Engine& engine, const CounterHistory& history) {
  const auto pairs = engine.pairs();
  const auto counters = sum_of(pairs);
  const auto snapshot = engine.snapshot();
  const auto& dynamic = engine.dynamic();
  const auto of_engine = label("engine", engine.kind());
  std::string text;

  describe_family(text, "postern_packets_total", "counter",
                  "Packets received, by what became of them and why.");
  for (size_t port = 0; port < PS_PORT_COUNT; port++) {
    for (size_t reason = 0; reason < PS_REASON_COUNT; reason++) {
      const auto& meaning = kReasonWords[reason];
      sample(text, "postern_packets_total",
             of_engine + "," + label("port", kPortWords[port]) + "," +
                 label("reason", meaning.word) + "," +
                 label("fate", meaning.stops ? "stopped" : "passed"),
             counters.packets[port][reason]);
    }
  }
  describe_family(text, "postern_bytes_total", "counter", "Bytes received, as frames.");
  for (size_t port = 0; port < PS_PORT_COUNT; port++)
    sample(text, "postern_bytes_total", of_engine + "," + label("port", kPortWords[port]),
           counters.bytes[port]);

  describe_family(text, "postern_events_total", "counter",
                  "What happened besides a packet's reason.");
  for (size_t event = 0; event < PS_EVENT_COUNT; event++)
    sample(text, "postern_events_total", of_engine + "," + label("event", kEventWords[event].word),
           counters.events[event]);

  if (pairs.size() > 1) write_pairs(text, of_engine, pairs);
  const auto& totals = engine.rule_totals();
  const auto family = [&](std::string_view name, std::string_view help, const auto& map,
                          std::string_view what, auto value) {
    describe_family(text, name, "counter", help);
    for (const auto& [key, count] : map)
      sample(text, name, of_engine + "," + label(what, key), value(count));
  };
  family("postern_list_attempts_total", "Attempts judged whose source is in the list.",
         totals.lists, "list", [](const auto& list) { return list.count.attempts; });
  family("postern_list_stopped_total", "Of them, those that were stopped.", totals.lists, "list",
         [](const auto& list) { return list.count.stopped; });
  family("postern_category_attempts_total", "Attempts judged whose source is in the category.",
         totals.categories, "category", [](const auto& count) { return count.attempts; });
  family("postern_category_stopped_total", "Of them, those that were stopped.", totals.categories,
         "category", [](const auto& count) { return count.stopped; });
  family("postern_signature_hits_total", "Segments whose HELO has the signature.",
         totals.signatures, "signature", [](uint64_t hits) { return hits; });
  describe_family(text, "postern_rule_attempts_total", "counter",
                  "Attempts that the rule decided, or would have if it were not only observed.");
  for (const auto& [rule, count] : totals.rules)
    sample(text, "postern_rule_attempts_total",
           of_engine + "," + label("place", rule.file + ":" + std::to_string(rule.line)) + "," +
               label("rule", rule.rule) + "," + label("observed", count.observed ? "yes" : "no"),
           count.attempts);
  // Of windows, so that a glance needs no query over time.
  for (const bool stopped : {false, true}) {
    const std::string_view name = stopped ? "postern_attempts_stopped" : "postern_attempts_judged";
    describe_family(text, name, "gauge",
                    stopped ? "Attempts that were stopped in the window."
                            : "Attempts that were judged in the window.");
    for (size_t i = 0; i < CounterHistory::kWindows.size(); i++) {
      const auto count = history.share(i, monotonic_ns(), attempts_of(counters)).count;
      sample(text, name, of_engine + "," + label("window", CounterHistory::kWindows[i].name),
             stopped ? count.stopped : count.attempts);
    }
  }

  const auto gauge = [&](std::string_view name, std::string_view help, uint64_t value) {
    describe_family(text, name, "gauge", help);
    sample(text, name, of_engine, value);
  };
  gauge("postern_snapshot_generation", "Generation of the snapshot in force; 0 for none.",
        snapshot ? snapshot->generation() : 0);
  gauge("postern_snapshot_created_seconds", "When it was compiled, Unix time; 0 for none.",
        snapshot ? static_cast<uint64_t>(snapshot->created()) : 0);
  gauge("postern_dynamic_entries", "Dynamic entries held.", dynamic.size());
  gauge("postern_dynamic_capacity", "Dynamic entries that the table is sized for; more may fit.",
        dynamic.capacity());
  describe_family(text, "postern_dynamic_evicted_total", "counter",
                  "Entries that made room for a new one before their time.");
  sample(text, "postern_dynamic_evicted_total", of_engine, dynamic.evicted());
  return text;
}

}  // namespace postern
