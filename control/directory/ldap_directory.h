// SPDX-License-Identifier: BSD-3-Clause
//
// LdapDirectory: recipients in an LDAP directory (RFC 4511). A look-up searches each base in turn;
// an entry that matches the filter is a recipient, and the first of its attributes that holds an
// address is the primary one. One connection is open at a time, to the first server that can be
// had; when it fails, the next one is tried, and when none can be had, not again before a pause
// that doubles. Anything but a server's clear word is "unavailable": a base that does not exist, a
// refused bind, a referral, time. So is a look-up beyond the bound on those that wait (the
// directory fails towards passing).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/directory/directory.h"
#include "control/directory/ldap_connection.h"
#include "control/directory/ldap_transport.h"
#include "control/directory/mail_address.h"

namespace postern::directory {

struct LdapOptions {
  std::vector<std::string> uris;   // in the order of preference; at least one
  std::vector<std::string> bases;  // distinguished names; at least one
  LdapScope scope = LdapScope::kSubtree;
  std::string filter = "(mail=%s)";                // filter_template.h
  std::vector<std::string> attributes = {"mail"};  // of the primary address, the first that is one
  LdapDereference dereference = LdapDereference::kNever;
  // Recipients that a server must show before its word counts that somebody is unknown. None: it
  // must show an entry that the filter matches for some address, in every base.
  std::vector<std::string> canaries = {};
  LdapCredentials credentials;
  LdapTransportOptions transport;
  std::chrono::milliseconds connect_time{5000};
  std::chrono::milliseconds look_up_time{5000};  // all of a look-up, waiting included
  std::chrono::milliseconds first_pause{1000};   // after no server could be had; doubled, up to
  std::chrono::milliseconds last_pause{60'000};
  size_t max_searches = 64;        // under way at once
  size_t max_waiting = 1024;       // look-ups that wait for their turn or for a connection
  size_t page = 500;               // entries in a page of a listing
  size_t max_listing = 1'000'000;  // entries
};

class LdapDirectory : public Directory {
 public:
  // Throws std::runtime_error naming the option that is wrong. Connects when first asked.
  LdapDirectory(const boost::asio::any_io_executor& executor, LdapOptions options,
                AddressRules rules);
  // Look-ups under way end as unavailable.
  ~LdapDirectory() override;

  boost::asio::awaitable<Answer> look_up(std::string address) override;

  // All entries that `filter` (without places) matches in all bases, page by page: `take` is given
  // each entry, with the values of `attributes`, as it comes. Empty: all were given; else what went
  // wrong, and some may be missing. One entry more than max_listing is refused.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void take(LdapEntry entry) = 0;
  };
  boost::asio::awaitable<std::string> list(std::string filter, std::vector<std::string> attributes,
                                           Listener& listener);

  // URI of the server that is connected; empty: none.
  std::string connected_to() const;

 private:
  struct State;
  static boost::asio::awaitable<void> connect(std::shared_ptr<State> state);
  static boost::asio::awaitable<Answer> search(std::shared_ptr<State> state, MailAddress address);
  // The first entry that the filter matches in `bases`: kDone without entries where none has it.
  static boost::asio::awaitable<LdapResult> first_of(std::shared_ptr<State> state,
                                                     std::shared_ptr<LdapConnection> connection,
                                                     std::string filter,
                                                     std::span<const std::string> bases,
                                                     std::chrono::steady_clock::time_point end);
  // Whether the server shows what it must: kDone without entries where it does not, detail says
  // what is missing.
  static boost::asio::awaitable<LdapResult> prove(std::shared_ptr<State> state,
                                                  std::shared_ptr<LdapConnection> connection,
                                                  std::chrono::steady_clock::time_point end);
  std::shared_ptr<State> state_;
};

}  // namespace postern::directory
