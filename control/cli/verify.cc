// SPDX-License-Identifier: BSD-3-Clause
//
// `postern verify`: one message through the authentication of postern-control, offline with a
// master file, or with the system's name servers. The JSON is control/auth/auth_result_json.h's.
#include "control/auth/verify_file.h"

#include <boost/asio/io_context.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <iostream>
#include <memory>

#include "control/cli/command.h"
#include "control/cli/printable.h"
#include "control/cli/system_resolvers.h"
#include "control/cli/table.h"
#include "control/cli/time_text.h"
#include "control/dns/master_file_resolver.h"
#include "control/dns/unbound_resolver.h"
#include "rules/text/diagnostic.h"

namespace postern::cli {
namespace {

void declare(OptionSet& options) {
  options.add_operand("FILE.eml");
  options.add_text("dns", "ZONEFILE", "answer DNS from this master file and from nothing else");
  options.add_texts("resolver", "ADDR@PORT",
                    "ask this name server instead of the system's; may be repeated");
  options.add_text("ip", "A", "the address that the message came from");
  options.add_text("helo", "H", "the name that its client gave");
  options.add_text("from", "F", "the envelope's sender");
  options.add_text("time", "T", "verify as at this time: Unix seconds or RFC 3339 (default now)");
}

[[noreturn]] void refuse(const std::string& file, const std::string& message) {
  Diagnostic diagnostic;
  diagnostic.file = file;
  diagnostic.message = message;
  throw BadInput(diagnostic);
}

std::string without_brackets(const std::string& path) {
  if (path.size() >= 2 && path.front() == '<' && path.back() == '>')
    return path.substr(1, path.size() - 2);
  return path;
}

auth::Envelope envelope_of(const Invocation& invocation) {
  auth::Envelope envelope;
  envelope.client = invocation.address("ip");
  envelope.helo = invocation.text("helo").value_or("");
  envelope.mail_from = without_brackets(invocation.text("from").value_or(""));
  envelope.now = unix_now();
  if (const auto text = invocation.text("time")) {
    const auto time = parse_time(*text);
    if (!time)
      throw WrongUsage("'" + *text + "' is no time: Unix seconds, or as 2026-02-28T09:00:00Z");
    envelope.now = *time;
  }
  return envelope;
}

std::unique_ptr<dns::Resolver> resolver_of(const Invocation& invocation,
                                           boost::asio::io_context& loop) {
  invocation.at_most_one({"dns", "resolver"});
  if (const auto zone = invocation.text("dns"))
    return std::make_unique<dns::MasterFileResolver>(dns::MasterFile::load(*zone));
  dns::UnboundResolver::Options options;
  options.forward_to = invocation.texts("resolver");
  for (const auto& server : options.forward_to)
    if (!is_server(server)) throw WrongUsage("'" + server + "' is not ADDR or ADDR@PORT");
  if (options.forward_to.empty()) options.forward_to = system_resolvers();
  return std::make_unique<dns::UnboundResolver>(loop, std::move(options));
}

auth::AuthResult verify(const std::string& path, const auth::Envelope& envelope,
                        dns::Resolver& resolver, boost::asio::io_context& loop) {
  if (path == "-") {
    if (std::cin.peek() == std::char_traits<char>::eof()) refuse("(standard input)", "is empty");
    return auth::verify_stream(std::cin, "(standard input)", envelope, resolver, loop);
  }
  std::ifstream file(path, std::ios::binary);
  // What cannot be read at all is told by verify_file.
  if (file && file.peek() == std::char_traits<char>::eof() && !file.bad()) refuse(path, "is empty");
  return auth::verify_file(path, envelope, resolver, loop);
}

std::string key_text(const auth::DkimResult& signature) {
  if (signature.key_bits == 0) return signature.algorithm;
  return signature.algorithm + ", " + std::to_string(signature.key_bits) + " bits";
}

void print(const auth::AuthResult& result) {
  Table table({Table::kLeft, Table::kLeft, Table::kLeft, Table::kLeft, Table::kLeft});
  for (const auto& signature : result.dkim)
    table.row({"dkim", std::string(word(signature.result)),
               signature.selector + "._domainkey." + signature.domain, key_text(signature),
               signature.reason});
  if (result.dkim.empty()) table.row({"dkim", "none", "", "", "the message is not signed"});
  for (const auto& identity : result.spf)
    table.row({"spf", std::string(word(identity.result)), identity.domain, identity.identity,
               identity.reason});
  if (result.spf.empty()) table.row({"spf", "none"});
  table.row({"dmarc", std::string(word(result.dmarc.result)), result.dmarc.domain,
             result.dmarc.policy.empty() ? "" : "policy " + result.dmarc.policy});
  table.print(std::cout, 0);
  if (result.dns_failed) std::cout << "an answer of the DNS that was needed did not come\n";
}

int run(const Invocation& invocation) {
  const auto path = invocation.required("FILE.eml", "the message");
  const auto envelope = envelope_of(invocation);
  boost::asio::io_context loop(1);
  const auto resolver = resolver_of(invocation, loop);
  const auto result = verify(path, envelope, *resolver, loop);
  if (invocation.json())
    std::cout << boost::json::serialize(auth::to_json(result)) << '\n';
  else
    print(result);
  return kFine;
}

}  // namespace

const Command kVerifyCommand = {
    "verify",
    "Runs one message through authentication",
    "FILE.eml [--dns ZONEFILE] [--ip A --helo H --from F] [--time T]",
    "- is standard input. Whatever the result, the exit status is 0; it is 1 when the message or "
    "the\n"
    "zone cannot be read.\n",
    declare,
    run,
};

}  // namespace postern::cli
