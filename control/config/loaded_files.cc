// SPDX-License-Identifier: BSD-3-Clause
//
// Files are looked at once a second: `postern apply` replaces them, and nobody needs to tell us.
#include "control/config/loaded_files.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <ctime>
#include <exception>
#include <utility>

#include "control/loop/launch.h"
#include "control/policy/log_text.h"
#include "rules/text/file_text.h"

namespace postern::config {
namespace {

namespace asio = boost::asio;

constexpr size_t kMaxPatterns = 1 << 20;
constexpr std::chrono::seconds kWatchTime{1};

}  // namespace

std::unique_ptr<policy::HeloPatterns> read_patterns(const std::string& file) {
  if (file.empty())
    return std::make_unique<policy::HeloPatterns>(policy::HeloPatterns::built_in(), "built-in");
  return std::make_unique<policy::HeloPatterns>(read_file_text(file, kMaxPatterns).text, file);
}

std::shared_ptr<const smtp::TlsServer> read_certificates(const Options& options,
                                                         const process::GivenFiles& given) {
  if (options.certificates.empty()) return nullptr;
  std::vector<smtp::TlsServer::Pair> pairs;
  for (size_t i = 0; i < options.certificates.size(); i++)
    pairs.push_back({given.text(options.certificates[i]), given.text(options.keys[i]),
                     options.certificates[i], options.keys[i]});
  return std::make_shared<const smtp::TlsServer>(pairs);
}

web::EngineCredentials read_engine_credentials(const Options& options,
                                               const process::GivenFiles& given) {
  const auto& teacher = options.learning.teacher;
  auto credentials = teacher.credentials;
  if (std::ranges::none_of(teacher.engines, web::is_over_tls)) return credentials;
  credentials.certificate_text = given.text(credentials.certificate);
  credentials.key_text = given.text(credentials.key);
  web::require_usable(credentials);
  return credentials;
}

std::shared_ptr<const policy::MessagePolicy> read_policy(const std::string& snapshot) {
  return std::make_shared<const policy::MessagePolicy>(Snapshot::open(snapshot));
}

LoadedFiles::LoadedFiles(asio::io_context& loop, const Options& options)
    : loop_(loop),
      options_(options),
      snapshot_watch_(options.snapshot),
      timer_(loop),
      recipients_(loop, "recipients", options.directory.file),
      traps_(loop, "spamtraps", options.spamtraps) {}

void LoadedFiles::start(smtp::Service& service, OutboundSite& outbound,
                        learning::LearningService& learning, directory::FileDirectory* recipients,
                        directory::FileDirectory* traps) {
  learning_ = &learning;
  service_ = &service;
  outbound_ = &outbound;
  recipients_.file = recipients;
  traps_.file = traps;
  loop::launch(loop_, reload_when_replaced());
  for (auto* addresses : {&recipients_, &traps_})
    if (addresses->file != nullptr) loop::launch(loop_, reload_when_replaced(*addresses));
}

void LoadedFiles::reload() {
  reload_snapshot();
  for (auto* addresses : {&recipients_, &traps_}) {
    addresses->asked = true;
    addresses->timer.cancel();
  }
}

void LoadedFiles::stop() {
  ending_ = true;
  timer_.cancel();
  for (auto* addresses : {&recipients_, &traps_}) addresses->timer.cancel();
}

void LoadedFiles::use(const process::GivenFiles& given) {
  use_certificates(given);
  use_engine_credentials(given);
}

void LoadedFiles::use_certificates(const process::GivenFiles& given) {
  if (options_.certificates.empty()) return;
  try {
    service_->tls = read_certificates(options_, given);
    outbound_->use_certificates(service_->tls);
    spdlog::info("certificates state=loaded count={}", options_.certificates.size());
  } catch (const std::exception& error) {
    spdlog::error("certificates state=refused error={}", policy::log_value(error.what()));
  }
}

void LoadedFiles::use_engine_credentials(const process::GivenFiles& given) {
  const auto& teacher = options_.learning.teacher;
  if (std::ranges::none_of(teacher.engines, web::is_over_tls)) return;
  try {
    learning_->use(read_engine_credentials(options_, given));
    spdlog::info("engine-cert state=loaded file={}", teacher.credentials.certificate);
  } catch (const std::exception& error) {
    spdlog::error("engine-cert state=refused file={} error={}", teacher.credentials.certificate,
                  policy::log_value(error.what()));
  }
}

void LoadedFiles::reload_snapshot() {
  const auto& path = options_.snapshot;
  auto& judging = service_->judging;
  try {
    judging.policy = read_policy(path);
    spdlog::info("snapshot state=loaded file={} generation={}", path,
                 judging.policy->snapshot().generation());
  } catch (const std::exception& error) {
    // The one in force stays.
    spdlog::error("snapshot state=refused file={} error={}", path, policy::log_value(error.what()));
    return;
  }
  if (service_->learning != nullptr) service_->learning->review(std::time(nullptr));
}

asio::awaitable<void> LoadedFiles::reload_when_replaced() {
  while (!ending_) {
    boost::system::error_code woken;
    timer_.expires_after(kWatchTime);
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    if (ending_) co_return;
    if (snapshot_watch_.changed()) reload_snapshot();
  }
}

asio::awaitable<void> LoadedFiles::reload(const Addresses& addresses,
                                          directory::Shrinking shrinking) {
  auto& file = *addresses.file;
  std::string refused;
  try {
    co_await file.reload(shrinking);
  } catch (const std::exception& error) {
    refused = error.what();  // the generation in force stays
  }
  if (refused.empty())
    spdlog::info("{} state=loaded file={} generation={} entries={}", addresses.what, file.path(),
                 file.generation(), file.table().size());
  else
    spdlog::error("{} state=refused file={} error={}", addresses.what, file.path(),
                  policy::log_value(refused));
}

asio::awaitable<void> LoadedFiles::reload_when_replaced(Addresses& addresses) {
  // Whoever writes it in place may be in the middle, and half of a file is a sound one: it is read
  // when nothing has changed for so many looks.
  constexpr int kQuietLooks = 3;
  int quiet_looks = kQuietLooks + 1;
  while (!ending_) {
    boost::system::error_code woken;
    addresses.timer.expires_after(kWatchTime);
    co_await addresses.timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    if (addresses.watch.changed())
      quiet_looks = 0;
    else
      quiet_looks = std::min(quiet_looks + 1, kQuietLooks + 1);
    const bool by_signal = std::exchange(addresses.asked, false);
    if (ending_ || (!by_signal && quiet_looks != kQuietLooks)) continue;
    const auto shrinking =
        by_signal ? directory::Shrinking::kAllowed : directory::Shrinking::kRefused;
    co_await reload(addresses, shrinking);
    quiet_looks = kQuietLooks + 1;
  }
}

}  // namespace postern::config
