// SPDX-License-Identifier: BSD-3-Clause
//
// Runs bytes of a mail server through FilterSession in pieces, answers its events the same way each
// time, and writes down all that happened, so that two ways to cut the same bytes can be compared.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "control/milter/filter_session.h"

namespace postern::milter::test {

struct Trace {
  std::string events;  // one line each
  std::string output;
  bool operator==(const Trace&) const = default;
};

// How events are answered: HELO names that begin with "bot" are refused, and recipients that begin
// with "nobody"; senders that begin with "later" get a temporary failure, with "trusted" are
// accepted at once; bodies of messages whose header has a field "Skip" are skipped. At the end a
// message loses its "Forged" fields and gets two new ones; where its sender begins with "no" it is
// refused, with "hold" quarantined.
class TracedFilter {
 public:
  void feed(std::string_view bytes) {
    session_.receive(bytes);
    collect();
  }
  FilterSession& session() { return session_; }
  const Trace& trace() const { return trace_; }

 private:
  void collect() {
    while (auto event = session_.next()) std::visit([this](auto& e) { on(e); }, *event);
    trace_.output += session_.take_output();
  }
  void note(const std::string& line) { trace_.events += line + '\n'; }

  void on(ConnectEvent& event) {
    note("connect " + event.host + ' ' +
         (event.address ? event.address->to_string() + ' ' + std::to_string(event.port) : "-"));
  }
  void on(HeloEvent& event) {
    note("helo " + event.name + " tls=" + session_.tls_description());
    if (event.name.starts_with("bot"))
      session_.answer(policy::Refusal{.code = 550, .enhanced = "5.7.1", .text = "no bots"});
    else
      session_.answer(Verdict::kContinue);
  }
  void on(MailEvent& event) {
    note("mail <" + event.sender + "> by=" + event.authenticated);
    sender_ = event.sender;
    forged_.clear();
    skips_ = false;
    if (sender_.starts_with("later"))
      session_.answer(Verdict::kTempFail);
    else if (sender_.starts_with("trusted"))
      session_.answer(Verdict::kAccept);
    else
      session_.answer(Verdict::kContinue);
  }
  void on(RecipientEvent& event) {
    note("rcpt <" + event.recipient + '>');
    if (event.recipient.starts_with("nobody"))
      session_.answer(policy::Refusal{.code = 550, .enhanced = "5.7.1", .text = "not to them"});
    else
      session_.answer(Verdict::kContinue);
  }
  void on(HeaderEvent& event) {
    note("field [" + event.field + ']');
    if (event.name == "Forged")
      forged_.push_back({event.name, static_cast<uint32_t>(forged_.size() + 1)});
    skips_ = skips_ || event.name == "Skip";
  }
  void on(EndOfHeaderEvent&) {
    note("end of header");
    if (skips_) session_.skip_body();
  }
  void on(BodyEvent& event) { note("body [" + event.bytes + ']'); }
  void on(EndOfMessageEvent&) {
    note("end queue=" + session_.queue_id());
    session_.progress();
    if (sender_.starts_with("no")) {
      session_.finish({}, policy::Refusal{.code = 550, .enhanced = "5.7.1", .text = "100%\nno"});
      return;
    }
    Changes changes{
        .remove = forged_, .insert = "New: one\r\n two\r\nTag: x\r\n", .quarantine = {}};
    if (sender_.starts_with("hold")) changes.quarantine = "odd";
    session_.finish(changes, Verdict::kAccept);
  }
  void on(AbortEvent&) { note("abort"); }
  void on(ClientGoneEvent&) { note("gone"); }
  void on(ClosedEvent& event) { note("closed " + std::string(event.reason)); }

  FilterSession session_;
  Trace trace_;
  std::string sender_;
  std::vector<FieldPlace> forged_;
  bool skips_ = false;
};

inline Trace trace_of(std::string_view bytes, const std::vector<size_t>& cuts = {}) {
  TracedFilter traced;
  size_t begin = 0;
  for (const size_t cut : cuts) {
    traced.feed(bytes.substr(begin, cut - begin));
    begin = cut;
  }
  traced.feed(bytes.substr(begin));
  return traced.trace();
}

}  // namespace postern::milter::test
