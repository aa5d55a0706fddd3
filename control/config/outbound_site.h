// SPDX-License-Identifier: BSD-3-Clause
//
// OutboundSite: the part of postern-control that the site's own mail goes through, as its settings
// describe it: keys and tags, which are read again on SIGHUP and kept as they were where they
// cannot be; a proxy of its own with a farm of its own, the smarthosts; and what is asked of
// reports that come in.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/auth/dkim_sign.h"
#include "control/config/outbound_options.h"
#include "control/listen/listening_socket.h"
#include "control/process/given_files.h"
#include "control/smtp/backscatter.h"
#include "control/smtp/outbound.h"
#include "control/smtp/proxy.h"

namespace postern::config {

class OutboundSite {
 public:
  // given: has the files of key_files(). Throws BadInput or std::runtime_error. options outlives
  // it.
  OutboundSite(boost::asio::io_context& loop, const OutboundOptions& options,
               const process::GivenFiles& given);
  // The files of keys and tags, and those that the key table names, as far as it can be read. They
  // are opened by the parent alone.
  static std::vector<std::string> key_files(const OutboundOptions& options);

  // A listener, before open().
  void add(listen::ListeningSocket socket);
  // Makes the proxy, where there is a listener; like the site's other one, which is told of
  // backscatter, but for what concerns strangers. Both outlive this.
  void open(smtp::Service& other);
  void start();
  // Keys and tags, on SIGHUP. Says in the log what came of it.
  void reload(const process::GivenFiles& given);
  // Another one after a reload; null: no STARTTLS.
  void use_certificates(std::shared_ptr<const smtp::TlsServer> tls);
  // done is called once: when it has ended, or at once where there is nothing to end.
  void drain(std::chrono::milliseconds patience, std::chrono::milliseconds time,
             std::function<void()> done);

  // "127.0.0.1:2525,..."; empty: no listener.
  const std::string& places() const noexcept { return places_; }
  // Null, and none: no listener.
  const smtp::Farm* farm() const noexcept { return farm_ ? &*farm_ : nullptr; }
  size_t sessions() const noexcept { return proxy_ ? proxy_->sessions() : 0; }
  auth::SigningService* signing() noexcept { return signing_.table ? &signing_ : nullptr; }

 private:
  void load_keys(const process::GivenFiles& given);
  void load_tags(const process::GivenFiles& given);

  boost::asio::io_context& loop_;
  const OutboundOptions& options_;
  std::vector<listen::ListeningSocket> sockets_;
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
