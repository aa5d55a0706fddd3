// SPDX-License-Identifier: BSD-3-Clause
//
// EngineSamples: the packets that engines show as samples (docs/management-api.md), as values, for
// the commands that look at them: drops, capture, top. Reads all named engines in turn, each from
// where it was, until as many samples or as much time as was asked for.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "control/cli/invocation.h"
#include "rules/address/address.h"

namespace postern::cli {

struct ListLine {
  std::string list, file, category;
  uint64_t line = 0;
};

struct EngineSample {
  int64_t time_ns = 0;  // since 1970
  std::string port, reason, action;
  bool stopped = false;
  uint64_t every = 1;               // how many packets it stands for
  uint64_t length = 0;              // of the frame
  std::optional<std::string> vlan;  // "100.7": of its tags; none without
  std::optional<IpAddress> source, destination;
  std::optional<uint16_t> source_port, destination_port;
  std::vector<ListLine> lists;  // that the judged address is in, where the engine knows
  std::optional<std::string> rule, rule_place;  // that decided; "site.policy:11"
  std::vector<uint8_t> bytes;                   // of the frame; empty where they were not asked for
  boost::json::object document;                 // as the engine said it
};

// "dynamic dynamic.netset:2, hijacked drop.json:1"; "-" for none.
std::string lists_text(const EngineSample& sample);

// The options that all these commands have.
void add_sample_options(OptionSet& options);

class EngineSamples {
 public:
  // bytes: "", "headers" or a number, as in the API. Throws WrongUsage for what the options say,
  // std::runtime_error when there is no engine.
  EngineSamples(const Invocation& invocation, std::string bytes);

  // Calls take(socket, sample) for each sample, in the order of each engine, until it has done so
  // --count times, --seconds have passed, take returns false, or the user interrupts. between:
  // called at least once a second. Throws EngineError.
  void run(const std::function<bool(const std::string&, const EngineSample&)>& take,
           const std::function<void()>& between = {});

  // Whether --count or --seconds says when to end; and saying so in their place.
  bool has_end() const noexcept { return count_ || seconds_; }
  void end_after(std::chrono::seconds seconds) noexcept { seconds_ = seconds; }

  const std::vector<std::string>& sockets() const noexcept { return sockets_; }
  // Samples that came and went before they were asked for, and that the engines had no room for.
  uint64_t lost() const noexcept { return lost_; }
  // "3 samples were lost: ..."; empty when none was.
  std::string lost_text() const;

 private:
  struct Place {
    std::optional<uint64_t> after, overrun;
  };
  bool read(const std::string& socket, std::chrono::milliseconds wait,
            const std::function<bool(const std::string&, const EngineSample&)>& take);

  std::vector<std::string> sockets_;
  std::string query_;
  std::optional<uint64_t> count_;
  std::optional<std::chrono::seconds> seconds_;
  std::map<std::string, Place> places_;
  uint64_t taken_ = 0, lost_ = 0;
};

}  // namespace postern::cli
