// SPDX-License-Identifier: BSD-3-Clause
//
// Boost.Program_options reads both the command line and the file; values are converted here, so
// that a complaint can name the option, and the line it stands on.
#include "control/config/options.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <optional>
#include <sstream>
#include <utility>

#include "control/config/backend_text.h"
#include "control/config/learning_options.h"
#include "control/config/site_directory.h"
#include "control/config/unused_settings.h"
#include "control/config/value.h"
#include "control/config/values.h"
#include "control/config/worker_share.h"
#include "rules/text/diagnostic.h"
#include "rules/text/host_name.h"

namespace postern::config {
namespace {

namespace po = boost::program_options;
using std::chrono::milliseconds;

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

po::options_description settings() {
  po::options_description all(100, 50);
  po::options_description mail("Mail", 100);
  // clang-format off
  mail.add_options()
    ("listen", several_texts("ADDRESS[:PORT]"),
     "accept SMTP there; IPv6 in brackets; several times (0.0.0.0:25 and [::]:25)")
    ("farm", several_texts("BACKEND"),
     "a mail exchanger behind us; needed for SMTP; several times: HOST[:PORT][,weight=N][,max=N]\n"
     "[,backup][,tls=none|may|require|verify][,tls-name=NAME][,hand-on=none|xclient|xforward|proxy]")
    ("farm-ca", one_text("FILE"),
     "tls=verify: the authorities of the farm's certificates, PEM (the system's)")
    ("load-balancer", several_texts("PREFIX"),
     "connections from there begin with a PROXY header, version 1 or 2; several times")
    ("milter", several_texts("SOCKET"),
     "serve mail servers as a milter there, unix:PATH or inet:PORT@ADDRESS; several times;\n"
     "without --listen and --farm SMTP is not spoken at all")
    ("milter-group", one_text("NAME"), "the group that may connect to unix:PATH (that of the process)")
    ("name", one_text("NAME"), "our name in the greeting, in EHLO and in Received (this host's)")
    ("authserv-id", one_text("ID"), "our name in Authentication-Results (that of --name)")
    ("quarantine-field", one_text("NAME[: VALUE]"),
     "the header field that tells the farm to keep a message from its recipients, such as\n"
     "X-Spam-Flag: YES (X-Postern-Quarantine: \"the rule\")")
    ("certificate", several_texts("FILE"),
     "certificate chain, PEM; with --key STARTTLS is offered; several times, the first for who names\n"
     "no other; read again when it was replaced, and on SIGHUP")
    ("key", several_texts("FILE"), "its private key, PEM; as often, in the same order")
    ("snapshot", one_text("FILE"),
     "the compiled policy, from `postern apply`; needed; read again when it was replaced, and on\n"
     "SIGHUP")
    ("resolver", several_texts("ADDRESS[@PORT]"),
     "name server to ask; several times (without: from the root)")
    ("reputation", one_text("FILE"), "what is remembered of domains; :memory: keeps nothing (:memory:)")
    ("user", one_text("NAME"), "the user that workers become; the parent binds ports and reads keys")
    ("workers", one_text("N"), "processes that serve; one source always meets the same one (1)")
    ("status", one_text("SOCKET"),
     "say there how farm, engines and sessions are, to `postern status`; of further workers at\n"
     "SOCKET.1, SOCKET.2, ... (nowhere)")
    ("status-group", one_text("NAME"), "the group that may ask there (that of the process)")
    ("seccomp", one_text("YES|NO"), "workers may make only the system calls that they need (yes)");
  po::options_description sources("Sources", 100);
  sources.add_options()
    ("greet-pause", one_text("TIME"),
     "wait that long before the greeting and notice who does not; 0: do not wait (1s)")
    ("greet-teaser", one_text("YES|NO"), "say the first line of the greeting before the pause (yes)")
    ("known-for", one_text("TIME"), "who behaved is not paused again for that long (7d)")
    ("known-sources", one_text("FILE"), "keep them there; without: in memory only")
    ("greylist", one_text("TIME"),
     "defer the first attempts of unknown networks for that long; 0: do not (0)")
    ("session-rate", one_text("N/TIME"),
     "sessions of one IPv4 address or IPv6 /64; 0: without limit (0)")
    ("recipient-rate", one_text("N/TIME"), "recipients of one, likewise (0)")
    ("postmaster-rate", one_text("N/TIME"),
     "recipients postmaster@ and abuse@ of one, which nothing else stands in the way of (30/1h)")
    ("null-sender-rate", one_text("N/TIME"),
     "those of mail with the null sender, which reports of failure have, likewise (0)")
    ("unknown-rate", one_text("N/TIME"),
     "recipients of one that do not exist, as the directory or the farm has it; beyond them all its\n"
     "recipients are deferred (100/10m)")
    ("error-rate", one_text("N/TIME"), "bad commands of one, likewise (100/10m)");
  po::options_description limits("Limits", 100);
  limits.add_options()
    ("max-message", one_text("SIZE"), "the largest message (50M)")
    ("bare-line-ends", one_text("WHAT"),
     "refuse: a message with a CR or LF that stands alone is refused; normalise: it is made CR LF "
     "(refuse)")
    ("max-recipients", one_text("N"), "per message (1000)")
    ("max-hops", one_text("N"), "Received fields; more are a loop (100)")
    ("max-errors", one_text("N"), "bad commands per session (20)")
    ("max-sessions", one_text("N"), "at a time (2000)")
    ("max-sessions-per-source", one_text("N"), "at a time from one IPv4 address or IPv6 /64 (50)")
    ("milter-sessions", one_text("N"), "connections of mail servers at a time (2000)")
    ("milter-time", one_text("TIME"), "wait for the next word of a mail server (2h)")
    ("spool", one_text("DIR"), "directory for messages that are too large for memory (/var/tmp)")
    ("spool-memory", one_text("SIZE"), "of one message in memory (256K)")
    ("spool-total", one_text("SIZE"), "of all messages under way (1G)")
    ("command-time", one_text("TIME"), "wait for a whole command (5m)")
    ("text-time", one_text("TIME"), "wait for each KiB of a message (3m)")
    ("authentication-time", one_text("TIME"), "for all look-ups of one message (20s, which is the most)")
    ("farm-connect-time", one_text("TIME"), "for a connection to a backend, and its greeting (30s)")
    ("farm-reply-time", one_text("TIME"), "for the farm's answers (5m)")
    ("farm-final-time", one_text("TIME"), "from the end of a message to the answer to it (570s)")
    ("farm-check", one_text("TIME"), "ask a backend that often whether it lives (1m)")
    ("farm-fall", one_text("N"), "so many failures in a row take a backend out (2)")
    ("farm-rise", one_text("N"), "so many successes in a row bring it back (2)")
    ("farm-slow-start", one_text("TIME"), "until it has its whole part again (30s)")
    ("farm-stall", one_text("TIME"),
     "a client that is silent that long gives its backend back; 0: never (5s)")
    ("farm-idle", one_text("N"), "connections kept per backend for other clients (10)")
    ("farm-idle-time", one_text("TIME"), "for one of them (30s)")
    ("drain-time", one_text("TIME"), "for sessions under way at SIGTERM (30s)");
  // clang-format on
  all.add(mail)
      .add(outbound_settings())
      .add(directory_settings())
      .add(sources)
      .add(name_settings())
      .add(learning_settings())
      .add(limits);
  return all;
}

po::options_description general_options() {
  po::options_description general("General", 100);
  // clang-format off
  general.add_options()
    ("config", one_text("FILE"),
     "read settings from there: NAME = VALUE, # comments")
    ("check", po::bool_switch(), "try the settings and the files that they name, and end")
    ("debug", po::bool_switch(), "log more")
    ("help", "print this")
    ("version", "print the version");
  // clang-format on
  return general;
}

std::string help(const po::options_description& all) {
  std::ostringstream text;
  text
      << "postern-control --listen ADDRESS:25 --farm HOST:PORT --snapshot FILE [OPTION...]\n"
         "postern-control --milter SOCKET --snapshot FILE [OPTION...]\n"
         "Speaks SMTP with those whom the packet engines let pass, authenticates the sending\n"
         "domain, decides by the policy, and relays to the mail farm; or does the same for mail\n"
         "servers that keep their own port 25, as a milter. Signs the site's own mail and sends "
         "it\n"
         "on, with --outbound.\n\n"
      << all
      << "\nTimes: 300ms, 5s, 10m, 2h, 1d. Sizes: 65536, 256K, 50M, 1G. Rates: 30/1m.\n"
         "SIGHUP reads the snapshot, certificates, keys and tables of names again; SIGTERM ends in "
         "an orderly way;\n"
         "SIGUSR2 goes over to the program that is installed now, and refuses no connection.\n"
         "Exit status: 0 fine, 1 cannot run, 2 wrong usage.\n";
  return text.str();
}

// Often a host name, but any word (RFC 8601, section 2.5), as far as we have a use for it.
bool is_authserv_id(const std::string& name) {
  return !name.empty() && name.size() <= 255 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

void read_farm(const Values& values, smtp::ProxyOptions& proxy) {
  for (const auto& text : values.texts("farm")) {
    auto backend = parse_backend(text);
    if (const auto* bad = std::get_if<BadBackend>(&backend))
      values.refuse("farm", bad->part, bad->expected);
    proxy.farm.backends.push_back(std::get<smtp::Backend>(std::move(backend)));
  }
  if (proxy.farm.backends.empty())
    throw UsageError("farm is missing: where the mail goes, HOST[:PORT]");
  for (const auto& text : values.texts("load-balancer")) {
    const auto prefix = Prefix::parse(text, Prefix::HostBits::kRefuse);
    if (!prefix) values.refuse("load-balancer", text, "a prefix such as 192.0.2.0/28");
    proxy.load_balancers.push_back(*prefix);
  }
}

void read_mail(const Values& values, Options& options) {
  auto& proxy = options.proxy;
  for (const auto& text : values.texts("listen")) {
    const auto endpoint = parse_endpoint(text, 25);
    if (!endpoint) values.refuse("listen", text, "ADDRESS[:PORT], IPv6 in brackets");
    options.listen.push_back({endpoint->address, endpoint->port});
  }
  for (const auto& text : values.texts("milter")) {
    const auto name = milter::parse_socket_name(text);
    if (!name) values.refuse("milter", text, "unix:PATH or inet:PORT@ADDRESS");
    options.milter_sockets.push_back(*name);
  }
  values.text("milter-group", options.milter_group);
  options.outbound = read_outbound(values, !options.milter_sockets.empty());
  options.milter.own_networks = options.outbound.clients;
  options.runs_proxy = !options.listen.empty() || values.has("farm") ||
                       (options.milter_sockets.empty() && options.outbound.listen.empty());
  if (options.runs_proxy) read_farm(values, proxy);
  values.text("farm-ca", proxy.farm.ca_file);  // smarthosts', too

  proxy.server.name = host_name();
  values.text("name", proxy.server.name);
  if (const auto* fault = fault_of_host_name(proxy.server.name))
    values.refuse("name", proxy.server.name, "a host name", fault);
  proxy.farm.own_name = proxy.server.name;
  options.judge.authserv_id = proxy.server.name;
  values.text("authserv-id", options.judge.authserv_id);
  if (!is_authserv_id(options.judge.authserv_id))
    values.refuse("authserv-id", options.judge.authserv_id,
                  "letters, digits, dots, hyphens and underscores");

  std::string quarantine;
  values.text("quarantine-field", quarantine);
  if (values.has("quarantine-field")) {
    const auto field = policy::parse_quarantine_field(quarantine);
    if (!field) values.refuse("quarantine-field", quarantine, "a field such as X-Spam-Flag: YES");
    options.judge.quarantine = *field;
  }

  options.certificates = values.texts("certificate");
  options.keys = values.texts("key");
  if (options.certificates.size() != options.keys.size())
    throw UsageError("certificate and key are to be given equally often");
  values.text("snapshot", options.snapshot);
  if (options.snapshot.empty())
    throw UsageError("snapshot is missing: the policy, from `postern apply` or `compile`");
  options.resolver.forward_to = values.texts("resolver");
  values.text("reputation", options.reputation);
  values.text("user", options.user);
  values.text("status", options.status);
  values.text("status-group", options.status_group);
  if (options.status.empty() && !options.status_group.empty())
    throw UsageError("status-group is given without status");
  values.number("workers", options.workers, 1, 64);
  values.yes_or_no("seccomp", options.limit_system_calls);
}

void read_sources(const Values& values, Options& options) {
  values.time("greet-pause", options.proxy.greet_pause, milliseconds{0});
  values.yes_or_no("greet-teaser", options.proxy.greet_teaser);
  const auto seconds = [&](const char* name, int64_t& into, milliseconds least) {
    milliseconds time{into * 1000};
    values.time(name, time, least);
    into = std::chrono::duration_cast<std::chrono::seconds>(time).count();
  };
  auto& sources = options.sources;
  seconds("known-for", sources.known.known_for, milliseconds{1000});
  values.text("known-sources", options.known_sources);
  seconds("greylist", sources.greylist.delay, milliseconds{0});
  std::string greylist;
  values.text("greylist", greylist);
  if (greylist.ends_with("ms")) values.refuse("greylist", greylist, "a time of whole seconds");
  using policy::Limited;
  sources.limits.rates[static_cast<size_t>(Limited::kErrors)] = {100, 600'000};
  sources.limits.rates[static_cast<size_t>(Limited::kUnknownRecipients)] = {100, 600'000};
  sources.limits.rates[static_cast<size_t>(Limited::kRoleRecipients)] = {30, 3'600'000};
  for (const auto& [name, thing] : {std::pair{"session-rate", Limited::kSessions},
                                    std::pair{"recipient-rate", Limited::kRecipients},
                                    std::pair{"postmaster-rate", Limited::kRoleRecipients},
                                    std::pair{"null-sender-rate", Limited::kNullSenders},
                                    std::pair{"unknown-rate", Limited::kUnknownRecipients},
                                    std::pair{"error-rate", Limited::kErrors}}) {
    std::string text;
    values.text(name, text);
    if (text.empty()) continue;
    const auto rate = parse_rate(text);
    if (!rate) values.refuse(name, text, "a rate such as 30/1m, or 0");
    sources.limits.rates[static_cast<size_t>(thing)] = {rate->count, rate->time.count()};
  }
}

void read_limits(const Values& values, Options& options) {
  auto& proxy = options.proxy;
  const milliseconds least{1};
  values.size("max-message", proxy.max_message, 65536);  // RFC 5321 §4.5.3.1.7: at least 64K
  std::string bare_line_ends = "refuse";
  values.text("bare-line-ends", bare_line_ends);
  if (bare_line_ends != "refuse" && bare_line_ends != "normalise")
    values.refuse("bare-line-ends", bare_line_ends, "refuse or normalise");
  proxy.server.bare_line_ends =
      bare_line_ends == "refuse" ? smtp::BareLineEnds::kRefuse : smtp::BareLineEnds::kNormalise;
  values.number("max-recipients", proxy.server.max_recipients, 1, 100'000);
  values.number("max-hops", proxy.max_hops, 1, 10'000);
  values.number("max-errors", proxy.server.max_errors, 1, 1'000'000);
  values.number("max-sessions", proxy.max_sessions, 1, 1'000'000);
  values.number("max-sessions-per-source", proxy.max_sessions_per_source, 1, 1'000'000);
  values.number("milter-sessions", options.milter.max_sessions, 1, 1'000'000);
  values.time("milter-time", options.milter.command_time, least);
  values.text("spool", options.spool_directory);
  values.size("spool-memory", options.spool_memory, 0);
  values.size("spool-total", options.spool_total, 65536);
  values.time("command-time", proxy.command_time, least);
  values.time("text-time", proxy.text_time, least);
  values.time("authentication-time", options.judge.authentication_time, least,
              policy::kMostOwnTime);
  values.time("farm-connect-time", proxy.farm.connect_time, least);
  values.time("farm-reply-time", proxy.farm.reply_time, least);
  values.time("farm-final-time", proxy.farm.final_time, least, std::chrono::minutes{10});
  values.time("farm-check", proxy.farm.check_time, milliseconds{100});
  values.number("farm-fall", proxy.farm.pool.fall, 1, 100);
  values.number("farm-rise", proxy.farm.pool.rise, 1, 100);
  values.time("farm-slow-start", proxy.farm.pool.slow_start, milliseconds{0});
  values.time("farm-stall", proxy.farm.stall_time, milliseconds{0});
  values.number("farm-idle", proxy.farm.idle_legs, 0, 1000);
  values.time("farm-idle-time", proxy.farm.idle_time, least);
  values.time("drain-time", options.drain_time, milliseconds{0});
}

Options read_settings(const Values& values) {
  Options options;
  read_mail(values, options);
  read_sources(values, options);
  options.directory = read_directory(values);
  options.names = read_names(values);
  options.judge.reverse_time = options.names.reverse_time;
  read_learning(values, options);
  read_limits(values, options);
  return options;
}

}  // namespace

std::variant<Options, Answer> parse_options(int count, const char* const* words) {
  const auto description = settings();
  po::options_description all(100, 50);
  all.add(description).add(general_options());
  po::variables_map given;
  std::optional<ConfigFile> file;
  try {
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
    if (given.contains("version")) return Answer{"postern-control " POSTERN_VERSION "\n"};
    if (given.contains("config"))
      file.emplace(ConfigFile::read(given["config"].as<std::string>(), description, given));
    po::notify(given);
  } catch (const po::error& error) {
    throw UsageError(error.what());
  }
  const Values values(given, file ? &*file : nullptr);
  Options options = read_settings(values);
  // What nothing looks at has to be right all the same, and is then as if it were not given: it is
  // not opened either.
  if (auto unused = unused_settings(values, options); !unused.empty()) {
    for (const auto& name : unused) given.erase(name);
    options = read_settings(values);
    options.unused = std::move(unused);
  }
  options.debug = given["debug"].as<bool>();
  options.only_check = given["check"].as<bool>();
  if (options.runs_proxy && options.listen.empty())
    options.listen = {{IpAddress::v4(0), 25}, {IpAddress::v6({}), 25}};
  if (const auto limit = limit_below_workers(options); !limit.empty())
    throw UsageError(limit + " is shared by all workers and less than workers, " +
                     std::to_string(options.workers));
  if (const auto fault = spool_below_message(options); !fault.empty()) throw UsageError(fault);
  return options;
}

}  // namespace postern::config
