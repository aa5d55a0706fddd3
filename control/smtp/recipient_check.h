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

#include "control/directory/directory.h"
#include "control/policy/harvest.h"
#include "control/smtp/reply.h"
#include "rules/address/address.h"

namespace postern::smtp {

class Teacher;

class RecipientCheck {
 public:
  // All outlive this. harvest and teacher: both or neither; null: nothing is learned.
  RecipientCheck(directory::Directory& directory, bool defer_when_unavailable,
                 policy::HarvestTable* harvest, Teacher* teacher)
      : directory_(directory),
        defer_when_unavailable_(defer_when_unavailable),
        harvest_(harvest),
        teacher_(teacher) {}

  // recipient: as RCPT has it, without brackets. nullopt: the farm is to be asked.
  boost::asio::awaitable<std::optional<Reply>> check(std::string recipient, IpAddress client,
                                                     bool may_learn);

 private:
  void note_state(const directory::Answer& answer);

  directory::Directory& directory_;
  bool defer_when_unavailable_;
  policy::HarvestTable* harvest_;
  Teacher* teacher_;
  bool available_ = true;  // as it was logged last
};

}  // namespace postern::smtp
