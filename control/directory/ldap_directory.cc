// SPDX-License-Identifier: BSD-3-Clause
//
// One coroutine connects, for all who wait for a connection; who waits, for that or for a turn, has
// a timer that is both the end of the look-up's time and the bell.
#include "control/directory/ldap_directory.h"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <stdexcept>
#include <utility>

#include "control/directory/filter_template.h"
#include "control/loop/launch.h"

namespace postern::directory {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Time = steady_clock::time_point;

struct LdapDirectory::State {
  using Bells = std::list<asio::steady_timer*>;
  struct Server {
    LdapServer where;
    Time not_before{};  // it takes connections and is of no use: not before that
    milliseconds pause{0};
    std::string why = {};
  };

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

  // The connection is of no use, whoever finds it out first: the server is not tried for a while,
  // twice as long each time.
  void give_up(const std::shared_ptr<LdapConnection>& useless, const std::string& why) {
    useless->close(why);
    if (connection != useless) return;
    connection.reset();
    Server& aside = servers[server];
    aside.not_before = steady_clock::now() + aside.pause;
    aside.pause = std::min(aside.pause * 2, options.last_pause);
    aside.why = why;
  }
  // It did its work.
  void trust(size_t one) { servers[one].pause = options.first_pause; }

  // Empty: there is a server to be tried; else why there is none.
  std::string hindrance() const {
    const Time now = steady_clock::now();
    if (now < not_before) return error;
    std::string reasons;
    for (const auto& one : servers) {
      if (one.not_before <= now) return {};
      reasons += (reasons.empty() ? "" : "; ") + one.where.uri + ": " + one.why;
    }
    return reasons;
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
  std::vector<Server> servers;
  std::vector<MailAddress> canaries;
  std::shared_ptr<asio::ssl::context> tls;  // null where no server needs it

  std::shared_ptr<LdapConnection> connection;
  size_t server = 0;  // whose the connection is
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
  for (const auto& canary : state_->options.canaries) {
    auto address = MailAddress::parse(canary, state_->rules);
    if (!address) throw std::runtime_error("canary: " + canary + " is no address");
    state_->canaries.push_back(std::move(*address));
  }
  for (const auto& uri : state_->options.uris) {
    try {
      state_->servers.push_back({LdapServer::parse(uri), {}, state_->options.first_pause});
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(uri + ": " + error.what());
    }
    const auto transport = state_->servers.back().where.transport;
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
  return state_->usable() ? state_->servers[state_->server].where.uri : std::string();
}

// Once through all servers, but for those that were found to be of no use not long ago.
asio::awaitable<void> LdapDirectory::connect(std::shared_ptr<State> state) {
  const auto& options = state->options;
  const LdapConnection::Options how{.credentials = options.credentials,
                                    .start_tls = options.transport.start_tls,
                                    .dereference = options.dereference,
                                    .connect_time = options.connect_time};
  std::string errors;
  for (size_t i = 0; i < state->servers.size() && !state->stopped; i++) {
    const auto& server = state->servers[i];
    std::string why = server.why;
    if (server.not_before <= steady_clock::now()) {
      auto opened = co_await LdapConnection::open(server.where, how, state->tls);
      if (opened.connection) {
        if (state->stopped) opened.connection->close("the directory is closed");
        state->connection = std::move(opened.connection);
        state->server = i;
        break;
      }
      why = std::move(opened.error);
    }
    errors += (errors.empty() ? "" : "; ") + server.where.uri + ": " + why;
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
    return Answer{.source = "ldap", .detail = std::move(detail), .contact = Contact::kFailed};
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
        if (auto hindrance = state->hindrance(); !hindrance.empty()) co_return without(hindrance);
        state->connecting = true;
        loop::launch(state->executor, connect(state));
      }
      if (state->waiting >= options.max_waiting) co_return without("too many look-ups wait");
      const bool ended = co_await state->wait_in(state->for_connection, end);
      if (!ended) co_return without("no connection within the time");
      if (state->stopped) co_return without("the directory is closed");
      if (!state->usable()) co_return without(state->error);
    }
    const auto connection = state->connection;
    const size_t server = state->server;
    const std::string source = "ldap " + state->servers[server].where.uri;
    LdapResult result;
    for (const auto& local : locals) {
      auto filter = state->filter.filter_for(address, local);
      result = co_await first_of(state, connection, std::move(filter), options.bases, end);
      if (result.state != LdapResult::State::kDone) break;
      if (result.entries.empty()) continue;
      state->trust(server);
      const auto& entry = result.entries.front();
      co_return Answer{
          .presence = Presence::kKnown,
          .primary = primary_of(entry, MailAddress{local, address.domain}, state->rules),
          .source = source + " " + entry.dn,
          .contact = Contact::kAnswered};
    }
    // On the same connection, as the next one may be another server's or another user's.
    if (result.state == LdapResult::State::kDone) result = co_await prove(state, connection, end);
    switch (result.state) {
      case LdapResult::State::kDone:
        if (!result.entries.empty()) {
          state->trust(server);
          co_return Answer{.presence = Presence::kUnknown,
                           .source = source,
                           .detail = "no entry matches",
                           .contact = Contact::kAnswered};
        }
        state->give_up(connection, result.detail);
        break;
      case LdapResult::State::kBusy:
        state->give_up(connection, result.detail);
        break;
      case LdapResult::State::kLost:
        break;
      case LdapResult::State::kLate:
        if (!connection->usable()) state->give_up(connection, result.detail);
        [[fallthrough]];
      case LdapResult::State::kFailed:
        co_return Answer{.source = source, .detail = result.detail, .contact = Contact::kFailed};
    }
    last = result.detail;
    if (state->stopped) co_return without("the directory is closed");
  }
  co_return without(last);
}

asio::awaitable<LdapResult> LdapDirectory::first_of(std::shared_ptr<State> state,
                                                    std::shared_ptr<LdapConnection> connection,
                                                    std::string filter,
                                                    std::span<const std::string> bases, Time end) {
  LdapResult result{.state = LdapResult::State::kDone};
  for (const auto& dn : bases) {
    const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
    if (left.count() <= 0)
      co_return LdapResult{.state = LdapResult::State::kLate, .detail = "no time is left"};
    LdapSearch search{.base = dn,
                      .filter = filter,
                      .scope = state->options.scope,
                      .attributes = state->options.attributes,
                      .time = left};
    result = co_await connection->search(std::move(search));
    if (result.state == LdapResult::State::kDone && result.entries.empty()) continue;
    if (!result.detail.empty()) result.detail = dn + ": " + result.detail;
    break;
  }
  co_return result;
}

asio::awaitable<LdapResult> LdapDirectory::prove(std::shared_ptr<State> state,
                                                 std::shared_ptr<LdapConnection> connection,
                                                 Time end) {
  const std::span<const std::string> bases = state->options.bases;
  LdapResult result;
  const auto shown = [&] {
    return result.state == LdapResult::State::kDone && !result.entries.empty();
  };
  for (const auto& canary : state->canaries) {
    auto filter = state->filter.filter_for(canary, canary.local);
    result = co_await first_of(state, connection, std::move(filter), bases, end);
    if (result.state == LdapResult::State::kDone && result.entries.empty())
      result.detail = "it does not show us " + canary.text();
    if (!shown()) co_return result;
  }
  if (!state->canaries.empty()) co_return result;
  for (size_t i = 0; i < bases.size(); i++) {
    auto filter = state->filter.filter_for_any();
    result = co_await first_of(state, connection, std::move(filter), bases.subspan(i, 1), end);
    if (result.state == LdapResult::State::kDone && result.entries.empty())
      result.detail = "it shows us nobody in " + bases[i];
    if (!shown()) break;
  }
  co_return result;
}

asio::awaitable<std::string> LdapDirectory::list(std::string filter,
                                                 std::vector<std::string> attributes,
                                                 Listener& listener) {
  const auto state = state_;
  const auto& options = state->options;
  if (!state->usable()) {
    if (!state->connecting) {
      state->not_before = {};  // who lists is not one of many
      if (auto hindrance = state->hindrance(); !hindrance.empty()) co_return hindrance;
      state->connecting = true;
      loop::launch(state->executor, connect(state));
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
