// SPDX-License-Identifier: BSD-3-Clause
//
// It is prepared first, so that what is wrong is told while an old worker still serves; it serves
// when the parent says so, and reads then what an old one has left behind.
#include "control/config/worker.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "control/config/known_sources_file.h"
#include "control/config/loaded_files.h"
#include "control/config/outbound_site.h"
#include "control/config/parent_link.h"
#include "control/config/site_directory.h"
#include "control/config/site_names.h"
#include "control/config/status_service.h"
#include "control/config/user_files.h"
#include "control/config/worker_share.h"
#include "control/dns/unbound_resolver.h"
#include "control/learning/evidence.h"
#include "control/learning/harvest.h"
#include "control/learning/learning_service.h"
#include "control/loop/launch.h"
#include "control/milter/milter.h"
#include "control/policy/helo_patterns.h"
#include "control/policy/log_text.h"
#include "control/policy/message_judge.h"
#include "control/policy/role_address.h"
#include "control/policy/source_memory.h"
#include "control/reputation/store.h"
#include "control/smtp/proxy.h"
#include "control/smtp/recipient_check.h"
#include "control/smtp/recipient_probe.h"
#include "control/smtp/tls_server.h"

namespace postern::config {
namespace {

namespace asio = boost::asio;
using process::Word;

constexpr std::chrono::minutes kKeptTablesTime{5};
constexpr std::chrono::seconds kLastPatience{1};  // for another worker that writes, at the end

uint64_t random_key() {
  std::random_device random;
  return uint64_t{random()} << 32 | random();
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
      bool all = true;
      for (auto* table : kept) all = table->write() && all;
      if (all) kept_written = std::chrono::steady_clock::now();
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

// What only a file shares among workers.
void warn_of_memory(const Options& options) {
  if (options.workers < 2) return;
  const auto warn = [&](const char* setting, const char* what) {
    spdlog::warn("{} state=not-shared workers={} error=\"{}: name a file\"", setting,
                 options.workers, what);
  };
  if (options.reputation == ":memory:")
    warn("reputation", "each of them counts what domains did by itself");
  if (options.learning.file.empty())
    warn("learned-file", "each of them knows by itself who is trusted");
}

class Worker {
 public:
  Worker(const Options& options, const listen::Steering& steering, process::Assignment assignment)
      : options_(share_of(options, steering.workers(), assignment.number)),
        steering_(steering),
        number_(assignment.number),
        given_(std::move(assignment.files)),
        sockets_(std::move(assignment.sockets)),
        parent_(loop_, std::move(assignment.channel)),
        files_(loop_, options_),
        tls_(read_certificates(options_, given_)),
        patterns_(read_patterns(options_.helo_patterns)),
        spool_space_(options_.spool_directory, options_.spool_memory, options_.spool_total),
        sources_(options.sources, random_key()),
        evidence_(options.evidence),
        harvest_(options.harvest, random_key()),
        silent_zones_(options.names.silent_zones),
        signals_(loop_, SIGTERM, SIGINT),
        flush_timer_(loop_) {}

  void run() {
    require_user_files(options_);
    if (number_ == 0) warn_of_memory(options_);
    auto first_policy = read_policy(options_.snapshot);
    std::optional<smtp::RecipientProbe> probe;  // as soon as there is a farm
    const auto& password = options_.directory.password_file;
    const auto site = open_site_directory(
        loop_.get_executor(), options_.directory, password.empty() ? "" : given_.text(password),
        [&probe](std::string address) { return probe->ask(std::move(address)); });
    std::optional<directory::FileDirectory> traps;
    if (!options_.spamtraps.empty()) traps.emplace(options_.spamtraps, options_.directory.rules);
    OutboundSite outbound(loop_, options_.outbound, given_);
    // A file that is not there yet is not made to see whether it works.
    const bool no_file = options_.only_check && ::access(options_.reputation.c_str(), F_OK) != 0;
    reputation::Store store(no_file ? ":memory:" : options_.reputation);
    KnownSourcesFile known(options_.known_sources, sources_.known, steering_, number_);
    // Domains are anybody's: all workers read the file, and the first one writes it.
    KeptTable silent_file(options_.names.silent_zones_file,
                          table_of("dns-silent", "zones", silent_zones_));
    std::vector<KeptTable*> kept{&known};
    if (number_ == 0) kept.push_back(&silent_file);
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
    auto learning_options = options_.learning;
    learning_options.teacher.credentials = read_engine_credentials(options_, given_);
    learning::LearningService learning(
        loop_, learning_options, [&judging](const Prefix& network, const auto& local, int64_t now) {
          return policy::is_any_exempt(judging.policy->snapshot(), network, local, now);
        });
    judging.on_good_mail = [&learning](const auto& source, auto domain, auto reputation, auto now) {
      learning.learning().note_good_mail(source, domain, reputation, now);
    };
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
                         &harvest_, &learning.learning());
    smtp::Service service{.options = options_.proxy,
                          .judging = judging,
                          .spool_space = spool_space_,
                          .farm = farm,
                          .sources = sources_,
                          .tls = tls_,
                          .helo_patterns = patterns_.get(),
                          .learning = &learning.learning(),
                          .evidence = &evidence_,
                          .recipients = recipients ? &*recipients : nullptr};
    smtp::Proxy proxy(loop_, service);
    for (auto& [purpose, socket] : sockets_)
      if (purpose == kOutbound) outbound.add(std::move(socket));
    outbound.open(service);
    milter::Service milter_service{.options = options_.milter,
                                   .judging = judging,
                                   .limits = sources_.limits,
                                   .known = &sources_.known,
                                   .greylist = &sources_.greylist,
                                   .helo_patterns = patterns_.get(),
                                   .learning = &learning.learning(),
                                   .evidence = &evidence_,
                                   .signing = outbound.signing()};
    milter::Milter milter(loop_, milter_service);
    StatusService status(loop_, [&] {
      return status_of({.options = options_,
                        .number = number_,
                        .workers = steering_.workers(),
                        .started = started_,
                        .judging = judging,
                        .overload = service.overload,
                        .sessions = proxy.sessions(),
                        .milter_sessions = milter.sessions(),
                        .farm = farm,
                        .outbound = outbound,
                        .learning = learning});
    });
    for (auto& [purpose, socket] : sockets_)
      if (purpose == kStatus) status.add(std::move(socket));
    std::string places, milter_places;
    for (auto& [purpose, socket] : sockets_) {
      if (purpose == kOutbound || purpose == kStatus) continue;
      auto& all = purpose == kSmtp ? places : milter_places;
      all += (all.empty() ? "" : ",") + socket.place().to_string();
      if (purpose == kSmtp)
        proxy.add(std::move(socket));
      else
        milter.add(std::move(socket));
    }
    if (options_.only_check) return;

    begin_ = [&] {
      serving_ = true;
      outbound_ = &outbound;
      names_ = &names;
      known.read(std::time(nullptr));
      silent_file.read(std::time(nullptr));
      learning.start();
      if (options_.runs_proxy) proxy.start();
      milter.start();
      outbound.start();
      status.start();
      loop::launch(loop_, flush_regularly(store, kept, options_.flush_time, flush_timer_, ending_));
      files_.start(service, outbound, learning, site.file, traps ? &*traps : nullptr);
      use_files();
      std::string backends;
      for (const auto& backend : options_.proxy.farm.backends)
        backends += (backends.empty() ? "" : ",") + backend.place();
      spdlog::info(
          "ready listen={} outbound={} milter={} farm={} name={} starttls={} generation={} "
          "worker={}",
          places.empty() ? "-" : places, outbound.places().empty() ? "-" : outbound.places(),
          milter_places.empty() ? "-" : milter_places, backends.empty() ? "-" : backends,
          options_.proxy.server.name, tls_ ? "yes" : "no", judging.policy->snapshot().generation(),
          number_);
      parent_.say(Word::kServing);
    };
    const auto write_back = [&] {
      for (auto* table : kept) table->write(kLastPatience);
      if (!store.flush())
        spdlog::error("reputation state=lost error=\"the last counts are not written\"");
    };
    end_ = [&](bool hand_over) {
      if (std::exchange(ending_, true)) return;
      files_.stop();
      spdlog::info("stopping sessions={} milter={} worker={}", proxy.sessions(), milter.sessions(),
                   number_);
      const auto ended = [this, &learning, doors = std::make_shared<int>(4)] {
        if (--*doors > 0) return;
        learning.stop();
        flush_timer_.cancel();
        signals_.cancel();
        parent_.stop();
        loop_.stop();
      };
      // Nobody needs to leave at once where another worker takes new ones.
      const auto patience = hand_over ? options_.drain_time / 2 : std::chrono::milliseconds{0};
      proxy.drain(patience, options_.drain_time - patience, ended);
      milter.drain(options_.drain_time, ended);
      outbound.drain(patience, options_.drain_time - patience, ended);
      status.stop(ended);
      // From here on what is remembered of sources is the new worker's to write.
      if (hand_over && serving_) write_back();
      if (hand_over) parent_.say(Word::kHandedOver);
      handed_over_ = hand_over;
    };
    await_signal();
    parent_.start([this](process::Message& message) { hear(message); });
    parent_.say(Word::kPrepared);
    const auto save = [&] {
      learning.keep();
      if (!handed_over_) write_back();
    };
    try {
      loop_.run();
    } catch (const std::exception& error) {
      fail(error.what(), save);
    } catch (...) {
      fail("of an unknown kind", save);
    }
    if (!handed_over_ && serving_) write_back();
    if (handed_over_) store.flush();
    spdlog::info("stopped worker={}", number_);
  }

 private:
  // A fault in Postern that nobody has caught: the sessions of this worker are lost. Whatever was
  // under way is not taken down piece by piece, as nobody knows its state: the parent starts
  // another worker, in a process of its own.
  void fail(const char* what, const std::function<void()>& save) {
    if (!serving_) throw;  // who cannot begin is told about by main()
    spdlog::error("worker state=failed worker={} error={}", number_, policy::log_value(what));
    try {
      save();
    } catch (const std::exception& error) {
      spdlog::error("worker state=failed worker={} error={}", number_,
                    policy::log_value(error.what()));
    }
    spdlog::default_logger()->flush();
    std::_Exit(EXIT_FAILURE);
  }

  void await_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int) {
      if (error) return;
      end_(false);
      await_signal();
    });
  }

  void hear(process::Message& message) {
    switch (message.word) {
      case Word::kBegin:
        if (!serving_ && !ending_) begin_();
        break;
      case Word::kHandOver:
        end_(true);
        break;
      case Word::kFiles:
      case Word::kReload:
        if (!ending_) take_files(message);
        break;
      default:
        break;  // of a later version
    }
  }

  // What comes before this worker serves is used as soon as it does.
  void take_files(const process::Message& message) {
    try {
      given_ = process::GivenFiles::unpack(message.descriptor.get());
    } catch (const std::exception& error) {
      spdlog::error("certificates state=refused error=\"{}\"", error.what());
    }
    files_wait_ = true;
    reload_waits_ |= message.word == Word::kReload;
    if (serving_) use_files();
  }

  void use_files() {
    if (std::exchange(files_wait_, false)) files_.use(given_);
    if (!std::exchange(reload_waits_, false)) return;
    files_.reload();
    outbound_->reload(given_);
    names_->reload();
  }

  const Options options_;
  const listen::Steering& steering_;
  const size_t number_;
  asio::io_context loop_{1};
  process::GivenFiles given_;
  std::vector<process::GivenSocket> sockets_;
  ParentLink parent_;
  LoadedFiles files_;
  std::shared_ptr<const smtp::TlsServer> tls_;
  std::unique_ptr<policy::HeloPatterns> patterns_;
  smtp::SpoolSpace spool_space_;
  policy::SourceMemory sources_;
  learning::EvidenceTable evidence_;
  learning::HarvestTable harvest_;
  dns::SilentZones silent_zones_;
  asio::signal_set signals_;
  asio::steady_timer flush_timer_;
  // What run() has put together.
  std::function<void()> begin_;
  OutboundSite* outbound_ = nullptr;
  SiteNames* names_ = nullptr;
  std::function<void(bool hand_over)> end_;
  bool files_wait_ = false;    // given before it served
  bool reload_waits_ = false;  // asked for likewise
  const int64_t started_ = std::time(nullptr);
  bool serving_ = false;
  bool ending_ = false;
  bool handed_over_ = false;
};

}  // namespace

void run_worker(const Options& options, const listen::Steering& steering,
                process::Assignment assignment) {
  Worker(options, steering, std::move(assignment)).run();
}

}  // namespace postern::config
