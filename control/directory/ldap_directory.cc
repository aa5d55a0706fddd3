// SPDX-License-Identifier: BSD-3-Clause
//
// One coroutine connects, for all who wait for a connection; who waits, for that or for a turn, has
// a timer that is both the end of the look-up's time and the bell.
#include "control/directory/ldap_directory.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <stdexcept>
#include <utility>

#include "control/directory/filter_template.h"

namespace postern::directory {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Time = steady_clock::time_point;

struct LdapDirectory::State {
  using Bells = std::list<asio::steady_timer*>;

  State(const asio::any_io_executor& on, LdapOptions given, AddressRules address_rules)
      : executor(on),
        options(std::move(given)),
        rules(std::move(address_rules)),
        filter(options.filter) {}

  // Waits in the queue until its bell rings (true) or the time is over (false). Whichever way the
  // coroutine ends, it stands in the queue no more.
  asio::awaitable<bool> wait_in(Bells& queue, Time end) {
    asio::steady_timer bell(executor);
    bell.expires_at(end);
    queue.push_back(&bell);
    waiting++;
    struct Place {
      State& state;
      Bells& queue;
      asio::steady_timer& bell;
      ~Place() {
        state.waiting--;
        std::erase(queue, &bell);
      }
    } place{*this, queue, bell};
    boost::system::error_code woken;
    co_await bell.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    const bool rung = std::find(queue.begin(), queue.end(), &bell) == queue.end();
    if (woken && !rung) throw boost::system::system_error(asio::error::operation_aborted);
    co_return rung;
  }

  static void ring_first(Bells& queue) {
    if (queue.empty()) return;
    queue.front()->cancel();
    queue.pop_front();
  }
  static void ring_all(Bells& queue) {
    while (!queue.empty()) ring_first(queue);
  }

  bool usable() const noexcept { return connection != nullptr && connection->usable(); }

  asio::any_io_executor executor;
  LdapOptions options;
  AddressRules rules;
  FilterTemplate filter;
  std::vector<LdapServer> servers;
  std::shared_ptr<asio::ssl::context> tls;  // null where no server needs it

  std::shared_ptr<LdapConnection> connection;
  size_t server = 0;     // whose the connection is
  size_t first_try = 0;  // where the next round of attempts begins
  bool connecting = false;
  bool stopped = false;
  Time not_before{};  // no attempt before that
  milliseconds pause{0};
  std::string error;  // of the last attempt
  size_t searches = 0, waiting = 0;
  Bells for_connection, for_turn;
};

LdapDirectory::LdapDirectory(const asio::any_io_executor& executor, LdapOptions options,
                             AddressRules rules) {
  if (options.uris.empty()) throw std::runtime_error("no LDAP server is named");
  if (options.bases.empty()) throw std::runtime_error("no base to search is named");
  // RFC 4513 §5.1.2: a name without a password binds as nobody, and servers call that success.
  if (!options.credentials.dn.empty() && options.credentials.password.empty())
    throw std::runtime_error("the password of " + options.credentials.dn + " is missing");
  options.max_searches = std::max<size_t>(1, options.max_searches);
  try {
    state_ = std::make_shared<State>(executor, std::move(options), std::move(rules));
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(std::string("filter: ") + error.what());
  }
  bool needs_tls = false;
  for (const auto& uri : state_->options.uris) {
    try {
      state_->servers.push_back(LdapServer::parse(uri));
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(uri + ": " + error.what());
    }
    const auto transport = state_->servers.back().transport;
    needs_tls = needs_tls || transport == LdapServer::Transport::kTls ||
                (transport == LdapServer::Transport::kPlain && state_->options.transport.start_tls);
  }
  if (needs_tls) state_->tls = make_ldap_tls(state_->options.transport);
  state_->pause = state_->options.first_pause;
}

LdapDirectory::~LdapDirectory() {
  state_->stopped = true;
  if (state_->connection) state_->connection->close("the directory is closed");
  State::ring_all(state_->for_connection);
  State::ring_all(state_->for_turn);
}

std::string LdapDirectory::connected_to() const {
  return state_->usable() ? state_->servers[state_->server].uri : std::string();
}

// Once through all servers, from the one that is preferred or, when one took a connection and then
// said nothing, from the one behind it.
asio::awaitable<void> LdapDirectory::connect(std::shared_ptr<State> state) {
  const auto& options = state->options;
  const LdapConnection::Options how{.credentials = options.credentials,
                                    .start_tls = options.transport.start_tls,
                                    .dereference = options.dereference,
                                    .connect_time = options.connect_time};
  std::string errors;
  for (size_t tried = 0; tried < state->servers.size() && !state->stopped; tried++) {
    const size_t i = (state->first_try + tried) % state->servers.size();
    auto opened = co_await LdapConnection::open(state->servers[i], how, state->tls);
    if (opened.connection) {
      if (state->stopped) opened.connection->close("the directory is closed");
      state->connection = std::move(opened.connection);
      state->server = i;
      break;
    }
    errors += (errors.empty() ? "" : "; ") + state->servers[i].uri + ": " + opened.error;
  }
  state->connecting = false;
  if (state->usable()) {
    state->pause = options.first_pause;
  } else {
    state->error = std::move(errors);
    state->not_before = steady_clock::now() + state->pause;
    state->pause = std::min(state->pause * 2, options.last_pause);
  }
  State::ring_all(state->for_connection);
}

namespace {

// The first value that is an address.
std::string primary_of(const LdapEntry& entry, const MailAddress& asked,
                       const AddressRules& rules) {
  for (const auto& value : entry.values)
    if (const auto address = MailAddress::parse(value, rules)) return address->text();
  return asked.text();
}

}  // namespace

asio::awaitable<Answer> LdapDirectory::look_up(std::string text) {
  const auto state = state_;  // the directory may be gone when the coroutine goes on
  auto address = MailAddress::parse(text, state->rules);
  if (!address)
    co_return Answer{.presence = Presence::kUnknown, .source = "ldap", .detail = "not an address"};
  co_return co_await search(state, std::move(*address));
}

asio::awaitable<Answer> LdapDirectory::search(std::shared_ptr<State> state, MailAddress address) {
  const auto& options = state->options;
  const Time end = steady_clock::now() + options.look_up_time;
  const auto without = [](std::string detail) {
    return Answer{.source = "ldap", .detail = std::move(detail)};
  };
  if (state->searches >= options.max_searches) {
    if (state->waiting >= options.max_waiting) co_return without("too many look-ups wait");
    const bool turn = co_await state->wait_in(state->for_turn, end);
    if (!turn) co_return without("no turn within the time");
  }
  if (state->stopped) co_return without("the directory is closed");
  state->searches++;
  struct Turn {
    State& state;
    ~Turn() {
      state.searches--;
      State::ring_first(state.for_turn);
    }
  } turn{*state};

  // The local parts to try: as it is, then without its extension.
  std::vector<std::string> locals = {address.local};
  const auto base = address.base(state->rules);
  if (base.size() < address.local.size()) locals.emplace_back(base);

  // A connection that is lost in the middle is worth as many more as there are servers.
  std::string last;
  for (size_t attempt = 0; attempt <= state->servers.size(); attempt++) {
    if (!state->usable()) {
      if (!state->connecting) {
        if (steady_clock::now() < state->not_before) co_return without(state->error);
        state->connecting = true;
        asio::co_spawn(state->executor, connect(state), asio::detached);
      }
      if (state->waiting >= options.max_waiting) co_return without("too many look-ups wait");
      const bool ended = co_await state->wait_in(state->for_connection, end);
      if (!ended) co_return without("no connection within the time");
      if (state->stopped) co_return without("the directory is closed");
      if (!state->usable()) co_return without(state->error);
    }
    const auto connection = state->connection;
    const std::string source = "ldap " + state->servers[state->server].uri;
    bool lost = false;
    for (const auto& local : locals) {
      for (const auto& dn : options.bases) {
        const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
        if (left.count() <= 0) co_return Answer{.source = source, .detail = "no time is left"};
        LdapSearch search{.base = dn,
                          .filter = state->filter.filter_for(address, local),
                          .scope = options.scope,
                          .attributes = options.attributes,
                          .time = left};
        const auto result = co_await connection->search(std::move(search));
        if (result.state == LdapResult::State::kLost) {
          last = result.detail;
          lost = true;
          break;
        }
        if (result.state == LdapResult::State::kLate && !connection->usable() &&
            state->connection == connection)
          state->first_try = (state->server + 1) % state->servers.size();
        if (result.state != LdapResult::State::kDone)
          co_return Answer{.source = source, .detail = dn + ": " + result.detail};
        if (result.entries.empty()) continue;
        const auto& entry = result.entries.front();
        co_return Answer{
            .presence = Presence::kKnown,
            .primary = primary_of(entry, MailAddress{local, address.domain}, state->rules),
            .source = source + " " + entry.dn};
      }
      if (lost) break;
    }
    if (!lost)
      co_return Answer{
          .presence = Presence::kUnknown, .source = source, .detail = "no entry matches"};
    if (state->stopped) co_return without("the directory is closed");
  }
  co_return without(last);
}

asio::awaitable<std::string> LdapDirectory::list(std::string filter,
                                                 std::vector<std::string> attributes,
                                                 Listener& listener) {
  const auto state = state_;
  const auto& options = state->options;
  if (!state->usable()) {
    if (!state->connecting) {
      state->connecting = true;
      asio::co_spawn(state->executor, connect(state), asio::detached);
    }
    const auto end = steady_clock::now() +
                     options.connect_time * static_cast<int64_t>(state->servers.size() + 1);
    co_await state->wait_in(state->for_connection, end);
    if (!state->usable()) co_return state->error.empty() ? "no connection" : state->error;
  }
  const auto connection = state->connection;
  size_t count = 0;
  for (const auto& dn : options.bases) {
    std::string cookie;
    do {
      LdapSearch search{.base = dn,
                        .filter = filter,
                        .scope = options.scope,
                        .attributes = attributes,
                        .most = options.page,
                        .page = options.page,
                        .cookie = cookie,
                        .time = options.look_up_time};
      auto result = co_await connection->search(std::move(search));
      if (result.state != LdapResult::State::kDone) co_return dn + ": " + result.detail;
      count += result.entries.size();
      if (count > options.max_listing)
        co_return "more than " + std::to_string(options.max_listing) + " entries";
      for (auto& entry : result.entries) listener.take(std::move(entry));
      // A page without entries and with a cookie would go on for ever.
      if (result.entries.empty() && !result.cookie.empty())
        co_return dn + ": the server's pages do not end";
      cookie = std::move(result.cookie);
    } while (!cookie.empty());
  }
  co_return std::string();
}

}  // namespace postern::directory
