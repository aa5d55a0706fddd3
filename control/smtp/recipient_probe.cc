// SPDX-License-Identifier: BSD-3-Clause
//
// A connection that is lost in the middle is worth another try, as with mail.
#include "control/smtp/recipient_probe.h"

#include <algorithm>
#include <memory>
#include <string_view>
#include <utility>

namespace postern::smtp {

namespace asio = boost::asio;
using directory::BackendReply;

namespace {

constexpr int kAttempts = 2;

bool is_digits(std::string_view text) {
  return !text.empty() && text.size() <= 3 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// "5.1.1" at the beginning of a text (RFC 2034 §3); empty: there is none.
std::string_view enhanced_code_of(std::string_view text) {
  const auto code = text.substr(0, text.find(' '));
  const size_t first = code.find('.');
  const size_t second = first == std::string_view::npos ? first : code.find('.', first + 1);
  if (second == std::string_view::npos) return {};
  const bool sound = is_digits(code.substr(0, first)) &&
                     is_digits(code.substr(first + 1, second - first - 1)) &&
                     is_digits(code.substr(second + 1));
  return sound ? code : std::string_view();
}

BackendReply read_reply(const Reply& reply, bool to_recipient) {
  std::string_view text = reply.lines.front();
  const auto enhanced = enhanced_code_of(text);
  text.remove_prefix(enhanced.empty() ? 0 : std::min(enhanced.size() + 1, text.size()));
  return {.code = reply.code,
          .enhanced = std::string(enhanced),
          .text = std::string(text),
          .to_recipient = to_recipient};
}

}  // namespace

asio::awaitable<std::optional<BackendReply>> RecipientProbe::ask(std::string address) {
  // A quoted local part may hold anything.
  const bool has_control =
      std::ranges::any_of(address, [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
  if (has_control || under_way_ >= kMost) co_return std::nullopt;
  under_way_++;
  struct Place {
    size_t& under_way;
    ~Place() { under_way--; }
  } place{under_way_};
  const Recipient recipient{.address = std::move(address)};
  Farm::Retry retry;
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    auto leg = co_await farm_.connect(std::nullopt, retry);
    if (!leg) break;
    auto answer = co_await ask_on(*leg, recipient);
    if (leg->usable()) {
      farm_.give_back(std::move(leg));
      co_return answer;
    }
    farm_.lost(std::move(leg), retry);
  }
  co_return std::nullopt;
}

asio::awaitable<std::optional<BackendReply>> RecipientProbe::ask_on(FarmLeg& leg,
                                                                    const Recipient& recipient) {
  const Sender nobody{.utf8 = needs_utf8(recipient.address)};
  if (nobody.utf8 && !leg.offer().utf8) co_return std::nullopt;
  const auto begun = co_await leg.mail(nobody);
  if (!begun) co_return std::nullopt;
  if (!begun->positive()) co_return read_reply(*begun, false);
  const auto answer = co_await leg.rcpt(recipient);
  if (!answer) co_return std::nullopt;
  co_return read_reply(*answer, true);
}

}  // namespace postern::smtp
