// SPDX-License-Identifier: BSD-3-Clause
//
// As in the DNS resolver: a search waits on a timer, which is its time limit; who has its result
// stores it and wakes the timer. Requests are small against a socket's buffer and their number is
// bounded, so libldap never has to keep one back for want of room.
#include "control/directory/ldap_connection.h"

#include <ldap.h>
#include <openldap.h>
#include <unistd.h>

#include <boost/asio/error.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <utility>

#include "control/directory/ldap_transport.h"
#include "control/loop/launch.h"

namespace postern::directory {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

// Messages taken before others on the loop have their turn.
constexpr size_t kBurst = 64;

using Message = std::unique_ptr<LDAPMessage, int (*)(LDAPMessage*)>;

std::string error_text(int code, const char* diagnostic) {
  std::string text = ldap_err2string(code);
  if (diagnostic != nullptr && *diagnostic != '\0') text += std::string(": ") + diagnostic;
  return text.substr(0, 300);
}

}  // namespace

// In the frame of the coroutine that waits for it; whichever way that ends, the connection forgets
// it, and a server that is still at it is told to stop.
struct LdapConnection::Pending {
  Pending(std::shared_ptr<LdapConnection> of, const asio::any_io_executor& executor)
      : connection(std::move(of)), wake(executor) {}
  ~Pending() {
    if (id < 0) return;
    connection->pending_.erase(id);
    if (!done && connection->handle_ != nullptr)
      ldap_abandon_ext(connection->handle_, id, nullptr, nullptr);
  }
  void wait_for(int message_id) {
    id = message_id;
    connection->pending_[id] = this;
  }
  void end(LdapResult::State state, std::string detail) {
    done = true;
    result.state = state;
    result.detail = std::move(detail);
    wake.cancel();
  }

  std::shared_ptr<LdapConnection> connection;
  asio::steady_timer wake;
  LdapSearch search;
  LdapResult result;
  int id = -1;
  bool done = false;
  bool is_bind = false;
  bool referred = false;
};

LdapConnection::~LdapConnection() {
  close("closed");
}

void LdapConnection::close(const std::string& why) {
  if (handle_ == nullptr) return;
  descriptor_.release();  // libldap closes it
  ldap_unbind_ext(std::exchange(handle_, nullptr), nullptr, nullptr);
  for (auto& [id, pending] : pending_)
    if (!pending->done) pending->end(LdapResult::State::kLost, why);
}

asio::awaitable<LdapConnection::Opened> LdapConnection::open(
    LdapServer server, const Options& options, std::shared_ptr<asio::ssl::context> tls) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(co_await asio::this_coro::executor);
  timer.expires_after(options.connect_time);
  auto first = co_await (open_and_bind(std::move(server), options, std::move(tls)) ||
                         timer.async_wait(asio::use_awaitable));
  if (first.index() == 0) co_return std::get<0>(std::move(first));
  co_return Opened{nullptr,
                   "no connection within " + std::to_string(options.connect_time.count()) + " ms"};
}

// Throws nothing: what throws would leave the other half of the `||` waiting for its end.
asio::awaitable<LdapConnection::Opened> LdapConnection::open_and_bind(
    LdapServer server, Options options, std::shared_ptr<asio::ssl::context> tls) {
  Opened opened;
  const auto executor = co_await asio::this_coro::executor;
  auto connection = std::make_shared<LdapConnection>(Key{}, executor);
  try {
    const int descriptor = co_await connect_to(std::move(server), options.start_tls, std::move(tls),
                                               options.connect_time);
    opened.error = connection->adopt(descriptor, options);
    if (opened.error.empty()) {
      loop::launch(executor, read(connection));
      opened.error = co_await connection->bind(options.credentials);
    }
  } catch (const boost::system::system_error& error) {
    opened.error = error.code().message();
  } catch (const std::exception& error) {
    opened.error = error.what();
  }
  if (opened.error.empty())
    opened.connection = std::move(connection);
  else
    connection->close(opened.error);
  co_return opened;
}

std::string LdapConnection::adopt(int descriptor, const Options& options) {
  // The URI is only where libldap would go to by itself; it never does.
  const int status = ldap_init_fd(descriptor, LDAP_PROTO_TCP, "ldap://localhost", &handle_);
  if (status != LDAP_SUCCESS) {
    ::close(descriptor);
    handle_ = nullptr;
    return ldap_err2string(status);
  }
  const int version = LDAP_VERSION3;
  const int dereference =
      options.dereference == LdapDereference::kAlways ? LDAP_DEREF_ALWAYS : LDAP_DEREF_NEVER;
  ldap_set_option(handle_, LDAP_OPT_PROTOCOL_VERSION, &version);
  ldap_set_option(handle_, LDAP_OPT_DEREF, &dereference);
  ldap_set_option(handle_, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
  ldap_set_option(handle_, LDAP_OPT_RESTART, LDAP_OPT_OFF);
  Sockbuf* buffer = nullptr;
  ldap_get_option(handle_, LDAP_OPT_SOCKBUF, &buffer);
  ber_len_t most = options.max_message;
  if (buffer != nullptr) ber_sockbuf_ctrl(buffer, LBER_SB_OPT_SET_MAX_INCOMING, &most);
  error_code error;
  descriptor_.assign(descriptor, error);
  if (!error) return {};
  ldap_unbind_ext(std::exchange(handle_, nullptr), nullptr, nullptr);
  return error.message();
}

asio::awaitable<std::string> LdapConnection::bind(const LdapCredentials& credentials) {
  if (credentials.dn.empty()) co_return std::string();
  const auto executor = co_await asio::this_coro::executor;
  Pending pending(shared_from_this(), executor);
  pending.is_bind = true;
  std::string password = credentials.password;
  berval value{password.size(), password.data()};
  int id = 0;
  const int status = ldap_sasl_bind(handle_, credentials.dn.c_str(), LDAP_SASL_SIMPLE, &value,
                                    nullptr, nullptr, &id);
  if (status != LDAP_SUCCESS) co_return std::string(ldap_err2string(status));
  pending.wait_for(id);
  pending.wake.expires_at(std::chrono::steady_clock::time_point::max());
  error_code woken;
  co_await pending.wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  if (!pending.done) throw boost::system::system_error(asio::error::operation_aborted);
  co_return pending.result.detail.empty() ? std::string() : "bind: " + pending.result.detail;
}

asio::awaitable<void> LdapConnection::read(std::shared_ptr<LdapConnection> connection) {
  const auto executor = co_await asio::this_coro::executor;
  error_code error;
  while (connection->usable()) {
    co_await connection->descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                                                asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    size_t taken = 0;
    while (connection->take_message()) {
      if (++taken % kBurst == 0) co_await asio::post(executor, asio::use_awaitable);
    }
  }
  connection->close("the connection ended");
}

bool LdapConnection::take_message() {
  if (handle_ == nullptr) return false;
  timeval none{};
  LDAPMessage* taken = nullptr;
  const int type = ldap_result(handle_, LDAP_RES_ANY, LDAP_MSG_ONE, &none, &taken);
  if (type == 0) return false;
  if (type < 0) {
    int code = LDAP_SERVER_DOWN;
    ldap_get_option(handle_, LDAP_OPT_RESULT_CODE, &code);
    close(code == LDAP_SERVER_DOWN ? "the server closed the connection" : ldap_err2string(code));
    return false;
  }
  const Message message(taken, ldap_msgfree);
  received_++;
  dispatch(taken);
  return true;
}

void LdapConnection::dispatch(ldapmsg* message) {
  const auto found = pending_.find(ldap_msgid(message));
  // Message 0 is an unsolicited notification (RFC 4511 §4.4), which ends the connection by itself.
  if (found == pending_.end() || found->second->done) return;
  Pending& pending = *found->second;
  switch (ldap_msgtype(message)) {
    case LDAP_RES_SEARCH_ENTRY: {
      if (pending.result.entries.size() >= pending.search.most) {
        ldap_abandon_ext(handle_, pending.id, nullptr, nullptr);
        pending.end(LdapResult::State::kDone, {});
        return;
      }
      LdapEntry entry;
      char* dn = ldap_get_dn(handle_, message);
      if (dn != nullptr) entry.dn = dn;
      ldap_memfree(dn);
      for (const auto& attribute : pending.search.attributes) {
        berval** values = ldap_get_values_len(handle_, message, attribute.c_str());
        for (size_t i = 0; values != nullptr && values[i] != nullptr; i++)
          entry.values.emplace_back(values[i]->bv_val, values[i]->bv_len);
        ldap_value_free_len(values);
      }
      pending.result.entries.push_back(std::move(entry));
      return;
    }
    case LDAP_RES_SEARCH_REFERENCE:
      pending.referred = true;
      return;
    default:
      finish(pending, message);
  }
}

void LdapConnection::finish(Pending& pending, ldapmsg* message) {
  int code = LDAP_OTHER;
  char* diagnostic = nullptr;
  LDAPControl** controls = nullptr;
  const int status =
      ldap_parse_result(handle_, message, &code, nullptr, &diagnostic, nullptr, &controls, 0);
  if (status != LDAP_SUCCESS) code = status;
  auto state = LdapResult::State::kFailed;
  if (code == LDAP_SUCCESS) state = LdapResult::State::kDone;
  if (code == LDAP_BUSY || code == LDAP_UNAVAILABLE) state = LdapResult::State::kBusy;
  std::string detail = code == LDAP_SUCCESS ? "" : error_text(code, diagnostic);
  // More than we asked for, or a part that is elsewhere: what was found counts all the same.
  const bool some = !pending.is_bind && !pending.result.entries.empty();
  if (code == LDAP_SIZELIMIT_EXCEEDED && some && pending.search.page == 0) {
    state = LdapResult::State::kDone;
    detail.clear();
  } else if (state == LdapResult::State::kDone && pending.referred && !some) {
    state = LdapResult::State::kFailed;
    detail = "the server refers to another one, which is not asked";
  }
  LDAPControl* paged = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, nullptr);
  if (paged != nullptr) {
    ber_int_t estimate = 0;
    berval cookie{0, nullptr};
    if (ldap_parse_pageresponse_control(handle_, paged, &estimate, &cookie) == LDAP_SUCCESS)
      pending.result.cookie.assign(cookie.bv_val == nullptr ? "" : cookie.bv_val, cookie.bv_len);
    ber_memfree(cookie.bv_val);
  }
  ldap_controls_free(controls);
  ldap_memfree(diagnostic);
  pending.end(state, std::move(detail));
}

int LdapConnection::send(const LdapSearch& search, int* id) {
  std::vector<char*> attributes;
  for (const auto& name : search.attributes) attributes.push_back(const_cast<char*>(name.c_str()));
  // None at all would be read as all.
  if (attributes.empty()) attributes.push_back(const_cast<char*>(LDAP_NO_ATTRS));
  attributes.push_back(nullptr);
  LDAPControl* page = nullptr;
  if (search.page > 0) {
    berval cookie{search.cookie.size(), const_cast<char*>(search.cookie.data())};
    const int made = ldap_create_page_control(handle_, static_cast<ber_int_t>(search.page),
                                              search.cookie.empty() ? nullptr : &cookie, 1, &page);
    if (made != LDAP_SUCCESS) return made;
  }
  LDAPControl* controls[] = {page, nullptr};
  const int scope = search.scope == LdapScope::kSubtree    ? LDAP_SCOPE_SUBTREE
                    : search.scope == LdapScope::kOneLevel ? LDAP_SCOPE_ONELEVEL
                                                           : LDAP_SCOPE_BASE;
  timeval time{std::chrono::ceil<std::chrono::seconds>(search.time).count(), 0};
  const int most = search.page > 0 ? LDAP_NO_LIMIT : static_cast<int>(search.most);
  const int status = ldap_search_ext(handle_, search.base.c_str(), scope, search.filter.c_str(),
                                     attributes.data(), 0, controls, nullptr, &time, most, id);
  ldap_control_free(page);
  return status;
}

asio::awaitable<LdapResult> LdapConnection::search(LdapSearch search) {
  const auto executor = co_await asio::this_coro::executor;
  Pending pending(shared_from_this(), executor);
  if (handle_ == nullptr) co_return LdapResult{.detail = "the connection ended"};
  pending.search = std::move(search);
  int id = 0;
  const int status = send(pending.search, &id);
  if (status == LDAP_SERVER_DOWN) {
    close("the server closed the connection");
    co_return LdapResult{.detail = "the server closed the connection"};
  }
  if (status != LDAP_SUCCESS)
    co_return LdapResult{.state = LdapResult::State::kFailed, .detail = ldap_err2string(status)};
  pending.wait_for(id);
  const uint64_t received = received_;
  pending.wake.expires_after(pending.search.time);
  error_code woken;
  co_await pending.wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  if (pending.done) co_return std::move(pending.result);
  if (woken) throw boost::system::system_error(asio::error::operation_aborted);
  LdapResult late{
      .state = LdapResult::State::kLate,
      .detail = "no answer within " + std::to_string(pending.search.time.count()) + " ms"};
  // A server that has said nothing at all meanwhile is as good as gone.
  if (received == received_) close(late.detail);
  co_return late;
}

}  // namespace postern::directory
