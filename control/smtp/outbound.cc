// SPDX-License-Identifier: BSD-3-Clause
//
// Sending out: the signature covers what is sent, so it is made of what the filter let through.
#include "control/smtp/outbound.h"

#include <spdlog/spdlog.h>

#include <ctime>
#include <exception>
#include <string>
#include <utility>

#include "control/policy/log_text.h"
#include "control/smtp/transaction.h"

namespace postern::smtp {

namespace asio = boost::asio;
using policy::log_value;

namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ",") + name;
  return text.empty() ? "-" : text;
}

}  // namespace

Sender Outbound::tagged(Sender sender, int64_t now) const {
  if (batv && !sender.address.empty()) sender.address = batv->tag(sender.address, now);
  return sender;
}

asio::awaitable<Reply> Transaction::send_out() {
  const int64_t now = std::time(nullptr);
  auth::SigningResult made;
  std::string fault;
  if (signer_) {
    try {
      made = signer_->finish(now);
    } catch (const std::exception& error) {
      fault = error.what();
    }
  }
  Reply reply = make_reply(451, "4.3.0", "the message cannot be signed now; try again later");
  if (fault.empty())
    reply = co_await relay_.deliver(received_field(now) + made.fields, spool_, shape_, time_);
  else
    relay_.reset();
  const std::string reason = !signer_        ? "nothing is signed here"
                             : fault.empty() ? made.reason
                                             : fault;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun_;
  spdlog::info(
      "outbound id={} client={} from={} author={} to={} size={} signed={} reason={} tls={} "
      "reply={} "
      "seconds={:.3f}",
      id_, client_.address.to_string(), log_value('<' + sender_.address + '>'),
      made.author_domain.empty() ? "-" : made.author_domain, envelope_.recipients().size(),
      spool_.size(), joined(made.key_names), reason.empty() ? "-" : log_value(reason),
      client_.tls.empty() ? "-" : log_value(client_.tls), log_value(reply.one_line()),
      took.count());
  co_return reply;
}

}  // namespace postern::smtp
