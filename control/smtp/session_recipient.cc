// SPDX-License-Identifier: BSD-3-Clause
//
// What a session does with RCPT: all that stands between a recipient and the farm, in the order in
// which it is asked. Tags of ours are taken off before anybody looks at the address; then what
// costs nothing; the farm is asked last.
#include "control/smtp/session.h"

#include <ctime>
#include <string_view>
#include <utility>

#include "control/policy/conduct_refusals.h"
#include "control/policy/greylisting.h"
#include "control/policy/rate_table.h"
#include "control/policy/role_address.h"
#include "control/smtp/recipient_check.h"

namespace postern::smtp {

namespace asio = boost::asio;

namespace {

// 5.1.1 is "bad destination mailbox address" (RFC 3463 §3.2); a farm without such codes can only
// mean it by 550 (RFC 5321 §4.2.3). Exchange says 5.1.10, which is "null MX" elsewhere (RFC 7505).
bool says_unknown(const Reply& reply) {
  const std::string_view text = reply.lines.front();
  const bool has_code =
      text.starts_with("5.") && text.size() > 2 && text[2] >= '0' && text[2] <= '9';
  return reply.code == 550 &&
         (!has_code || text.starts_with("5.1.1 ") || text.starts_with("5.1.10 "));
}

}  // namespace

asio::awaitable<void> Session::on(RecipientEvent event) {
  const bool written = co_await flush();
  if (!written) co_return;
  auto* const backscatter = service_.backscatter;
  if (backscatter != nullptr) {
    const auto refusal = backscatter->admit(mail_for_backscatter(), event.recipient.address);
    if (refusal) {
      protocol_.answer(*refusal);
      co_return;
    }
  }
  if (const auto limited = limit_recipients(event.recipient.address)) {
    protocol_.answer(*limited);
    co_return;
  }
  if (const auto refused = transaction_->refuse_recipient(event.recipient.address)) {
    protocol_.answer(*refused);
    co_return;
  }
  const auto& is_trap = service_.judging.is_trap;
  const bool trap = service_.outbound == nullptr && is_trap && is_trap(event.recipient.address);
  if (service_.recipients != nullptr && !trap) {
    const RecipientCheck::Asker asker{.client = ends_.client,
                                      .local = local_place(ends_),
                                      .session = id_,
                                      .may_learn = may_try_out() && !is_exempt()};
    const auto refusal = co_await service_.recipients->check(event.recipient.address, asker);
    if (refusal) {
      note_unknown(*refusal);
      protocol_.answer(*refusal);
      co_return;
    }
  }
  if (backscatter != nullptr) {
    const auto held = backscatter->limit(mail_for_backscatter(), event.recipient.address);
    if (held) {
      protocol_.answer(*held);
      co_return;
    }
  }
  if (const auto held = greylist(event.recipient.address)) {
    protocol_.answer(*held);
    co_return;
  }
  if (trap) {
    protocol_.answer(transaction_->trap());
    co_return;
  }
  const Reply reply = co_await transaction_->recipient(std::move(event.recipient));
  note_unknown(reply);
  protocol_.answer(reply);
}

std::optional<Reply> Session::limit_recipients(std::string_view recipient) {
  auto& limits = service_.sources.limits;
  const int64_t now = policy::rate_time();
  const bool role = policy::is_role_address(recipient);
  const auto thing = role ? policy::Limited::kRoleRecipients : policy::Limited::kRecipients;
  std::optional<policy::Refusal> refusal;
  if (!limits.take(thing, source_, now))
    refusal = policy::too_many_recipients();
  else if (!role && limits.is_used_up(policy::Limited::kUnknownRecipients, source_, now))
    refusal = policy::too_many_unknown_recipients();
  if (!refusal || is_exempt()) return std::nullopt;
  return make_reply(refusal->code, refusal->enhanced, refusal->text);
}

// Reports of failure go to whoever was forged, and a server that sends good mail may have an old
// list: neither is likely to try out addresses.
bool Session::may_try_out() const {
  return !transaction_->sender().empty() &&
         !service_.sources.known.knows(source_, std::time(nullptr));
}

void Session::note_unknown(const Reply& reply) {
  if (!says_unknown(reply)) return;
  // But anybody can send like these, and one good message makes known: they have ten times as much.
  constexpr uint64_t kOneIn = 10;
  auto& sources = service_.sources;
  if (may_try_out() || sources.less_suspect_unknown++ % kOneIn == 0)
    sources.limits.take(policy::Limited::kUnknownRecipients, source_, policy::rate_time());
}

Backscatter::Mail Session::mail_for_backscatter() const {
  return {.sender = transaction_->sender(),
          .source = source_,
          .exempt = is_exempt(),
          .now = std::time(nullptr),
          .uptime = policy::rate_time()};
}

std::optional<Reply> Session::greylist(std::string_view recipient) {
  if (is_exempt()) return std::nullopt;
  auto& sources = service_.sources;
  const auto held = policy::hold_back(sources.known, sources.greylist, ends_.client,
                                      transaction_->sender(), recipient, std::time(nullptr));
  if (!held) return std::nullopt;
  return make_reply(held->code, held->enhanced, held->text);
}

}  // namespace postern::smtp
