// SPDX-License-Identifier: BSD-3-Clause
//
// The resolver on libunbound's event API. A query waits on a timer, which is its deadline; the
// callback of libunbound stores the answer and wakes the timer. The callback may come before
// ub_resolve_event returns, when the cache has the answer; then nothing waits at all.
#include "control/dns/unbound_resolver.h"

#include <unbound.h>

#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <stdexcept>
#include <unordered_set>
#include <utility>

#include "control/dns/domain_name.h"
#include "control/dns/message.h"
#include "control/dns/unbound_event.h"

namespace postern::dns {
namespace asio = boost::asio;
namespace {

constexpr int kInternet = 1;
enum Security { kInsecure = 0, kBogus = 1, kSecure = 2 };  // unbound-event.h: "sec"

// The root's trust anchors, https://data.iana.org/root-anchors/root-anchors.xml: key tags 20326
// (2017) and 38696 (2024).
constexpr const char* kRootAnchors[] = {
    ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
};

void check(int status, const std::string& what) {
  if (status != 0) throw std::runtime_error("dns: " + what + ": " + ub_strerror(status));
}

}  // namespace

struct UnboundResolver::Implementation {
  // One question in flight. It lives in the coroutine that waits for it; libunbound has its
  // address until the callback came or the query was cancelled.
  struct Query {
    explicit Query(asio::io_context& loop) : wake(loop) {}
    asio::steady_timer wake;
    RecordType type = RecordType::kA;
    int id = 0;
    std::optional<Answer> answer;
  };

  Implementation(asio::io_context& io_context, Options given)
      : loop(io_context), options(std::move(given)), events(io_context) {
    context.reset(ub_ctx_create_ub_event(&events));
    if (!context) throw std::runtime_error("dns: libunbound cannot make a context");
    // Forwarders and stubs on this host are usual; libunbound would skip them.
    set("do-not-query-localhost:", "no");
    set("module-config:", options.validate ? "validator iterator" : "iterator");
    for (const auto& server : options.forward_to) {
      check(ub_ctx_set_fwd(context.get(), server.c_str()), "forward_to " + server);
    }
    for (const auto& stub : options.stubs) {
      check(ub_ctx_set_stub(context.get(), stub.zone.c_str(), stub.server.c_str(), 0),
            "stub " + stub.zone + " at " + stub.server);
    }
    if (!options.validate) return;
    if (!options.trust_anchor_file.empty()) {
      check(ub_ctx_add_ta_file(context.get(), options.trust_anchor_file.c_str()),
            "trust_anchor_file " + options.trust_anchor_file);
      return;
    }
    for (const char* anchor : kRootAnchors) {
      check(ub_ctx_add_ta(context.get(), anchor), "trust anchor of the root");
    }
  }

  void set(const char* option, const char* value) {
    check(ub_ctx_set_option(context.get(), option, value), std::string(option) + ' ' + value);
  }

  static void on_answer(void* argument, int rcode, void* packet, int length, int security,
                        char* why_bogus, int /*was_ratelimited*/) {
    auto& query = *static_cast<Query*>(argument);
    Answer answer;
    if (security == kBogus) {
      answer.detail = why_bogus != nullptr ? why_bogus : "DNSSEC validation failed";
    } else if (packet != nullptr && length > 0) {
      answer = read_response({static_cast<const char*>(packet), static_cast<size_t>(length)},
                             query.type);
      answer.secure = security == kSecure;
    } else {
      answer.detail = rcode == 3 ? "NXDOMAIN without a response" : "SERVFAIL";
    }
    query.answer = std::move(answer);
    query.wake.cancel();
  }

  asio::io_context& loop;
  Options options;
  UnboundEventBase events;
  std::unordered_set<Query*> in_flight;
  // Last, so that it goes first: freeing the context calls into `events`.
  std::unique_ptr<ub_ctx, void (*)(ub_ctx*)> context{nullptr, ub_ctx_delete};
};

UnboundResolver::UnboundResolver(asio::io_context& loop, Options options)
    : implementation_(std::make_shared<Implementation>(loop, std::move(options))) {}

UnboundResolver::~UnboundResolver() {
  // Cancelled first: freeing the context would answer some of them with SERVFAIL.
  for (auto* query : implementation_->in_flight) {
    ub_cancel(implementation_->context.get(), query->id);
    query->wake.cancel();
  }
  implementation_->context.reset();
}

asio::awaitable<Answer> UnboundResolver::query(std::string name, RecordType type) {
  using Query = Implementation::Query;
  // Held here because the resolver may be gone when the coroutine goes on.
  const auto implementation = implementation_;
  Query query(implementation->loop);
  query.type = type;
  query.wake.expires_after(implementation->options.deadline);
  const int status =
      ub_resolve_event(implementation->context.get(), name.c_str(), static_cast<int>(type),
                       kInternet, &query, Implementation::on_answer, &query.id);
  if (query.answer) co_return std::move(*query.answer);
  if (status != 0) {
    Answer refused;  // a name that cannot be asked for does not exist
    refused.status = status == UB_SYNTAX ? Status::kNoName : Status::kFailed;
    refused.detail = ub_strerror(status);
    co_return refused;
  }

  // Whichever way this coroutine ends, also when it is destroyed while it waits, libunbound
  // forgets the address of `query`.
  struct InFlight {
    Implementation& implementation;
    Query& query;
    InFlight(Implementation& i, Query& q) : implementation(i), query(q) {
      implementation.in_flight.insert(&query);
    }
    ~InFlight() {
      implementation.in_flight.erase(&query);
      if (!query.answer && implementation.context) {
        ub_cancel(implementation.context.get(), query.id);
      }
    }
  } in_flight(*implementation, query);

  boost::system::error_code error;
  co_await query.wake.async_wait(asio::redirect_error(asio::use_awaitable, error));
  if (query.answer) co_return std::move(*query.answer);
  if (error) throw boost::system::system_error(asio::error::operation_aborted);
  Answer late;
  late.detail =
      "no answer within " + std::to_string(implementation->options.deadline.count()) + " ms";
  co_return late;
}

}  // namespace postern::dns
