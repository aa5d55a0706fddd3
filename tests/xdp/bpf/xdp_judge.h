// SPDX-License-Identifier: BSD-3-Clause
//
// XdpJudge: the BPF program judging single frames in the kernel, through BPF_PROG_TEST_RUN, under
// the rules of a World. The reason is what the program counted. The kernel does not run a frame
// shorter than an Ethernet header, and none such reaches an XDP program: judge() must not be asked.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "dataplane/engine/dynamic_table.h"
#include "tests/packets/oracle.h"
#include "xdp/loader/program.h"

namespace postern::packets {

class XdpJudge {
 public:
  static constexpr size_t kShortestFrame = 14;

  // world: nullptr loads no rules. Throws std::runtime_error where the program cannot be loaded.
  explicit XdpJudge(const World* world, xdp::Program::Frames frames = xdp::Program::Frames::kWhole);
  // Throws std::runtime_error when the run fails or anything but one packet was counted.
  Judgement judge(ps_port port, const Bytes& frame, uint64_t now_ns);
  // What the program returned (XDP_*) and the frame afterwards; the counters are the caller's to
  // compare. Some microseconds, where judge() takes a hundred.
  struct Outcome {
    uint32_t result;
    std::span<const uint8_t> frame;  // valid until the next call
  };
  Outcome test(ps_port port, const Bytes& frame, uint64_t now_ns);
  // The same with ports and time as they are set.
  Judgement run(ps_port port, const Bytes& frame);

  // What limits remember.
  void forget();

  xdp::Program& program() noexcept { return program_; }

 private:
  Outcome execute(const Bytes& frame);

  xdp::Program program_;
  DynamicTable dynamic_;
  Bytes out_;
};

// Why BPF programs cannot be loaded here; empty when they can.
std::string why_no_bpf();

// What the program's result can tell apart: inspect and allow are both sent on, reset and refuse
// are both answered, with different reasons.
Judgement as_sent(Judgement judgement);

}  // namespace postern::packets
