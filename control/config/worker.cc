// SPDX-License-Identifier: BSD-3-Clause
//
// The order matters: sockets, then privileges, then what is opened as the user who will write to
// it.
#include "control/config/worker.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <list>
#include <memory>
#include <optional>
#include <random>
#include <system_error>
#include <utility>
#include <vector>

#include "control/config/known_sources_file.h"
#include "control/config/loaded_files.h"
#include "control/config/outbound_site.h"
#include "control/config/privileges.h"
#include "control/config/site_directory.h"
#include "control/config/site_names.h"
#include "control/dns/unbound_resolver.h"
#include "control/milter/milter.h"
#include "control/policy/evidence.h"
#include "control/policy/harvest.h"
#include "control/policy/helo_patterns.h"
#include "control/policy/message_judge.h"
#include "control/policy/role_address.h"
#include "control/policy/source_memory.h"
#include "control/reputation/store.h"
#include "control/smtp/learning_service.h"
#include "control/smtp/proxy.h"
#include "control/smtp/recipient_check.h"
#include "control/smtp/recipient_probe.h"
#include "control/smtp/tls_server.h"

namespace postern::config {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::chrono::minutes kKeptTablesTime{5};

tcp::endpoint endpoint_of(const Listen& listen) {
  const auto& address = listen.address;
  if (address.is_v4()) return {asio::ip::address_v4(address.v4_host_order()), listen.port};
  return {asio::ip::address_v6(address.bytes()), listen.port};
}

uint64_t random_key() {
  std::random_device random;
  return uint64_t{random()} << 32 | random();
}

void require_directory(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    throw std::system_error(errno, std::system_category(), path);
  if (!S_ISDIR(status.st_mode)) throw std::runtime_error(path + ": not a directory");
}

asio::awaitable<void> flush_regularly(reputation::Store& store, std::vector<KeptTable*> kept,
                                      std::chrono::milliseconds time, asio::steady_timer& timer,
                                      const bool& ending) {
  bool worked = true;
  auto kept_written = std::chrono::steady_clock::now();
  while (!ending) {
    boost::system::error_code woken;
    timer.expires_after(time);
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    // Whole files, and a loss costs some time: not so often.
    if (std::chrono::steady_clock::now() - kept_written >= kKeptTablesTime) {
      for (auto* table : kept) table->write();
      kept_written = std::chrono::steady_clock::now();
    }
    const bool works = store.flush();
    if (works != worked) {
      if (works)
        spdlog::info("reputation state=written");
      else
        spdlog::error("reputation state=refused error=\"the file cannot be written; counts wait\"");
    }
    worked = works;
  }
}

class Worker {
 public:
  explicit Worker(const Options& options)
      : options_(options),
        files_(loop_, options),
        tls_(read_certificates(options)),
        patterns_(read_patterns(options.helo_patterns)),
        spool_space_(options.spool_directory, options.spool_memory, options.spool_total),
        sources_(options.sources, random_key()),
        evidence_(options.evidence),
        harvest_(options.harvest, random_key()),
        silent_zones_(options.names.silent_zones),
        signals_(loop_, SIGTERM, SIGINT, SIGHUP),
        flush_timer_(loop_) {}

  void run() {
    require_directory(options_.spool_directory);
    auto first_policy = read_policy(options_.snapshot);
    std::optional<smtp::RecipientProbe> probe;  // as soon as there is a farm
    const auto site = open_site_directory(
        loop_.get_executor(), options_.directory,
        [&probe](std::string address) { return probe->ask(std::move(address)); });
    std::optional<directory::FileDirectory> traps;
    if (!options_.spamtraps.empty()) traps.emplace(options_.spamtraps, options_.directory.rules);
    // The listening sockets exist before privileges go; the proxy needs the service, and that the
    // store and the resolver, which are to be opened as the user who will write to them.
    std::vector<tcp::acceptor> bound;
    for (const auto& listen : options_.listen)
      bound.push_back(smtp::bind(loop_, endpoint_of(listen)));
    std::list<std::unique_ptr<milter::Listener>> milter_bound;
    OutboundSite outbound(loop_, options_.outbound);
    std::optional<gid_t> group;
    if (!options_.milter_group.empty()) group = group_of(options_.milter_group);
    for (const auto& name : options_.milter_sockets)
      milter_bound.push_back(std::make_unique<milter::Listener>(loop_, name, group));
    if (!options_.user.empty()) {
      become(options_.user);
      for (const auto* files : {&options_.certificates, &options_.keys})
        for (const auto& file : *files)
          if (::access(file.c_str(), R_OK) != 0)
            spdlog::warn(
                "certificates state=unreadable file={} error=\"{} may not read it: it will "
                "not be read again\"",
                file, options_.user);
      outbound.warn_of_unreadable(options_.user);
    }

    reputation::Store store(options_.reputation);
    KnownSourcesFile known(options_.known_sources, sources_.known);
    known.read(std::time(nullptr));
    KeptTable silent_file(options_.names.silent_zones_file,
                          table_of("dns-silent", "zones", silent_zones_));
    silent_file.read(std::time(nullptr));
    dns::UnboundResolver resolver(loop_, options_.resolver);
    policy::JudgeServices judging{
        .options = options_.judge,
        .resolver = resolver,
        .store = store,
        .policy = std::move(first_policy),
        .splits = {},
        .names = nullptr,
        .silent_zones = &silent_zones_,
        .lookup_slots = std::make_shared<policy::LookupSlots>(options_.names.reverse_lookups)};
    SiteNames names(loop_, options_.names.tables, judging);
    names.load();
    smtp::LearningService learning(
        loop_, options_.learning,
        [&judging](const IpAddress& source, const auto& local, int64_t now) {
          return policy::is_exempt(judging.policy->snapshot(), source, local, now);
        });
    judging.learning = &learning.learning();
    if (traps)
      judging.is_trap = [&traps](std::string_view recipient) {
        return !policy::is_role_address(recipient) && traps->has(recipient);
      };
    smtp::Farm farm(loop_.get_executor(), options_.proxy.farm);
    probe.emplace(farm);
    std::optional<smtp::RecipientCheck> recipients;
    if (site.directory)
      recipients.emplace(*site.directory,
                         smtp::RecipientCheck::Options{options_.directory.defer_when_unavailable,
                                                       options_.directory.rules},
                         &harvest_, judging.learning);
    smtp::Service service{.options = options_.proxy,
                          .judging = judging,
                          .spool_space = spool_space_,
                          .farm = farm,
                          .sources = sources_,
                          .tls = tls_,
                          .helo_patterns = patterns_.get(),
                          .evidence = &evidence_,
                          .recipients = recipients ? &*recipients : nullptr};
    smtp::Proxy proxy(loop_, service);
    outbound.open(service);
    milter::Service milter_service{.options = options_.milter,
                                   .judging = judging,
                                   .limits = sources_.limits,
                                   .known = &sources_.known,
                                   .greylist = &sources_.greylist,
                                   .helo_patterns = patterns_.get(),
                                   .evidence = &evidence_,
                                   .signing = outbound.signing()};
    milter::Milter milter(loop_, milter_service);
    std::string places, milter_places;
    for (auto& acceptor : bound) {
      const auto endpoint = acceptor.local_endpoint();
      places += (places.empty() ? "" : ",") +
                (endpoint.address().is_v6() ? "[" + endpoint.address().to_string() + "]"
                                            : endpoint.address().to_string()) +
                ":" + std::to_string(endpoint.port());
      proxy.add(std::move(acceptor));
    }
    for (auto& listener : milter_bound) {
      milter_places += (milter_places.empty() ? "" : ",") + listener->name().to_string();
      milter.add(std::move(listener));
    }
    if (options_.runs_proxy) proxy.start();
    milter.start();
    outbound.start();
    asio::co_spawn(
        loop_,
        flush_regularly(store, {&known, &silent_file}, options_.flush_time, flush_timer_, ending_),
        asio::detached);
    files_.start(service, outbound, site.file, traps ? &*traps : nullptr);
    await_signal(proxy, milter, outbound, learning, names);
    std::string backends;
    for (const auto& backend : options_.proxy.farm.backends)
      backends += (backends.empty() ? "" : ",") + backend.place();
    spdlog::info("ready listen={} outbound={} milter={} farm={} name={} starttls={} generation={}",
                 places.empty() ? "-" : places, outbound.places().empty() ? "-" : outbound.places(),
                 milter_places.empty() ? "-" : milter_places, backends.empty() ? "-" : backends,
                 options_.proxy.server.name, tls_ ? "yes" : "no",
                 judging.policy->snapshot().generation());
    std::printf("ready%s%s%s%s%s%s\n", places.empty() ? "" : " listen=", places.c_str(),
                outbound.places().empty() ? "" : " outbound=", outbound.places().c_str(),
                milter_places.empty() ? "" : " milter=", milter_places.c_str());
    std::fflush(stdout);
    loop_.run();
    known.write();
    silent_file.write();
    if (!store.flush())
      spdlog::error("reputation state=lost error=\"the last counts are not written\"");
    spdlog::info("stopped");
  }

 private:
  void await_signal(smtp::Proxy& proxy, milter::Milter& milter, OutboundSite& outbound,
                    smtp::LearningService& learning, SiteNames& names) {
    signals_.async_wait([&](const boost::system::error_code& error, int signal) {
      if (error) return;
      if (signal == SIGHUP) {
        files_.reload();
        names.reload();
      } else if (!ending_) {
        ending_ = true;
        files_.stop();
        spdlog::info("stopping sessions={} milter={}", proxy.sessions(), milter.sessions());
        const auto ended = [this, &learning, doors = std::make_shared<int>(3)] {
          if (--*doors > 0) return;
          learning.stop();
          flush_timer_.cancel();
          signals_.cancel();
          loop_.stop();
        };
        proxy.drain(options_.drain_time, ended);
        milter.drain(options_.drain_time, ended);
        outbound.drain(options_.drain_time, ended);
      }
      await_signal(proxy, milter, outbound, learning, names);
    });
  }

  const Options& options_;
  asio::io_context loop_{1};
  LoadedFiles files_;
  std::shared_ptr<const smtp::TlsServer> tls_;
  std::unique_ptr<policy::HeloPatterns> patterns_;
  smtp::SpoolSpace spool_space_;
  policy::SourceMemory sources_;
  policy::EvidenceTable evidence_;
  policy::HarvestTable harvest_;
  dns::SilentZones silent_zones_;
  asio::signal_set signals_;
  asio::steady_timer flush_timer_;
  bool ending_ = false;
};

}  // namespace

void run_worker(const Options& options) {
  Worker(options).run();
}

}  // namespace postern::config
