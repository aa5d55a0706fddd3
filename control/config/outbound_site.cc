// SPDX-License-Identifier: BSD-3-Clause
//
// The site's own clients are neither paused nor limited, and nothing is remembered of them.
#include "control/config/outbound_site.h"

#include <spdlog/spdlog.h>

#include <exception>
#include <utility>

#include "control/policy/log_text.h"
#include "rules/text/diagnostic.h"

namespace postern::config {

namespace asio = boost::asio;
using policy::log_value;

OutboundSite::OutboundSite(asio::io_context& loop, const OutboundOptions& options,
                           const process::GivenFiles& given)
    : loop_(loop), options_(options) {
  if (!options_.dkim_keys.empty()) load_keys(given);
  if (!options_.batv.empty()) load_tags(given);
}

std::vector<std::string> OutboundSite::key_files(const OutboundOptions& options) {
  std::vector<std::string> files;
  if (!options.batv.empty()) files.push_back(options.batv);
  if (options.dkim_keys.empty()) return files;
  files.push_back(options.dkim_keys);
  try {
    const auto named = auth::SigningTable::key_files_in(options.dkim_keys);
    files.insert(files.end(), named.begin(), named.end());
  } catch (const BadInput&) {
    // It is told by whoever loads it.
  }
  return files;
}

void OutboundSite::add(listen::ListeningSocket socket) {
  places_ += (places_.empty() ? "" : ",") + socket.place().to_string();
  sockets_.push_back(std::move(socket));
}

void OutboundSite::load_keys(const process::GivenFiles& given) {
  const auto& file = options_.dkim_keys;
  auto table = std::make_shared<const auth::SigningTable>(auth::SigningTable::load(
      file, given.text(file),
      [&given](const std::string& key) { return given.private_text(key); }));
  for (const auto& warning : table->warnings())
    spdlog::warn("dkim-keys state=weak file={} line={} error={}", warning.file, warning.line,
                 log_value(warning.message));
  signing_.table = std::move(table);
}

void OutboundSite::load_tags(const process::GivenFiles& given) {
  batv_ = std::make_shared<const smtp::Batv>(
      smtp::Batv::parse(given.private_text(options_.batv), options_.batv));
  outbound_.batv = batv_;
  if (backscatter_) backscatter_->use(batv_);
}

void OutboundSite::open(smtp::Service& other) {
  backscatter_.emplace(options_.backscatter, other.sources.limits);
  backscatter_->use(batv_);
  other.backscatter = &*backscatter_;
  if (sockets_.empty()) return;
  outbound_.clients = options_.clients;
  outbound_.signing = signing();
  proxy_options_ = other.options;
  proxy_options_.farm.backends = options_.smarthosts;
  proxy_options_.greet_pause = std::chrono::milliseconds{0};
  proxy_options_.load_balancers.clear();
  proxy_options_.max_sessions_per_source = proxy_options_.max_sessions;
  proxy_options_.id_prefix = "o";
  sources_.emplace(policy::SourceMemory::Options{}, 0);
  farm_.emplace(loop_.get_executor(), proxy_options_.farm);
  service_.emplace(smtp::Service{.options = proxy_options_,
                                 .judging = other.judging,
                                 .spool_space = other.spool_space,
                                 .farm = *farm_,
                                 .sources = *sources_,
                                 .tls = other.tls,
                                 .outbound = &outbound_});
  proxy_.emplace(loop_, *service_);
  for (auto& socket : sockets_) proxy_->add(std::move(socket));
}

void OutboundSite::start() {
  if (proxy_) proxy_->start();
}

void OutboundSite::reload(const process::GivenFiles& given) {
  const auto attempt = [](const char* what, const std::string& file, auto load) {
    if (file.empty()) return;
    try {
      load();
      spdlog::info("{} state=loaded file={}", what, file);
    } catch (const std::exception& error) {
      // What is in force stays.
      spdlog::error("{} state=refused file={} error={}", what, file, log_value(error.what()));
    }
  };
  attempt("dkim-keys", options_.dkim_keys, [&] { load_keys(given); });
  attempt("batv", options_.batv, [&] { load_tags(given); });
}

void OutboundSite::use_certificates(std::shared_ptr<const smtp::TlsServer> tls) {
  if (service_) service_->tls = std::move(tls);
}

void OutboundSite::drain(std::chrono::milliseconds patience, std::chrono::milliseconds time,
                         std::function<void()> done) {
  if (signing_.table)
    spdlog::info("signing state=ending signed={} unsigned={}", signing_.signed_messages,
                 signing_.unsigned_messages);
  if (proxy_)
    proxy_->drain(patience, time, std::move(done));
  else
    done();
}

}  // namespace postern::config
