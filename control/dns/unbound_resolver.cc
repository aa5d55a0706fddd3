// SPDX-License-Identifier: BSD-3-Clause
//
// The resolver on libunbound's event API. A query waits on a timer, which is its deadline; the
// callback of libunbound stores the answer and wakes the timer. The callback may come before
// ub_resolve_event returns, when a built-in zone or the cache has the answer; then nothing waits at
// all. That is also how one knows: libunbound does not say where an answer is from, but what it has
// to fetch can only come with a later turn of the loop. (It never serves what has expired, which
// would come late, too, unless it is told to.)
#include "control/dns/unbound_resolver.h"

#include <unbound.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "control/dns/domain_name.h"
#include "control/dns/local_name.h"
#include "control/dns/message.h"
#include "control/dns/silent_zones.h"
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

std::string canonical(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return ascii_lower(name);
}

}  // namespace

struct UnboundResolver::Implementation {
  // One question that libunbound is at work on: it has the address until it calls back. Who waits
  // for it shares it until then, or goes.
  struct Question {
    Question(asio::io_context& loop, std::string for_zone, RecordType asked, bool local)
        : wake(loop), zone(std::move(for_zone)), type(asked), is_local(local) {}
    Origin origin() const {
      return implementation != nullptr && !is_local ? Origin::kReached : Origin::kKept;
    }
    asio::steady_timer wake;
    const std::string zone;
    const RecordType type;
    const bool is_local;  // whoever answers, it need not be the DNS of the world
    int id = 0;
    std::optional<Answer> answer;
    Implementation* implementation = nullptr;  // null: not counted (yet)
  };

  Implementation(asio::io_context& io_context, Options given)
      : loop(io_context), options(std::move(given)), events(io_context) {
    context.reset(ub_ctx_create_ub_event(&events));
    if (!context) throw std::runtime_error("dns: libunbound cannot make a context");
    // Forwarders and stubs on this host are usual; libunbound would skip them.
    set("do-not-query-localhost:", "no");
    set("module-config:", options.validate ? "validator iterator" : "iterator");
    // A site's own resolver knows the names of private addresses, too.
    if (!options.forward_to.empty()) set("unblock-lan-zones:", "yes");
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

  // True where a server of the site's own is asked, or anybody may answer by himself.
  bool is_local(const std::string& name) const {
    return is_local_name(name) || std::ranges::any_of(options.stubs, [&](const auto& stub) {
             return is_within(canonical(name), canonical(stub.zone));
           });
  }

  static void on_answer(void* argument, int rcode, void* packet, int length, int security,
                        char* why_bogus, int /*was_ratelimited*/) {
    auto& question = *static_cast<Question*>(argument);
    Answer answer;
    if (security == kBogus) {
      answer.detail = why_bogus != nullptr ? why_bogus : "DNSSEC validation failed";
    } else if (packet != nullptr && length > 0) {
      answer = read_response({static_cast<const char*>(packet), static_cast<size_t>(length)},
                             question.type);
      answer.secure = security == kSecure;
    } else {
      answer.detail = rcode == 3 ? "NXDOMAIN without a response" : "SERVFAIL";
    }
    answer.origin = question.origin();
    question.answer = std::move(answer);
    question.wake.cancel();
    if (question.implementation != nullptr) question.implementation->end(question);
  }

  // Why it may not be asked now; null: it may.
  const char* no_room_for(const std::string& zone) const {
    if (under_way.size() >= options.max_questions) return "too many questions are under way";
    const auto known = per_zone.find(zone);
    const bool full = known != per_zone.end() && known->second >= options.max_per_zone;
    return full ? "too many questions for this domain are under way" : nullptr;
  }
  void begin(const std::shared_ptr<Question>& question) {
    question->implementation = this;
    under_way.emplace(question.get(), question);
    per_zone[question->zone]++;
  }
  void end(Question& question) {
    question.implementation = nullptr;
    const auto counted = per_zone.find(question.zone);
    if (--counted->second == 0) per_zone.erase(counted);
    under_way.erase(&question);  // perhaps the last that has it
  }

  asio::io_context& loop;
  Options options;
  UnboundEventBase events;
  std::unordered_map<Question*, std::shared_ptr<Question>> under_way;
  std::unordered_map<std::string, size_t> per_zone;
  // Last, so that it goes first: freeing the context calls into `events`.
  std::unique_ptr<ub_ctx, void (*)(ub_ctx*)> context{nullptr, ub_ctx_delete};
};

UnboundResolver::UnboundResolver(asio::io_context& loop, Options options)
    : implementation_(std::make_shared<Implementation>(loop, std::move(options))) {}

UnboundResolver::~UnboundResolver() {
  // Cancelled first: freeing the context would answer some of them with SERVFAIL.
  for (const auto& [question, shared] : implementation_->under_way) {
    ub_cancel(implementation_->context.get(), question->id);
    question->wake.cancel();
  }
  implementation_->context.reset();
  implementation_->under_way.clear();
}

size_t UnboundResolver::under_way() const noexcept {
  return implementation_->under_way.size();
}

asio::awaitable<Answer> UnboundResolver::query(std::string name, RecordType type) {
  using Question = Implementation::Question;
  // Held here because the resolver may be gone when the coroutine goes on.
  const auto implementation = implementation_;
  const auto question = std::make_shared<Question>(
      implementation->loop, SilentZones::zone_of(name, type), type, implementation->is_local(name));
  Answer none;
  none.origin = Origin::kNotAsked;
  if (const char* full = implementation->no_room_for(question->zone)) {
    none.detail = full;
    co_return none;
  }
  question->wake.expires_after(implementation->options.deadline);
  const int status =
      ub_resolve_event(implementation->context.get(), name.c_str(), static_cast<int>(type),
                       kInternet, question.get(), Implementation::on_answer, &question->id);
  if (question->answer) co_return std::move(*question->answer);
  if (status != 0) {
    // A name that cannot be asked for does not exist.
    none.status = status == UB_SYNTAX ? Status::kNoName : Status::kFailed;
    none.detail = ub_strerror(status);
    co_return none;
  }
  implementation->begin(question);
  none.origin = question->origin();

  boost::system::error_code error;
  co_await question->wake.async_wait(asio::redirect_error(asio::use_awaitable, error));
  if (question->answer) co_return std::move(*question->answer);
  if (error) throw boost::system::system_error(asio::error::operation_aborted);
  none.detail =
      "no answer within " + std::to_string(implementation->options.deadline.count()) + " ms";
  co_return none;
}

}  // namespace postern::dns
