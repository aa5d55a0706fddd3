// SPDX-License-Identifier: BSD-3-Clause
//
// The command line of postern-xdp, and its config file, which takes the same names without the
// dashes (`wan = eth0`). What the command line says wins.
#pragma once

#include <stdexcept>
#include <string>
#include <variant>

#include "dataplane/engine/api_settings.h"
#include "dataplane/engine/last_good.h"
#include "xdp/loader/xdp_engine.h"

namespace postern::xdp {

struct Options {
  Settings engine;
  std::string snapshot;   // empty: the last good one, else no rules, which passes everything
  std::string state_dir;  // empty: no copy of the last good snapshot is kept
  BadSnapshot bad_snapshot = BadSnapshot::kRefuse;
  ApiSettings api{.socket = "/run/postern/xdp.sock"};
  std::string cookie_secret;  // a file; empty: random
  bool keep = false;
  bool debug = false;
};

// --help or --version: what to print.
struct Answer {
  std::string text;
};

// Wrong usage (exit status 2); what() is one line. A bad config file is bad input: a runtime_error,
// exit status 1.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws UsageError or std::runtime_error.
std::variant<Options, Answer> parse_options(int count, const char* const* words);

}  // namespace postern::xdp
