// SPDX-License-Identifier: BSD-3-Clause
//
// ClientLookup: a client's names, looked up while its session goes on. It begins when the client is
// there and has a deadline of its own; whoever needs the names waits for what is left of that. It
// ends with this object. What did not come in time is a fault of the DNS, which may only defer
// mail.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string_view>

#include "control/policy/client_names.h"
#include "control/policy/message_judge.h"
#include "rules/address/address.h"

namespace postern::policy {

class ClientLookup {
 public:
  // services outlives the loop's run. By one thread.
  ClientLookup(boost::asio::any_io_executor executor, JudgeServices& services);
  ~ClientLookup() { cancel(); }
  ClientLookup(const ClientLookup&) = delete;
  ClientLookup& operator=(const ClientLookup&) = delete;

  // Of another client than before, where there was one.
  void begin(const IpAddress& client);
  // Nobody wants to know any more; what is not known stays so.
  void cancel();
  // When the look-up has ended, or was never begun. One waits at a time. Throws only when the
  // awaiting coroutine is cancelled.
  boost::asio::awaitable<void> wait();

  // What is known now; the HELO name, which changes, with it.
  ClientNames names(std::string_view helo) const;

 private:
  struct State;
  static boost::asio::awaitable<void> run(std::shared_ptr<State> state, JudgeServices& services,
                                          IpAddress client);

  boost::asio::any_io_executor executor_;
  JudgeServices& services_;
  std::shared_ptr<NameClasses> classes_;  // those in force when it began
  std::shared_ptr<State> state_;          // null: nothing was begun
};

}  // namespace postern::policy
