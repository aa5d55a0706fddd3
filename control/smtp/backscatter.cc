// SPDX-License-Identifier: BSD-3-Clause
//
// Too much is deferred, for most of it is honest; what proves nothing is refused, so that its
// sender's queue is rid of it.
#include "control/smtp/backscatter.h"

#include "control/dns/domain_name.h"
#include "control/policy/role_address.h"

namespace postern::smtp {
namespace {

std::string domain_of(std::string_view address) {
  const auto at = address.rfind('@');
  if (at == std::string_view::npos) return {};
  const auto domain = address.substr(at + 1);
  return dns::to_a_labels(domain).value_or(dns::ascii_lower(domain));
}

Reply too_many(std::string_view where) {
  return make_reply(
      450, "4.7.1",
      "too many messages with the null sender " + std::string(where) + "; try again later");
}

}  // namespace

std::optional<Reply> Backscatter::admit(const Mail& mail, std::string& recipient) {
  const bool is_null = mail.sender.empty();
  if (is_null && !limits_.take(policy::Limited::kNullSenders, mail.source, mail.uptime) &&
      !mail.exempt)
    return too_many("from your address");
  if (!batv_) return std::nullopt;
  auto reading = batv_->read(recipient, mail.now);
  recipient = std::move(reading.address);
  if (!is_null || !reading.checked || mail.exempt || policy::is_role_address(recipient))
    return std::nullopt;
  using Finding = Batv::Finding;
  switch (reading.finding) {
    case Finding::kUntagged:
      return make_reply(550, "5.7.1",
                        "no mail was sent from this address as it is: a report to it is of mail "
                        "that was forged (BATV)");
    case Finding::kForged:
      return make_reply(550, "5.7.1",
                        "no mail was sent from this address: its tag is not ours (BATV)");
    case Finding::kExpired:
      return make_reply(550, "5.7.1", "the tag of this address has expired (BATV)");
    case Finding::kNotOurs:
    case Finding::kCannotBe:
    case Finding::kValid:
      break;
  }
  return std::nullopt;
}

std::optional<Reply> Backscatter::limit(const Mail& mail, std::string_view recipient) {
  if (!mail.sender.empty() || mail.exempt || per_domain_.count == 0) return std::nullopt;
  if (batv_ && !policy::is_role_address(recipient)) {
    const auto reading = batv_->read(recipient, mail.now);
    if (reading.checked && reading.finding == Batv::Finding::kUntagged) return std::nullopt;
  }
  if (domains_.take(domain_of(recipient), per_domain_, mail.uptime)) return std::nullopt;
  return too_many("to this domain");
}

}  // namespace postern::smtp
