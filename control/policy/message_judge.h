// SPDX-License-Identifier: BSD-3-Clause
//
// MessageJudge: one message, from its first byte to the decision what becomes of it, whichever
// front door it came to (control/smtp, control/milter). The bytes are authenticated while they
// come; at their end facts are gathered, within a time, and the policy decides. It knows no
// protocol and carries nothing out: that is its user's.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "control/auth/authenticate.h"
#include "control/dns/resolver.h"
#include "control/dns/silent_zones.h"
#include "control/policy/disposition_text.h"
#include "control/policy/envelope_judge.h"
#include "control/policy/facts.h"
#include "control/policy/lookup_slots.h"
#include "control/policy/message_policy.h"
#include "control/policy/name_classes.h"
#include "control/policy/recipient_splits.h"
#include "control/reputation/store.h"

namespace postern::policy {

// What we may take ourselves, however long others wait for us: whoever brings a message wants to
// hear of it (RFC 5321 §4.5.3.2.6, RFC 1047), and the farm needs its time, too.
inline constexpr std::chrono::milliseconds kMostOwnTime{20'000};

struct JudgeOptions {
  std::string authserv_id;  // our name in Authentication-Results (RFC 8601 §2.5)
  std::chrono::milliseconds authentication_time = kMostOwnTime;  // for all look-ups of one message
  std::chrono::milliseconds reverse_time{5'000};  // for a client's names, from its beginning on
  QuarantineField quarantine = {};
};

// What all judges of one loop share. Outlives them.
struct JudgeServices {
  const JudgeOptions& options;
  dns::Resolver& resolver;
  reputation::Store& store;
  std::shared_ptr<const MessagePolicy> policy;  // another one after a reload
  RecipientSplits splits = {};
  std::shared_ptr<NameClasses> names = nullptr;  // likewise; null: no name has a class
  dns::SilentZones* silent_zones = nullptr;      // null: nobody's answer is ever given up
  std::shared_ptr<LookupSlots> lookup_slots = std::make_shared<LookupSlots>();
  // Hears of mail that was taken, whose domain's signature passed and whose domain has a
  // reputation, as it was before; now: Unix seconds. Empty: nobody does.
  std::function<void(const IpAddress& source, std::string_view domain, double reputation,
                     int64_t now)>
      on_good_mail = {};
  // Whether a recipient, without brackets, is a spamtrap; empty: there are none.
  std::function<bool(std::string_view recipient)> is_trap = {};
};

struct Judgement {
  std::shared_ptr<const MessagePolicy> policy;  // the one that decided
  SessionFacts session;
  MessageFacts facts;
  Disposition disposition;
};

class MessageJudge {
 public:
  explicit MessageJudge(JudgeServices& services) : services_(services) {}

  // The message with CRLF line ends and without dot-stuffing, cut anywhere.
  void update(std::string_view bytes) { authenticator_.update(bytes); }
  // The blanks behind the fields' colons are a guess (auth/authenticate.h).
  void header_is_guessed() noexcept { authenticator_.header_is_guessed(); }
  // False once the header has shown that no decision looks at the body.
  bool wants_body() const noexcept { return authenticator_.wants_body(); }

  // Once, after the last byte. address_class is looked up here; envelope lives until it returns.
  // What has not been found out by `until` is missing, as behind authentication_time. Throws only
  // when the awaiting coroutine is cancelled.
  boost::asio::awaitable<Judgement> judge(
      SessionFacts session, std::string mail_from, EnvelopeJudge& envelope,
      std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max());
  // For the books, where something else than the policy decided: nothing is looked up.
  Judgement pass_over(SessionFacts session, std::string mail_from, Disposition disposition) const;

  // What became of the message, for the reputation of the domain that signed it, and, where the
  // message was taken, for whoever hears of good mail.
  void remember(const Judgement& judgement, reputation::Outcome outcome);

 private:
  boost::asio::awaitable<MessageFacts> gather_facts(const SessionFacts& session,
                                                    std::string mail_from,
                                                    std::chrono::steady_clock::time_point until);

  JudgeServices& services_;
  auth::Authenticator authenticator_;
};

}  // namespace postern::policy
