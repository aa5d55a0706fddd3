// SPDX-License-Identifier: BSD-3-Clause
//
// Reading command lines with Boost.Program_options, and printing what it knows about the options
// in the plain form of a manual page. See invocation.h.
#include "control/cli/invocation.h"

#include <algorithm>
#include <boost/program_options/parsers.hpp>
#include <filesystem>

#include "control/cli/printable.h"
#include "control/cli/table.h"

namespace postern::cli {

namespace po = boost::program_options;

OptionSet::OptionSet() {
  add_flag("json,j", "print JSON, as docs/command-line.md describes it");
  add_flag("help,h", "print this");
}

void OptionSet::add_flag(const char* names, const char* text) {
  options_.add_options()(names, text);
}

void OptionSet::add_text(const char* names, const char* value_name, const char* text) {
  options_.add_options()(names, po::value<std::string>()->value_name(value_name), text);
}

void OptionSet::add_texts(const char* names, const char* value_name, const char* text) {
  options_.add_options()(
      names, po::value<std::vector<std::string>>()->composing()->value_name(value_name), text);
}

void OptionSet::add_operand(const char* name) {
  operands_.add_options()(name, po::value<std::string>(), "");
  positions_.add(name, 1);
}

void OptionSet::add_operands(const char* name) {
  operands_.add_options()(name, po::value<std::vector<std::string>>(), "");
  positions_.add(name, -1);
}

void OptionSet::add_policy() {
  add_text("policy,p", "FILE", "the policy file (default /etc/postern/postern.policy)");
}

void OptionSet::add_policy_or_snapshot() {
  add_policy();
  add_text("snapshot,s", "FILE", "a compiled snapshot, instead of a policy file");
}

void OptionSet::add_engines() {
  add_texts("engine,e", "SOCKET",
            "the management socket of an engine, or https://HOST:PORT; may be\n"
            "repeated (default: those of /run/postern/dataplane.sock and\n"
            "/run/postern/xdp.sock that exist)");
  add_credentials();
}

void OptionSet::add_credentials() {
  add_text("cert", "FILE", "https: the certificate to show to engines (PEM)");
  add_text("key", "FILE", "https: its key");
  add_text("ca", "FILE", "https: the authority of the engines' certificates");
}

void OptionSet::print(std::ostream& out) const {
  Table table({Table::kLeft, Table::kLeft, Table::kLeft});
  // --help and --json come first in the declaration and last on the page.
  auto shown = options_.options();
  std::rotate(shown.begin(), shown.begin() + 2, shown.end());
  for (const auto& option : shown) {
    const auto short_name =
        option->canonical_display_name(po::command_line_style::allow_dash_for_short);
    const bool has_short = short_name.size() == 2 && short_name[0] == '-';
    auto long_name = "--" + option->long_name();
    if (option->semantic()->max_tokens() > 0) long_name += " " + option->format_parameter();
    std::string_view text = option->description();
    for (bool first = true; first || !text.empty(); first = false) {
      const auto line = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(text.size(), line.size() + 1));
      table.row({first && has_short ? short_name : "", first ? long_name : "", std::string(line)});
    }
  }
  table.print(out, 2);
}

Invocation::Invocation(const OptionSet& options, const std::vector<std::string>& words) {
  po::options_description all;
  all.add(options.options_).add(options.operands_);
  const auto style = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  try {
    po::store(po::command_line_parser(words)
                  .options(all)
                  .positional(options.positions_)
                  .style(style)
                  .run(),
              values_);
    po::notify(values_);
  } catch (const po::too_many_positional_options_error&) {
    throw WrongUsage("too many words without an option before them");
  } catch (const po::error& error) {
    throw WrongUsage(error.what());
  }
}

std::optional<std::string> Invocation::text(const std::string& name) const {
  if (!has(name)) return std::nullopt;
  return values_[name].as<std::string>();
}

std::vector<std::string> Invocation::texts(const std::string& name) const {
  if (!has(name)) return {};
  return values_[name].as<std::vector<std::string>>();
}

std::string Invocation::required(const std::string& name, const std::string& shown) const {
  const auto value = text(name);
  if (!value) throw WrongUsage(shown + " is missing");
  if (value->empty()) throw WrongUsage(shown + " is empty");
  return *value;
}

void Invocation::at_most_one(const std::vector<std::string>& names) const {
  std::string given;
  for (const auto& name : names) {
    if (!has(name)) continue;
    if (!given.empty()) throw WrongUsage("--" + given + " and --" + name + " exclude each other");
    given = name;
  }
}

std::optional<IpAddress> Invocation::address(const std::string& name) const {
  const auto value = text(name);
  if (!value) return std::nullopt;
  const auto address = IpAddress::parse(*value);
  if (!address) throw WrongUsage("'" + printable(*value) + "' is not an IPv4 or IPv6 address");
  return address->unmapped();  // as control and logs may have written an IPv4 client
}

std::string Invocation::policy_path() const {
  return text("policy").value_or(std::string(kDefaultPolicy));
}

web::EngineCredentials Invocation::credentials() const {
  web::EngineCredentials credentials{text("cert").value_or(""), text("key").value_or(""),
                                     text("ca").value_or("")};
  for (const auto& engine : texts("engine")) {
    if (!web::is_over_tls(engine)) continue;
    if (credentials.certificate.empty() || credentials.key.empty() || credentials.authority.empty())
      throw WrongUsage(printable(engine) + " needs --cert, --key and --ca");
  }
  return credentials;
}

std::vector<std::string> Invocation::engine_sockets() const {
  auto sockets = texts("engine");
  if (!sockets.empty()) return sockets;
  for (const auto path : kDefaultEngines) {
    std::error_code ignored;
    if (std::filesystem::is_socket(path, ignored)) sockets.emplace_back(path);
  }
  return sockets;
}

}  // namespace postern::cli
