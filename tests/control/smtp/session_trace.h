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
    note("mail <" + event.sender + ">" +
         (event.size ? " size=" + std::to_string(*event.size) : "") +
         (event.eight_bit ? *event.eight_bit ? " 8bit" : " 7bit" : ""));
    session_.answer(make_reply(250, "2.1.0", "sender"));
  }
  void on(RecipientEvent& event) {
    note("rcpt <" + event.recipient + ">");
    if (event.recipient.starts_with("no"))
      session_.answer(make_reply(550, "5.1.1", "no such user"));
    else if (event.recipient.starts_with("later"))
      session_.answer(make_reply(450, "4.2.1", "later"));
    else
      session_.answer(make_reply(250, "2.1.5", "recipient"));
  }
  void on(DataEvent&) {
    note("data");
    session_.answer(make_reply(354, "", "go"));
  }
  void on(TextEvent& event) {
    if (!in_text_) trace_.events += "text [";
    in_text_ = true;
    trace_.events += event.bytes;
  }
  void on(EndOfDataEvent& event) {
    note(event.refusal ? "end refused " + std::to_string(event.refusal->code) : "end");
    if (!event.refusal) session_.answer(make_reply(250, "2.0.0", "taken"));
  }
  void on(ResetEvent&) { note("reset"); }
  void on(ClosedEvent& event) { note("closed " + std::string(event.reason)); }

  ServerSession session_;
  Offer offer_;
  Trace trace_;
  bool in_text_ = false;
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
