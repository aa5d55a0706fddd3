// SPDX-License-Identifier: BSD-3-Clause
//
// Fuzzes the packet core: any bytes as a frame, judged by the core and by the naive oracle, which
// must agree on verdict, reason and reply. Then the frame's first part alone is parsed, which must
// not read beyond it, and lets nothing pass that the whole does not. The first byte chooses the
// port, whether rules are loaded, and where the first part ends; the rest is the frame. Seeds come
// from the packet corpus (tests/packets/packet_seeds.cc).
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "tests/packets/core_judge.h"
#include "tests/packets/in_parts.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace postern::packets;
  if (size == 0) return 0;
  static CoreJudge core(corpus_world());
  core.forget();
  const auto port = (data[0] & 1) != 0 ? PS_PORT_MX : PS_PORT_WAN;
  const bool with_rules = (data[0] & 2) == 0;
  const Bytes frame(data + 1, data + size);
  const auto judged = core.judge(port, frame, kNow, with_rules);
  const auto expected = judge_naively(with_rules ? &corpus_world() : nullptr, port, frame, kNow);
  if (!(judged == expected)) {
    std::fprintf(stderr, "core: %s\noracle: %s\nframe: %s\n", to_string(judged).c_str(),
                 to_string(expected).c_str(), hex(frame).c_str());
    std::abort();
  }
  if (!agrees_in_parts(frame, size_t{data[0]} >> 2 << 1)) {
    std::fprintf(stderr, "in parts: %s\n", hex(frame).c_str());
    std::abort();
  }
  return 0;
}
