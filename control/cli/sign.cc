// SPDX-License-Identifier: BSD-3-Clause
//
// `postern sign`: one message through the signer of postern-control (control/auth/dkim_sign.h). The
// message comes out as it was, with the DKIM-Signature fields on top in the file's own line ends.
#include "control/auth/dkim_sign.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <iterator>
#include <memory>

#include "control/auth/author.h"
#include "control/auth/message_file.h"
#include "control/cli/command.h"
#include "control/cli/printable.h"
#include "control/cli/report.h"
#include "control/cli/time_text.h"
#include "control/dns/domain_name.h"
#include "rules/text/diagnostic.h"
#include "rules/text/file_text.h"

namespace postern::cli {
namespace {

constexpr const char* kDefaultKeys = "/etc/postern/dkim.keys";
constexpr size_t kMaxMessage = 1u << 30;

void declare(OptionSet& options) {
  options.add_operand("FILE.eml");
  options.add_text("keys", "FILE", "the key table (default /etc/postern/dkim.keys)");
  options.add_text("key", "FILE", "sign with this private key instead, whoever the author is");
  options.add_text("selector", "S", "--key: its selector");
  options.add_text("domain", "D", "--key: its domain (default the author's)");
  options.add_text("time", "T", "sign as at this time: Unix seconds or RFC 3339 (default now)");
}

[[noreturn]] void refuse(const std::string& file, const std::string& message) {
  throw BadInput(Diagnostic{.file = file, .message = message});
}

std::string read_message(const std::string& path) {
  std::string text = path == "-" ? std::string(std::istreambuf_iterator<char>(std::cin), {})
                                 : read_file_text(path, kMaxMessage).text;
  if (text.empty()) refuse(path == "-" ? "(standard input)" : path, "is empty");
  return text;
}

// The message as it lies in the file, in two parts.
struct MessageFile {
  std::string_view mbox_line;  // with its end; empty: there is none
  std::string_view message;
  bool has_wire_ends = false;  // CRLF
};
MessageFile taken_apart(std::string_view text) {
  MessageFile file{.mbox_line = {}, .message = text};
  if (auth::is_mbox_line(text)) {
    const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
    file.mbox_line = text.substr(0, end);
    file.message = text.substr(end);
  }
  const auto end = text.find('\n');
  file.has_wire_ends = end != std::string_view::npos && end > 0 && text[end - 1] == '\r';
  return file;
}

std::string author_domain_in(std::string_view wire) {
  auth::HeaderReader header;
  header.update(wire);
  header.finish();
  return auth::author_domain(header.fields());
}

auth::SigningTable table_of(const Invocation& invocation, std::string_view wire,
                            const std::string& path) {
  const auto key = invocation.text("key");
  if (!key) return auth::SigningTable::load(invocation.text("keys").value_or(kDefaultKeys));
  const std::string author = author_domain_in(wire);
  if (author.empty()) refuse(path, "there is not exactly one author with a domain in From");
  const auto given = invocation.text("domain").value_or(author);
  const auto domain = dns::to_a_labels(given);
  if (!domain) throw WrongUsage("'" + given + "' is no domain");
  const auto selector = dns::to_a_labels(invocation.required("selector", "--selector"));
  if (!selector) throw WrongUsage("'" + *invocation.text("selector") + "' is no selector");
  auth::SigningRule rule;
  rule.domain = *domain;
  rule.selector = *selector;
  rule.key_file = *key;
  return auth::SigningTable::load_for(author, std::move(rule), "--key");
}

void check_usage(const Invocation& invocation) {
  invocation.at_most_one({"keys", "key"});
  if (invocation.has("key")) {
    invocation.required("selector", "--selector");
    return;
  }
  for (const char* name : {"selector", "domain"})
    if (invocation.has(name)) throw WrongUsage(std::string("--") + name + " goes with --key");
}

int64_t time_of(const Invocation& invocation) {
  const auto text = invocation.text("time");
  if (!text) return unix_now();
  const auto time = parse_time(*text);
  if (!time)
    throw WrongUsage("'" + *text + "' is no time: Unix seconds, or as 2026-02-28T09:00:00Z");
  return *time;
}

std::string in_line_ends(const std::string& fields, bool has_wire_ends) {
  std::string text;
  for (const char c : fields)
    if (c != '\r' || has_wire_ends) text += c;
  return text;
}

int run(const Invocation& invocation) {
  const auto path = invocation.required("FILE.eml", "the message");
  check_usage(invocation);
  const int64_t now = time_of(invocation);
  const std::string text = read_message(path);
  const MessageFile file = taken_apart(text);
  auth::WireLineEnds line_ends;
  const std::string wire(line_ends.convert(file.message));
  auth::SigningService service{
      .table = std::make_shared<const auth::SigningTable>(table_of(invocation, wire, path))};
  for (const auto& warning : service.table->warnings()) print_diagnostic(std::cerr, warning);
  auth::DkimSigner signer(service);
  signer.update(wire);
  const auto made = signer.finish(now);
  if (invocation.json()) {
    boost::json::array names;
    for (const auto& name : made.key_names) names.emplace_back(json_text(name));
    std::cout << boost::json::serialize(
                     boost::json::object{{"author_domain", json_text(made.author_domain)},
                                         {"signed", std::move(names)},
                                         {"fields", json_text(made.fields)},
                                         {"reason", json_text(made.reason)}})
              << '\n';
    return made.fields.empty() ? kBadInput : kFine;
  }
  if (made.fields.empty()) refuse(path, "is not signed: " + made.reason);
  std::cout << file.mbox_line << in_line_ends(made.fields, file.has_wire_ends) << file.message;
  return kFine;
}

}  // namespace

const Command kSignCommand = {
    "sign",
    "Signs one message with DKIM",
    "FILE.eml [--keys FILE | --key FILE --selector S]",
    "- is standard input. Prints the message with its signatures on top. The exit status is 1 when "
    "it\n"
    "cannot be read, or nobody signs for its author.\n",
    declare,
    run,
};

}  // namespace postern::cli
