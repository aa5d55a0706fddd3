// SPDX-License-Identifier: BSD-3-Clause
//
// RFC 3463 §3.2 says which codes are about the address; without one, RFC 5321 §4.2.3's three.
#include "control/directory/backend_directory.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace postern::directory {

namespace asio = boost::asio;

Presence presence_by(const BackendReply& reply) noexcept {
  if (!reply.to_recipient) return Presence::kUnavailable;
  if (reply.code >= 200 && reply.code < 300) return Presence::kKnown;
  if (reply.code < 500 || reply.code >= 600) return Presence::kUnavailable;
  if (reply.enhanced.empty()) {
    const bool about_mailbox = reply.code == 550 || reply.code == 551 || reply.code == 553;
    return about_mailbox ? Presence::kUnknown : Presence::kUnavailable;
  }
  // 5.1.10 is a null MX (RFC 7505 §4.2); 5.2.1 is a mailbox that exists and is disabled.
  static constexpr std::array<std::string_view, 5> kUnknown = {"5.1.1", "5.1.2", "5.1.3", "5.1.6",
                                                               "5.1.10"};
  const bool unknown =
      std::find(kUnknown.begin(), kUnknown.end(), reply.enhanced) != kUnknown.end();
  return unknown ? Presence::kUnknown : Presence::kUnavailable;
}

asio::awaitable<Answer> BackendDirectory::look_up(std::string address) {
  auto reply = co_await ask_(address);
  Answer answer{.source = "backend"};
  if (!reply) {
    answer.detail = "no mail exchanger answers";
    answer.contact = Contact::kFailed;
    co_return answer;
  }
  answer.contact = Contact::kAnswered;
  answer.presence = presence_by(*reply);
  if (answer.presence == Presence::kKnown) {
    answer.primary = std::move(address);
    co_return answer;
  }
  answer.detail = std::to_string(reply->code);
  if (!reply->enhanced.empty()) answer.detail += " " + reply->enhanced;
  if (!reply->text.empty()) answer.detail += " " + reply->text.substr(0, 200);
  co_return answer;
}

}  // namespace postern::directory
