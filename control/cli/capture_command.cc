// SPDX-License-Identifier: BSD-3-Clause
//
// `postern capture`: samples of what engines decide on, as a pcapng file: each packet with its
// time, its original length and the reason as its comment. Headers only, unless more is asked for:
// behind them is what people write.
#include <fcntl.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <cerrno>
#include <fstream>
#include <iostream>
#include <system_error>
#include <utility>

#include "control/cli/command.h"
#include "control/cli/engine_samples.h"
#include "control/cli/pcapng_writer.h"
#include "control/cli/printable.h"
#include "control/cli/table.h"

namespace postern::cli {
namespace {

constexpr uint32_t kWhole = 2048;  // as much of a frame as an engine shows

void declare(OptionSet& options) {
  options.add_text("write,w", "FILE", "the pcapng file to write; - is standard output");
  add_sample_options(options);
  options.add_flag("whole", "whole packets (up to 2,048 bytes), not only their headers");
  options.add_text("snap", "N", "the first N bytes of each packet, not only its headers");
}

// "" for headers only.
std::string snap_of(const Invocation& invocation) {
  invocation.at_most_one({"whole", "snap"});
  if (invocation.flag("whole")) return std::to_string(kWhole);
  const auto snap = invocation.text("snap");
  if (!snap) return "headers";
  const bool is_number = !snap->empty() && snap->size() <= 4 &&
                         snap->find_first_not_of("0123456789") == std::string::npos;
  if (!is_number || std::stoul(*snap) < 1 || std::stoul(*snap) > kWhole)
    throw WrongUsage("--snap is a number from 1 to " + std::to_string(kWhole) + ", not '" +
                     printable(*snap) + "'");
  return *snap;
}

// "rule-drop drop; hijacked drop.json:1; site.policy:11: drop list hijacked; one of 10"
std::string comment_of(const EngineSample& sample) {
  auto comment = sample.reason + " " + sample.action;
  if (!sample.lists.empty()) comment += "; " + lists_text(sample);
  if (sample.rule) comment += "; " + *sample.rule_place + ": " + *sample.rule;
  if (sample.every > 1) comment += "; one of " + std::to_string(sample.every);
  return comment;
}

// Replaces what is there, and only its owner may read it, as it says who wrote to whom.
std::ofstream open_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0)
    throw std::system_error(errno, std::generic_category(), path + ": cannot be written");
  ::close(descriptor);
  return std::ofstream(path, std::ios::binary | std::ios::trunc);
}

uint64_t capture(EngineSamples& samples, std::ostream& out, const std::string& path) {
  PcapngWriter writer(out, "postern " POSTERN_VERSION);
  std::map<std::pair<std::string, std::string>, uint32_t> interfaces;
  uint64_t packets = 0;
  const auto check = [&] {
    if (!out.flush())
      throw std::runtime_error((path == "-" ? "standard output" : path) + ": cannot be written");
  };
  const auto interface_of = [&](const std::string& socket, const std::string& port) {
    const auto [place, is_new] = interfaces.try_emplace({socket, port}, 0);
    if (is_new) place->second = writer.add_interface(socket + " " + port, 0);
    return place->second;
  };
  for (const auto& socket : samples.sockets())
    for (const auto* port : {"wan", "mx"}) interface_of(socket, port);
  check();
  samples.run(
      [&](const std::string& socket, const EngineSample& sample) {
        const auto length = std::max<uint64_t>(sample.length, sample.bytes.size());
        writer.add_packet(interface_of(socket, sample.port),
                          static_cast<uint64_t>(std::max<int64_t>(sample.time_ns, 0)), sample.bytes,
                          static_cast<uint32_t>(length), comment_of(sample));
        packets++;
        return out.good();
      },
      check);
  check();
  return packets;
}

int run(const Invocation& invocation) {
  const auto path = invocation.required("write", "--write FILE");
  if (path == "-" && invocation.json())
    throw WrongUsage("standard output takes the capture or JSON, not both");
  EngineSamples samples(invocation, snap_of(invocation));
  std::ofstream file;
  if (path != "-") file = open_file(path);
  const auto packets = capture(samples, path == "-" ? std::cout : file, path);
  if (invocation.json())
    std::cout << boost::json::serialize(boost::json::object{
                     {"file", json_text(path)}, {"packets", packets}, {"lost", samples.lost()}})
              << '\n';
  else
    std::cerr << "postern capture: " << counted(packets, "packet", "packets") << '\n';
  if (const auto lost = samples.lost_text(); !lost.empty())
    std::cerr << "postern capture: " << lost << '\n';
  return kFine;
}

}  // namespace

const Command kCaptureCommand = {
    "capture",
    "Writes packets that running engines decide on to a pcapng file, and why",
    "-w FILE [--engine SOCKET]... [--reason WORD]... [--fate WORD] [--every N]\n"
    "       [--count N] [--seconds N] [--whole | --snap N]",
    "Headers only, unless more is asked for, which takes an operator. The reason is the packet's\n"
    "comment. Ends when interrupted; what was written until then is whole.\n",
    declare,
    run,
};

}  // namespace postern::cli
