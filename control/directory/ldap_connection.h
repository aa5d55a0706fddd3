// SPDX-License-Identifier: BSD-3-Clause
//
// LdapConnection: one bound connection to one server, on which any number of searches are under
// way. libldap writes and reads messages without ever waiting: the loop waits for its descriptor,
// and ldap_result is asked until it has no more. A connection that fails once is not used again.
// All calls come from the thread of the loop. The process ignores SIGPIPE.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "control/directory/ldap_server.h"

// ldap.h and its macros stay out of what includes this.
struct ldap;
struct ldapmsg;

namespace postern::directory {

struct LdapCredentials {
  std::string dn;  // empty: anonymous
  std::string password;
};

enum class LdapDereference : uint8_t { kNever, kAlways };  // of alias entries (RFC 4512 §2.6)
enum class LdapScope : uint8_t { kSubtree, kOneLevel, kBase };

struct LdapSearch {
  std::string base, filter;
  LdapScope scope = LdapScope::kSubtree;
  std::vector<std::string> attributes;  // to be read
  size_t most = 1;                      // entries; the rest is not waited for
  size_t page = 0;                      // RFC 2696: entries in a page; 0: not paged
  std::string cookie = {};              // paged: where the page before ended
  std::chrono::milliseconds time{5000};
};

struct LdapEntry {
  std::string dn;
  std::vector<std::string> values;  // of the attributes asked for, in their order
};

struct LdapResult {
  enum class State : uint8_t {
    kDone,    // the server's word, also where it has no such entry
    kFailed,  // the server cannot say, or we cannot ask
    kBusy,    // it will not say now; another server may (RFC 4511 busy and unavailable)
    kLate,    // no answer within the time
    kLost,    // the connection ended
  };
  State state = State::kLost;
  std::string detail = {};  // where it is not kDone
  std::vector<LdapEntry> entries = {};
  std::string cookie = {};  // paged: of the next page; empty: this was the last
};

class LdapConnection : public std::enable_shared_from_this<LdapConnection> {
 public:
  struct Options {
    LdapCredentials credentials;
    bool start_tls = false;
    LdapDereference dereference = LdapDereference::kNever;
    size_t max_message = size_t{1} << 20;  // octets of one message of the server; more ends it
    std::chrono::milliseconds connect_time{5000};  // with TLS and bind
  };
  struct Opened {
    std::shared_ptr<LdapConnection> connection;  // null: see error
    std::string error;
  };
  static boost::asio::awaitable<Opened> open(LdapServer server, const Options& options,
                                             std::shared_ptr<boost::asio::ssl::context> tls);
  ~LdapConnection();
  LdapConnection(const LdapConnection&) = delete;
  LdapConnection& operator=(const LdapConnection&) = delete;

  // Throws only when the awaiting coroutine is cancelled; the server is told in that case, too.
  boost::asio::awaitable<LdapResult> search(LdapSearch search);

  bool usable() const noexcept { return handle_ != nullptr; }
  size_t under_way() const noexcept { return pending_.size(); }
  // What is under way ends as kLost.
  void close(const std::string& why);

 private:
  struct Pending;
  struct Key {};  // who may construct

 public:
  LdapConnection(Key, const boost::asio::any_io_executor& executor) : descriptor_(executor) {}

 private:
  static boost::asio::awaitable<Opened> open_and_bind(
      LdapServer server, Options options, std::shared_ptr<boost::asio::ssl::context> tls);
  static boost::asio::awaitable<void> read(std::shared_ptr<LdapConnection> connection);
  // Empty: done.
  std::string adopt(int descriptor, const Options& options);
  boost::asio::awaitable<std::string> bind(const LdapCredentials& credentials);
  // False when there is no more for now.
  bool take_message();
  void dispatch(ldapmsg* message);
  void finish(Pending& pending, ldapmsg* message);
  int send(const LdapSearch& search, int* id);

  ldap* handle_ = nullptr;
  boost::asio::posix::stream_descriptor descriptor_;  // the handle's
  std::unordered_map<int, Pending*> pending_;         // by message ID; they live in coroutines
  uint64_t received_ = 0;                             // messages
};

}  // namespace postern::directory
