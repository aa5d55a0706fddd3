// SPDX-License-Identifier: BSD-3-Clause
//
// Runs bytes of a client through ServerSession in pieces, answers its events the same way each
// time, and writes down all that happened, so that two ways to cut the same bytes can be compared.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "control/smtp/server_session.h"

namespace postern::smtp {

// How events are answered: recipients that begin with "no" are refused, with "later" deferred;
// names in EHLO that begin with "bot" are refused; everything else is taken.
struct Trace {
  std::string events;  // one line each; text pieces joined
  std::string output;
  bool operator==(const Trace&) const = default;
};

class TracedSession {
 public:
  explicit TracedSession(const ServerOptions& options, const Offer& offer)
      : session_(options), offer_(offer) {
    session_.greet();
    collect();
  }

  void feed(std::string_view bytes) {
    session_.receive(bytes);
    collect();
  }
  ServerSession& session() { return session_; }
  // From now on there is no room for any text.
  void fill() { full_ = true; }
  const Trace& trace() const { return trace_; }

 private:
  void collect() {
    while (auto event = session_.next()) std::visit([this](auto& e) { on(e); }, *event);
    trace_.output += session_.take_output();
  }
  void note(const std::string& line) {
    trace_.events += (in_text_ ? "]\n" : "") + line + "\n";
    in_text_ = false;
  }

  void on(HelloEvent& event) {
    note((event.extended ? "ehlo " : "helo ") + event.name);
    if (event.name.starts_with("bot"))
      session_.answer(make_reply(550, "5.7.1", "no bots"));
    else
      session_.answer_hello(offer_);
  }
  void on(StartTlsEvent&) {
    note("starttls");
    trace_.output += session_.take_output();
  }
  void on(MailEvent& event) {
    const Sender& sender = event.sender;
    note("mail <" + sender.address + ">" +
         (sender.size ? " size=" + std::to_string(*sender.size) : "") +
         (sender.body ? *sender.body == BodyType::kEightBitMime ? " 8bit" : " 7bit" : "") +
         (sender.utf8 ? " utf8" : "") +
         (sender.dsn_return ? *sender.dsn_return == DsnReturn::kFull ? " full" : " hdrs" : "") +
         (sender.envelope_id.empty() ? "" : " id=" + sender.envelope_id));
    session_.answer(make_reply(250, "2.1.0", "sender"));
  }
  void on(RecipientEvent& event) {
    const Recipient& recipient = event.recipient;
    note("rcpt <" + recipient.address + ">" +
         (recipient.notify.empty() ? "" : " notify=" + recipient.notify) +
         (recipient.original.empty() ? "" : " original=" + recipient.original));
    if (recipient.address.starts_with("no"))
      session_.answer(make_reply(550, "5.1.1", "no such user"));
    else if (recipient.address.starts_with("later"))
      session_.answer(make_reply(450, "4.2.1", "later"));
    else
      session_.answer(make_reply(250, "2.1.5", "recipient"));
  }
  void on(DataEvent& event) {
    note(event.framing == Framing::kDots ? "data" : "chunks");
    session_.answer(full_ ? make_reply(452, "4.3.1", "no room") : make_reply(354, "", "go"));
  }
  void on(TextEvent& event) {
    if (!in_text_) trace_.events += "text [";
    in_text_ = true;
    trace_.events += event.bytes;
  }
  void on(EndOfDataEvent& event) {
    note((event.refusal ? "end refused " + std::to_string(event.refusal->code) : "end") +
         (event.ends_in_line ? "" : " within a line"));
    if (!event.refusal) session_.answer(make_reply(250, "2.0.0", "taken"));
  }
  void on(ResetEvent&) { note("reset"); }
  void on(ClosedEvent& event) { note("closed " + std::string(event.reason)); }

  ServerSession session_;
  Offer offer_;
  Trace trace_;
  bool in_text_ = false;
  bool full_ = false;
};

inline Trace trace_of(std::string_view bytes, const std::vector<size_t>& cuts,
                      const ServerOptions& options, const Offer& offer) {
  TracedSession traced(options, offer);
  size_t begin = 0;
  for (const size_t cut : cuts) {
    traced.feed(bytes.substr(begin, cut - begin));
    begin = cut;
  }
  traced.feed(bytes.substr(begin));
  return traced.trace();
}

}  // namespace postern::smtp
