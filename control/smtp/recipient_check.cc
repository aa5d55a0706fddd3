// SPDX-License-Identifier: BSD-3-Clause
//
// One line of the log when the directory goes and when it comes back, not one for each recipient.
#include "control/smtp/recipient_check.h"

#include <spdlog/spdlog.h>

#include <ctime>
#include <string_view>
#include <utility>

#include "control/policy/log_text.h"
#include "control/policy/role_address.h"
#include "control/smtp/teacher.h"

namespace postern::smtp {

namespace asio = boost::asio;
using directory::Presence;
using policy::log_value;

void RecipientCheck::note_state(const directory::Answer& answer) {
  const bool available = answer.presence != Presence::kUnavailable && !answer.stale;
  if (available == available_) return;
  available_ = available;
  if (available)
    spdlog::info("directory state=available");
  else
    spdlog::error("directory state=unavailable error={}", log_value(answer.detail));
}

asio::awaitable<std::optional<Reply>> RecipientCheck::check(std::string recipient, IpAddress client,
                                                            bool may_learn) {
  if (policy::is_role_address(recipient)) co_return std::nullopt;
  const auto answer = co_await directory_.look_up(recipient);
  note_state(answer);
  const int64_t now = std::time(nullptr);
  const bool learns = may_learn && harvest_ != nullptr;
  switch (answer.presence) {
    case Presence::kKnown:
      if (learns) harvest_->note_known(client, now);
      co_return std::nullopt;
    case Presence::kUnavailable:
      if (!defer_when_unavailable_) co_return std::nullopt;
      co_return make_reply(451, "4.4.3",
                           "the recipient directory does not answer; try again later");
    case Presence::kUnknown:
      break;
  }
  spdlog::debug("recipient client={} to={} presence=unknown source={} detail={}",
                client.to_string(), log_value(recipient), log_value(answer.source),
                log_value(answer.detail));
  if (learns) {
    const auto finding = harvest_->note_unknown(client, recipient, now);
    if (finding && teacher_ != nullptr) teacher_->teach(*finding, now);
  }
  co_return make_reply(550, "5.1.1", "there is no such recipient here");
}

}  // namespace postern::smtp
