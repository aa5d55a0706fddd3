// SPDX-License-Identifier: BSD-3-Clause
//
// OutboundSite: the part of postern-control that the site's own mail goes through, as its settings
// describe it: keys and tags, which are read again on SIGHUP and kept as they were where they
// cannot be; a proxy of its own with a farm of its own, the smarthosts; and what is asked of
// reports that come in.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/auth/dkim_sign.h"
#include "control/config/outbound_options.h"
#include "control/smtp/backscatter.h"
#include "control/smtp/outbound.h"
#include "control/smtp/proxy.h"

namespace postern::config {

class OutboundSite {
 public:
  // Reads the keys and binds the ports, so it belongs before privileges go. Throws BadInput or
  // std::runtime_error. options outlives it.
  OutboundSite(boost::asio::io_context& loop, const OutboundOptions& options);
  // Once privileges are gone: says what cannot be read again as it is now. user: whom we became.
  void warn_of_unreadable(const std::string& user) const;

  // Makes the proxy, where there is a listener; like the site's other one, which is told of
  // backscatter, but for what concerns strangers. Both outlive this.
  void open(smtp::Service& other);
  void start();
  // Keys and tags, on SIGHUP. Says in the log what came of it.
  void reload();
  // Another one after a reload; null: no STARTTLS.
  void use_certificates(std::shared_ptr<const smtp::TlsServer> tls);
  // done is called once: when it has ended, or at once where there is nothing to end.
  void drain(std::chrono::milliseconds time, std::function<void()> done);

  // "127.0.0.1:2525,..."; empty: no listener.
  const std::string& places() const noexcept { return places_; }
  auth::SigningService* signing() noexcept { return signing_.table ? &signing_ : nullptr; }

 private:
  void load_keys();
  void load_tags();

  boost::asio::io_context& loop_;
  const OutboundOptions& options_;
  std::vector<boost::asio::ip::tcp::acceptor> bound_;
  std::string places_;
  auth::SigningService signing_;
  std::shared_ptr<const smtp::Batv> batv_;
  std::optional<smtp::Backscatter> backscatter_;
  smtp::Outbound outbound_;
  smtp::ProxyOptions proxy_options_;
  std::optional<policy::SourceMemory> sources_;
  std::optional<smtp::Farm> farm_;
  std::optional<smtp::Service> service_;
  std::optional<smtp::Proxy> proxy_;
};

}  // namespace postern::config
