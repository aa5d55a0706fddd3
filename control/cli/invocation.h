// SPDX-License-Identifier: BSD-3-Clause
//
// Invocation: the words behind `postern COMMAND`, read. Options and operands are declared through
// Boost.Program_options in an OptionSet; abbreviations of long options are not accepted, so that a
// script keeps its meaning when an option is added. The options that several commands share are
// declared and read here, and only here.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/positional_options.hpp>
#include <boost/program_options/variables_map.hpp>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "control/web/engine_client.h"
#include "rules/address/address.h"

namespace postern::cli {

inline constexpr std::string_view kDefaultPolicy = "/etc/postern/postern.policy";
inline constexpr std::string_view kDefaultSnapshot = "/var/lib/postern/snapshot";
inline constexpr std::string_view kDefaultEngines[] = {"/run/postern/dataplane.sock",
                                                       "/run/postern/xdp.sock"};

// The command line makes no sense: exit status 2. what() says what is wrong with it, in one line.
class WrongUsage : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What a command understands.
class OptionSet {
 public:
  OptionSet();  // --help and --json, which all have

  // An option that takes no value. names: "long" or "long,s".
  void add_flag(const char* names, const char* text);
  void add_text(const char* names, const char* value_name, const char* text);
  // May be given more than once.
  void add_texts(const char* names, const char* value_name, const char* text);
  // A word without dashes. They are taken in the order of their declaration.
  void add_operand(const char* name);
  // Any number of them, behind all others.
  void add_operands(const char* name);

  void add_policy();
  void add_policy_or_snapshot();
  void add_engines();  // with what add_credentials() adds
  // What is shown to engines that are named by https://HOST:PORT.
  void add_credentials();

  // The help: one line per option, aligned.
  void print(std::ostream& out) const;

 private:
  friend class Invocation;
  boost::program_options::options_description options_;
  boost::program_options::options_description operands_;
  boost::program_options::positional_options_description positions_;
};

class Invocation {
 public:
  // Throws WrongUsage.
  Invocation(const OptionSet& options, const std::vector<std::string>& words);

  bool has(const std::string& name) const { return values_.count(name) != 0; }
  bool flag(const std::string& name) const { return has(name); }
  bool json() const { return flag("json"); }
  std::optional<std::string> text(const std::string& name) const;
  std::vector<std::string> texts(const std::string& name) const;
  // Throws WrongUsage when it is missing; named in that message as `shown`.
  std::string required(const std::string& name, const std::string& shown) const;
  // Throws WrongUsage when more than one of them is given.
  void at_most_one(const std::vector<std::string>& names) const;

  // Throws WrongUsage for a value that is none. An IPv4-mapped IPv6 address is taken as the IPv4
  // address in it.
  std::optional<IpAddress> address(const std::string& name) const;

  std::string policy_path() const;
  // --cert, --key and --ca; throws WrongUsage where an engine of --engine needs them and one is
  // missing.
  web::EngineCredentials credentials() const;
  // The sockets or URLs of --engine; without it, those of the default ones that exist.
  std::vector<std::string> engine_sockets() const;

 private:
  boost::program_options::variables_map values_;
};

}  // namespace postern::cli
