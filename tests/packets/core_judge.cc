// SPDX-License-Identifier: BSD-3-Clause
//
// Judging by the core, reply included (tests/packets/core_judge.h).
#include "tests/packets/core_judge.h"

#include <algorithm>
#include <memory>

#include "dataplane/core/intact.h"
#include "dataplane/core/judge.h"

namespace postern::packets {

Judgement CoreJudge::judge(ps_port port, const Bytes& frame, uint64_t now_ns, bool with_rules) {
  const auto copy = std::make_unique<uint8_t[]>(frame.size());
  std::ranges::copy(frame, copy.get());
  ps_image image = with_rules ? image_.image() : ps_image{nullptr, 0};
  const ps_tables tables{entries_.table(), limits_.table(), &world_.cookies};
  ps_packet packet;
  const auto* end = copy.get() + frame.size();
  const auto decision = ps_judge(&image, &tables, port, copy.get(), end, now_ns, &packet);
  if (decision.cell != 0) {
    auto& cell = cells_.at(decision.cell - 1);
    cell.attempts++;
    if (decision.over_limit) cell.over_limit++;
  }
  Judgement judgement{static_cast<Action>(decision.action),
                      static_cast<Reason>(decision.reason),
                      {},
                      decision.events};
  if (decision.answer.flags == 0) return judgement;
  if (!ps_is_intact(copy.get(), end, &packet)) {
    judgement.action = Action::DROP;
    judgement.reason = Reason::BAD_CHECKSUM;
    return judgement;
  }
  // Without a reply it is a failure wherever it is compared.
  ps_link link;
  const auto line = std::make_unique<ps_line>();
  if (!ps_link_save(copy.get(), end, &packet, &link)) return judgement;
  if (decision.answer.text != 0) {
    if (!ps_line_fetch(&image, decision.answer.text, line.get())) return judgement;
    ps_line_make(line.get(), &packet);
  }
  const auto bytes = ps_reply_bytes(&packet, line->length);
  const auto reply = std::make_unique<uint8_t[]>(bytes);
  if (!ps_reply_write(reply.get(), reply.get() + bytes, &packet, &link, &decision.answer,
                      line.get()))
    return judgement;
  judgement.reply = Bytes(reply.get(), reply.get() + bytes);
  return judgement;
}

}  // namespace postern::packets
