// SPDX-License-Identifier: BSD-3-Clause
//
// The lines that every message, and every recipient that the policy refused, leaves in the log, the
// same for all front doors (docs/operations.md has the keys).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "control/policy/message_judge.h"

namespace postern::policy {

// What a front door knows of a message besides the judgement.
struct MessageRecord {
  std::string_view id;     // ours: session and number within it
  std::string_view queue;  // the mail server's name for it; empty: it has none (yet)
  std::string_view tls;    // description; empty: plain
  size_t recipients = 0;
  uint64_t size = 0;       // octets, as far as they were seen
  size_t removed = 0;      // header fields
  std::string_view reply;  // what the client hears, one line
  std::chrono::steady_clock::duration took{};
};

// A recipient that the policy refused at RCPT.
struct RecipientRecord {
  std::string_view id;  // of the message
  std::optional<IpAddress> client;
  std::string_view mail_from, recipient;  // without brackets
  std::string_view reply;                 // what the client hears, one line
};

void log_recipient(const Disposition& disposition, const RecipientRecord& record);
void log_message(const Judgement& judgement, const MessageRecord& record);

}  // namespace postern::policy
