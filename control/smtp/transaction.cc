// SPDX-License-Identifier: BSD-3-Clause
//
// The order of the fields that we add: Received on top, as every relay does, then the results that
// belong to it, then the tag.
#include "control/smtp/transaction.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <ctime>
#include <utility>
#include <variant>

#include "control/auth/authentication_results.h"
#include "control/smtp/log_text.h"
#include "control/smtp/received_field.h"

namespace postern::smtp {

namespace asio = boost::asio;
using std::chrono::steady_clock;

namespace {

constexpr size_t kMaxTagText = 200;

// The passing result, or the first signature's, for the log.
const auth::DkimResult* telling_signature(const auth::AuthResult& auth) {
  for (const auto& signature : auth.dkim)
    if (signature.result == auth::Result::kPass) return &signature;
  return auth.dkim.empty() ? nullptr : &auth.dkim.front();
}

// Why, for the sender: the rule, and where to object.
Reply refusal_for(const policy::Disposition& disposition) {
  std::string text = disposition.action == policy::Action::kReject ? "refused " : "deferred ";
  text += disposition.for_dns && disposition.rule.empty() ? "because " : "";
  text += disposition.explanation.substr(0, 400);
  if (!disposition.contact.empty()) text += "\nsee " + disposition.contact.substr(0, 400);
  if (disposition.action == policy::Action::kReject) return make_reply(550, "5.7.1", text);
  return make_reply(451, disposition.for_dns ? "4.4.3" : "4.7.1", text);
}

}  // namespace

Transaction::Transaction(Service& service, Relay& relay, ClientFacts client, Sender sender,
                         std::string id)
    : service_(service),
      relay_(relay),
      client_(std::move(client)),
      sender_(std::move(sender)),
      id_(std::move(id)),
      filter_([&service](std::string_view field) {
        return auth::claims_our_results(field, service.options.authserv_id);
      }),
      spool_(service.spool_space),
      begun_(steady_clock::now()) {}

asio::awaitable<Reply> Transaction::recipient(Recipient recipient) {
  Reply reply = co_await relay_.recipient(sender_, recipient);
  if (reply.positive()) recipients_.push_back(std::move(recipient.address));
  co_return reply;
}

Reply Transaction::begin_text(Framing framing) {
  shape_.framing = framing;
  if (service_.spool_space.full()) return make_reply(452, "4.3.1", "no room; try again later");
  return make_reply(354, "", "go ahead, end with CRLF.CRLF");
}

void Transaction::text(std::string_view bytes) {
  if (spool_.failed()) return;
  authenticator_.update(bytes);
  kept_.clear();
  filter_.update(bytes, kept_);
  spool_.append(kept_);
}

void Transaction::refuse(const Reply& refusal) {
  relay_.reset();
  policy::MessageFacts facts;
  facts.mail_from = sender_.address;
  policy::Disposition disposition;
  disposition.action = refusal.permanent() ? policy::Action::kReject : policy::Action::kDefer;
  disposition.explanation = "the text cannot be taken";
  log(session_facts(*service_.policy), facts, disposition, refusal);
}

asio::awaitable<Reply> Transaction::finish(bool ends_in_line) {
  shape_.ends_in_line = ends_in_line;
  kept_.clear();
  filter_.finish(kept_);
  spool_.append(kept_);
  if (!filter_.fault().empty()) {
    const Reply broken =
        make_reply(550, "5.6.0", std::string(filter_.fault()) + " (RFC 5322 section 2.2)");
    refuse(broken);
    co_return broken;
  }
  if (filter_.received_count() > service_.options.max_hops) {
    const Reply loop = make_reply(
        554, "5.4.6",
        "more than " + std::to_string(service_.options.max_hops) + " Received fields: a loop");
    refuse(loop);
    co_return loop;
  }
  if (spool_.failed()) {
    const Reply full = make_reply(452, "4.3.1", "no room; try again later");
    refuse(full);
    co_return full;
  }
  const auto policy = service_.policy;  // a reload in between does not mix two of them
  const policy::MessageFacts facts = co_await gather_facts();
  const policy::SessionFacts session = session_facts(*policy);
  const policy::Disposition disposition = policy->decide(session, facts);
  Reply reply = co_await carry_out(disposition, facts);
  remember(facts, disposition, reply);
  log(session, facts, disposition, reply);
  co_return reply;
}

policy::SessionFacts Transaction::session_facts(const policy::MessagePolicy& policy) const {
  return policy::SessionFacts{.client = client_.address,
                              .client_port = client_.port,
                              .helo = client_.helo,
                              .tls = !client_.tls.empty(),
                              .address_class = policy.snapshot().class_of(client_.address)};
}

asio::awaitable<policy::MessageFacts> Transaction::gather_facts() {
  using namespace asio::experimental::awaitable_operators;
  policy::MessageFacts facts;
  facts.mail_from = sender_.address;
  facts.now = std::time(nullptr);
  const auth::Envelope envelope{.client = client_.address,
                                .helo = client_.helo,
                                .mail_from = sender_.address,
                                .now = facts.now};
  asio::steady_timer timer(co_await asio::this_coro::executor);
  timer.expires_after(service_.options.authentication_time);
  auto first = co_await (authenticator_.finish(envelope, service_.resolver) ||
                         timer.async_wait(asio::use_awaitable));
  if (first.index() == 0) {
    facts.auth = std::get<0>(std::move(first));
  } else {
    facts.auth_unknown = true;
    facts.auth.dns_failed = true;
  }
  for (const auto& signature : facts.auth.dkim) {
    const auto record = service_.store.find(signature.domain);
    if (record) facts.known_domains.push_back({signature.domain, reputation::score(*record)});
    if (!facts.signing_domain.empty() || signature.result != auth::Result::kPass) continue;
    facts.signing_domain = signature.domain;
    if (record) facts.reputation = reputation::score(*record);
  }
  co_return facts;
}

asio::awaitable<Reply> Transaction::carry_out(const policy::Disposition& disposition,
                                              const policy::MessageFacts& facts) {
  switch (disposition.action) {
    case policy::Action::kReject:
    case policy::Action::kDefer:
      relay_.reset();
      co_return refusal_for(disposition);
    case policy::Action::kAccept:
    case policy::Action::kTag:
      break;
  }
  co_return co_await relay_.deliver(new_fields(disposition, facts), spool_, shape_);
}

std::string Transaction::new_fields(const policy::Disposition& disposition,
                                    const policy::MessageFacts& facts) const {
  const ReceivedFacts received{.helo = client_.helo,
                               .client = client_.address,
                               .by = service_.options.server.name,
                               .extended = client_.extended,
                               .tls = client_.tls,
                               .utf8 = sender_.utf8,
                               .id = id_,
                               .recipient = recipients_.size() == 1
                                                ? std::string_view(recipients_.front())
                                                : std::string_view(),
                               .now = facts.now};
  std::string fields = write_received(received);
  fields += auth::write_authentication_results(service_.options.authserv_id, facts.auth);
  if (disposition.action == policy::Action::kTag)
    fields += "X-Postern-Tag: " + log_value(disposition.rule, kMaxTagText) + "\r\n";
  return fields;
}

void Transaction::remember(const policy::MessageFacts& facts,
                           const policy::Disposition& disposition, const Reply& reply) {
  // Mail that nobody answers for neither gains nor costs a domain anything.
  if (facts.signing_domain.empty()) return;
  using reputation::Outcome;
  auto outcome = Outcome::kDeferred;
  if (reply.positive())
    outcome = Outcome::kAccepted;
  else if (disposition.action == policy::Action::kReject || reply.permanent())
    outcome = Outcome::kRejected;
  service_.store.record(facts.signing_domain, outcome, facts.now);
}

void Transaction::log(const policy::SessionFacts& session, const policy::MessageFacts& facts,
                      const policy::Disposition& disposition, const Reply& reply) const {
  const auto& snapshot = service_.policy->snapshot();
  std::string lists;
  for (const size_t list : snapshot.lists_of(snapshot.class_of(session.client), facts.now))
    lists += (lists.empty() ? "" : ",") + snapshot.lists()[list].name;
  const auto* signature = telling_signature(facts.auth);
  const std::chrono::duration<double> took = steady_clock::now() - begun_;
  spdlog::info(
      "message id={} client={} class={} helo={} tls={} from={} rcpts={} size={} dkim={} "
      "domain={} "
      "reputation={} dns={} removed={} action={} rule={} place={} reply={} seconds={:.3f}",
      id_, session.client.to_string(), lists.empty() ? "-" : lists, log_value(client_.helo),
      client_.tls.empty() ? "-" : log_value(client_.tls), log_value("<" + sender_.address + ">"),
      recipients_.size(), spool_.size(),
      facts.auth_unknown ? "unknown"
      : signature        ? auth::word(signature->result)
                         : "none",
      signature ? log_value(signature->domain) : "-",
      facts.reputation ? fmt::format("{:.2f}", *facts.reputation) : "-",
      facts.auth.dns_failed ? "error" : "ok", filter_.removed_count(),
      policy::word(disposition.action),
      disposition.rule.empty() ? log_value(disposition.explanation) : log_value(disposition.rule),
      disposition.rule_place.empty() ? "-" : log_value(disposition.rule_place),
      log_value(reply.one_line()), took.count());
}

}  // namespace postern::smtp
