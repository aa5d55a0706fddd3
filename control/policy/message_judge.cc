// SPDX-License-Identifier: BSD-3-Clause
//
// Gathering and deciding are two steps: what decides sees facts only.
#include "control/policy/message_judge.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

#include "control/dns/patient_resolver.h"

namespace postern::policy {

namespace asio = boost::asio;
using std::chrono::steady_clock;

namespace {

ClassId class_of(const MessagePolicy& policy, const SessionFacts& session) {
  return session.client ? policy.snapshot().class_of(*session.client) : ClassId{0};
}

}  // namespace

asio::awaitable<Judgement> MessageJudge::judge(SessionFacts session, std::string mail_from,
                                               EnvelopeJudge& envelope,
                                               steady_clock::time_point until) {
  Judgement judgement;
  judgement.policy = services_.policy;  // a reload in between does not mix two of them
  session.address_class = class_of(*judgement.policy, session);
  judgement.facts = co_await gather_facts(session, std::move(mail_from), until);
  judgement.disposition = envelope.decide(judgement.policy, session, judgement.facts);
  judgement.session = std::move(session);
  co_return judgement;
}

Judgement MessageJudge::pass_over(SessionFacts session, std::string mail_from,
                                  Disposition disposition) const {
  Judgement judgement;
  judgement.policy = services_.policy;
  session.address_class = class_of(*judgement.policy, session);
  judgement.session = std::move(session);
  judgement.facts.mail_from = std::move(mail_from);
  judgement.facts.now = std::time(nullptr);
  judgement.disposition = std::move(disposition);
  return judgement;
}

asio::awaitable<MessageFacts> MessageJudge::gather_facts(const SessionFacts& session,
                                                         std::string mail_from,
                                                         steady_clock::time_point until) {
  MessageFacts facts;
  facts.mail_from = std::move(mail_from);
  facts.now = std::time(nullptr);
  const auth::Envelope envelope{.client = session.client,
                                .helo = session.helo,
                                .mail_from = facts.mail_from,
                                .now = facts.now};
  dns::PatientResolver resolver(
      services_.resolver, services_.silent_zones,
      std::min(until, steady_clock::now() + services_.options.authentication_time));
  facts.auth = co_await authenticator_.finish(envelope, resolver);
  for (const auto& signature : facts.auth.dkim) {
    const auto [record, failed] = services_.store.look_up(signature.domain);
    if (failed) facts.reputation_missing.push_back(signature.domain);
    if (record) facts.known_domains.push_back({signature.domain, reputation::score(*record)});
    if (!facts.signing_domain.empty() || signature.result != auth::Result::kPass) continue;
    facts.signing_domain = signature.domain;
    if (record) facts.reputation = reputation::score(*record);
  }
  co_return facts;
}

void MessageJudge::remember(const Judgement& judgement, reputation::Outcome outcome) {
  // Mail that nobody answers for neither gains nor costs a domain anything.
  if (judgement.facts.signing_domain.empty()) return;
  const auto& facts = judgement.facts;
  services_.store.record(facts.signing_domain, outcome, facts.now);
  if (outcome != reputation::Outcome::kAccepted || !services_.on_good_mail ||
      !judgement.session.client || !facts.reputation)
    return;
  services_.on_good_mail(*judgement.session.client, facts.signing_domain, *facts.reputation,
                         facts.now);
}

}  // namespace postern::policy
