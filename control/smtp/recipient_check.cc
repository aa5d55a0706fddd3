// SPDX-License-Identifier: BSD-3-Clause
//
// One line of the log when the directory goes and when it comes back, not one for each recipient.
#include "control/smtp/recipient_check.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <ctime>
#include <string_view>
#include <utility>

#include "control/policy/log_text.h"
#include "control/policy/role_address.h"

namespace postern::smtp {

namespace asio = boost::asio;
using directory::Presence;
using policy::log_value;

void RecipientCheck::note_state(const directory::Answer& answer) {
  const auto change = health_.note(answer, std::chrono::steady_clock::now());
  if (!change) return;
  if (change->available)
    spdlog::info("directory state=available unanswered={}", change->unanswered);
  else
    spdlog::error("directory state=unavailable error={}", log_value(answer.detail));
}

std::string RecipientCheck::same_for_all(const std::string& recipient) const {
  const auto address = directory::MailAddress::parse(recipient, options_.rules);
  if (!address) return recipient;
  return directory::MailAddress{std::string(address->base(options_.rules)), address->domain}.text();
}

void RecipientCheck::note_unknown(const std::string& recipient, const Asker& asker, int64_t now) {
  auto finding = harvest_->note_unknown(asker.client, same_for_all(recipient), asker.session, now);
  if (!finding || learning_ == nullptr) return;
  learning_->learn({.source = asker.client,
                    .local = asker.local,
                    .rule = "harvesting",
                    .reason = std::move(finding->reason),
                    .evidence = std::move(finding->evidence)},
                   now);
}

asio::awaitable<std::optional<Reply>> RecipientCheck::check(std::string recipient, Asker asker) {
  if (policy::is_role_address(recipient)) co_return std::nullopt;
  const auto answer = co_await directory_.look_up(recipient);
  note_state(answer);
  const int64_t now = std::time(nullptr);
  const bool learns = asker.may_learn && harvest_ != nullptr;
  switch (answer.presence) {
    case Presence::kKnown:
      if (learns) harvest_->note_known(asker.client, same_for_all(recipient), now);
      co_return std::nullopt;
    case Presence::kUnavailable:
      if (!options_.defer_when_unavailable) co_return std::nullopt;
      co_return make_reply(451, "4.4.3",
                           "the recipient directory does not answer; try again later");
    case Presence::kUnknown:
      break;
  }
  spdlog::debug("recipient client={} to={} presence=unknown source={} detail={}",
                asker.client.to_string(), log_value(recipient), log_value(answer.source),
                log_value(answer.detail));
  if (learns) note_unknown(recipient, asker, now);
  co_return make_reply(550, "5.1.1", "there is no such recipient here");
}

}  // namespace postern::smtp
