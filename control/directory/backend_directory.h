// SPDX-License-Identifier: BSD-3-Clause
//
// BackendDirectory: the mail exchangers as the directory. Who asks them (MAIL FROM:<>, RCPT TO, and
// RSET, on a connection of its own) is given as a callback; what their reply says about the
// recipient is decided here. A cache belongs in front of it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "control/directory/directory.h"

namespace postern::directory {

// To RCPT, or to MAIL before it.
struct BackendReply {
  int code = 0;
  std::string enhanced = {};  // "5.1.1"; empty: none
  std::string text = {};
  bool to_recipient = true;  // false: MAIL was refused already, which says nothing about anybody
};

// Only that recipient does not exist: a refusal for another reason (5.7.1, a full mailbox) is not
// about whether the address exists, so it is no answer.
Presence presence_by(const BackendReply& reply) noexcept;

class BackendDirectory : public Directory {
 public:
  // nullopt: no backend answers. Throws nothing but cancellation.
  using Ask = std::function<boost::asio::awaitable<std::optional<BackendReply>>(std::string)>;

  explicit BackendDirectory(Ask ask) : ask_(std::move(ask)) {}
  boost::asio::awaitable<Answer> look_up(std::string address) override;

 private:
  Ask ask_;
};

}  // namespace postern::directory
