// SPDX-License-Identifier: BSD-3-Clause
//
// postern-control: puts the parts together and runs the loop. One thread. What needs privileges
// (ports, the key) is taken first, then they are dropped, then anything is said to anybody.
#include <spdlog/sinks/stdout_sinks.h>
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
#include <iostream>
#include <list>
#include <memory>
#include <optional>
#include <random>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "control/config/file_watch.h"
#include "control/config/known_sources_file.h"
#include "control/config/options.h"
#include "control/config/privileges.h"
#include "control/config/site_directory.h"
#include "control/dns/unbound_resolver.h"
#include "control/milter/milter.h"
#include "control/policy/evidence.h"
#include "control/policy/harvest.h"
#include "control/policy/helo_patterns.h"
#include "control/policy/log_text.h"
#include "control/policy/message_judge.h"
#include "control/policy/source_memory.h"
#include "control/reputation/store.h"
#include "control/smtp/learning_service.h"
#include "control/smtp/proxy.h"
#include "control/smtp/recipient_check.h"
#include "control/smtp/tls_server.h"
#include "rules/text/diagnostic.h"
#include "rules/text/file_text.h"

namespace postern::config {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr size_t kMaxPatterns = 1 << 20;
constexpr size_t kMaxCertificate = 1 << 20;
constexpr std::chrono::seconds kWatchTime{1};
constexpr std::chrono::minutes kKnownSourcesTime{5};

std::unique_ptr<policy::HeloPatterns> read_patterns(const std::string& file) {
  if (file.empty())
    return std::make_unique<policy::HeloPatterns>(policy::HeloPatterns::built_in(), "built-in");
  return std::make_unique<policy::HeloPatterns>(read_file_text(file, kMaxPatterns).text, file);
}

// Null: there is none.
std::shared_ptr<const smtp::TlsServer> read_certificates(const Options& options) {
  if (options.certificates.empty()) return nullptr;
  std::vector<smtp::TlsServer::Pair> pairs;
  for (size_t i = 0; i < options.certificates.size(); i++)
    pairs.push_back({read_file_text(options.certificates[i], kMaxCertificate).text,
                     read_file_text(options.keys[i], kMaxCertificate).text, options.certificates[i],
                     options.keys[i]});
  return std::make_shared<const smtp::TlsServer>(pairs);
}

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

std::shared_ptr<const policy::MessagePolicy> read_policy_of(const std::string& snapshot) {
  return std::make_shared<const policy::MessagePolicy>(Snapshot::open(snapshot));
}

struct Watches {
  explicit Watches(const Options& options) : snapshot(options.snapshot) {
    for (const auto* files : {&options.certificates, &options.keys})
      for (const auto& file : *files) certificates.emplace_back(file);
  }
  bool certificate_changed() {
    bool changed = false;
    for (auto& watch : certificates) changed |= watch.changed();
    return changed;
  }
  FileWatch snapshot;
  std::vector<FileWatch> certificates;  // and their keys
};

void reload_certificates(const Options& options, smtp::Service& service) {
  try {
    service.tls = read_certificates(options);
    spdlog::info("certificates state=loaded count={}", options.certificates.size());
  } catch (const std::exception& error) {
    spdlog::error("certificates state=refused error={}", policy::log_value(error.what()));
  }
}

void reload(const std::string& path, policy::JudgeServices& judging) {
  try {
    judging.policy = read_policy_of(path);
    spdlog::info("snapshot state=loaded file={} generation={}", path,
                 judging.policy->snapshot().generation());
  } catch (const std::exception& error) {
    // The one in force stays.
    spdlog::error("snapshot state=refused file={} error={}", path, policy::log_value(error.what()));
  }
}

// `postern apply` and whoever renews certificates replace files; nobody needs to tell us.
asio::awaitable<void> reload_when_replaced(const Options& options, Watches& watches,
                                           smtp::Service& service, asio::steady_timer& timer,
                                           const bool& ending) {
  while (!ending) {
    boost::system::error_code woken;
    timer.expires_after(kWatchTime);
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    if (ending) co_return;
    if (watches.snapshot.changed()) reload(options.snapshot, service.judging);
    if (watches.certificate_changed()) reload_certificates(options, service);
  }
}

// what: "recipients" or "spamtraps", here and below.
asio::awaitable<void> reload(const char* what, directory::FileDirectory& file,
                             directory::Shrinking shrinking) {
  std::string refused;
  try {
    co_await file.reload(shrinking);
  } catch (const std::exception& error) {
    refused = error.what();  // the generation in force stays
  }
  if (refused.empty())
    spdlog::info("{} state=loaded file={} generation={} entries={}", what, file.path(),
                 file.generation(), file.table().size());
  else
    spdlog::error("{} state=refused file={} error={}", what, file.path(),
                  policy::log_value(refused));
}

// asked: on SIGHUP, which also cancels the timer.
asio::awaitable<void> reload_when_replaced(const char* what, directory::FileDirectory& file,
                                           FileWatch& watch, asio::steady_timer& timer, bool& asked,
                                           const bool& ending) {
  // Whoever writes it in place may be in the middle, and half of a file is a sound one: it is read
  // when nothing has changed for so many looks.
  constexpr int kQuietLooks = 3;
  int quiet_looks = kQuietLooks + 1;
  while (!ending) {
    boost::system::error_code woken;
    timer.expires_after(kWatchTime);
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    if (watch.changed())
      quiet_looks = 0;
    else
      quiet_looks = std::min(quiet_looks + 1, kQuietLooks + 1);
    const bool by_signal = std::exchange(asked, false);
    if (ending || (!by_signal && quiet_looks != kQuietLooks)) continue;
    const auto shrinking =
        by_signal ? directory::Shrinking::kAllowed : directory::Shrinking::kRefused;
    co_await reload(what, file, shrinking);
    quiet_looks = kQuietLooks + 1;
  }
}

asio::awaitable<void> flush_regularly(reputation::Store& store, KnownSourcesFile& known,
                                      std::chrono::milliseconds time, asio::steady_timer& timer,
                                      const bool& ending) {
  bool worked = true;
  auto known_written = std::chrono::steady_clock::now();
  while (!ending) {
    boost::system::error_code woken;
    timer.expires_after(time);
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    // A whole file, and a loss costs some sources a pause: not so often.
    if (std::chrono::steady_clock::now() - known_written >= kKnownSourcesTime) {
      known.write();
      known_written = std::chrono::steady_clock::now();
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

class Daemon {
 public:
  explicit Daemon(const Options& options)
      : options_(options),
        tls_(read_certificates(options)),
        patterns_(read_patterns(options.helo_patterns)),
        spool_space_(options.spool_directory, options.spool_memory, options.spool_total),
        sources_(options.sources, random_key()),
        evidence_(options.evidence),
        harvest_(options.harvest, random_key()),
        signals_(loop_, SIGTERM, SIGINT, SIGHUP),
        flush_timer_(loop_),
        watch_timer_(loop_),
        recipients_timer_(loop_),
        traps_timer_(loop_) {}

  int run() {
    require_directory(options_.spool_directory);
    Watches watches(options_);
    auto first_policy = read_policy_of(options_.snapshot);
    FileWatch recipients_watch(options_.directory.file);
    const auto site = open_site_directory(loop_.get_executor(), options_.directory);
    FileWatch traps_watch(options_.spamtraps);
    std::optional<directory::FileDirectory> traps;
    if (!options_.spamtraps.empty()) traps.emplace(options_.spamtraps, options_.directory.rules);
    // The listening sockets exist before privileges go; the proxy needs the service, and that the
    // store and the resolver, which are to be opened as the user who will write to them.
    std::vector<tcp::acceptor> bound;
    for (const auto& listen : options_.listen)
      bound.push_back(smtp::bind(loop_, endpoint_of(listen)));
    std::list<std::unique_ptr<milter::Listener>> milter_bound;
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
    }

    reputation::Store store(options_.reputation);
    KnownSourcesFile known(options_.known_sources, sources_.known);
    known.read(std::time(nullptr));
    dns::UnboundResolver resolver(loop_, options_.resolver);
    policy::JudgeServices judging{.options = options_.judge,
                                  .resolver = resolver,
                                  .store = store,
                                  .policy = std::move(first_policy)};
    smtp::LearningService learning(
        loop_, options_.learning,
        [&judging](const IpAddress& source, const auto& local, int64_t now) {
          return policy::is_exempt(judging.policy->snapshot(), source, local, now);
        });
    judging.learning = &learning.learning();
    if (traps) judging.is_trap = [&traps](std::string_view to) { return traps->has(to); };
    smtp::Farm farm(loop_.get_executor(), options_.proxy.farm);
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
    milter::Service milter_service{.options = options_.milter,
                                   .judging = judging,
                                   .helo_patterns = patterns_.get(),
                                   .evidence = &evidence_};
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
    asio::co_spawn(loop_, flush_regularly(store, known, options_.flush_time, flush_timer_, ending_),
                   asio::detached);
    asio::co_spawn(loop_, reload_when_replaced(options_, watches, service, watch_timer_, ending_),
                   asio::detached);
    if (site.file != nullptr)
      asio::co_spawn(loop_,
                     reload_when_replaced("recipients", *site.file, recipients_watch,
                                          recipients_timer_, recipients_asked_, ending_),
                     asio::detached);
    if (traps)
      asio::co_spawn(loop_,
                     reload_when_replaced("spamtraps", *traps, traps_watch, traps_timer_,
                                          traps_asked_, ending_),
                     asio::detached);
    await_signal(proxy, milter, service, learning);
    std::string backends;
    for (const auto& backend : options_.proxy.farm.backends)
      backends += (backends.empty() ? "" : ",") + backend.place();
    spdlog::info("ready listen={} milter={} farm={} name={} starttls={} generation={}",
                 places.empty() ? "-" : places, milter_places.empty() ? "-" : milter_places,
                 backends.empty() ? "-" : backends, options_.proxy.server.name, tls_ ? "yes" : "no",
                 judging.policy->snapshot().generation());
    std::printf("ready%s%s%s%s\n", places.empty() ? "" : " listen=", places.c_str(),
                milter_places.empty() ? "" : " milter=", milter_places.c_str());
    std::fflush(stdout);
    loop_.run();
    known.write();
    if (!store.flush())
      spdlog::error("reputation state=lost error=\"the last counts are not written\"");
    spdlog::info("stopped");
    return 0;
  }

 private:
  void await_signal(smtp::Proxy& proxy, milter::Milter& milter, smtp::Service& service,
                    smtp::LearningService& learning) {
    signals_.async_wait([&](const boost::system::error_code& error, int signal) {
      if (error) return;
      if (signal == SIGHUP) {
        reload(options_.snapshot, service.judging);
        if (!options_.certificates.empty()) reload_certificates(options_, service);
        recipients_asked_ = true;
        recipients_timer_.cancel();
        traps_asked_ = true;
        traps_timer_.cancel();
      } else if (!ending_) {
        ending_ = true;
        spdlog::info("stopping sessions={} milter={}", proxy.sessions(), milter.sessions());
        const auto ended = [this, &learning, doors = std::make_shared<int>(2)] {
          if (--*doors > 0) return;
          learning.stop();
          flush_timer_.cancel();
          watch_timer_.cancel();
          recipients_timer_.cancel();
          traps_timer_.cancel();
          signals_.cancel();
          loop_.stop();
        };
        proxy.drain(options_.drain_time, ended);
        milter.drain(options_.drain_time, ended);
      }
      await_signal(proxy, milter, service, learning);
    });
  }

  const Options& options_;
  asio::io_context loop_{1};
  std::shared_ptr<const smtp::TlsServer> tls_;
  std::unique_ptr<policy::HeloPatterns> patterns_;
  smtp::SpoolSpace spool_space_;
  policy::SourceMemory sources_;
  policy::EvidenceTable evidence_;
  policy::HarvestTable harvest_;
  asio::signal_set signals_;
  asio::steady_timer flush_timer_;
  asio::steady_timer watch_timer_;
  asio::steady_timer recipients_timer_;
  asio::steady_timer traps_timer_;
  bool recipients_asked_ = false;
  bool traps_asked_ = false;
  bool ending_ = false;
};

int run(int count, char** words) {
  const auto parsed = parse_options(count, words);
  if (const auto* answer = std::get_if<Answer>(&parsed)) {
    std::cout << answer->text;
    return 0;
  }
  const auto& options = std::get<Options>(parsed);
  spdlog::set_default_logger(spdlog::stderr_logger_st("postern-control"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %n %l %v");
  if (options.debug) spdlog::set_level(spdlog::level::debug);
  raise_file_limit();
  std::signal(SIGPIPE, SIG_IGN);
  return Daemon(options).run();
}

}  // namespace
}  // namespace postern::config

int main(int count, char** words) {
  try {
    return postern::config::run(count, words);
  } catch (const postern::config::UsageError& error) {
    std::cerr << "postern-control: " << error.what() << " (--help)\n";
    return 2;
  } catch (const postern::BadInput& error) {
    for (const auto& diagnostic : error.diagnostics()) std::cerr << diagnostic.to_string() << '\n';
    return 1;
  } catch (const std::exception& error) {
    std::cerr << "postern-control: " << error.what() << '\n';
    return 1;
  }
}
