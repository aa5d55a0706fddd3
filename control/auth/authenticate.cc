// SPDX-License-Identifier: BSD-3-Clause
//
// The Authenticator: keeps the header (bounded), hashes the body as it comes, asks for the keys of
// all signatures at once when the message has ended, and verifies. SPF and DMARC are not built yet:
// their results are `none`.
#include "control/auth/authenticate.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include "control/auth/author.h"
#include "control/auth/body_hash.h"
#include "control/auth/dkim_signature.h"
#include "control/auth/dkim_verify.h"
#include "control/auth/header_fields.h"

namespace postern::auth {
namespace asio = boost::asio;
namespace {

constexpr std::string_view kSignatureField = "DKIM-Signature";

// A signature of the message on its way to a result.
struct Candidate {
  size_t place;  // of its field in the header
  DkimResult result;
  std::optional<DkimSignature> signature;  // none: it is of no use, and the result says why
  bool is_timely = true;                   // false: the result is final
  size_t body_hash = 0;                    // its number in BodyHashes
};

asio::awaitable<std::vector<dns::Answer>> query_all(dns::Resolver& resolver,
                                                    const std::vector<std::string>& names) {
  std::vector<dns::Answer> answers;
  if (names.size() == 1) {
    answers.push_back(co_await resolver.query(names.front(), dns::RecordType::kTxt));
    co_return answers;
  }
  const auto executor = co_await asio::this_coro::executor;
  const auto start = [&](const std::string& name) {
    return asio::co_spawn(executor, resolver.query(name, dns::RecordType::kTxt), asio::deferred);
  };
  std::vector<decltype(start(names.front()))> queries;
  for (const std::string& name : names) queries.push_back(start(name));
  auto [order, errors, results] =
      co_await asio::experimental::make_parallel_group(std::move(queries))
          .async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
  for (const auto& error : errors) {
    if (error) std::rethrow_exception(error);
  }
  co_return std::move(results);
}

}  // namespace

struct Authenticator::State {
  HeaderReader header;
  BodyHashes body;
  std::vector<Candidate> candidates;
  bool is_sound = true;     // every line of the header is a field
  bool is_guessed = false;  // header_is_guessed()

  // The header is complete: which signatures are worth hashing a body for?
  void read_signatures() {
    header.finish();
    const auto& fields = header.fields();
    // RFC 6376 §3.8: what is no message is not validated. Readers disagree about such a line (for
    // some the body begins there), so a signature that passes would vouch for what nobody sees.
    is_sound = std::none_of(fields.begin(), fields.end(),
                            [](const HeaderField& field) { return field.name.empty(); });
    for (size_t place = 0; place < fields.size(); place++) {
      if (!has_name(fields[place], kSignatureField)) continue;
      DkimSignatureReading reading = read_dkim_signature(fields[place].body);
      Candidate candidate{place, std::move(reading.report), std::move(reading.signature)};
      const auto refuse = [&](std::string reason, Result as = Result::kPolicy) {
        candidate.signature.reset();
        candidate.result.result = as;
        candidate.result.reason = std::move(reason);
      };
      if (header.overflowed()) {
        refuse("not tried: the header is over " + std::to_string(kMaxHeaderLength) + " octets or " +
               std::to_string(kMaxHeaderFields) + " fields");
      } else if (!is_sound) {
        refuse("the header has a line that is no field (RFC 6376 section 3.8)", Result::kPermError);
      } else if (candidates.size() >= kMaxSignatures) {
        refuse("not tried: more than " + std::to_string(kMaxSignatures) + " signatures");
      }
      if (candidate.signature) {
        candidate.body_hash = body.add(candidate.signature->body, candidate.signature->body_length);
      }
      candidates.push_back(std::move(candidate));
    }
  }
};

Authenticator::Authenticator() : state_(std::make_unique<State>()) {}
Authenticator::~Authenticator() = default;

void Authenticator::update(std::string_view bytes) {
  if (!state_->header.at_body()) {
    bytes.remove_prefix(state_->header.update(bytes));
    if (!state_->header.at_body()) return;
    state_->read_signatures();
  }
  if (!bytes.empty()) state_->body.update(bytes);
}

void Authenticator::header_is_guessed() noexcept {
  state_->is_guessed = true;
}

bool Authenticator::wants_body() const noexcept {
  if (!state_->header.at_body()) return true;
  return std::any_of(state_->candidates.begin(), state_->candidates.end(),
                     [](const Candidate& candidate) { return candidate.signature.has_value(); });
}

asio::awaitable<AuthResult> Authenticator::finish(const Envelope& envelope,
                                                  dns::Resolver& resolver) {
  if (!state_->header.at_body()) state_->read_signatures();
  state_->body.finish();
  const int64_t now = envelope.now != 0 ? envelope.now
                                        : std::chrono::duration_cast<std::chrono::seconds>(
                                              std::chrono::system_clock::now().time_since_epoch())
                                              .count();

  // One look-up for each distinct key, all of them at once.
  std::vector<std::string> names;
  for (Candidate& candidate : state_->candidates) {
    if (!candidate.signature) continue;
    check_body(*candidate.signature, state_->body.result(candidate.body_hash), candidate.result);
    candidate.is_timely = check_times(*candidate.signature, now, candidate.result);
    if (!candidate.is_timely) continue;
    const std::string name = candidate.signature->key_name();
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  std::map<std::string, DkimKeys> keys;
  if (!names.empty()) {
    const auto answers = co_await query_all(resolver, names);
    for (size_t i = 0; i < names.size(); i++) keys.emplace(names[i], read_key_answer(answers[i]));
  }

  AuthResult result;
  const auto& fields = state_->header.fields();
  const FieldIndex index(fields);
  for (Candidate& candidate : state_->candidates) {
    if (candidate.signature && candidate.is_timely) {
      verify_signature(*candidate.signature, candidate.place, index,
                       state_->body.result(candidate.body_hash),
                       keys.at(candidate.signature->key_name()), candidate.result);
      if (candidate.result.result == Result::kTempError && !candidate.result.given_up)
        result.dns_failed = true;
      if (state_->is_guessed && candidate.result.result == Result::kFail &&
          candidate.result.body_hash_ok &&
          candidate.signature->header == Canonicalization::kSimple) {
        candidate.result.result = Result::kNeutral;
        candidate.result.reason = "the blanks before the values of the fields are not known";
      }
    }
    result.dkim.push_back(std::move(candidate.result));
  }
  if (!state_->header.overflowed() && state_->is_sound) {
    result.from_domain = author_domain(fields);
  }

  const auto add_spf = [&](const char* identity, const std::string& domain) {
    if (!domain.empty()) result.spf.push_back({identity, domain, Result::kNone, {}});
  };
  add_spf("helo", envelope.helo);
  const auto at = envelope.mail_from.rfind('@');
  if (at != std::string::npos) add_spf("mailfrom", envelope.mail_from.substr(at + 1));
  result.dmarc.domain = result.from_domain;
  co_return result;
}

}  // namespace postern::auth
