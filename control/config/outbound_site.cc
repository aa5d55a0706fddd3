// SPDX-License-Identifier: BSD-3-Clause
//
// The site's own clients are neither paused nor limited, and nothing is remembered of them.
#include "control/config/outbound_site.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <exception>
#include <utility>

#include "control/policy/log_text.h"

namespace postern::config {

namespace asio = boost::asio;
using asio::ip::tcp;
using policy::log_value;

namespace {

tcp::endpoint endpoint_of(const AddressAndPort& listen) {
  const auto& address = listen.address;
  if (address.is_v4()) return {asio::ip::address_v4(address.v4_host_order()), listen.port};
  return {asio::ip::address_v6(address.bytes()), listen.port};
}

std::string place_of(const tcp::endpoint& endpoint) {
  const auto address = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? '[' + address + ']' : address) + ':' +
         std::to_string(endpoint.port());
}

}  // namespace

OutboundSite::OutboundSite(asio::io_context& loop, const OutboundOptions& options)
    : loop_(loop), options_(options) {
  if (!options_.dkim_keys.empty()) load_keys();
  if (!options_.batv.empty()) load_tags();
  for (const auto& listen : options_.listen) {
    bound_.push_back(smtp::bind(loop, endpoint_of(listen)));
    places_ += (places_.empty() ? "" : ",") + place_of(bound_.back().local_endpoint());
  }
}

void OutboundSite::load_keys() {
  auto table =
      std::make_shared<const auth::SigningTable>(auth::SigningTable::load(options_.dkim_keys));
  for (const auto& warning : table->warnings())
    spdlog::warn("dkim-keys state=weak file={} line={} error={}", warning.file, warning.line,
                 log_value(warning.message));
  signing_.table = std::move(table);
}

void OutboundSite::load_tags() {
  batv_ = std::make_shared<const smtp::Batv>(smtp::Batv::load(options_.batv));
  outbound_.batv = batv_;
  if (backscatter_) backscatter_->use(batv_);
}

void OutboundSite::warn_of_unreadable(const std::string& user) const {
  std::vector<std::string> files;
  if (signing_.table) files = signing_.table->key_files();
  for (const auto* file : {&options_.dkim_keys, &options_.batv})
    if (!file->empty()) files.push_back(*file);
  for (const auto& file : files)
    if (::access(file.c_str(), R_OK) != 0)
      spdlog::warn(
          "keys state=unreadable file={} error=\"{} may not read it: it will not be read "
          "again\"",
          file, user);
}

void OutboundSite::open(smtp::Service& other) {
  backscatter_.emplace(options_.backscatter, other.sources.limits);
  backscatter_->use(batv_);
  other.backscatter = &*backscatter_;
  if (bound_.empty()) return;
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
  for (auto& acceptor : bound_) proxy_->add(std::move(acceptor));
}

void OutboundSite::start() {
  if (proxy_) proxy_->start();
}

void OutboundSite::reload() {
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
  attempt("dkim-keys", options_.dkim_keys, [this] { load_keys(); });
  attempt("batv", options_.batv, [this] { load_tags(); });
}

void OutboundSite::use_certificates(std::shared_ptr<const smtp::TlsServer> tls) {
  if (service_) service_->tls = std::move(tls);
}

void OutboundSite::drain(std::chrono::milliseconds time, std::function<void()> done) {
  if (signing_.table)
    spdlog::info("signing state=ending signed={} unsigned={}", signing_.signed_messages,
                 signing_.unsigned_messages);
  if (proxy_)
    proxy_->drain(time, std::move(done));
  else
    done();
}

}  // namespace postern::config
