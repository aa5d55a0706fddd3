// SPDX-License-Identifier: BSD-3-Clause
//
// RecipientCheck: what the recipient directory says of a recipient, at RCPT, before the farm is
// asked. Unknown is 550 5.1.1. A directory that is unavailable never rejects: the recipient is
// passed on to the farm, which knows best, or deferred, as the setting says. postmaster and abuse
// are let by unasked (control/policy/role_address.h). Who asks for many that do not exist is
// harvesting, and is taught to the engines; the caller says who never is.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "control/directory/directory.h"
#include "control/directory/directory_health.h"
#include "control/directory/mail_address.h"
#include "control/learning/harvest.h"
#include "control/learning/learning.h"
#include "control/smtp/reply.h"
#include "rules/address/address.h"

namespace postern::smtp {

class RecipientCheck {
 public:
  struct Options {
    bool defer_when_unavailable = false;
    directory::AddressRules rules;  // by which recipients are told apart
  };
  // Who asks, in which session as the log has it.
  struct Asker {
    IpAddress client;
    std::optional<policy::LocalPlace> local;
    std::string session;
    bool may_learn = false;
  };
  // All outlive this. harvest and learning: both or neither; null: nothing is learned.
  RecipientCheck(directory::Directory& directory, Options options, learning::HarvestTable* harvest,
                 learning::Learning* learning)
      : directory_(directory),
        options_(std::move(options)),
        harvest_(harvest),
        learning_(learning) {}

  // recipient: as RCPT has it, without brackets. nullopt: the farm is to be asked.
  boost::asio::awaitable<std::optional<Reply>> check(std::string recipient, Asker asker);

 private:
  void note_state(const directory::Answer& answer);
  void note_unknown(const std::string& recipient, const Asker& asker, int64_t now);
  // As the directory compares them; without its extension.
  std::string same_for_all(const std::string& recipient) const;

  directory::Directory& directory_;
  const Options options_;
  learning::HarvestTable* harvest_;
  learning::Learning* learning_;
  directory::DirectoryHealth health_;  // as the log has it
};

}  // namespace postern::smtp
