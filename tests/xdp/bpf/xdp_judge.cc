// SPDX-License-Identifier: BSD-3-Clause
//
// Single frames through the kernel (tests/xdp/bpf/xdp_judge.h).
#include "tests/xdp/bpf/xdp_judge.h"

#include "dataplane/engine/answer_budget.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace postern::packets {
namespace {

constexpr int kLoopback = 1;  // where BPF_PROG_TEST_RUN says that a frame came from

}  // namespace

XdpJudge::XdpJudge(const World* world, xdp::Program::Frames frames)
    : program_(1024, 8192, frames), dynamic_(program_.dynamic_memory(), &program_.dynamic_gate()) {
  program_.set_answers(kMaxAnswersPerSecond, 1);
  if (world == nullptr) return;
  program_.cookie_keys() = world->cookies;
  program_.load_image(WorldImage(*world).bytes());
  add_entries(*world, dynamic_);
}

Judgement XdpJudge::judge(ps_port port, const Bytes& frame, uint64_t now_ns) {
  program_.set_ports(PS_TOPOLOGY_HOST, kLoopback, port == PS_PORT_MX ? kLoopback : 0);
  program_.set_test_time(now_ns);
  return run(port, frame);
}

void XdpJudge::forget() {
  for (auto& bucket : program_.limit_memory().subspan(1)) bucket = {};
}

XdpJudge::Outcome XdpJudge::test(ps_port port, const Bytes& frame, uint64_t now_ns) {
  program_.set_ports(PS_TOPOLOGY_HOST, kLoopback, port == PS_PORT_MX ? kLoopback : 0);
  program_.set_test_time(now_ns);
  return execute(frame);
}

XdpJudge::Outcome XdpJudge::execute(const Bytes& frame) {
  out_.resize(frame.size() + 512);
  LIBBPF_OPTS(bpf_test_run_opts, test);
  test.data_in = frame.data();
  test.data_size_in = static_cast<uint32_t>(frame.size());
  test.data_out = out_.data();
  test.data_size_out = static_cast<uint32_t>(out_.size());
  test.repeat = 1;
  if (const int error = bpf_prog_test_run_opts(program_.fd(), &test); error != 0)
    throw std::runtime_error(std::string("BPF_PROG_TEST_RUN: ") + std::strerror(-error));
  return {test.retval, std::span(out_).first(test.data_size_out)};
}

Judgement XdpJudge::run(ps_port port, const Bytes& frame) {
  const auto before = program_.counters();
  const auto outcome = execute(frame);
  const Bytes out(outcome.frame.begin(), outcome.frame.end());
  const auto after = program_.counters();

  Judgement judgement;
  uint64_t counted = 0;
  for (size_t of_port = 0; of_port < PS_PORT_COUNT; of_port++)
    for (size_t reason = 0; reason < PS_REASON_COUNT; reason++) {
      const auto more = after.packets[of_port][reason] - before.packets[of_port][reason];
      counted += more;
      if (more == 0) continue;
      judgement.reason = static_cast<Reason>(reason);
      if (of_port != port) throw std::runtime_error("counted under the other port");
    }
  if (counted != 1) throw std::runtime_error("counted " + std::to_string(counted) + " packets");
  if (after.bytes[port] - before.bytes[port] != frame.size())
    throw std::runtime_error("counted other bytes than the frame has");

  for (size_t event = 0; event < PS_EVENT_COUNT; event++)
    if (after.events[event] != before.events[event]) judgement.events |= 1u << event;

  switch (outcome.result) {
    case XDP_PASS:
      judgement.action = Action::ALLOW;
      break;
    case XDP_DROP:
      judgement.action = Action::DROP;
      break;
    case XDP_TX:
      judgement.action = Action::RESET;
      judgement.reply = out;
      break;
    default:
      throw std::runtime_error("the program returned " + std::to_string(outcome.result));
  }
  if (outcome.result != XDP_TX && out != frame)
    throw std::runtime_error("a frame that is not answered was changed");
  return judgement;
}

std::string why_no_bpf() {
  // The smallest program there is: return XDP_DROP.
  const std::array<bpf_insn, 2> instructions = {{
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = XDP_DROP},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
  }};
  const int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "postern_probe", "GPL", instructions.data(),
                               instructions.size(), nullptr);
  if (fd >= 0) {
    close(fd);
    return {};
  }
  if (errno != EPERM && errno != ENOSYS) return {};  // a failure, and no reason to skip
  return std::string("loading BPF programs is not permitted here (") + std::strerror(errno) +
         "); run as root";
}

Judgement as_sent(Judgement judgement) {
  if (judgement.action == Action::INSPECT) judgement.action = Action::ALLOW;
  if (judgement.action == Action::REFUSE) judgement.action = Action::RESET;
  return judgement;
}

}  // namespace postern::packets
