// SPDX-License-Identifier: BSD-3-Clause
//
// Options of postern-xdp through Boost.Program_options (xdp/loader/options.h).
#include "xdp/loader/options.h"

#include <boost/program_options.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string_view>

#include "dataplane/engine/api_options.h"

namespace postern::xdp {
namespace {

namespace po = boost::program_options;

po::options_description settings_description(Options& options) {
  po::options_description description("Engine", 100);
  auto& engine = options.engine;
  // clang-format off
  description.add_options()
    ("wan", po::value(&engine.wan)->value_name("DEV"), "the port towards the Internet")
    ("mx", po::value(&engine.mx)->value_name("DEV"),
     "the port towards the mail farm, in topology wire only; with --wan once more for each further "
     "wire")
    ("topology", po::value<std::string>()->default_value("wire")->value_name("wire|host"),
     "wire: what passes leaves by the other port; host: it goes to this host's own network stack")
    ("snapshot", po::value(&options.snapshot)->value_name("FILE"),
     "the rules to start with, from `postern compile`; without, everything passes until a snapshot "
     "is loaded")
    ("state-dir", po::value(&options.state_dir)->value_name("DIR"),
     "keep a copy of the rules in force there, and start from it where there is no --snapshot")
    ("bad-snapshot",
     po::value<std::string>()->default_value("refuse")->value_name("refuse|last-good"),
     "where --snapshot cannot be used: refuse to start, or start from the copy in --state-dir")
    ("pin", po::value(&engine.pin)->default_value(engine.pin)->value_name("DIR"),
     "pin links and maps there; a bpffs is mounted where none is")
    ("generic", po::bool_switch(), "generic XDP, for drivers without native XDP; slow")
    ("keep", po::bool_switch(&options.keep),
     "go on enforcing after the end of this process; the next start takes over entries and limits")
    ("dynamic-entries",
     po::value(&engine.dynamic_entries)->default_value(engine.dynamic_entries)->value_name("N"),
     "room for so many dynamic entries, rounded up to a power of two; 128 bytes each")
    ("limit-sources",
     po::value(&engine.limit_sources)->default_value(engine.limit_sources)->value_name("N"),
     "room for sources that limits are held to, rounded up to a power of two; beyond it they pass")
    ("answers",
     po::value(&engine.answers_per_second)->default_value(engine.answers_per_second)
       ->value_name("N"),
     "replies (RST, refusals) sent in a second at most; 0 sends none")
    ("link", po::value<std::string>()->default_value("propagate")->value_name("propagate|ignore"),
     "propagate: a port whose other side has no carrier is taken down; in topology wire only")
    ("cookie-secret", po::value(&options.cookie_secret)->value_name("FILE"),
     "the secret that refused connections are recognised by, where several engines share it; "
     "without, it is random")
    ("debug", po::bool_switch(&options.debug), "log what libbpf and the kernel's verifier say");
  // clang-format on
  add_api_options(description, options.api);
  return description;
}

std::string help(const po::options_description& visible) {
  std::ostringstream text;
  text << "postern-xdp --wan DEV [--mx DEV] --snapshot FILE [OPTION...]\n"
          "The XDP packet engine: judges SMTP connection attempts in the kernel.\n"
       << visible
       << "\nStops at SIGTERM or SIGINT. Exit status: 0 fine, 1 cannot run, 2 wrong usage.\n";
  return text.str();
}

void check(const Options& options) {
  const auto& engine = options.engine;
  if (engine.wan.empty()) throw UsageError("--wan is missing: the device towards the Internet");
  if (engine.topology == PS_TOPOLOGY_WIRE && engine.mx.empty())
    throw UsageError("--mx is missing: topology wire needs two ports (or say --topology host)");
  if (engine.topology == PS_TOPOLOGY_HOST && !engine.mx.empty())
    throw UsageError("topology host has one port; leave out --mx");
  if (engine.topology == PS_TOPOLOGY_HOST && engine.wan.size() > 1)
    throw UsageError("topology host has one port; say --wan once");
  if (engine.wan.size() > PS_MAX_PAIRS)
    throw UsageError("at most " + std::to_string(PS_MAX_PAIRS) + " wires, not " +
                     std::to_string(engine.wan.size()));
  if (engine.topology == PS_TOPOLOGY_WIRE && engine.wan.size() != engine.mx.size())
    throw UsageError("each --wan needs its --mx: there are " + std::to_string(engine.wan.size()) +
                     " and " + std::to_string(engine.mx.size()));
  std::set<std::string> names(engine.wan.begin(), engine.wan.end());
  names.insert(engine.mx.begin(), engine.mx.end());
  if (names.size() != engine.wan.size() + engine.mx.size())
    throw UsageError("--wan and --mx name the same device");
  if (engine.dynamic_entries == 0 || engine.dynamic_entries > Program::kMaxDynamicEntries)
    throw UsageError("--dynamic-entries must be 1 to " +
                     std::to_string(Program::kMaxDynamicEntries));
  if (engine.limit_sources == 0 || engine.limit_sources > Program::kMaxLimitSources)
    throw UsageError("--limit-sources must be 1 to " + std::to_string(Program::kMaxLimitSources));
  if (engine.answers_per_second > kMaxAnswersPerSecond)
    throw UsageError("--answers must be 0 to " + std::to_string(kMaxAnswersPerSecond));
  if (const auto fault = fault_of(options.api); !fault.empty()) throw UsageError(fault);
  if (options.bad_snapshot == BadSnapshot::kLastGood && options.state_dir.empty())
    throw UsageError("--bad-snapshot last-good needs --state-dir, where the last good one is");
  if (!std::filesystem::path(engine.pin).is_absolute())
    throw UsageError("--pin must be an absolute path");
}

}  // namespace

std::variant<Options, Answer> parse_options(int count, const char* const* words) {
  Options options;
  const auto settings = settings_description(options);
  po::options_description general("General", 100);
  general.add_options()("config", po::value<std::string>()->value_name("FILE"),
                        "read options from there too")("help", "print this")("version",
                                                                             "print the version");
  po::options_description all(100);
  all.add(settings).add(general);
  try {
    po::variables_map given;
    // No guessing: an abbreviation that works today may be ambiguous tomorrow.
    const auto style =
        po::command_line_style::default_style & ~po::command_line_style::allow_guessing;
    po::store(po::command_line_parser(count, words)
                  .options(all)
                  .positional(po::positional_options_description())
                  .style(style)
                  .run(),
              given);
    if (given.contains("help")) return Answer{help(all)};
    if (given.contains("version")) return Answer{"postern-xdp " POSTERN_VERSION "\n"};
    if (given.contains("config")) {
      const auto name = given["config"].as<std::string>();
      std::ifstream file(name);
      if (!file) throw std::runtime_error(name + ": cannot be read");
      try {
        po::store(po::parse_config_file(file, settings), given);
      } catch (const po::error& error) {
        throw std::runtime_error(name + ": " + error.what());
      }
    }
    po::notify(given);
    options.engine.mode = given["generic"].as<bool>() ? Mode::kGeneric : Mode::kNative;
    const auto topology = given["topology"].as<std::string>();
    if (topology != "wire" && topology != "host")
      throw UsageError("--topology must be wire or host, not " + topology);
    const auto word = given["bad-snapshot"].as<std::string>();
    const auto bad = bad_snapshot_named(word);
    if (!bad) throw UsageError("--bad-snapshot must be refuse or last-good, not " + word);
    options.bad_snapshot = *bad;
    const auto link = given["link"].as<std::string>();
    if (link != "propagate" && link != "ignore")
      throw UsageError("--link must be propagate or ignore, not " + link);
    options.engine.propagate_link = link == "propagate";
    options.engine.topology = topology == "wire" ? PS_TOPOLOGY_WIRE : PS_TOPOLOGY_HOST;
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }
  check(options);
  return options;
}

}  // namespace postern::xdp
