// SPDX-License-Identifier: BSD-3-Clause
//
// P7 and P13 (perf/dataplane/pipeline.h): cycles a packet of whole polls, receiving and sending
// included, on one core.
#include "perf/dataplane/pipeline.h"

#include <stdexcept>
#include <string>

#include "perf/dataplane/measure.h"
#include "perf/dataplane/poll_side.h"
#include "perf/dataplane/replayed_wire.h"

namespace postern::perf {
namespace {

constexpr uint64_t kNow = 1'000'000'000;

// A pass is a whole number of rounds of all frames, so that what it counts is known.
uint64_t rounds_for(const Plan& plan, size_t frames) {
  const double packets = plan.pass_seconds * 20e6;
  return std::max<uint64_t>(1, static_cast<uint64_t>(packets / static_cast<double>(frames)));
}

double forward_all(ReplayedWire& wire, uint64_t packets, uint16_t burst) {
  const auto start = cycles_run();
  for (uint64_t done = 0; done < packets;) done += wire.forward(0, burst);
  return (cycles_run() - start) / static_cast<double>(packets);
}

double judge_all(PollSide& side, const ReplayedWire& wire, const Traffic& traffic, ps_reason listed,
                 uint64_t rounds) {
  const auto packets = rounds * traffic.frames.size();
  const auto before = side.counters();
  const auto sent_before = wire.sent_on();
  const auto start = cycles_run();
  for (uint64_t done = 0; done < packets;) done += side.loop().poll(kNow);
  const auto spent = cycles_run() - start;
  const auto after = side.counters();
  const auto counted = [&](ps_reason reason) {
    return after.packets[PS_PORT_WAN][reason] - before.packets[PS_PORT_WAN][reason];
  };
  const auto stopped = rounds * traffic.from_listed;
  if (counted(listed) != stopped || counted(PS_REASON_NO_RULE) != packets - stopped ||
      wire.sent_on() - sent_before != packets - (ps_reason_stops(listed) ? stopped : 0))
    throw std::runtime_error("a pass was judged wrongly: " + std::to_string(counted(listed)) +
                             " of " + std::to_string(stopped) + " listed were found");
  return spent / static_cast<double>(packets);
}

// Where the cycles of such a pass go, as `postern-dataplane --profile` says it.
void report_stages(const std::string& title, PollSide& side, uint64_t packets, unsigned passes,
                   boost::json::array& results) {
  std::vector<Side> stages;
  for (const auto word : dpdk::kStageWords) stages.push_back({std::string(word), {}});
  for (unsigned pass = 0; pass < passes; pass++) {
    dpdk::Profile before, after;
    side.loop().add_to(before);
    for (uint64_t done = 0; done < packets;) done += side.loop().poll_profiled(kNow);
    side.loop().add_to(after);
    for (size_t i = 0; i < stages.size(); i++)
      stages[i].passes.push_back(static_cast<double>(after.cycles[i] - before.cycles[i]) /
                                 static_cast<double>(after.packets - before.packets));
  }
  report(title, "cycles a packet by stage", stages, results);
}

Side less(std::string name, const Side& whole, const Side& part) {
  Side result{std::move(name), {}, {}};
  for (size_t i = 0; i < whole.passes.size(); i++)
    result.passes.push_back(whole.passes[i] - part.passes[i]);
  return result;
}

void added_cycles(const Plan& plan, size_t entries, size_t frames, boost::json::array& results) {
  const Listed listed(entries, 1);
  const auto traffic = make_traffic(listed, {.frames = frames});
  ReplayedWire wire(traffic, 1);
  const auto rounds = rounds_for(plan, traffic.frames.size());
  const auto packets = rounds * traffic.frames.size();
  PollSide passing(wire.wire(), 0, plan.burst, rules_of(listed, "  inspect list listed\n"));
  PollSide stopping(wire.wire(), 0, plan.burst, rules_of(listed, "  drop list listed\n"));
  const auto io = [&](unsigned burst) {
    return [&wire, packets, burst] {
      return forward_all(wire, packets, static_cast<uint16_t>(burst));
    };
  };
  std::vector<Side> sides = {
      {"testpmd's io loop, bursts of " + std::to_string(plan.peer_burst), io(plan.peer_burst)},
      {"testpmd's io loop, bursts of " + std::to_string(plan.burst), io(plan.burst)},
      {"Postern, all pass",
       [&] { return judge_all(passing, wire, traffic, PS_REASON_RULE_INSPECT, rounds); }},
      {"Postern, the listed half is dropped",
       [&] { return judge_all(stopping, wire, traffic, PS_REASON_RULE_DROP, rounds); }},
      {"Postern, one dropped packet in 5,000 is shown",
       [&] {
         auto& samples = stopping.loop().samples();
         samples.set({uint64_t{1} << PS_REASON_RULE_DROP, 5000, PS_SAMPLE_USUAL_BYTES});
         const auto cycles = judge_all(stopping, wire, traffic, PS_REASON_RULE_DROP, rounds);
         samples.set({0, 1, PS_SAMPLE_USUAL_BYTES});
         samples.drain([](const ps_sample&, std::span<const uint8_t>) {});
         return cycles;
       }},
  };
  time_in_turn(sides, plan.passes);
  const auto& best = sides[0].median() < sides[1].median() ? sides[0] : sides[1];
  sides.push_back(less("added, all pass", sides[2], best));
  sides.push_back(less("added, the listed half is dropped", sides[3], best));
  report("P7, " + std::to_string(entries) + " entries, " + std::to_string(traffic.frames.size()) +
             " SYNs",
         "cycles a packet", sides, results);
  report("Samples, " + std::to_string(entries) + " entries", "cycles, of those without",
         {ratio("one dropped packet in 5,000 is shown", sides[4], sides[3])}, results);
  // Passes that are as short as can be: more of them are left alone by the rest of the machine.
  report_stages(sides[2].name, passing, wire.frames(), 5 * plan.passes, results);
  report_stages(sides[3].name, stopping, wire.frames(), 5 * plan.passes, results);
}

}  // namespace

void added_cycles(const Plan& plan, boost::json::array& results) {
  added_cycles(plan, 10'000, 4096, results);
  added_cycles(plan, 1'000'000, 65536, results);
}

void hostile_mix(const Plan& plan, boost::json::array& results) {
  const Listed listed(1'000'000, 1);
  const auto random = make_traffic(listed, {});
  const auto hostile =
      make_traffic(listed, {.frames = 262'144, .hits = 0.5, .v6 = 0.5, .hostile = true, .seed = 8});
  ReplayedWire random_wire(random, 1), hostile_wire(hostile, 1);
  const auto rules = rules_of(listed, "  inspect list listed\n");
  PollSide on_random(random_wire.wire(), 0, plan.burst, rules);
  PollSide on_hostile(hostile_wire.wire(), 0, plan.burst, rules);
  const auto side = [&](const char* name, PollSide& poll, ReplayedWire& wire,
                        const Traffic& traffic) {
    return Side{name, [&] {
                  return judge_all(poll, wire, traffic, PS_REASON_RULE_INSPECT,
                                   rounds_for(plan, traffic.frames.size()));
                }};
  };
  std::vector<Side> sides = {side("random", on_random, random_wire, random),
                             side("hostile", on_hostile, hostile_wire, hostile)};
  const auto io = [&](ReplayedWire& wire) {
    return [&] {
      return forward_all(wire, rounds_for(plan, wire.frames()) * wire.frames(),
                         static_cast<uint16_t>(plan.burst));
    };
  };
  sides.push_back({"testpmd's io loop on the random ones", io(random_wire)});
  sides.push_back({"testpmd's io loop on the hostile ones", io(hostile_wire)});
  time_in_turn(sides, plan.passes);
  report("P13, 1,000,000 entries, all pass", "cycles a packet", sides, results);
  report("P13, throughput under hostile packets", "of that under random ones",
         {ratio("Postern", sides[0], sides[1]), ratio("testpmd's io loop", sides[2], sides[3])},
         results);
}

}  // namespace postern::perf
