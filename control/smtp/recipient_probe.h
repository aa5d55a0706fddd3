// SPDX-License-Identifier: BSD-3-Clause
//
// RecipientProbe: asks the farm whether a recipient exists, for directory::BackendDirectory: MAIL
// FROM:<> and RCPT TO on a connection that stands for no client, and RSET before it is anybody
// else's. Where backends are told of clients by XCLIENT or PROXY, those connections are its own. At
// most kMost questions are under way; who asks beyond that gets no answer.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <optional>
#include <string>

#include "control/directory/backend_directory.h"
#include "control/smtp/farm.h"

namespace postern::smtp {

class RecipientProbe {
 public:
  static constexpr size_t kMost = 32;

  // farm outlives this, and this the questions.
  explicit RecipientProbe(Farm& farm) : farm_(farm) {}

  // As BackendDirectory::Ask. nullopt: no backend can be had, or none that takes such an address.
  boost::asio::awaitable<std::optional<directory::BackendReply>> ask(std::string address);

 private:
  boost::asio::awaitable<std::optional<directory::BackendReply>> ask_on(FarmLeg& leg,
                                                                        const Recipient& recipient);

  Farm& farm_;
  size_t under_way_ = 0;
};

}  // namespace postern::smtp
